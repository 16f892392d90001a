//! [`DataSet`] before it is split, and the [`Parts`] that a seed makes of it.

use std::borrow::Cow;

use super::examples::counts;
use super::grouped;
use super::table::{Column, fill, has_missing, medians};
use super::tu::NodeFeatures;
use super::{Examples, Fractions, Inputs, LongTail, Shape, Split, Splitting, hold_out};
use crate::Result;
use crate::measure::{Distance, Overlap};

/// Of more columns that are left out, the first are named and the others counted.
const MOST_NAMED: usize = 10;
/// Likewise of classes that a part lacks.
const MOST_CLASSES: usize = 5;

/// A data set before it is split.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// What it is, as the beginning of a sentence.
    pub description: String,
    /// What is learned from, and what is held out of it.
    pub examples: Examples,
    /// Where validation and test part come from.
    pub held_out: HeldOut,
    /// Whether the training part is made long-tailed.
    pub long_tail: Option<LongTail>,
    /// Examples of other data sets of the same shape, to be detected as out-of-distribution.
    pub ood: Vec<OodSet>,
    /// Of a table: what its columns hold.
    pub columns: Vec<Column>,
    /// Of graphs: what the features of their nodes are.
    pub nodes: Option<NodeFeatures>,
    /// The group of each of the examples, from 0, where there are groups whose examples are to stay
    /// together, whatever is held out.
    pub groups: Option<Vec<usize>>,
    /// Of features that a pretrained network has made of images: the shape that it takes.
    pub photos: Option<Shape>,
    /// What else there is to say, a sentence each: values that are missing, exact copies.
    pub notes: Vec<String>,
}

/// A further data set, to be told from the one that is learned from.
#[derive(Clone, Debug)]
pub struct OodSet {
    /// What tables and files call it.
    pub name: String,
    /// Whether it is like the data learned from.
    pub distance: Option<Distance>,
    /// The examples; their labels mean nothing here.
    pub examples: Examples,
}

/// Where the parts come from that are not learned from.
#[derive(Clone, Debug)]
pub enum HeldOut {
    /// Both are shares of the examples, drawn anew for each seed.
    Shares(Fractions, Splitting),
    /// The data set has its own test part; validation is a share of the examples, drawn anew for
    /// each seed.
    Validation {
        /// The share. With 0 nothing is held out, and the test part stands in for it.
        share: f64,
        /// The test part.
        test: Examples,
    },
    /// The data set has both.
    Given {
        /// The validation part.
        validation: Examples,
        /// The test part.
        test: Examples,
    },
}

impl HeldOut {
    /// The parts that are given, and `shares` for those that are not.
    pub(super) fn of(
        shares: Fractions,
        validation: Option<Examples>,
        test: Option<Examples>,
    ) -> Self {
        match (validation, test) {
            (Some(validation), Some(test)) => HeldOut::Given { validation, test },
            (_, Some(test)) => HeldOut::Validation { share: shares.validation, test },
            (_, None) => HeldOut::Shares(shares, Splitting::Stratified),
        }
    }
}

/// The parts of one run.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// What is learned from.
    pub train: Examples,
    /// What chooses among epochs.
    pub validation: Cow<'a, Examples>,
    /// What the result is measured on, and nothing else.
    pub test: Cow<'a, Examples>,
}

impl DataSet {
    /// Examples of which there is no more to say than where their parts come from.
    pub fn new(description: String, examples: Examples, held_out: HeldOut) -> Self {
        let (ood, columns, notes) = (Vec::new(), Vec::new(), Vec::new());
        let (long_tail, nodes, groups, photos) = (None, None, None, None);
        Self {
            description,
            examples,
            held_out,
            long_tail,
            ood,
            columns,
            nodes,
            groups,
            photos,
            notes,
        }
    }

    /// Draws a validation and a test part for `seed`.
    pub(super) fn split(
        &self,
        shares: Fractions,
        splitting: Splitting,
        seed: u64,
    ) -> Result<Split> {
        match &self.groups {
            Some(groups) => grouped::split(&self.examples.labels, groups, shares, seed),
            None => splitting.split(&self.examples.labels, shares, seed),
        }
    }

    /// Draws a validation part for `seed`, of data with a test part of their own.
    fn hold_out(&self, share: f64, seed: u64) -> Result<Split> {
        match &self.groups {
            Some(groups) => grouped::hold_out(&self.examples.labels, groups, share, seed),
            None => hold_out(&self.examples.labels, share, seed),
        }
    }

    /// The parts for `seed`. A long tail is cut after the validation part is held out, which
    /// therefore stays as balanced as the test part is. Where a row misses a number, it gets the median of
    /// what is then left to learn from, so that nothing of the other parts is learned.
    ///
    /// # Errors
    /// Too few examples for the shares.
    pub fn parts(&self, seed: u64) -> Result<Parts<'_>> {
        let labels = &self.examples.labels;
        let (rows, validation, test) = match &self.held_out {
            HeldOut::Shares(shares, splitting) => {
                let split = self.split(*shares, *splitting, seed)?;
                let validation = Cow::Owned(self.examples.select(&split.validation));
                (split.train, validation, Cow::Owned(self.examples.select(&split.test)))
            }
            HeldOut::Validation { test, .. } if self.test_validates() => {
                ((0..labels.len()).collect(), Cow::Borrowed(test), Cow::Borrowed(test))
            }
            HeldOut::Validation { share, test } => {
                let split = self.hold_out(*share, seed)?;
                let validation = Cow::Owned(self.examples.select(&split.validation));
                (split.train, validation, Cow::Borrowed(test))
            }
            HeldOut::Given { validation, test } => {
                ((0..labels.len()).collect(), Cow::Borrowed(validation), Cow::Borrowed(test))
            }
        };
        let rows = self.tailed(rows, seed);
        let mut parts = Parts { train: self.examples.select(&rows), validation, test };
        parts.fill();
        Ok(parts)
    }

    /// What a long tail leaves of the training part `rows`.
    fn tailed(&self, rows: Vec<usize>, seed: u64) -> Vec<usize> {
        let Some(tail) = &self.long_tail else { return rows };
        let labels: Vec<i64> = rows.iter().map(|&row| self.examples.labels[row]).collect();
        let kept = tail.rows(&labels, self.examples.classes.len(), seed);
        kept.into_iter().map(|at| rows[at]).collect()
    }

    /// What there is to say of classes that the training or the test part of some of the `seeds` has no
    /// example of, a sentence each.
    ///
    /// # Errors
    /// Too few examples for the shares.
    pub fn absent(&self, seeds: &[u64]) -> Result<Vec<String>> {
        let classes = self.examples.classes.len();
        if matches!(self.examples.inputs, Inputs::Pairs(_)) || classes < 2 {
            return Ok(Vec::new());
        }
        let labels = &self.examples.labels;
        // Of each class, the seeds whose training part lacks it, and those whose test part does.
        let mut lacking = vec![[Vec::new(), Vec::new()]; classes];
        for &seed in seeds {
            let (train, test) = match &self.held_out {
                HeldOut::Shares(shares, splitting) => {
                    let split = self.split(*shares, *splitting, seed)?;
                    (split.train, split.test.iter().map(|&row| labels[row]).collect())
                }
                HeldOut::Validation { share, test } if !self.test_validates() => {
                    (self.hold_out(*share, seed)?.train, test.labels.clone())
                }
                HeldOut::Validation { test, .. } | HeldOut::Given { test, .. } => {
                    ((0..labels.len()).collect(), test.labels.clone())
                }
            };
            let train: Vec<i64> = self.tailed(train, seed).iter().map(|&row| labels[row]).collect();
            let parts = [counts(&train, classes), counts(&test, classes)];
            for (class, lacking) in lacking.iter_mut().enumerate() {
                for (lacking, counts) in lacking.iter_mut().zip(&parts) {
                    if counts[class] == 0 {
                        lacking.push(seed);
                    }
                }
            }
        }
        let sentence = |class: usize, part: usize, lacking: &[u64]| {
            let (part, so) =
                [("training", "nothing is learned of it"), ("test", "nothing is measured of it")]
                    [part];
            let given: Vec<String> = lacking.iter().map(u64::to_string).collect();
            let seeds = match given.len() {
                1 => format!("seed {}", given[0]),
                all if all == seeds.len() => "any seed".to_owned(),
                _ => format!("the seeds {}", given.join(" ")),
            };
            let name = crate::plain::name(&self.examples.classes[class]);
            format!("class \"{name}\" has no {part} example with {seeds}: {so}")
        };
        let all = lacking.iter().enumerate().flat_map(|(class, parts)| {
            let found = parts.iter().enumerate().filter(|(_, lacking)| !lacking.is_empty());
            found.map(move |(part, lacking)| (class, part, lacking))
        });
        let all: Vec<_> = all.collect();
        let shown = all.iter().take(MOST_CLASSES);
        let mut notes: Vec<String> =
            shown.map(|(class, part, lacking)| sentence(*class, *part, lacking)).collect();
        if let Some(more @ 1..) = all.len().checked_sub(MOST_CLASSES) {
            notes.push(format!("and so of {more} more"));
        }
        Ok(notes)
    }

    /// Whether nothing is held out for validation, so that the test part stands in for it, as in the
    /// paper.
    pub fn test_validates(&self) -> bool {
        matches!(self.held_out, HeldOut::Validation { share: 0.0, .. })
    }

    /// What the test parts of different seeds have in common, by the sizes that `seed` makes.
    ///
    /// # Errors
    /// Too few examples for the shares.
    pub fn overlap(&self, seed: u64) -> Result<Overlap> {
        let HeldOut::Shares(shares, splitting) = self.held_out else { return Ok(Overlap::None) };
        let test = self.split(shares, splitting, seed)?.test.len();
        let train = self.examples.len() - test;
        Ok(match splitting {
            Splitting::Folds => Overlap::Folds { test, train },
            Splitting::Stratified | Splitting::Random => Overlap::Redrawn { test, train },
        })
    }

    /// What is to be known before anything is learned from them, a sentence each: the columns of a table
    /// that no model sees, unless it was asked for, and the notes.
    pub fn remarks(&self) -> Vec<String> {
        let left_out: Vec<String> = self.columns.iter().filter_map(Column::left_out).collect();
        let shown = left_out.iter().take(MOST_NAMED).cloned();
        let more = left_out.len().saturating_sub(MOST_NAMED);
        let more = (more > 0).then(|| format!("and so are {more} more columns"));
        shown.chain(more).chain(self.notes.iter().cloned()).collect()
    }

    /// One sentence on the data and its split, with the sizes that its parts have. Those of seed 0 are
    /// those of all seeds, but that folds differ by an example.
    pub fn describe(&self) -> String {
        let labels = &self.examples.labels;
        let percent = |part: usize| (1000.0 * part as f64 / labels.len() as f64).round() / 10.0;
        let share = |part: &[usize]| format!("{} ({} %)", part.len(), percent(part.len()));
        let mut train = (0..labels.len()).collect();
        let split = match &self.held_out {
            HeldOut::Shares(shares, splitting) => match self.split(*shares, *splitting, 0) {
                Ok(split) => {
                    let sizes = [&split.train, &split.validation, &split.test].map(|p| share(p));
                    train = split.train;
                    let whole = if self.groups.is_some() { ", groups whole" } else { "" };
                    format!(
                        "{}{whole}: {} for training, {} for validation, {} for test",
                        splitting.describe(),
                        sizes[0],
                        sizes[1],
                        sizes[2]
                    )
                }
                // No run can be made, which is said in its place.
                Err(_) => splitting.describe().to_owned(),
            },
            HeldOut::Validation { .. } if self.test_validates() => {
                "with its own test part, which stands in for validation too".to_owned()
            }
            HeldOut::Validation { share: part, .. } => match self.hold_out(*part, 0) {
                Ok(split) => {
                    let validation = share(&split.validation);
                    train = split.train;
                    format!(
                        "with its own test part; each seed holds {validation} of the rest out for \
                         validation"
                    )
                }
                Err(_) => "with its own test part".to_owned(),
            },
            HeldOut::Given { .. } => "with its own validation and test parts".to_owned(),
        };
        let tail = self.long_tail.map_or(String::new(), |tail| {
            let before = train.len();
            format!(
                "; the training part is made long-tailed ({}): {} of {before} examples",
                tail.describe(),
                self.tailed(train, 0).len()
            )
        });
        let notes: String = self.notes.iter().map(|note| format!("; {note}")).collect();
        format!("{}, {split}{tail}{notes}", self.description)
    }
}

impl Parts<'_> {
    /// Puts the medians of the training part where numbers are missing, in all parts.
    fn fill(&mut self) {
        let held_out = [&mut self.validation, &mut self.test];
        if !has_missing(&self.train) && !held_out.iter().any(|part| has_missing(part)) {
            return;
        }
        let medians = medians(&self.train);
        fill(&mut self.train, &medians);
        for part in held_out.into_iter().filter(|part| has_missing(part)) {
            fill(part.to_mut(), &medians);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Inputs, Profile, Shape, Split};
    use super::*;

    /// `each` examples of two classes; the pixel tells one from the other.
    fn examples(each: usize, first: u8) -> Examples {
        Examples {
            inputs: Inputs::bytes((0..2 * each).map(|row| first + row as u8).collect()),
            shape: Shape::Image([1, 1, 1]),
            labels: (0..2 * each).map(|row| (row % 2) as i64).collect(),
            classes: vec!["a".to_owned(), "b".to_owned()],
        }
    }

    fn set(held_out: HeldOut, long_tail: Option<LongTail>) -> DataSet {
        let data = DataSet::new("40 dots".to_owned(), examples(20, 0), held_out);
        DataSet { long_tail, ..data }
    }

    /// Of parts that are drawn, none has a row of a group that another has.
    #[test]
    fn groups_stay_whole_whatever_is_held_out() {
        let shares = Fractions { validation: 0.2, test: 0.2 };
        let groups: Vec<usize> = (0..40).map(|row| row / 4).collect();
        let own = HeldOut::Validation { share: 0.2, test: examples(3, 100) };
        for held_out in [HeldOut::Shares(shares, Splitting::Stratified), own] {
            let data = DataSet { groups: Some(groups.clone()), ..set(held_out, None) };
            for seed in 0..5 {
                let parts = data.parts(seed).unwrap();
                let of = |part: &Examples| -> Vec<usize> {
                    let Inputs::Pixels { values, .. } = &part.inputs else { panic!() };
                    values
                        .iter()
                        .filter(|row| **row < 40)
                        .map(|&row| groups[row as usize])
                        .collect()
                };
                let [train, validation, test] =
                    [&parts.train, &*parts.validation, &*parts.test].map(of);
                assert!(train.len() >= 24 && validation.len() == 8, "{seed}");
                let apart = |a: &[usize], b: &[usize]| a.iter().all(|group| !b.contains(group));
                assert!(apart(&train, &validation) && apart(&train, &test), "{seed}");
                assert!(apart(&validation, &test), "{seed}");
            }
            assert!(data.describe().contains("8 (20 %)"), "{}", data.describe());
        }
        let data = set(HeldOut::Shares(shares, Splitting::Stratified), None);
        let said = DataSet { groups: Some(groups), ..data }.describe();
        assert!(said.contains("split anew by each seed, groups whole: 24 (60 %)"), "{said}");
    }

    #[test]
    fn an_own_test_part_stays_as_it_is() {
        let test = examples(3, 100);
        let data = set(HeldOut::Validation { share: 0.1, test: test.clone() }, None);
        let parts = data.parts(1).unwrap();
        assert_eq!(*parts.test, test);
        assert_eq!((parts.train.counts(), parts.validation.counts()), (vec![18, 18], vec![2, 2]));
        assert_ne!(data.parts(2).unwrap().validation, parts.validation);
        assert_eq!(
            data.describe(),
            "40 dots, with its own test part; each seed holds 4 (10 %) of the rest out for validation"
        );
        let data = set(HeldOut::Validation { share: 0.0, test: test.clone() }, None);
        let parts = data.parts(1).unwrap();
        assert_eq!((&parts.train, &*parts.validation), (&data.examples, &test));
        assert!(data.describe().ends_with("which stands in for validation too"));
        let validation = examples(2, 200);
        let data = set(HeldOut::Given { validation: validation.clone(), test: test.clone() }, None);
        let parts = data.parts(1).unwrap();
        assert_eq!((&parts.train, &*parts.validation), (&data.examples, &validation));
    }

    /// A share of two examples rounds to none; which of a random part's are missing is a matter of the seed.
    #[test]
    fn classes_that_a_part_lacks_are_named() {
        let shares = Fractions { validation: 0.2, test: 0.2 };
        let mut data = set(HeldOut::Shares(shares, Splitting::Stratified), None);
        assert_eq!(data.absent(&[0, 1]).unwrap(), [""; 0]);
        data.examples.labels = (0..40).map(|row| i64::from(row < 2)).collect();
        let nothing = "class \"b\" has no test example with any seed: nothing is measured of it";
        assert_eq!(data.absent(&[0, 1]).unwrap(), [nothing]);
        data.held_out = HeldOut::Shares(shares, Splitting::Random);
        let seeds: Vec<u64> = (0..20).collect();
        let found = data.absent(&seeds).unwrap().join("\n");
        let lacks = |part: fn(&Parts) -> u64| {
            let lacking = seeds.iter().filter(|seed| part(&data.parts(**seed).unwrap()) == 0);
            lacking.map(u64::to_string).collect::<Vec<_>>().join(" ")
        };
        let (train, test) = (lacks(|parts| parts.train.counts()[1]), lacks(|p| p.test.counts()[1]));
        assert!(test.len() > 3 && test.len() < 50, "{test}");
        assert!(found.contains(&format!("no test example with the seeds {test}: ")), "{found}");
        if !train.is_empty() {
            assert!(
                found.contains("no training example with") && found.contains(&train),
                "{found}"
            );
        }
        let mut alone = examples(3, 100);
        alone.labels = vec![0; 6];
        data.held_out = HeldOut::Validation { share: 0.1, test: alone };
        assert!(data.absent(&[7]).unwrap()[0].contains("no test example with seed 7"));
    }

    /// What is missing is estimated from the training part alone, anew for each seed.
    #[test]
    fn medians_come_from_the_training_part() {
        let shares = Fractions { validation: 0.2, test: 0.2 };
        let mut data = set(HeldOut::Shares(shares, Splitting::Stratified), None);
        let value = |row| if row % 4 == 0 { f32::NAN } else { row as f32 };
        let values: Vec<f32> = (0..40).map(value).collect();
        data.examples.inputs = Inputs::Numbers(values.clone());
        data.examples.shape = Shape::Row(1);
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..5 {
            let parts = data.parts(seed).unwrap();
            let split = Splitting::Stratified.split(&data.examples.labels, shares, seed).unwrap();
            let mut known: Vec<f32> =
                split.train.iter().map(|&row| values[row]).filter(|x| !x.is_nan()).collect();
            known.sort_by(f32::total_cmp);
            let half = known.len() / 2;
            let median = match known.len() % 2 {
                1 => known[half],
                _ => (known[half - 1] + known[half]) / 2.0,
            };
            let Split { train, validation, test } = split;
            for (part, rows) in
                [(&parts.train, train), (&*parts.validation, validation), (&*parts.test, test)]
            {
                let Inputs::Numbers(found) = &part.inputs else { panic!() };
                let expected = rows.iter().map(|&row| values[row]);
                let expected: Vec<f32> =
                    expected.map(|x| if x.is_nan() { median } else { x }).collect();
                assert_eq!(found, &expected);
            }
            seen.insert(median.to_bits());
        }
        assert!(seen.len() > 1, "another seed has another training part");
    }

    #[test]
    fn test_parts_overlap_where_each_seed_draws_its_own() {
        let shares = Fractions { validation: 0.2, test: 0.2 };
        let overlap = |held_out| set(held_out, None).overlap(1).unwrap();
        let drawn = |splitting| overlap(HeldOut::Shares(shares, splitting));
        for splitting in [Splitting::Stratified, Splitting::Random] {
            assert_eq!(drawn(splitting), Overlap::Redrawn { test: 8, train: 32 });
        }
        assert_eq!(drawn(Splitting::Folds), Overlap::Folds { test: 8, train: 32 });
        let (validation, test) = (examples(2, 200), examples(3, 100));
        let own = HeldOut::Validation { share: 0.1, test: test.clone() };
        assert_eq!(overlap(own), Overlap::None);
        assert_eq!(overlap(HeldOut::Given { validation, test }), Overlap::None);
    }

    #[test]
    fn only_the_training_part_is_long_tailed() {
        let tail = LongTail { profile: Profile::Step, factor: 4.0 };
        let shares = Fractions { validation: 0.2, test: 0.2 };
        let data = set(HeldOut::Shares(shares, Splitting::Stratified), Some(tail));
        let parts = data.parts(1).unwrap();
        assert_eq!(parts.train.counts(), [12, 3]);
        assert_eq!((parts.validation.counts(), parts.test.counts()), (vec![4, 4], vec![4, 4]));
        let said = "40 dots, split anew by each seed: 24 (60 %) for training, 8 (20 %) for validation, \
                    8 (20 %) for test; the training part is made long-tailed (step, factor 4): 15 of \
                    24 examples";
        assert_eq!(data.describe(), said);
        // The rows are those that would be there without the tail.
        let whole = set(HeldOut::Shares(shares, Splitting::Stratified), None);
        let whole = whole.parts(1).unwrap();
        assert_eq!((&whole.validation, &whole.test), (&parts.validation, &parts.test));
    }
}
