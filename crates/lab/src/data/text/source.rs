//! [`PairSource`]: sentence pairs of similar length together, as many as fill a batch.

use super::super::{Batch, BatchSource, Batches, Order};
use super::Pairs;
use crate::Result;

/// Sentence pairs to draw batches from. The size of a batch is how many pieces it holds at most on
/// its longer side, ends and padding counted.
#[derive(Debug)]
pub struct PairSource {
    pairs: Pairs,
}

impl PairSource {
    /// Those of `pairs`.
    pub fn new(pairs: Pairs) -> Self {
        Self { pairs }
    }

    /// The rows of each batch: those of `order`, sorted by the lengths of target and source so that
    /// equal lengths stay in the order that was drawn, cut where rows × length would be above
    /// `size`. A pair longer than that is a batch of its own. The batches come in the order of the
    /// places that their first rows have in `order`, and so at random if it is random.
    pub fn packed(&self, order: &Order, size: usize) -> Vec<Vec<usize>> {
        let lengths: Vec<[usize; 2]> = self.pairs.lengths().collect();
        let mut places: Vec<usize> = (0..order.rows.len()).collect();
        places.sort_by_key(|&place| {
            let [source, target] = lengths[order.rows[place]];
            (target, source)
        });
        let longer = |place: usize| {
            let [source, target] = lengths[order.rows[place]];
            source.max(target) + 1
        };
        let mut batches = packed(places, longer, size);
        batches.sort_by_key(|batch| batch[0]);
        for place in batches.iter_mut().flatten() {
            *place = order.rows[*place];
        }
        batches
    }
}

/// `rows` in batches, in their order, each as many as `size` holds when all are padded to the longest of
/// them. What is longer than that itself is a batch of its own.
pub(crate) fn packed(
    rows: Vec<usize>,
    length: impl Fn(usize) -> usize,
    size: usize,
) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut longest = 0;
    for row in rows {
        let length = length(row);
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * longest.max(length) <= size => {
                longest = longest.max(length);
                batch.push(row);
            }
            _ => {
                longest = length;
                batches.push(vec![row]);
            }
        }
    }
    batches
}

impl BatchSource for PairSource {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
        self.batches_after(order, size, 0)
    }

    fn batches_after(&self, order: &Order, size: usize, done: usize) -> Result<Batches<'_>> {
        Ok(Box::new(self.packed(order, size).into_iter().skip(done).map(|rows| {
            let (inputs, targets) = self.pairs.batch(&rows)?;
            Ok(Batch { inputs, targets })
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::tests::of_lengths;
    use super::*;
    use crate::data::order;

    /// Lengths from 0 to 19 that have nothing to do with each other.
    fn many() -> PairSource {
        let length = |row: usize, step: usize| row * step % 20;
        let lengths: Vec<[usize; 2]> =
            (0..200).map(|row| [length(row, 7), length(row, 11)]).collect();
        PairSource::new(of_lengths(&lengths))
    }

    #[test]
    fn batches_hold_no_more_than_their_size() {
        let source = many();
        let order = order(200, 3, 1);
        let batches = source.packed(&order, 60);
        let mut rows: Vec<usize> = batches.iter().flatten().copied().collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..200).collect::<Vec<_>>());
        let lengths: Vec<[usize; 2]> = source.pairs.lengths().collect();
        for batch in source.batches(&order, 60).unwrap().map(Result::unwrap) {
            let sides = [batch.inputs[0].size(), batch.inputs[1].size()];
            assert_eq!(sides[0][0], sides[1][0]);
            assert!(sides.iter().all(|side| side[0] * side[1] <= 60), "{sides:?}");
        }
        // Sorted by target and then source, no batch could take the next one's first row.
        let mut by_length = batches.clone();
        let key = |row: &usize| (lengths[*row][1], lengths[*row][0]);
        by_length.sort_by_key(|batch| (key(&batch[0]), key(&batch[batch.len() - 1])));
        let longest = |rows: &[usize]| {
            rows.iter().map(|&row| lengths[row][0].max(lengths[row][1]) + 1).max().unwrap()
        };
        for pair in by_length.windows(2) {
            assert!(key(&pair[0][pair[0].len() - 1]) <= key(&pair[1][0]));
            let both: Vec<usize> = pair[0].iter().chain(&pair[1][..1]).copied().collect();
            assert!(both.len() * longest(&both) > 60);
        }
    }

    #[test]
    fn every_epoch_draws_other_batches_in_another_order() {
        let source = many();
        let of_epoch = |epoch| source.packed(&order(200, 3, epoch), 60);
        assert_eq!(of_epoch(1), of_epoch(1));
        let sets = |batches: Vec<Vec<usize>>| -> std::collections::BTreeSet<Vec<usize>> {
            let sorted = |mut batch: Vec<usize>| {
                batch.sort_unstable();
                batch
            };
            batches.into_iter().map(sorted).collect()
        };
        assert_ne!(sets(of_epoch(1)), sets(of_epoch(2)));
        // Not from short to long.
        let lengths: Vec<usize> = source.pairs.lengths().map(|[_, target]| target).collect();
        let first: Vec<usize> = of_epoch(1).iter().map(|batch| lengths[batch[0]]).collect();
        assert!(!first.is_sorted());
    }

    #[test]
    fn a_training_that_goes_on_sees_the_batches_that_are_left() {
        let source = many();
        let order = order(200, 0, 4);
        let targets = |batches: Batches| -> Vec<Vec<i64>> {
            batches.map(|batch| batch.unwrap().targets.try_into().unwrap()).collect()
        };
        let all = targets(source.batches(&order, 100).unwrap());
        let left = targets(source.batches_after(&order, 100, 5).unwrap());
        assert!(all.len() > 10);
        assert_eq!(left, all[5..]);
        assert_eq!(all.iter().map(Vec::len).sum::<usize>(), source.pairs.targets());
        assert!(targets(source.batches_after(&order, 100, 1000).unwrap()).is_empty());
    }

    #[test]
    fn a_pair_longer_than_a_batch_is_one_of_its_own() {
        let source = PairSource::new(of_lengths(&[[3, 3], [10_000, 9_999], [0, 0], [3, 3]]));
        let batches = source.packed(&Order::new(0, vec![0, 1, 2, 3]), 8);
        assert_eq!(batches, [vec![1], vec![2, 0], vec![3]]);
        let sizes: Vec<Vec<i64>> =
            source.in_order(8).unwrap().map(|batch| batch.unwrap().inputs[0].size()).collect();
        assert_eq!(sizes, [vec![1, 10_001], vec![2, 4], vec![1, 4]]);
        // Size 0 is no endless loop.
        assert_eq!(source.packed(&Order::new(0, vec![0, 1, 1]), 0).len(), 3);
    }
}
