//! [`Tuning`]: the trials of a plan: which points are tried, the same ones for every loss, and with which
//! seeds.
//!
//! A trial is a run like any other, known by its setting and its seed. That of a loss at its best is the
//! same setting with the seeds of the comparison.

use super::facts::{Facts, TrainingFacts};
use super::judge::Judge;
use super::recipe::Tune;
use crate::measure::random::Stream;
use crate::measure::words::plural;
use crate::{Error, Result, Setting};

/// A value for each option that is tuned, in the order of their names.
pub type Point = Vec<(String, String)>;

/// The option that a recipe of the laboratory can tune.
const RATE: &str = "lr";

/// The trials of a plan.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// The points that are tried, in the order of the grid.
    pub points: Vec<Point>,
    /// How many the grid has.
    pub of: usize,
    /// What every loss has where nothing is tuned: the recipe's own learning rate, or the first value of
    /// each option of a command, which says nothing of its own.
    pub shared: Point,
    /// The seeds of each trial.
    pub seeds: Vec<u64>,
    /// What they are judged by.
    pub judge: Judge,
    /// The learning rate of a recipe of the laboratory, whose runs with it lie where those of a comparison
    /// without any tuning do.
    own_rate: Option<f64>,
}

impl Tuning {
    /// Those that `tune` asks for in a recipe with these `facts`.
    ///
    /// # Errors
    /// What cannot be tuned, or not be judged.
    pub fn new(tune: &Tune, facts: &Facts) -> Result<Self> {
        tune.validate()?;
        tune.validate_apart(facts.seeds)?;
        let own_rate = facts.training.map(|training| own_rate(training, tune)).transpose()?;
        let grid = grid(tune);
        let first = grid.first().cloned().unwrap_or_default();
        let shared = own_rate.map_or(first, |rate| vec![(RATE.to_owned(), rate.to_string())]);
        Ok(Self {
            of: grid.len(),
            points: drawn(grid, tune.trials.map(Into::into)),
            shared,
            seeds: tune.seeds(facts.seeds),
            judge: Judge::new(tune, facts)?,
            own_rate,
        })
    }

    /// What is trained of the row `row` at `point`, as the name of its folder says it.
    pub fn setting(&self, row: &Setting, point: &Point) -> Setting {
        let shown = self.shown(row, point);
        Setting { lr: shown.lr.filter(|lr| Some(*lr) != self.own_rate), ..shown }
    }

    /// The same as the report calls it: with every value that is tuned.
    pub fn shown(&self, row: &Setting, point: &Point) -> Setting {
        let mut setting = row.clone();
        match self.own_rate {
            Some(_) => setting.lr = point.first().and_then(|(_, rate)| rate.parse().ok()),
            None => {
                setting.options.extend(point.iter().cloned());
                // As a run's recipe keeps them.
                setting.options.sort();
            }
        }
        setting
    }

    /// Every setting that may be made of these rows: trials, and what is compared.
    pub fn possible(&self, rows: &[Setting]) -> Vec<Setting> {
        let mut all: Vec<Setting> = Vec::new();
        for row in rows {
            for point in self.points.iter().chain([&self.shared]) {
                let setting = self.setting(row, point);
                if !all.contains(&setting) {
                    all.push(setting);
                }
            }
        }
        all
    }

    /// The trials of these rows, by seeds, then by points: a tuning that is stopped has tried all rows
    /// equally often.
    pub fn trials(&self, rows: &[Setting]) -> Vec<(Setting, u64)> {
        let mut trials = Vec::new();
        for seed in &self.seeds {
            for point in &self.points {
                trials.extend(rows.iter().map(|row| (self.setting(row, point), *seed)));
            }
        }
        trials
    }

    /// What is said before the trials of so many rows.
    pub fn in_words(&self, rows: usize) -> String {
        let points = match self.points.len() == self.of {
            true => self.of.to_string(),
            false => format!("{} of {}", self.points.len(), self.of),
        };
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        format!(
            "tuning: {} trials, {points} points for each of {rows} with the {} {}, judged by {} of the \
             validation part",
            self.points.len() * rows * seeds.len(),
            plural(seeds.len(), "seed"),
            seeds.join(" "),
            self.judge.name
        )
    }
}

/// "lr=0.1, wd=0".
pub fn in_words(point: &Point) -> String {
    let pair = |(name, value): &(String, String)| format!("{name}={value}");
    point.iter().map(pair).collect::<Vec<_>>().join(", ")
}

/// The recipe's own learning rate, where that is what is tuned.
fn own_rate(training: TrainingFacts, tune: &Tune) -> Result<f64> {
    let refuse = |problem: String| Err(Error::Request(format!("tune: {problem}")));
    if let Some(name) = tune.options.keys().find(|name| *name != RATE) {
        return refuse(format!(
            "{name} is none of what our own trainings can tune: that is the learning rate, lr"
        ));
    }
    for value in tune.options.values().flatten() {
        let rate = value.parse::<f64>().ok().filter(|rate| *rate > 0.0 && rate.is_finite());
        if rate.is_none() {
            return refuse(format!("lr = {value} must be a number above 0"));
        }
    }
    if training.is_swept {
        return refuse("the learning rate is swept already: choose one".to_owned());
    }
    if training.has_second_stage {
        return refuse(
            "the second stage that [crt] asks for has no validation part that a trial could be \
             judged by"
                .to_owned(),
        );
    }
    training.rate.ok_or_else(|| Error::Request("tune: the recipe has no learning rate".to_owned()))
}

/// Each value of each option with each of the others, the last option fastest.
fn grid(tune: &Tune) -> Vec<Point> {
    let mut points = vec![Point::new()];
    for (name, values) in &tune.options {
        let with = |point: &Point| {
            let point = point.clone();
            values.iter().map(move |value| [&point[..], &[(name.clone(), value.clone())]].concat())
        };
        points = points.iter().flat_map(with).collect();
    }
    points
}

/// So many of the points, in their order: always the same ones, and more of them where more are asked for.
fn drawn(grid: Vec<Point>, most: Option<usize>) -> Vec<Point> {
    let Some(most) = most else { return grid };
    let mut places = Stream::new(0, "trials").permutation(grid.len());
    places.truncate(most);
    places.sort_unstable();
    places.into_iter().map(|place| grid[place].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use std::path::Path;

    const COMMAND: &str = "name = \"x\"\nlosses = [\"ce\", \"focal\"]\nseeds = [0, 1]\n\
                           [run]\ncommand = [\"t\"]\n";
    const LAB: &str = "name = \"x\"\nlosses = [\"ce\"]\nseeds = [0]\nepochs = 1\nselect = \"last\"\n\
                       [optimizer.sgd]\nlr = 0.1\n";

    fn plan(text: &str, tune: &str) -> Result<Plan> {
        Plan::parse(Path::new("r"), &format!("{text}[tune]\n{tune}\n"))
    }

    fn tuning(text: &str, tune: &str) -> Result<Tuning> {
        plan(text, tune)?.tuning().map(|tuning| tuning.expect("it is tuned"))
    }

    #[test]
    fn every_loss_gets_the_same_trials() {
        let plan = plan(COMMAND, "lr = [0.1, 1]\nwd = [0, 0.01]\nseeds = 1").unwrap();
        let tuning = plan.tuning().unwrap().unwrap();
        let rows = plan.rows().unwrap();
        let names: Vec<String> = tuning
            .trials(&rows)
            .iter()
            .map(|(setting, seed)| format!("{setting} {seed}"))
            .collect();
        assert_eq!(names.len(), 8);
        assert_eq!(
            names[..3],
            [
                "ce, lr=0.1, wd=0 1000",
                "focal(gamma=2), lr=0.1, wd=0 1000",
                "ce, lr=0.1, wd=0.01 1000"
            ]
        );
        let shared: Vec<String> = plan.settings().unwrap().iter().map(|s| s.to_string()).collect();
        assert_eq!(shared, ["ce, lr=0.1, wd=0", "focal(gamma=2), lr=0.1, wd=0"]);
        assert_eq!(tuning.possible(&rows).len(), 8);
    }

    #[test]
    fn draws_are_the_same_each_time_and_grow() {
        let of = |trials: usize| {
            let tune = format!("a = [1,2,3,4,5]\nb = [1,2,3,4,5]\ntrials = {trials}");
            tuning(COMMAND, &tune).unwrap().points
        };
        let (few, more) = (of(4), of(9));
        assert_eq!((few.len(), more.len()), (4, 9));
        assert_eq!(few, of(4));
        assert!(few.iter().all(|point| more.contains(point)), "{few:?} {more:?}");
    }

    #[test]
    fn the_laboratory_tunes_its_learning_rate() {
        let plan = plan(LAB, "lr = [0.1, 0.3]").unwrap();
        let tuning = plan.tuning().unwrap().unwrap();
        let row = &plan.rows().unwrap()[0];
        // The recipe's own rate is the run that there would be without any tuning.
        assert_eq!(tuning.setting(row, &tuning.points[0]), *row);
        assert_eq!(tuning.shown(row, &tuning.points[0]).to_string(), "ce, lr=0.1");
        assert_eq!(tuning.setting(row, &tuning.points[1]).to_string(), "ce, lr=0.3");
        assert_eq!(in_words(&tuning.shared), "lr=0.1");
        assert_eq!(plan.settings().unwrap(), std::slice::from_ref(row));
    }

    #[test]
    fn what_cannot_be_tuned_is_refused() {
        for (text, tune, expected) in [
            (LAB.to_owned(), "wd = [0.1]", "wd is none of what our own"),
            (LAB.to_owned(), "lr = [0]", "lr = 0 must be a number above 0"),
            (LAB.to_owned(), "lr = [1]\nmetric = \"ece\"", "accuracy and nll"),
            (LAB.to_owned() + "[sweep]\nlr = [1]\n", "lr = [1]", "is swept already"),
            (LAB.to_owned() + "[crt]\n", "lr = [1]", "second stage"),
            (COMMAND.to_owned(), "lr = [1]\nseeds = [1]", "the seed 1 is one of"),
            (COMMAND.to_owned(), "lr = [1]\nmetric = \"wer\"", "--metric val_wer=lower"),
            (COMMAND.to_owned(), "lr = [1]\nmetric = \"epoch\"", "--metric val_epoch=lower"),
        ] {
            let error = tuning(&text, tune).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
