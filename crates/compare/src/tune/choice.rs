//! [`TuningResult`]: what the trials found, and which point each loss took.

use super::grid::{Point, Tuning, in_words};
use super::judge::{Judge, Score};
use crate::{Error, Result, Setting};

/// What was tried, and what each row took.
#[derive(Clone, Debug)]
pub struct TuningResult {
    /// What decided.
    pub judge: Judge,
    /// The points that were tried.
    pub points: Vec<Point>,
    /// How many the grid has.
    pub of: usize,
    /// What all have in common where nothing is tuned.
    pub shared: Point,
    /// The seeds of each trial.
    pub seeds: Vec<u64>,
    /// A loss each.
    pub rows: Vec<TuningRow>,
}

/// The trials of one row.
#[derive(Clone, Debug)]
pub struct TuningRow {
    /// The row, without what is tuned.
    pub setting: Setting,
    /// What each point is worth with each seed; `None` where the trial failed.
    pub scores: Vec<Vec<Option<Score>>>,
    /// The place of the point that it took.
    pub taken: usize,
}

/// The mean over the seeds; `None` where one has failed, since others are not to be held against it.
pub fn mean(scores: &[Option<Score>]) -> Option<Score> {
    let all: Vec<Score> = scores.iter().copied().collect::<Option<_>>()?;
    let of = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let nll = all.iter().map(|score| score.nll).collect::<Option<Vec<f64>>>().map(of);
    (!all.is_empty())
        .then(|| Score { value: of(all.iter().map(|score| score.value).collect()), nll })
}

impl TuningResult {
    /// Lets each of the `rows` take its best point; `scores` are those of [`Tuning::trials`], in their order,
    /// `None` where one failed.
    ///
    /// # Errors
    /// A row of which no point has finished with all seeds.
    pub fn choose(tuning: &Tuning, rows: &[Setting], scores: &[Option<Score>]) -> Result<Self> {
        let choose = |(row, setting): (usize, &Setting)| {
            let points = tuning.points.len();
            let of_point = |point: usize| {
                let place = |seed: usize| (seed * points + point) * rows.len() + row;
                (0..tuning.seeds.len()).map(|seed| *scores.get(place(seed))?).collect()
            };
            let scores: Vec<Vec<Option<Score>>> = (0..points).map(of_point).collect();
            let mut best: Option<(usize, Score)> = None;
            for (point, own) in scores.iter().enumerate() {
                // Of equals the first stays.
                if let Some(own) = mean(own)
                    && best.is_none_or(|(_, best)| tuning.judge.prefers(own, best))
                {
                    best = Some((point, own));
                }
            }
            let (taken, _) = best.ok_or_else(|| {
                Error::Work(format!(
                    "{setting}: no value that was tried has finished with all seeds of the trials, so \
                     that there is none to take"
                ))
            })?;
            Ok(TuningRow { setting: setting.clone(), scores, taken })
        };
        let rows = rows.iter().enumerate().map(choose).collect::<Result<_>>()?;
        let Tuning { judge, points, of, shared, seeds, .. } = tuning.clone();
        Ok(Self { judge, points, of, shared, seeds, rows })
    }

    /// The point that a row took.
    pub fn taken(&self, row: &TuningRow) -> &Point {
        &self.points[row.taken]
    }

    /// What is to be known before the choice is believed, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let failed = |row: &TuningRow| {
            let failed: Vec<String> = row
                .scores
                .iter()
                .zip(&self.points)
                .filter(|(scores, _)| mean(scores).is_none())
                .map(|(_, point)| in_words(point))
                .collect();
            (!failed.is_empty()).then(|| {
                format!(
                    "{} has trials without a result, which cannot be taken: {}",
                    row.setting,
                    failed.join("; ")
                )
            })
        };
        let edges = self.rows.iter().flat_map(|row| {
            self.edges(row).into_iter().map(move |(option, end)| {
                let (name, value) = &self.taken(row)[option];
                format!(
                    "{} took {name}={value}, the {end} that was tried: beyond it may lie a better one",
                    row.setting
                )
            })
        });
        edges.chain(self.rows.iter().filter_map(failed)).collect()
    }

    /// Of which options the row took the smallest or the largest of several numbers.
    fn edges(&self, row: &TuningRow) -> Vec<(usize, &'static str)> {
        let taken = self.taken(row);
        let edge = |option: usize| {
            let tried = self.points.iter().map(|point| point.get(option)?.1.parse::<f64>().ok());
            // Words have no ends.
            let tried: Vec<f64> = tried.collect::<Option<_>>()?;
            let own: f64 = taken[option].1.parse().ok()?;
            let smaller = tried.iter().any(|value| *value < own);
            let larger = tried.iter().any(|value| *value > own);
            match (smaller, larger) {
                (true, false) => Some((option, "largest")),
                (false, true) => Some((option, "smallest")),
                _ => None,
            }
        };
        (0..taken.len()).filter_map(edge).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use std::path::Path;

    fn tuned(values: &str, scores: &[&[Option<f64>]]) -> Result<TuningResult> {
        let text = format!(
            "name = \"x\"\nlosses = [\"ce\", \"focal\"]\nseeds = [0]\n[run]\ncommand = [\"t\"]\n\
             [tune]\nlr = {values}\nseeds = 1\n"
        );
        let plan = Plan::parse(Path::new("r"), &text)?;
        let tuning = plan.tuning()?.expect("it is tuned");
        let of_point = |point: usize| scores.iter().map(move |row| row[point]);
        let scores = (0..tuning.points.len()).flat_map(of_point);
        let scores: Vec<Option<Score>> =
            scores.map(|value| value.map(|value| Score { value, nll: None })).collect();
        TuningResult::choose(&tuning, &plan.rows()?, &scores)
    }

    #[test]
    fn each_row_takes_its_best() {
        let found = tuned(
            "[0.1, 1, 10]",
            &[&[Some(1.0), Some(3.0), Some(2.0)], &[Some(4.0), Some(4.0), None]],
        );
        let found = found.unwrap();
        let taken: Vec<String> = found.rows.iter().map(|row| in_words(found.taken(row))).collect();
        assert_eq!(taken, ["lr=1", "lr=0.1"], "of equals the first");
        assert_eq!(
            found.warnings(),
            [
                "focal(gamma=2) took lr=0.1, the smallest that was tried: beyond it may lie a better one",
                "focal(gamma=2) has trials without a result, which cannot be taken: lr=10",
            ]
        );
        let none = tuned("[0.1, 1]", &[&[Some(1.0), Some(3.0)], &[None, None]]).unwrap_err();
        assert!(none.to_string().starts_with("focal(gamma=2): no value that was tried"), "{none}");
    }

    #[test]
    fn words_have_no_edge_and_nor_has_a_single_value() {
        let scores: &[&[Option<f64>]] = &[&[Some(1.0), Some(3.0)], &[Some(1.0), Some(3.0)]];
        assert_eq!(tuned("[\"sgd\", \"adam\"]", scores).unwrap().warnings(), [""; 0]);
        assert_eq!(tuned("[1]", scores).unwrap().warnings(), [""; 0]);
        let largest = tuned("[\"1e-3\", \"1e-2\"]", scores).unwrap().warnings();
        assert!(largest[0].contains("ce took lr=1e-2, the largest"), "{largest:?}");
    }
}
