//! Principal axes: the directions in which rows vary most.
//!
//! Those of n rows in d dimensions are eigenvectors of the d×d covariance XᵀX/n. Where there are
//! fewer rows than dimensions, XXᵀ/n is the smaller matrix and has the same eigenvalues but for
//! zeros: with its eigenvectors U the axes are XᵀU, of length √(nλ). There are at most n of them, and
//! every other direction has no variance.

use super::linalg::{Matrix, eigen, product};
use crate::{Error, Result, Stop};

/// The largest matrix whose eigenvalues are computed: half a gigabyte, and minutes.
const SIDE: usize = 8192;

/// The axes of some rows.
#[derive(Debug)]
pub(crate) struct Principal {
    /// The variance along each, largest first.
    pub variances: Vec<f64>,
    /// D×k, orthonormal columns, in the order of the variances.
    pub axes: Matrix,
    /// The variance in all directions.
    pub total: f64,
}

impl Principal {
    /// The first `most` axes of the rows of `x`, which is N×D and centred where the variance is to be
    /// that around the mean. Directions without variance may be left out.
    ///
    /// # Errors
    /// More than [`SIDE`] rows of more than [`SIDE`] dimensions; [`Error::Interrupted`].
    pub fn new(x: Matrix, most: usize, stop: Stop) -> Result<Self> {
        let (rows, columns) = (x.rows(), x.columns());
        validate_side(rows, columns)?;
        stop.leave(move || match rows < columns {
            true => by_products(&x, most),
            false => by_covariance(&x, most),
        })
    }

    /// How many of the first axes have a variance that is more than rounding: as `pinvh` of SciPy
    /// decides it for a matrix of that many `rows` or `columns`, whichever are more.
    pub fn rank(variances: &[f64], rows: usize, columns: usize) -> usize {
        let largest = variances.iter().copied().fold(0.0, f64::max);
        let nothing = largest * rows.max(columns) as f64 * f64::EPSILON;
        variances.iter().take_while(|variance| **variance > nothing).count()
    }
}

/// Refuses what would take all memory.
fn validate_side(rows: usize, columns: usize) -> Result<()> {
    let side = rows.min(columns);
    if side <= SIDE {
        return Ok(());
    }
    Err(Error::Request(format!(
        "principal axes of {rows} rows in {columns} dimensions take the eigenvalues of a matrix of \
         {side}×{side}, and {SIDE}×{SIDE} is the most: measure fewer rows"
    )))
}

/// By the eigenvalues of XᵀX/n.
fn by_covariance(x: &Matrix, most: usize) -> Result<Principal> {
    let (variances, axes) = eigen(&covariance(x))?;
    let total = variances.iter().map(|variance| variance.max(0.0)).sum();
    let most = most.min(variances.len());
    let axes = axes.first_columns(most);
    Ok(Principal { variances: variances[..most].to_vec(), axes, total })
}

/// By the eigenvalues of XXᵀ/n.
fn by_products(x: &Matrix, most: usize) -> Result<Principal> {
    let (variances, vectors) = eigen(&products(x))?;
    let total = variances.iter().map(|variance| variance.max(0.0)).sum();
    let kept = Principal::rank(&variances, x.rows(), x.columns()).min(most);
    let axes = product(x.view().transpose(), vectors.first_columns(kept).view());
    // Orthogonal but for rounding, of which those of little variance have the most.
    let axes = axes.orthonormal();
    Ok(Principal { variances: variances[..kept].to_vec(), axes, total })
}

/// XᵀX / n.
fn covariance(x: &Matrix) -> Matrix {
    divided(product(x.view().transpose(), x.view()), x.rows())
}

/// XXᵀ / n.
fn products(x: &Matrix) -> Matrix {
    divided(product(x.view(), x.view().transpose()), x.rows())
}

fn divided(mut matrix: Matrix, by: usize) -> Matrix {
    matrix.change_rows(|_, row| row.iter_mut().for_each(|x| *x /= by as f64));
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::uniform;

    /// Rows that vary less from dimension to dimension.
    fn rows(seed: u64, rows: usize, columns: usize) -> Matrix {
        let values = uniform(seed).take(rows * columns).enumerate();
        let fading = values.map(|(at, u)| (u - 0.5) / (1 + at % columns) as f64);
        Matrix::new(fading.collect(), columns)
    }

    /// How far two matrices are apart at most.
    fn apart(a: &Matrix, b: &Matrix) -> f64 {
        let apart = a.values().iter().zip(b.values()).map(|(a, b)| (a - b).abs());
        apart.fold(0.0, f64::max)
    }

    #[test]
    fn a_covariance_is_that_of_its_rows() {
        let x = Matrix::new(vec![1.0, 2.0, -1.0, -2.0], 2);
        let covariance = covariance(&x);
        assert_eq!(covariance.values(), [1.0, 2.0, 2.0, 4.0]);
        let (values, _) = eigen(&covariance).unwrap();
        assert!((values[0] - 5.0).abs() < 1e-12 && values[1].abs() < 1e-12, "{values:?}");
    }

    #[test]
    fn both_ways_agree() {
        for (n, d) in [(5, 9), (12, 40), (30, 31), (20, 20), (40, 12), (1, 3)] {
            let x = rows(n as u64, n, d);
            let (one, other) = (by_covariance(&x, d).unwrap(), by_products(&x, d).unwrap());
            let rank = n.min(d);
            assert_eq!(other.variances.len(), rank, "{n}×{d}");
            assert!((one.total / other.total - 1.0).abs() < 1e-12, "{n}×{d}");
            for (a, b) in one.variances.iter().zip(&other.variances) {
                assert!((a - b).abs() < 1e-14, "{n}×{d}: {a} is not {b}");
            }
            // Axes are defined up to their sign: what they project onto is not.
            let onto = |axes: &Matrix, axis| {
                let axis = axes.view().subcols(axis, 1);
                product(axis, axis.transpose())
            };
            for axis in 0..rank {
                let apart = apart(&onto(&one.axes, axis), &onto(&other.axes, axis));
                // Of little variance, they are known to the rounding of the largest.
                assert!(apart < 1e-6, "{n}×{d}, axis {axis}: {apart}");
            }
        }
    }

    #[test]
    fn axes_are_orthonormal_and_as_many_as_asked_for() {
        let x = rows(3, 6, 50);
        let found = Principal::new(x, 4, Stop::never()).unwrap();
        assert_eq!((found.axes.rows(), found.axes.columns(), found.variances.len()), (50, 4, 4));
        let products = product(found.axes.view().transpose(), found.axes.view());
        let unit = (0..16).map(|at| if at % 5 == 0 { 1.0 } else { 0.0 }).collect();
        assert!(apart(&products, &Matrix::new(unit, 4)) < 1e-14);
        // Two rows that are the same, around their mean: nothing varies.
        let still = Matrix::new(vec![0.0; 120_000], 60_000);
        let none = Principal::new(still, 2, Stop::never()).unwrap();
        assert_eq!((none.axes.rows(), none.axes.columns(), none.total), (60_000, 0, 0.0));
    }

    #[test]
    fn what_would_take_all_memory_is_refused() {
        let complaint = validate_side(20_000, 60_000).unwrap_err().to_string();
        assert!(complaint.starts_with("principal axes of 20000 rows in 60000 dimensions"));
        assert!(complaint.contains("20000×20000, and 8192×8192 is the most"), "{complaint}");
        assert!(validate_side(8192, 60_000).is_ok() && validate_side(1_000_000, 8192).is_ok());
    }
}
