//! Which examples an epoch is made of.

use serde::{Deserialize, Serialize};

use super::split::rows_by_class;
use super::{Order, order};
use crate::random::Stream;

/// `sampler = "class-balanced"`: how often the examples of each class are seen (in the words of Kang
/// et al. 2020, "Decoupling representation and classifier for long-tailed recognition", §3). An epoch
/// has as many examples either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// Every example once an epoch: classes are seen as often as they occur.
    #[default]
    InstanceBalanced,
    /// Every class equally often: the classes take turns, in a new random order each time, and each
    /// gives the next of its own examples in random order ("class-aware sampling", Shen et al. 2016,
    /// "Relay backpropagation", §3.2). Examples of a rare class come again before others come at all.
    ClassBalanced,
}

impl Sampling {
    /// For `skip_serializing_if`: a recipe that does not say it stays as it was.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The order of `epoch` for examples of the classes `labels`: a new one each epoch, the same for
    /// every loss of a seed. Classes without examples have no turn.
    pub fn order(self, labels: &[i64], seed: u64, epoch: usize) -> Order {
        match self {
            Sampling::InstanceBalanced => order(labels.len(), seed, epoch),
            Sampling::ClassBalanced => Order::new(epoch, class_balanced(labels, seed, epoch)),
        }
    }
}

fn class_balanced(labels: &[i64], seed: u64, epoch: usize) -> Vec<usize> {
    let mut classes = rows_by_class(labels);
    classes.retain(|rows| !rows.is_empty());
    let turns = labels.len().div_ceil(classes.len().max(1));
    // What each class gives at its turns: all of its examples before any comes again.
    let given = |(class, rows): (usize, &Vec<usize>)| -> Vec<usize> {
        let stream = Stream::new(seed, &format!("class-balanced/{epoch}/{class}"));
        let rounds = 0..turns.div_ceil(rows.len()) as u64;
        let rounds = rounds.flat_map(|round| stream.part(round).permutation(rows.len()));
        rounds.take(turns).map(|at| rows[at]).collect()
    };
    let given: Vec<Vec<usize>> = classes.iter().enumerate().map(given).collect();
    let stream = Stream::new(seed, &format!("class-balanced/{epoch}"));
    let turn = |turn: usize| {
        let order = stream.part(turn as u64).permutation(given.len()).into_iter();
        order.map(move |class| (class, turn))
    };
    let turns = (0..turns).flat_map(turn).take(labels.len());
    turns.map(|(class, turn)| given[class][turn]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::examples::counts;

    #[test]
    fn every_class_has_its_turn() {
        // 96 examples of class 0, 3 of class 2, 1 of class 3, none of class 1.
        let labels: Vec<i64> =
            (0..100).map(|row| [0, 2, 3][(row > 95) as usize + (row > 98) as usize]).collect();
        let sampled = |seed, epoch| Sampling::ClassBalanced.order(&labels, seed, epoch);
        let order = sampled(1, 1);
        assert_eq!((order.epoch, order.rows.len()), (1, 100));
        let seen: Vec<i64> = order.rows.iter().map(|&row| labels[row]).collect();
        let seen = counts(&seen, 4);
        assert!(seen[1] == 0 && [0, 2, 3].iter().all(|&class| seen[class].abs_diff(33) <= 1));
        // No example of a class comes again before all of it were there.
        let of_rare = order.rows.iter().filter(|&&row| labels[row] == 2).copied();
        let of_rare: Vec<usize> = of_rare.collect();
        for round in of_rare.chunks_exact(3) {
            let mut round = round.to_vec();
            round.sort_unstable();
            assert_eq!(round, [96, 97, 98]);
        }
        let mut of_many: Vec<_> = order.rows.iter().filter(|&&row| labels[row] == 0).collect();
        of_many.sort_unstable();
        assert!(of_many.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(order, sampled(1, 1));
        assert_ne!(order.rows, sampled(1, 2).rows);
        assert_ne!(order.rows, sampled(2, 1).rows);
    }

    #[test]
    fn without_a_word_every_example_comes_once() {
        assert_eq!(Sampling::default().order(&[0, 1, 1], 3, 2), order(3, 3, 2));
        assert!(Sampling::ClassBalanced.order(&[], 3, 2).rows.is_empty());
    }
}
