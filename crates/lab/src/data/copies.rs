//! Exact copies among the examples: what a model has memorised, it does not have to generalise to.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

use super::decode::Image;
use super::{DataSet, Examples, Fractions, HeldOut, Inputs, Split, Splitting};

/// What there is to say of copies in `data`, a sentence each. Only examples in memory are looked at:
/// pixels and the rows of tables.
pub(super) fn notes(data: &DataSet) -> Vec<String> {
    let Some(own) = contents(&data.examples) else { return Vec::new() };
    let what = what(&data.examples);
    let labels = &data.examples.labels;
    let mut notes: Vec<String> = within(&own, labels, what).into_iter().collect();
    match &data.held_out {
        HeldOut::Shares(shares, splitting) if !notes.is_empty() => {
            // Which copies fall apart is a matter of the seed; the first stands for all.
            if let Ok(split) = data.split(*shares, *splitting, 0) {
                notes.push(apart(&own, &split, what));
            }
        }
        HeldOut::Shares(..) => {}
        HeldOut::Validation { test, .. } | HeldOut::Given { test, .. } => {
            notes.extend(contents(test).and_then(|test| known(&own, &test, what)));
        }
    }
    notes
}

/// Of decoded images: the content of each of the training part, with their classes, and of the test part
/// if there is one. `shares` are those that are held out else.
pub(super) fn of_images(
    train: (&[u64], &[i64]),
    test: Option<&[u64]>,
    shares: Fractions,
) -> Vec<String> {
    let (own, labels) = train;
    let mut notes: Vec<String> = within(own, labels, "images").into_iter().collect();
    match test {
        Some(test) => notes.extend(known(own, test, "images")),
        None if !notes.is_empty() => {
            let split = Splitting::Stratified.split(labels, shares, 0);
            notes.extend(split.ok().map(|split| apart(own, &split, "images")));
        }
        None => {}
    }
    notes
}

/// The content of an image as [`of_images`] takes it.
pub(super) fn content(image: &Image) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_usize(image.width);
    hasher.write(&image.pixels);
    hasher.finish()
}

/// How many test examples have a copy that is learned from.
fn apart(own: &[u64], split: &Split, what: &str) -> String {
    let learned: HashSet<u64> = split.train.iter().map(|&row| own[row]).collect();
    let known = split.test.iter().filter(|&&row| learned.contains(&own[row])).count();
    format!(
        "copies fall into training and test part alike: with seed 0, {known} of {} test {what} have one \
         that is learned from",
        split.test.len()
    )
}

/// What there is to say of test examples that are training examples, too.
pub(super) fn between(train: &Examples, test: &Examples) -> Option<String> {
    known(&contents(train)?, &contents(test)?, what(train))
}

fn known(train: &[u64], test: &[u64], what: &str) -> Option<String> {
    let train: HashSet<&u64> = train.iter().collect();
    let known = test.iter().filter(|content| train.contains(content)).count();
    (known > 0).then(|| {
        format!("{known} of {} test {what} are exact copies of training {what}", test.len())
    })
}

/// How many examples are there several times, and with several classes.
fn within(own: &[u64], labels: &[i64], what: &str) -> Option<String> {
    let mut groups: HashMap<u64, (usize, i64, bool)> = HashMap::new();
    for (content, &label) in own.iter().zip(labels) {
        let (count, first, differ) = groups.entry(*content).or_insert((0, label, false));
        *count += 1;
        *differ |= *first != label;
    }
    let in_groups = |with: fn(&(usize, i64, bool)) -> bool| -> usize {
        groups.values().filter(|group| with(group)).map(|(count, ..)| count).sum()
    };
    let copies = in_groups(|(count, ..)| *count > 1);
    let differ = in_groups(|(_, _, differ)| *differ);
    let contradict = match differ {
        0 => String::new(),
        differ => format!(", {differ} of them of one with another class"),
    };
    (copies > 0)
        .then(|| format!("{copies} of {} {what} are exact copies of others{contradict}", own.len()))
}

fn what(examples: &Examples) -> &'static str {
    if examples.are_images() { "images" } else { "rows" }
}

/// A number for what each example holds, equal for equal ones; nothing of those that are not in memory.
/// That two others share one has a chance of 10⁻⁸ among a million.
fn contents(examples: &Examples) -> Option<Vec<u64>> {
    let size = examples.shape.values().max(1);
    Some(match &examples.inputs {
        Inputs::Pixels { values, .. } => {
            let of_image = |pixels: &[u8]| {
                let mut hasher = DefaultHasher::new();
                hasher.write(pixels);
                hasher.finish()
            };
            values.chunks_exact(size).map(of_image).collect()
        }
        Inputs::Numbers(values) => {
            let of_row = |row: &[f32]| {
                let mut hasher = DefaultHasher::new();
                // −0 is 0.
                row.iter().for_each(|value| hasher.write_u32((value + 0.0).to_bits()));
                hasher.finish()
            };
            values.chunks_exact(size).map(of_row).collect()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Shape;

    fn examples(values: &[f32], labels: &[i64]) -> Examples {
        Examples {
            inputs: Inputs::Numbers(values.to_vec()),
            shape: Shape::Row(1),
            labels: labels.to_vec(),
            classes: vec!["a".to_owned(), "b".to_owned()],
        }
    }

    fn of(examples: Examples, held_out: HeldOut) -> Vec<String> {
        notes(&DataSet::new(String::new(), examples, held_out))
    }

    #[test]
    fn copies_are_counted() {
        let shares = || {
            let shares = Fractions { validation: 0.2, test: 0.2 };
            HeldOut::Shares(shares, Splitting::Stratified)
        };
        let different: Vec<f32> = (0..20).map(|at| at as f32).collect();
        let labels: Vec<i64> = (0..20).map(|at| at % 2).collect();
        assert!(of(examples(&different, &labels), shares()).is_empty());
        // Each of ten values twice, with both classes; 0 and −0 are one.
        let mut twice: Vec<f32> = (0..20).map(|at| (at / 2) as f32).collect();
        twice[0] = -0.0;
        let found = of(examples(&twice, &labels), shares());
        assert_eq!(
            found[0],
            "20 of 20 rows are exact copies of others, 20 of them of one with another class"
        );
        assert!(
            found[1].contains("with seed 0, ") && found[1].contains(" of 4 test rows"),
            "{found:?}"
        );
        // All the same: every test row is known.
        let found = of(examples(&[7.0; 20], &labels), shares());
        assert!(found[1].contains("with seed 0, 4 of 4 test rows"), "{found:?}");
        let test = examples(&[3.0, 50.0, 3.0], &[0, 1, 1]);
        let own = HeldOut::Validation { share: 0.2, test: test.clone() };
        let known = "2 of 3 test rows are exact copies of training rows";
        assert_eq!(of(examples(&different, &labels), own), [known]);
        assert_eq!(between(&examples(&different, &labels), &test).unwrap(), known);
    }

    #[test]
    fn pixels_are_told_apart() {
        let pixels = |values: Vec<u8>| Examples {
            inputs: Inputs::bytes(values),
            shape: Shape::Image([1, 1, 2]),
            ..examples(&[], &[0, 1])
        };
        let (train, test) = (pixels(vec![1, 2, 3, 4]), pixels(vec![3, 4, 4, 3]));
        assert_eq!(
            between(&train, &test).unwrap(),
            "1 of 2 test images are exact copies of training images"
        );
    }
}
