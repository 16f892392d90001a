//! [`Subset`]: a part of a large data set, for a first look or a small machine.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::split::rows_by_class;
use crate::random::Stream;

/// `take = { train = 4000, test = 1000 }`: so many examples at random, every class by its share; the
/// same ones for every seed. Without a number all are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subset {
    /// Of those that are learned from, before a validation part is held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<NonZeroUsize>,
    /// Of the test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<NonZeroUsize>,
}

impl Subset {
    /// The rows of `labels` that `take` leaves, ascending; `None` if that is all of them.
    pub fn rows(count: Option<NonZeroUsize>, labels: &[i64]) -> Option<Vec<usize>> {
        let count = count.map(NonZeroUsize::get).filter(|&count| count < labels.len())?;
        let classes = rows_by_class(labels);
        // The middle of each row's place in its class, as a share: the smallest shares of all
        // classes together hold every class in proportion.
        let places = classes.iter().enumerate().flat_map(|(class, rows)| {
            let order = Stream::new(0, "take").part(class as u64).permutation(rows.len());
            let share = move |place: usize| (place as f64 + 0.5) / rows.len() as f64;
            order.into_iter().enumerate().map(move |(place, at)| (share(place), rows[at]))
        });
        let mut places: Vec<(f64, usize)> = places.collect();
        places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut rows: Vec<usize> = places[..count].iter().map(|(_, row)| *row).collect();
        rows.sort_unstable();
        Some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_keep_their_shares() {
        let labels: Vec<i64> = (0..1000).map(|row| i64::from(row % 10 == 0)).collect();
        let rows = Subset::rows(NonZeroUsize::new(100), &labels).unwrap();
        assert_eq!(rows.len(), 100);
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(rows.iter().filter(|&&row| labels[row] == 1).count(), 10);
        // At random, not from the front.
        assert!(rows.iter().any(|&row| row > 900) && rows != (0..100).collect::<Vec<_>>());
        assert_eq!(rows, Subset::rows(NonZeroUsize::new(100), &labels).unwrap());
    }

    #[test]
    fn no_more_than_there_are() {
        assert_eq!(Subset::rows(NonZeroUsize::new(3), &[0, 1, 0]), None);
        assert_eq!(Subset::rows(None, &[0, 1, 0]), None);
    }
}
