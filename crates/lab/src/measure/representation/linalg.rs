//! Dense linear algebra in double precision, on the CPU: libtorch's, which has a BLAS and a LAPACK.

use tch::{Device, Kind, Tensor};

use super::{Classes, Features};
use crate::Result;
use crate::measure::Logit;

/// The features as an N×D matrix.
pub(in crate::measure) fn tensor<T: Logit>(features: Features<T>) -> Result<Tensor> {
    let values: Vec<f64> = features.iter().flatten().map(|&x| x.into()).collect();
    Ok(Tensor::f_from_slice(&values)?
        .f_view([features.rows() as i64, features.columns() as i64])?)
}

/// Numbers as a vector.
pub(in crate::measure) fn vector(values: &[f64]) -> Result<Tensor> {
    Ok(Tensor::f_from_slice(values)?)
}

/// The numbers of a matrix, row-major, or of a vector.
pub(in crate::measure) fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    let flat = tensor.f_contiguous()?.f_view([-1])?;
    Ok(Vec::try_from(&flat)?)
}

/// The mean of the rows of an N×D matrix, 1×D.
pub(in crate::measure) fn mean_row(matrix: &Tensor) -> Result<Tensor> {
    Ok(matrix.f_mean_dim(0, true, Kind::Double)?)
}

/// The mean of each class's rows, C×D.
pub(in crate::measure) fn class_means(matrix: &Tensor, classes: &Classes) -> Result<Tensor> {
    let sizes: Vec<f64> = classes.sizes().iter().map(|&size| size as f64).collect();
    let shape = [classes.len() as i64, matrix.size()[1]];
    let sums = Tensor::f_zeros(shape, (Kind::Double, Device::Cpu))?;
    let sums = sums.f_index_add(0, &class_index(classes)?, matrix)?;
    Ok(sums.f_div(&vector(&sizes)?.f_view([-1, 1])?)?)
}

/// The class of each row, for selecting rows of a C×D matrix.
pub(in crate::measure) fn class_index(classes: &Classes) -> Result<Tensor> {
    let of_row: Vec<i64> = classes.of_row.iter().map(|&class| class as i64).collect();
    Ok(Tensor::f_from_slice(&of_row)?)
}

/// ‖a_i − b_j‖² between the rows of two matrices, N×M: ‖a‖² + ‖b‖² − 2a·b, exact for features that
/// are small whole numbers.
pub(in crate::measure) fn squared_distances(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let norms = |m: &Tensor| m.f_square()?.f_sum_dim_intlist(1, true, Kind::Double);
    let products = a.f_matmul(&b.f_transpose(0, 1)?)?.f_mul_scalar(-2.0)?;
    let with_a = products.f_add(&norms(a)?)?;
    Ok(with_a.f_add(&norms(b)?.f_transpose(0, 1)?)?.f_clamp_min(0.0)?)
}

/// The rows divided by their Euclidean norms; a row of zeros stays.
pub(in crate::measure) fn unit_rows(matrix: &Tensor) -> Result<Tensor> {
    let norms = matrix.f_square()?.f_sum_dim_intlist(1, true, Kind::Double)?.f_sqrt()?;
    // The smallest double is below every norm but 0.
    Ok(matrix.f_div(&norms.f_clamp_min(f64::MIN_POSITIVE)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(values: &[f64], columns: usize) -> Tensor {
        tensor(Features::new(values, columns).unwrap()).unwrap()
    }

    #[test]
    fn distances_are_those_of_the_rows() {
        let a = matrix(&[0.0, 0.0, 3.0, 4.0], 2);
        let b = matrix(&[0.0, 1.0, 3.0, 4.0, -1.0, 0.0], 2);
        let distances = numbers(&squared_distances(&a, &b).unwrap()).unwrap();
        assert_eq!(distances, [1.0, 25.0, 1.0, 18.0, 0.0, 32.0]);
    }

    #[test]
    fn rows_become_unit_rows() {
        let unit = unit_rows(&matrix(&[3.0, 4.0, 0.0, 0.0, 0.0, -2.0], 2)).unwrap();
        assert_eq!(numbers(&unit).unwrap(), [0.6, 0.8, 0.0, 0.0, 0.0, -1.0]);
    }

    #[test]
    fn means_are_those_of_the_classes() {
        let values = [1.0, 2.0, 3.0, 6.0, -1.0, 0.0];
        let features = Features::new(&values, 2).unwrap();
        let classes = features.classes(&[4, 4, 1]).unwrap();
        let means = class_means(&matrix(&values, 2), &classes).unwrap();
        assert_eq!(numbers(&means).unwrap(), [-1.0, 0.0, 2.0, 4.0]);
    }
}
