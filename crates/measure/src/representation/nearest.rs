//! The nearest rows of one matrix to each row of another, found by looking at all of them.

use std::borrow::Cow;

use super::linalg::{Matrix, product, squared_distances};
use crate::{Result, Stop, parallel};

/// How far apart two rows of features are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// 1 − cos of the angle between them; a row of zeros is at distance 1 from everything.
    Cosine,
    /// ‖a − b‖.
    Euclidean,
}

/// A neighbour's squared distance, of the unit rows for [`Metric::Cosine`], and its row.
pub(crate) type Neighbour = (f64, usize);

/// The `k` nearest rows of `bank` to each row of `queries`, nearest first, of equally near ones the
/// first. With `left_out` the two are the same matrix, and no row is its own neighbour.
///
/// # Errors
/// [`crate::Error::Interrupted`].
pub(crate) fn nearest(
    bank: &Matrix,
    queries: &Matrix,
    k: usize,
    metric: Metric,
    left_out: bool,
    stop: Stop,
) -> Result<Vec<Vec<Neighbour>>> {
    /// Distances held at once, 64 MB of them.
    const BLOCK: usize = 1 << 23;
    /// Products of two features that are computed between two looks at `stop`.
    const WORK: usize = 1 << 30;
    let (bank, queries) = (prepared(bank, metric), prepared(queries, metric));
    let (banked, asked, width) = (bank.rows(), queries.rows(), bank.columns());
    let block = (BLOCK.min(WORK / width) / banked).max(1);
    let mut all = Vec::with_capacity(asked);
    for start in (0..asked).step_by(block) {
        stop.check()?;
        let rows = block.min(asked - start);
        let part = queries.some_rows(start, rows);
        let distances = match metric {
            Metric::Cosine => twice_cosine_distances(&part, &bank),
            Metric::Euclidean => squared_distances(&part, &bank),
        };
        all.extend(parallel::map(rows, banked, |row| {
            let skipped = left_out.then_some(start + row);
            smallest(distances.row(row), k, skipped)
        }));
    }
    Ok(all)
}

fn prepared(matrix: &Matrix, metric: Metric) -> Cow<'_, Matrix> {
    match metric {
        Metric::Cosine => Cow::Owned(matrix.clone().unit_rows()),
        Metric::Euclidean => Cow::Borrowed(matrix),
    }
}

/// 2·(1 − cos), which is ‖a − b‖² of unit rows, and 2 where one of them is 0.
fn twice_cosine_distances(a: &Matrix, b: &Matrix) -> Matrix {
    let mut distances = product(a.view(), b.view().transpose());
    distances.change_rows(|_, row| row.iter_mut().for_each(|x| *x = -2.0 * *x + 2.0));
    distances
}

/// The `k` smallest values with their places, smallest first.
fn smallest(values: &[f64], k: usize, skipped: Option<usize>) -> Vec<Neighbour> {
    let mut best: Vec<Neighbour> = Vec::with_capacity(k + 1);
    for (place, &value) in values.iter().enumerate() {
        let among_them = best.len() < k || best.last().is_some_and(|worst| value < worst.0);
        if among_them && Some(place) != skipped {
            // Behind its equals, which came first.
            best.insert(best.partition_point(|neighbour| neighbour.0 <= value), (value, place));
            best.truncate(k);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_nearer() {
        assert_eq!(smallest(&[2.0, 1.0, 1.0, 3.0, 1.0], 2, None), [(1.0, 1), (1.0, 2)]);
        assert_eq!(smallest(&[2.0, 1.0, 1.0, 3.0, 1.0], 2, Some(1)), [(1.0, 2), (1.0, 4)]);
        assert_eq!(smallest(&[2.0, 1.0], 5, None), [(1.0, 1), (2.0, 0)]);
        assert!(smallest(&[2.0, 1.0], 0, None).is_empty());
    }

    #[test]
    fn finds_what_comparing_all_pairs_finds() {
        let values: Vec<f64> = crate::sample::uniform(3).take(90 * 4).collect();
        let matrix = Matrix::new(values.clone(), 4);
        let found = nearest(&matrix, &matrix, 3, Metric::Euclidean, true, Stop::never()).unwrap();
        for (row, found) in found.iter().enumerate() {
            let of = |i: usize| &values[i * 4..i * 4 + 4];
            let distance = |i: usize| -> f64 {
                of(i).iter().zip(of(row)).map(|(a, b)| (a - b) * (a - b)).sum()
            };
            let mut order: Vec<usize> = (0..90).filter(|i| *i != row).collect();
            order.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
            assert_eq!(found.iter().map(|n| n.1).collect::<Vec<_>>(), order[..3], "row {row}");
        }
    }

    #[test]
    fn cosine_looks_at_directions_only() {
        let values = vec![1.0, 0.0, 100.0, 90.0, 0.0, 0.0, 0.0, -1.0];
        let matrix = Matrix::new(values, 2);
        let query = Matrix::new(vec![1e-3, 1e-3], 2);
        let found = nearest(&matrix, &query, 4, Metric::Cosine, false, Stop::never()).unwrap();
        assert_eq!(found[0].iter().map(|n| n.1).collect::<Vec<_>>(), [1, 0, 2, 3]);
        assert_eq!(found[0][2].0, 2.0);
    }
}
