//! What the classes of the test parts weigh: whether they are uneven, and what it is worth to name the
//! most frequent one always, which a result has to be seen against.

use crate::measure::mean;
use crate::{Comparison, Run};

/// Classes are uneven where the most frequent one has at least so many times as many test examples as
/// the rarest. A quarter of the examples in one of two classes is the mildest case of it: from there
/// on accuracy hides what happens to the rare class.
const UNEVEN: u64 = 3;

/// Always naming the class that has the most test examples, over all seeds together.
#[derive(Clone, Debug, PartialEq)]
pub struct Majority {
    /// The name of that class.
    pub class: String,
    /// Whether the classes are uneven.
    pub uneven: bool,
    /// Its share of the test part, the mean over seeds.
    share: f64,
    /// Mean over the classes with examples of their accuracies and of their F1 scores.
    balanced_accuracy: f64,
    macro_f1: f64,
    /// Of two classes the rarer one, by its number, and its share.
    rare: Option<(usize, f64)>,
}

impl Majority {
    /// Of the test parts of `comparison`; `None` where a run does not say what its labels were, as
    /// older records do not, and for text, whose classes are words.
    pub fn new(comparison: &Comparison) -> Option<Self> {
        let runs = &comparison.groups.first()?.runs;
        let classes = comparison.classes.len();
        let seeds: Vec<Vec<u64>> =
            runs.iter().map(|run| examples(run, classes)).collect::<Option<_>>()?;
        let mut all = vec![0; classes];
        for counts in &seeds {
            all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let most = (0..classes).rev().max_by_key(|&class| all[class])?;
        let least = all.iter().copied().filter(|count| *count > 0).min()?;
        let share = |class: usize| {
            let of = |counts: &Vec<u64>| counts[class] as f64 / counts.iter().sum::<u64>() as f64;
            mean(&seeds.iter().map(of).collect::<Vec<_>>())
        };
        // Over the classes that have examples; a constant prediction is right for one of them.
        let over_classes = |score: &dyn Fn(f64) -> f64| {
            let of = |counts: &Vec<u64>| {
                let there = counts.iter().filter(|count| **count > 0).count();
                let share = counts[most] as f64 / counts.iter().sum::<u64>() as f64;
                score(share) / there.max(1) as f64
            };
            mean(&seeds.iter().map(of).collect::<Vec<_>>())
        };
        let rare = (classes == 2).then(|| usize::from(all[1] <= all[0]));
        Some(Self {
            class: comparison.classes[most].clone(),
            uneven: all[most] >= UNEVEN * least,
            share: share(most)?,
            balanced_accuracy: over_classes(&|share| f64::from(u8::from(share > 0.0)))?,
            macro_f1: over_classes(&|share| 2.0 * share / (1.0 + share))?,
            rare: rare.and_then(|rare| Some((rare, share(rare)?))),
        })
    }

    /// The number of the rarer one of two classes.
    pub fn rare(&self) -> Option<usize> {
        self.rare.map(|(rare, _)| rare)
    }

    /// What it is worth by the metric `key`, in its unit; `None` where that says nothing of a constant
    /// prediction.
    pub fn value(&self, key: &str) -> Option<f64> {
        let fraction = match key {
            "accuracy" => self.share,
            "balanced_accuracy" => self.balanced_accuracy,
            "macro_f1" => self.macro_f1,
            "auroc" => self.rare.map(|_| 0.5)?,
            "average_precision" => self.rare?.1,
            _ => return None,
        };
        Some(100.0 * fraction)
    }

    /// That the classes are uneven, and by which rule.
    pub fn rule(&self) -> String {
        format!(
            "The classes are uneven. That is where the most frequent one has at least {UNEVEN} times as \
             many test examples as the rarest."
        )
    }

    /// Its name in a table.
    pub fn label(&self) -> &'static str {
        "majority class"
    }
}

/// How many test examples each class has.
fn examples(run: &Run, classes: usize) -> Option<Vec<u64>> {
    let measures = &run.measures;
    if measures.confusion.is_empty() || measures.translation.is_some() {
        return None;
    }
    let mut counts = vec![0; classes];
    for &(label, _, count) in &measures.confusion {
        *counts.get_mut(label)? += count;
    }
    Some(counts)
}

/// The only class that `run` predicts, if there is one and examples of another one were there.
pub fn only_class(run: &Run) -> Option<usize> {
    let confusion = &run.measures.confusion;
    let (first, predicted, _) = *confusion.first()?;
    let constant = confusion.iter().all(|cell| cell.1 == predicted);
    let several = confusion.iter().any(|cell| cell.0 != first);
    (constant && several).then_some(predicted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// One seed with 95 : 5, one with 85 : 15; everything is taken for class 0.
    fn skewed() -> Comparison {
        let mut comparison = sample::comparison(&["ce"], 2);
        comparison.classes = vec!["no".to_owned(), "yes".to_owned()];
        for (run, no) in comparison.groups[0].runs.iter_mut().zip([95, 85]) {
            run.measures.confusion = vec![(0, 0, no), (1, 0, 100 - no)];
        }
        comparison
    }

    #[test]
    fn a_constant_prediction_is_worth_what_scikit_learn_says() {
        let majority = Majority::new(&skewed()).unwrap();
        assert_eq!((majority.class.as_str(), majority.uneven), ("no", true));
        assert_eq!(majority.rare(), Some(1));
        // y = [0] * 95 + [1] * 5 and [0] * 85 + [1] * 15; p = numpy.zeros(100)
        // accuracy_score, balanced_accuracy_score, f1_score(average="macro"), roc_auc_score,
        // average_precision_score: means of .95, .85; .5; .48717948..., .45945945...; .5; .05, .15
        for (key, expected) in [
            ("accuracy", 90.0),
            ("balanced_accuracy", 50.0),
            ("macro_f1", 100.0 * (0.48717948717948717 + 0.4594594594594595) / 2.0),
            ("auroc", 50.0),
            ("average_precision", 10.0),
        ] {
            let value = majority.value(key).unwrap();
            assert!((value - expected).abs() < 1e-9, "{key}: {value} is not {expected}");
        }
        assert_eq!(majority.value("nll"), None);
    }

    #[test]
    fn uneven_begins_at_three_to_one() {
        let mut comparison = skewed();
        let mut uneven = |no: u64, yes: u64| {
            for run in &mut comparison.groups[0].runs {
                run.measures.confusion = vec![(0, 0, no), (1, 1, yes)];
            }
            Majority::new(&comparison).unwrap().uneven
        };
        assert!(uneven(75, 25) && uneven(5, 95) && !uneven(74, 26) && !uneven(50, 50));
        // Ten classes of thirty examples each.
        let even = Majority::new(&sample::comparison(&["ce"], 2)).unwrap();
        assert_eq!((even.uneven, even.rare(), even.value("auroc")), (false, None, None));
        assert!((even.value("accuracy").unwrap() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_run_that_predicts_one_class_is_known() {
        let comparison = skewed();
        let mut run = comparison.groups[0].runs[0].clone();
        assert_eq!(only_class(&run), Some(0));
        run.measures.confusion.push((1, 1, 1));
        assert_eq!(only_class(&run), None);
        // A test part of one class says nothing about it; nor do older records.
        run.measures.confusion = vec![(0, 0, 9)];
        assert_eq!(only_class(&run), None);
        run.measures.confusion.clear();
        assert_eq!((only_class(&run), Majority::new(&comparison).is_some()), (None, true));
    }
}
