//! What attacks did to finished runs: a table for people, rows and records for programs.

use std::path::PathBuf;

use serde_json::json;

use super::figure::Figure;
use super::figure::robustness::{self, Series};
use super::sheet::{Cell, Head, Row, Sheet, Value, Words};
use super::{csv, number, text};
use crate::Setting;
use crate::measure::{RobustnessCurve, mean, std};
use crate::report::masking::{masking, short_of_budget};

/// What attacks did to one run.
#[derive(Clone, Debug, PartialEq)]
pub struct AttackedRun {
    /// The folder of the run.
    pub run: PathBuf,
    /// What it is a seed of, for people: the setting, and where that is not enough the folder.
    pub name: String,
    /// What was trained.
    pub setting: Setting,
    /// Its seed.
    pub seed: u64,
    /// Accuracy under each attack.
    pub curves: Vec<RobustnessCurve>,
    /// What there is to be said of the attacks on it.
    pub notes: Vec<String>,
}

/// Accuracy against ε for each setting on its data, one line an attack, mean and deviation over its seeds; then
/// what there is to be careful about.
pub fn attacked_text(runs: &[AttackedRun]) -> String {
    names(runs).into_iter().map(|name| of_name(runs, name)).collect()
}

/// What the runs are seeds of, in the order of the runs.
fn names(runs: &[AttackedRun]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&&*run.name) {
            names.push(&run.name);
        }
    }
    names
}

fn of_name(runs: &[AttackedRun], name: &str) -> String {
    let runs: Vec<&AttackedRun> = runs.iter().filter(|run| run.name == name).collect();
    let seeds: Vec<String> = runs.iter().map(|run| run.seed.to_string()).collect();
    let examples = runs[0].curves.first().map_or(0, |curve| curve.examples);
    let mut text = format!("{name}, seed {}: {examples} test examples\n", seeds.join(" "));
    let curves: Vec<&[RobustnessCurve]> = runs.iter().map(|run| &run.curves[..]).collect();
    let means = mean_curves(&curves);
    for norm in ["linf", "l2"] {
        let same: Vec<&RobustnessCurve> = means.iter().filter(|c| c.norm == norm).collect();
        if let Some(first) = same.first() {
            let head = first.points.iter().map(|point| Words::text(format!("ε={}", point.0)));
            let sheet = Sheet {
                corner: Words::text("% right"),
                head: head.map(Head::new).collect(),
                rows: same.iter().map(|curve| row(&curves, curve)).collect(),
                ..Sheet::default()
            };
            // As wide as it is: one attack is one line.
            text += &text::grid(&sheet, usize::MAX);
        }
    }
    for curve in means.iter().filter(|c| c.zero_gradient + c.faint_gradient > 0.0) {
        text += &format!(
            "{}: the gradient is exactly zero on {} % of the examples and underflows on {} %\n",
            curve.attack,
            number::plain(100.0 * curve.zero_gradient, 1),
            number::plain(100.0 * curve.faint_gradient, 1)
        );
    }
    let notes = short_of_budget(&means).into_iter().chain(runs[0].notes.clone());
    notes.for_each(|note| text += &format!("note: {note}\n"));
    masking(&means).iter().for_each(|warning| text += &format!("warning: {warning}\n"));
    text + "\n"
}

/// "98.60 ± 0.12" for each budget.
fn row(runs: &[&[RobustnessCurve]], curve: &RobustnessCurve) -> Row {
    let cell = |epsilon: f64| {
        let values = values(runs, &curve.attack, epsilon);
        let mean = mean(&values).unwrap_or(f64::NAN);
        let spread = std(&values).map(|std| format!(" ± {}", number::plain(std, 2)));
        Value::Rounded(number::plain(mean, 2) + &spread.unwrap_or_default(), Some(mean)).into()
    };
    let cells = curve.points.iter().map(|point| cell(point.0));
    Row::new(Words::text(&curve.attack), cells.collect())
}

/// Accuracy in percent of each run under an attack with a budget.
fn values(runs: &[&[RobustnessCurve]], attack: &str, epsilon: f64) -> Vec<f64> {
    let same = runs.iter().copied().flatten().filter(|curve| curve.attack == attack);
    let points = same.flat_map(|curve| &curve.points).filter(|point| point.0 == epsilon);
    points.map(|point| 100.0 * point.1).collect()
}

/// The curves of several runs as one of each attack, with their means; attacks and budgets are
/// those of the first run.
pub fn mean_curves(runs: &[&[RobustnessCurve]]) -> Vec<RobustnessCurve> {
    let average = |curve: &RobustnessCurve| {
        let same: Vec<&RobustnessCurve> =
            runs.iter().copied().flatten().filter(|c| c.attack == curve.attack).collect();
        let of = |value: fn(&RobustnessCurve) -> f64| {
            mean(&same.iter().map(|curve| value(curve)).collect::<Vec<_>>()).unwrap_or(f64::NAN)
        };
        let at = |epsilon: f64| mean(&values(runs, &curve.attack, epsilon)).unwrap_or(f64::NAN);
        RobustnessCurve {
            points: curve.points.iter().map(|p| (p.0, at(p.0) / 100.0)).collect(),
            zero_gradient: of(|curve| curve.zero_gradient),
            faint_gradient: of(|curve| curve.faint_gradient),
            ..curve.clone()
        }
    };
    runs.first().map_or(Vec::new(), |first| first.iter().map(average).collect())
}

/// The figure of accuracy under attack; `None` without a curve.
pub fn figure(runs: &[AttackedRun]) -> Option<Figure> {
    let series = names(runs).into_iter().map(|name| Series {
        name: name.to_owned(),
        runs: runs.iter().filter(|r| r.name == name).map(|r| &r.curves[..]).collect(),
    });
    let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    robustness::of(&series.collect::<Vec<_>>(), &seeds)
}

/// A row a run, attack and budget, in full precision; `None` without a curve.
pub fn csv<'a>(runs: impl Iterator<Item = (String, u64, &'a [RobustnessCurve])>) -> Option<String> {
    let head = ["seed", "attack", "norm", "objective", "examples", "epsilon", "accuracy"]
        .into_iter()
        .chain(["zero_gradient", "faint_gradient"]);
    let text = |text: &String| Value::Text(text.clone());
    let mut rows = Vec::new();
    for (name, seed, curves) in runs {
        for curve in curves {
            for (epsilon, accuracy) in &curve.points {
                let cells = [
                    Value::Count(seed),
                    text(&curve.attack),
                    text(&curve.norm),
                    text(&curve.objective),
                    Value::Count(curve.examples as u64),
                    Value::Number(Some(*epsilon)),
                    Value::Number(Some(*accuracy)),
                    Value::Number(Some(curve.zero_gradient)),
                    Value::Number(Some(curve.faint_gradient)),
                ];
                rows.push(Row::new(Words::text(&name), cells.map(Cell::from).into()));
            }
        }
    }
    let sheet = Sheet {
        corner: Words::text("loss"),
        head: head.map(|title| Head::new(Words::text(title))).collect(),
        rows,
        ..Sheet::default()
    };
    (!sheet.rows.is_empty()).then(|| csv::sheet(&sheet))
}

/// The records of every run, and the warnings.
pub fn attacked_json(runs: &[AttackedRun]) -> serde_json::Value {
    let run = |run: &AttackedRun| {
        json!({
            "run": run.run,
            "name": run.name,
            "loss": run.setting.to_string(),
            "seed": run.seed,
            "curves": run.curves,
            "notes": short_of_budget(&run.curves).into_iter().chain(run.notes.clone()).collect::<Vec<_>>(),
            "warnings": masking(&run.curves),
        })
    };
    json!({ "runs": runs.iter().map(run).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, right: f64) -> AttackedRun {
        let curve = |attack: &str, norm: &str, objective: &str, right| RobustnessCurve {
            attack: attack.to_owned(),
            title: attack.to_uppercase(),
            setting: "as it is".to_owned(),
            points: vec![(0.0, 0.99), (0.1, right)],
            zero_gradient: 0.25,
            faint_gradient: 0.0,
            norm: norm.to_owned(),
            objective: objective.to_owned(),
            gradients: 0,
            reach: None,
            examples: 1000,
        };
        AttackedRun {
            run: format!("runs/x/el_le=1/seed={seed}").into(),
            name: "el(le=1)".to_owned(),
            setting: "el(le=1)".parse::<steepness::Loss>().unwrap().into(),
            notes: Vec::new(),
            seed,
            curves: vec![
                curve("pgd-linf", "linf", "ce", right),
                RobustnessCurve {
                    zero_gradient: 0.0,
                    ..curve("square-linf", "linf", "none", 0.125)
                },
            ],
        }
    }

    #[test]
    fn seeds_become_means_and_blindness_is_said() {
        let text = attacked_text(&[run(0, 0.5), run(1, 0.75)]);
        assert_eq!(
            text,
            "el(le=1), seed 0 1: 1000 test examples\n\
             % right               ε=0          ε=0.1\n\
             pgd-linf     99.00 ± 0.00  62.50 ± 17.68\n\
             square-linf  99.00 ± 0.00   12.50 ± 0.00\n\
             pgd-linf: the gradient is exactly zero on 25.0 % of the examples and underflows on \
             0.0 %\n\
             warning: gradient masking: with ε = 0.1 in L∞, square-linf leaves 12.5 % right and \
             pgd-linf, the best that follows the gradient of cross entropy, 62.5 %\n\n"
        );
    }

    #[test]
    fn other_runs_of_the_same_loss_stand_apart_and_notes_are_said() {
        let named = |name: &str, run: AttackedRun| AttackedRun { name: name.to_owned(), ..run };
        let mut short = named("el(le=1), runs/b", run(0, 0.25));
        short.notes = vec!["another attack takes its place".to_owned()];
        short.curves[0].reach = Some(0.05);
        let runs = [named("el(le=1), runs/a", run(0, 0.5)), short];
        let text = attacked_text(&runs);
        assert!(text.contains("el(le=1), runs/a, seed 0: 1000 test examples\n"), "{text}");
        assert!(text.contains("el(le=1), runs/b, seed 0: 1000 test examples\n"), "{text}");
        assert!(!text.contains("±"), "they are no seeds of each other: {text}");
        assert!(text.contains("note: the steps of pgd-linf lead 0.05 far at most"), "{text}");
        assert!(text.contains("note: another attack takes its place\n"), "{text}");
        let json = attacked_json(&runs);
        assert_eq!(json["runs"][0]["notes"].as_array().unwrap().len(), 0);
        assert_eq!(json["runs"][1]["notes"].as_array().unwrap().len(), 2);
        assert_eq!(json["runs"][1]["warnings"].as_array().unwrap().len(), 0);
        assert_eq!(json["runs"][1]["run"], "runs/x/el_le=1/seed=0");
        assert_eq!(figure(&runs).unwrap().legend.len(), 2);
    }

    #[test]
    fn every_point_is_a_row() {
        let runs = [run(3, 0.5)];
        let file = csv(runs.iter().map(|r| (r.setting.to_string(), r.seed, &r.curves[..])));
        let file = file.unwrap();
        let lines: Vec<&str> = file.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 1 + 4);
        assert_eq!(lines[2], "el(le=1),3,pgd-linf,linf,ce,1000,0.1,0.5,0.25,0");
        assert!(csv([].into_iter()).is_none());
        assert_eq!(attacked_json(&runs)["runs"][0]["curves"][1]["points"][1][1], 0.125);
        assert_eq!(figure(&runs).unwrap().panels.len(), 2);
    }
}
