//! Runs that found the very same: something that was asked for does not reach the training.

use crate::{Comparison, Run};

/// A sentence for each setting whose seeds make no difference, and for each that makes none to the
/// first.
pub fn warnings(comparison: &Comparison) -> Vec<String> {
    let mut found = Vec::new();
    for group in &comparison.groups {
        let pairs = group.runs.iter().zip(group.runs.iter().skip(1));
        if let Some((one, other)) = pairs.into_iter().find(|(one, other)| is_same(one, other)) {
            found.push(format!(
                "{}: the seeds {} and {} have identical results: the seed is not used",
                group.setting, one.seed, other.seed
            ));
        }
    }
    let Some((first, others)) = comparison.groups.split_first() else { return found };
    for other in others {
        let mut pairs = first.runs.iter().zip(&other.runs);
        if !first.runs.is_empty() && pairs.all(|(one, other)| is_same(one, other)) {
            found.push(format!(
                "{} and {} have identical results with every seed: what tells them apart is not used",
                first.setting, other.setting
            ));
        }
    }
    found
}

/// Of what depends on the weights: how steep a loss is at the same logits does not.
fn is_same(one: &Run, other: &Run) -> bool {
    let [a, b] = [one, other].map(|run| &run.measures);
    one.own == other.own
        && (a.examples, a.nll.to_bits(), a.energy_mean.to_bits(), a.margin.mean.to_bits())
            == (b.examples, b.nll.to_bits(), b.energy_mean.to_bits(), b.margin.mean.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn seeds_and_losses_that_make_no_difference_are_named() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        assert_eq!(warnings(&comparison), [""; 0]);
        let first = comparison.groups[0].runs.clone();
        comparison.groups[1].runs.clone_from(&first);
        let said = warnings(&comparison);
        assert!(
            said[0].starts_with("ce and el(le=1) have identical results with every"),
            "{said:?}"
        );
        comparison.groups[1].runs[2].measures = first[1].measures.clone();
        assert_eq!(
            warnings(&comparison),
            ["el(le=1): the seeds 2 and 3 have identical results: the seed is not used"]
        );
    }
}
