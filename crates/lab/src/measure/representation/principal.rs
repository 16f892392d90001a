//! Principal axes: the directions in which rows vary most.
//!
//! Those of n rows in d dimensions are eigenvectors of the d×d covariance XᵀX/n. Where there are
//! fewer rows than dimensions, XXᵀ/n is the smaller matrix and has the same eigenvalues but for
//! zeros: with its eigenvectors U the axes are XᵀU, of length √(nλ). There are at most n of them, and
//! every other direction has no variance.

use tch::Tensor;

use super::linalg::numbers;
use crate::{Error, Result, Stop};

/// The largest matrix whose eigenvalues are computed: half a gigabyte, and minutes on a few cores.
const SIDE: usize = 8192;

/// The axes of some rows.
#[derive(Debug)]
pub(in crate::measure) struct Principal {
    /// The variance along each, largest first.
    pub variances: Vec<f64>,
    /// D×k, orthonormal columns, in the order of the variances.
    pub axes: Tensor,
    /// The variance in all directions.
    pub total: f64,
}

impl Principal {
    /// The first `most` axes of the rows of `x`, which is N×D and centred where the variance is to be
    /// that around the mean. Directions without variance may be left out.
    ///
    /// # Errors
    /// More than [`SIDE`] rows of more than [`SIDE`] dimensions; [`Error::Interrupted`].
    pub fn new(x: &Tensor, most: usize, stop: Stop) -> Result<Self> {
        let (rows, columns) = (x.size()[0] as usize, x.size()[1] as usize);
        let side = rows.min(columns);
        if side > SIDE {
            return Err(Error::Request(format!(
                "principal axes of {rows} rows in {columns} dimensions take the eigenvalues of a \
                 matrix of {side}×{side}, and {SIDE}×{SIDE} is the most: measure fewer rows"
            )));
        }
        let x = x.shallow_clone();
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

/// By the eigenvalues of XᵀX/n.
fn by_covariance(x: &Tensor, most: usize) -> Result<Principal> {
    let (variances, axes) = eigen(&squares(x, x.size()[0])?)?;
    let total = variances.iter().map(|variance| variance.max(0.0)).sum();
    let most = most.min(variances.len());
    let axes = axes.f_narrow(1, 0, most as i64)?;
    Ok(Principal { variances: variances[..most].to_vec(), axes, total })
}

/// By the eigenvalues of XXᵀ/n.
fn by_products(x: &Tensor, most: usize) -> Result<Principal> {
    let (rows, columns) = (x.size()[0] as usize, x.size()[1] as usize);
    let (variances, vectors) = eigen(&squares(&x.f_transpose(0, 1)?, rows as i64)?)?;
    let total = variances.iter().map(|variance| variance.max(0.0)).sum();
    let kept = Principal::rank(&variances, rows, columns).min(most);
    let axes = x.f_transpose(0, 1)?.f_matmul(&vectors.f_narrow(1, 0, kept as i64)?)?;
    // Orthogonal but for rounding, of which those of little variance have the most.
    let (axes, _) = Tensor::f_linalg_qr(&axes, "reduced")?;
    Ok(Principal { variances: variances[..kept].to_vec(), axes, total })
}

/// XᵀX / n.
fn squares(x: &Tensor, n: i64) -> Result<Tensor> {
    Ok(x.f_transpose(0, 1)?.f_matmul(x)?.f_div_scalar(n as f64)?)
}

/// The eigenvalues of a symmetric matrix, largest first, and its eigenvectors as columns.
fn eigen(symmetric: &Tensor) -> Result<(Vec<f64>, Tensor)> {
    let (values, vectors) = symmetric.f_linalg_eigh("L")?;
    Ok((numbers(&values.f_flip([0])?)?, vectors.f_flip([1])?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::representation::{Features, linalg::tensor};
    use crate::measure::sample::uniform;

    /// Rows that vary less from dimension to dimension.
    fn rows(seed: u64, rows: usize, columns: usize) -> Tensor {
        let values = uniform(seed).take(rows * columns).enumerate();
        let fading = values.map(|(at, u)| (u - 0.5) / (1 + at % columns) as f64);
        let values: Vec<f64> = fading.collect();
        tensor(Features::new(&values, columns).unwrap()).unwrap()
    }

    #[test]
    fn a_covariance_is_that_of_its_rows() {
        let x = tensor(Features::new(&[1.0, 2.0, -1.0, -2.0], 2).unwrap()).unwrap();
        let covariance = squares(&x, 2).unwrap();
        assert_eq!(numbers(&covariance).unwrap(), [1.0, 2.0, 2.0, 4.0]);
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
            let onto = |axes: &Tensor| axes.matmul(&axes.transpose(0, 1));
            for axis in 0..rank as i64 {
                let [a, b] = [&one, &other].map(|of| onto(&of.axes.narrow(1, axis, 1)));
                let apart = (a - b).abs().max().double_value(&[]);
                // Of little variance, they are known to the rounding of the largest.
                assert!(apart < 1e-6, "{n}×{d}, axis {axis}: {apart}");
            }
        }
    }

    #[test]
    fn axes_are_orthonormal_and_as_many_as_asked_for() {
        let x = rows(3, 6, 50);
        let found = Principal::new(&x, 4, Stop::never()).unwrap();
        assert_eq!((found.axes.size(), found.variances.len()), (vec![50, 4], 4));
        let products = found.axes.transpose(0, 1).matmul(&found.axes);
        let unit = Tensor::eye(4, (tch::Kind::Double, tch::Device::Cpu));
        assert!((products - unit).abs().max().double_value(&[]) < 1e-14);
        // Two rows that are the same, around their mean: nothing varies.
        let still = Tensor::zeros([2, 60_000], (tch::Kind::Double, tch::Device::Cpu));
        let none = Principal::new(&still, 2, Stop::never()).unwrap();
        assert_eq!((none.axes.size(), none.total), (vec![60_000, 0], 0.0));
    }

    #[test]
    fn what_would_take_all_memory_is_refused_before() {
        // A view of one number: nothing is held.
        let wide = Tensor::zeros([1, 1], (tch::Kind::Double, tch::Device::Cpu));
        let wide = wide.expand([20_000, 60_000], false);
        let complaint = Principal::new(&wide, 2, Stop::never()).unwrap_err().to_string();
        assert!(complaint.starts_with("principal axes of 20000 rows in 60000 dimensions"));
        assert!(complaint.contains("20000×20000, and 8192×8192 is the most"), "{complaint}");
    }
}
