//! Further test sets: what runs left of examples beside their test part, such as photos of another
//! camera. Each is a comparison of its own, and no number of one is mixed with those of another.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::layout::{LABELS, further};
use super::{Comparison, ExampleDifferences, Group, Panel, Run};
use crate::measure::{Card, Overlap};
use crate::npy;

/// One panel a test set that all runs of `comparison` have, which lie in `folders`: one a setting and seed.
pub fn panels(comparison: &Comparison, folders: &[Vec<PathBuf>]) -> Vec<Panel> {
    let runs = || comparison.groups.iter().flat_map(|group| &group.runs);
    let names: BTreeSet<&String> = runs().flat_map(|run| run.tests.keys()).collect();
    let everywhere =
        names.into_iter().filter(|name| runs().all(|run| run.tests.contains_key(*name)));
    everywhere.map(|name| panel(comparison, folders, name)).collect()
}

fn panel(comparison: &Comparison, folders: &[Vec<PathBuf>], name: &str) -> Panel {
    let within = |run: &PathBuf| run.join(further(name));
    let folders: Vec<Vec<PathBuf>> =
        folders.iter().map(|runs| runs.iter().map(within).collect()).collect();
    let overlap = overlap(comparison, &folders);
    let group = |group: &Group| {
        let runs = group.runs.iter().filter_map(|run| {
            let mut measures = run.tests.get(name)?.clone();
            measures.overlap = overlap;
            Some(Run { measures, ..Run::of_seed(run.seed) })
        });
        Group { setting: group.setting.clone(), runs: runs.collect() }
    };
    let ours = |key: &String| Card::all().any(|card| card.key == *key);
    let mut of_set = Comparison {
        name: format!("{}, test set {name}", comparison.name),
        // Metrics of a command's own are of its test part, or of nobody knows what.
        primary: comparison.primary.clone().filter(ours),
        groups: comparison.groups.iter().map(group).collect(),
        sweep: None,
        tuned: None,
        panels: Vec::new(),
        examples: ExampleDifferences::NotAsked,
        ..comparison.clone()
    };
    of_set.examples = ExampleDifferences::read(&of_set, &folders);
    Panel {
        key: format!("test-{name}"),
        title: format!("On the test set {name}"),
        comparison: of_set,
    }
}

/// What the set of one seed shares with those of the others: with the same labels it is taken to be one;
/// otherwise it is drawn like the test part. Labels that cannot be read say nothing.
fn overlap(comparison: &Comparison, folders: &[Vec<PathBuf>]) -> Option<Overlap> {
    let labels = folders.first()?.iter().map(|set| npy::integers(&set.join(LABELS)).ok());
    let labels: Vec<Vec<i64>> = labels.collect::<Option<_>>()?;
    let (first, others) = labels.split_first()?;
    if others.iter().all(|own| own == first) {
        return Some(Overlap::None);
    }
    match comparison.overlap() {
        Some(Overlap::Redrawn { train, .. }) => Some(Overlap::Redrawn { test: first.len(), train }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Logits, Measures};
    use crate::report::{Table, sample};
    use std::fs;
    use std::path::Path;

    /// Two losses with three seeds, which leave a second test set of four examples: the second loss gets
    /// the last one right. Each seed has labels of its own if they are `drawn`.
    fn comparison(root: &Path, drawn: bool) -> (Comparison, Vec<Vec<PathBuf>>) {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        let mut folders = Vec::new();
        for (loss, group) in comparison.groups.iter_mut().enumerate() {
            let mut of_loss = Vec::new();
            for run in &mut group.runs {
                let folder = root.join(format!("{loss}/{}", run.seed));
                let set = folder.join(further("rain"));
                fs::create_dir_all(&set).unwrap();
                let last = if loss == 1 { 3.0 + run.seed as f32 } else { -1.0 };
                let logits = [2.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, last];
                let labels = [0i64, 1, if drawn { (run.seed % 2) as i64 } else { 0 }, 1];
                npy::write_matrix(&set.join("logits.npy"), &logits, 2).unwrap();
                npy::write_vector(&set.join(LABELS), &labels).unwrap();
                let of = Logits::new(&logits, 2).unwrap();
                let measures = Measures::new(of, &labels, &[0.0; 4]).unwrap();
                run.tests.insert("rain".to_owned(), measures);
                of_loss.push(folder);
            }
            folders.push(of_loss);
        }
        (comparison, folders)
    }

    #[test]
    fn each_set_is_a_comparison_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let (mut comparison, folders) = comparison(root.path(), false);
        comparison.primary = Some("wer".to_owned());
        let panels = panels(&comparison, &folders);
        let [rain] = &panels[..] else { panic!("{}", panels.len()) };
        assert_eq!((rain.key.as_str(), rain.title.as_str()), ("test-rain", "On the test set rain"));
        let table = Table::new(&rain.comparison);
        let accuracy = &table.columns[0];
        assert_eq!(accuracy.metric.key, "accuracy");
        assert_eq!((accuracy.cells[0].mean, accuracy.cells[1].mean), (Some(75.0), Some(100.0)));
        // The same examples for all: what they say is asked.
        let asked = rain.comparison.examples.of(1, "accuracy").unwrap();
        assert_eq!((asked.mean(), asked.examples()), (Some(0.25), 4));
        // A set that one run lacks is none.
        comparison.groups[1].runs[2].tests.clear();
        assert!(super::panels(&comparison, &folders).is_empty());
    }

    #[test]
    fn sets_that_are_drawn_anew_are_told() {
        let root = tempfile::tempdir().unwrap();
        let (comparison, folders) = comparison(root.path(), true);
        let drawn = Overlap::Redrawn { test: 300, train: 1300 };
        let comparison = sample::overlapping(comparison, drawn);
        let found = panels(&comparison, &folders).remove(0).comparison;
        assert_eq!(found.overlap(), Some(Overlap::Redrawn { test: 4, train: 1300 }));
        assert!(matches!(found.examples, ExampleDifferences::NotAsked));
    }
}
