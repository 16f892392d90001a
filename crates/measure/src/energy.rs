//! Conditional energies, E(k|x) = −z_k: the lower, the better example x and class k fit.
//!
//! The gap between the label's energy and the next one is, of a single example, its hard margin:
//! min_{k≠y} E(k|x) − E(y|x) = z_y − max_{k≠y} z_k. Of a class it is read off the class's mean
//! profile, as the paper's Figures 1 and 5 do, and is then the lead over the one class that is its
//! nearest on average: never smaller than the class's mean margin.

use super::{Logit, Logits, Measures, mean, softmax::rival};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};

pub(crate) const LABEL: Card = Card {
    key: "label_energy",
    title: "label energy",
    unit: "",
    direction: Direction::Undefined,
    decimals: 2,
    meaning: "mean conditional energy of the label, −z of its logit",
    range: Range::Any,
    source: Source::Field("energy_mean", |m| Some(m.energy_mean)),
};

pub(crate) const GAP: Card = Card {
    key: "energy_gap",
    title: "energy gap",
    unit: "",
    direction: Direction::Undefined,
    decimals: 2,
    meaning: "mean over the classes of the step from a class's own mean energy to the next",
    range: Range::Any,
    source: Source::Field("energy_profile", gap),
};

/// The mean conditional energy of the label, −z_y.
///
/// `labels`: one class a row.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn label_energy<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<f64> {
    let sum: f64 = logits.labelled(labels)?.map(|(row, label)| -row[label].into()).sum();
    Ok(sum / logits.rows() as f64)
}

/// The mean of the lowest conditional energy among the other classes, min_{k≠y} −z_k.
///
/// # Errors
/// A single class. Labels that do not fit the logits.
pub fn rival_energy<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<f64> {
    logits.validate_rivals("a rival's energy")?;
    let sum: f64 = logits.labelled(labels)?.map(|(row, label)| -rival(row, label)).sum();
    Ok(sum / logits.rows() as f64)
}

/// The energy profile of every class c (the paper's Figures 1 and 5): the mean of the vectors −z
/// over the examples with label c, one value a class, in the order of the classes. `None` for a
/// class without examples.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn energy_profile<T: Logit>(
    logits: Logits<T>,
    labels: &[i64],
) -> Result<Vec<Option<Vec<f64>>>> {
    let mut examples = vec![0usize; logits.classes()];
    let mut profiles = vec![None; logits.classes()];
    for (row, label) in logits.labelled(labels)? {
        examples[label] += 1;
        let sums = profiles[label].get_or_insert_with(|| vec![0.0; row.len()]);
        for (sum, &z) in sums.iter_mut().zip(row) {
            *sum -= z.into();
        }
    }
    for (profile, examples) in profiles.iter_mut().zip(examples) {
        for sum in profile.iter_mut().flatten() {
            *sum /= examples as f64;
        }
    }
    Ok(profiles)
}

/// By how much each class's mean energy lies below the next in its [`energy_profile`]; negative
/// where another class fits its examples better on average. `None` for a class without examples or
/// without another class.
pub fn energy_gaps(profiles: &[Option<Vec<f64>>]) -> Vec<Option<f64>> {
    let gap = |(class, profile): (usize, &Option<Vec<f64>>)| {
        let profile = profile.as_ref()?;
        let others = profile.iter().enumerate().filter(|(k, _)| *k != class);
        let next = others.map(|(_, energy)| *energy).reduce(f64::min)?;
        Some(next - profile.get(class)?)
    };
    profiles.iter().enumerate().map(gap).collect()
}

/// The mean of the gaps of a record over the classes that have one.
fn gap(measures: &Measures) -> Option<f64> {
    let gaps: Vec<f64> = energy_gaps(&measures.energy_profile).into_iter().flatten().collect();
    mean(&gaps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{margins, mean, sample};

    #[test]
    fn means_are_taken_class_by_class() {
        let logits = Logits::new(&[1.0f32, 2.0, 3.0, -4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 3).unwrap();
        let profile = energy_profile(logits, &[2, 0, 2]).unwrap();
        assert_eq!(profile[0], Some(vec![4.0, -5.0, -6.0]));
        assert_eq!(profile[1], None);
        assert_eq!(profile[2], Some(vec![-4.0, -5.0, -6.0]));
        assert_eq!(label_energy(logits, &[2, 0, 2]).unwrap(), (-3.0 + 4.0 - 9.0) / 3.0);
        assert_eq!(rival_energy(logits, &[2, 0, 2]).unwrap(), (-2.0 - 6.0 - 8.0) / 3.0);
        assert_eq!(energy_gaps(&profile), [Some(-10.0), None, Some(1.0)]);
    }

    #[test]
    fn the_papers_cat_leads_by_seven_and_by_thirty_one() {
        // The paper's Figure 5, cat first: dog is the next class.
        let ce = vec![-12.0, -5.0, -1.6, -0.5, -0.2, 1.1, 3.5, 4.3, 4.6, 5.7];
        let el = vec![-41.2, -9.9, -1.3, -0.2, 3.3, 7.3, 12.1, 15.5, 15.6, 18.5];
        assert_eq!(energy_gaps(&[Some(ce)]), [Some(7.0)]);
        assert!((energy_gaps(&[Some(el)])[0].unwrap() - 31.3).abs() < 1e-12);
        assert_eq!(energy_gaps(&[Some(vec![1.0])]), [None]);
    }

    #[test]
    fn a_profiles_gap_is_no_smaller_than_the_mean_margin() {
        for seed in 0..20 {
            let (values, _) = sample::draw(seed, 30, 5, 3.0);
            let logits = Logits::new(&values, 5).unwrap();
            let labels = [2; 30];
            let gap = energy_gaps(&energy_profile(logits, &labels).unwrap())[2].unwrap();
            let margin = mean(&margins(logits, &labels).unwrap()).unwrap();
            let energies = [rival_energy(logits, &labels), label_energy(logits, &labels)];
            let [rival, label] = energies.map(Result::unwrap);
            assert!((rival - label - margin).abs() < 1e-12);
            assert!(gap >= margin - 1e-12);
        }
    }
}
