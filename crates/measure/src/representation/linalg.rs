//! Dense linear algebra in double precision: matrices are row-major as everywhere here, products and
//! decompositions are faer's.
//!
//! A product is computed in parts of a fixed size, side by side, and a decomposition by one thread:
//! no result depends on how many threads there are.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};

use super::{Classes, Features};
use crate::{Error, Logit, Result, parallel};

/// N×D numbers, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// `values` as rows of `columns` numbers, at least one, which they make up.
    pub fn new(values: Vec<f64>, columns: usize) -> Self {
        debug_assert!(values.len().is_multiple_of(columns));
        Self { rows: values.len() / columns, columns, values }
    }

    /// The features as an N×D matrix.
    pub fn of<T: Logit>(features: Features<T>) -> Self {
        Self::new(features.iter().flatten().map(|&x| x.into()).collect(), features.columns())
    }

    fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, values: vec![0.0; rows * columns] }
    }

    fn copied(from: MatRef<f64>) -> Self {
        let (rows, columns) = (from.nrows(), from.ncols());
        let at = |row| (0..columns).map(move |column| from[(row, column)]);
        Self { rows, columns, values: (0..rows).flat_map(at).collect() }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn values(&self) -> &[f64] {
        &self.values
    }

    pub fn into_values(self) -> Vec<f64> {
        self.values
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// Row by row, of which there may be any number without a column.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        (0..self.rows).map(|row| self.row(row))
    }

    /// As faer takes it.
    pub fn view(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.values, self.rows, self.columns)
    }

    /// Changes each row, which `change` gets with its number.
    pub fn change_rows(&mut self, mut change: impl FnMut(usize, &mut [f64])) {
        for (at, row) in self.values.chunks_exact_mut(self.columns.max(1)).enumerate() {
            change(at, row);
        }
    }

    /// Each row with `other`, one number a column.
    pub fn change_by(&mut self, other: &[f64], change: impl Fn(&mut f64, f64)) {
        self.change_rows(|_, row| row.iter_mut().zip(other).for_each(|(x, y)| change(x, *y)));
    }

    /// The mean of the rows.
    pub fn mean_row(&self) -> Vec<f64> {
        let mut mean = sum_rows(&self.values, self.columns);
        mean.iter_mut().for_each(|sum| *sum /= self.rows as f64);
        mean
    }

    /// The mean of each class's rows, C×D.
    pub fn class_means(&self, classes: &Classes) -> Self {
        let mut means = Self::zeros(classes.len(), self.columns);
        for (row, class) in self.iter().zip(&classes.of_row) {
            let sum = &mut means.values[class * self.columns..][..self.columns];
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        let sizes = classes.sizes();
        means.change_rows(|class, row| row.iter_mut().for_each(|sum| *sum /= sizes[class] as f64));
        means
    }

    /// The Euclidean norm of each row.
    pub fn norms(&self) -> Vec<f64> {
        self.iter().map(|row| squared_norm(row).sqrt()).collect()
    }

    /// The rows divided by their Euclidean norms; a row of zeros stays.
    pub fn unit_rows(mut self) -> Self {
        // The smallest double is below every norm but 0.
        let norms = self.norms();
        self.change_rows(|row, values| {
            let norm = norms[row].max(f64::MIN_POSITIVE);
            values.iter_mut().for_each(|x| *x /= norm);
        });
        self
    }

    /// `rows` rows from `start` on.
    pub fn some_rows(&self, start: usize, rows: usize) -> Self {
        let values = self.values[start * self.columns..][..rows * self.columns].to_vec();
        Self { rows, columns: self.columns, values }
    }

    /// The first `most` columns.
    pub fn first_columns(&self, most: usize) -> Self {
        Self::copied(self.view().subcols(0, most))
    }

    /// Orthonormal columns that span what those of a matrix span that is at least as high as wide.
    pub fn orthonormal(&self) -> Self {
        Self::copied(self.view().qr().compute_thin_Q().as_ref())
    }
}

/// The sum of rows of `columns` numbers, by halves: its rounding does not grow with their number.
pub(crate) fn sum_rows(values: &[f64], columns: usize) -> Vec<f64> {
    /// Rows that are added one by one.
    const FEW: usize = 64;
    let rows = values.len() / columns;
    let add = |mut sum: Vec<f64>, row: &[f64]| {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        sum
    };
    if rows <= FEW {
        return values.chunks_exact(columns).fold(vec![0.0; columns], add);
    }
    let (first, second) = values.split_at(rows / 2 * columns);
    add(sum_rows(first, columns), &sum_rows(second, columns))
}

/// a·b.
pub(crate) fn product(a: MatRef<f64>, b: MatRef<f64>) -> Matrix {
    /// Rows or columns of a part, of whichever there are more.
    const PART: usize = 128;
    let (rows, columns, depth) = (a.nrows(), b.ncols(), a.ncols());
    let compute = |a: MatRef<f64>, b: MatRef<f64>| {
        let mut out = Matrix::zeros(a.nrows(), b.ncols());
        let to = MatMut::from_row_major_slice_mut(&mut out.values, out.rows, out.columns);
        matmul(to, Accum::Replace, a, b, 1.0, Par::Seq);
        out.values
    };
    let (longer, shorter) = (rows.max(columns), rows.min(columns));
    let parts = parallel::map(longer.div_ceil(PART), PART * shorter * depth, |part| {
        let start = part * PART;
        let size = PART.min(longer - start);
        match rows >= columns {
            true => compute(a.subrows(start, size), b),
            false => compute(a, b.subcols(start, size)),
        }
    });
    if rows >= columns {
        return Matrix { rows, columns, values: parts.concat() };
    }
    let mut values = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for part in &parts {
            let width = part.len() / rows;
            values.extend_from_slice(&part[row * width..][..width]);
        }
    }
    Matrix { rows, columns, values }
}

/// ‖a_i − b_j‖² between the rows of two matrices, N×M: ‖a‖² + ‖b‖² − 2a·b, exact for features that
/// are small whole numbers.
pub(crate) fn squared_distances(a: &Matrix, b: &Matrix) -> Matrix {
    let norms = |m: &Matrix| m.iter().map(squared_norm).collect::<Vec<f64>>();
    let (of_a, of_b) = (norms(a), norms(b));
    let mut distances = product(a.view(), b.view().transpose());
    distances.change_rows(|row, values| {
        for (x, norm) in values.iter_mut().zip(&of_b) {
            *x = (-2.0 * *x + of_a[row] + norm).max(0.0);
        }
    });
    distances
}

/// The eigenvalues of a symmetric matrix, largest first, and its eigenvectors as columns.
///
/// # Errors
/// Numbers that are not finite.
pub(crate) fn eigen(symmetric: &Matrix) -> Result<(Vec<f64>, Matrix)> {
    if symmetric.values.iter().any(|x| !x.is_finite()) {
        return Err(too_large());
    }
    let found = symmetric.view().self_adjoint_eigen(Side::Lower).map_err(|_| endless())?;
    let values = found.S().column_vector().iter().rev().copied().collect();
    Ok((values, Matrix::copied(found.U().reverse_cols())))
}

/// A⁺b, with A⁺ the pseudoinverse of A that leaves out singular values up to `nothing` of the largest.
///
/// # Errors
/// Numbers that are not finite.
pub(crate) fn pseudosolve(a: &Matrix, b: &[f64], nothing: f64) -> Result<Vec<f64>> {
    let found = a.view().thin_svd().map_err(|_| endless())?;
    let singular: Vec<f64> = found.S().column_vector().iter().copied().collect();
    let least = nothing * singular.iter().copied().fold(0.0, f64::max);
    let b = Mat::from_fn(b.len(), 1, |row, _| b[row]);
    let mut along = product(found.U().transpose(), b.as_ref());
    along.change_rows(|axis, x| {
        let value = singular[axis];
        x[0] = if value > least { x[0] / value } else { 0.0 };
    });
    Ok(product(found.V(), along.view()).values)
}

/// ‖x‖².
pub(crate) fn squared_norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

fn too_large() -> Error {
    Error::Work("the features are too large: their squares are beyond 1.8e308".into())
}

fn endless() -> Error {
    Error::Work("a decomposition of a matrix did not come to an end".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::uniform;

    fn matrix(values: &[f64], columns: usize) -> Matrix {
        Matrix::new(values.to_vec(), columns)
    }

    #[test]
    fn distances_are_those_of_the_rows() {
        let a = matrix(&[0.0, 0.0, 3.0, 4.0], 2);
        let b = matrix(&[0.0, 1.0, 3.0, 4.0, -1.0, 0.0], 2);
        assert_eq!(squared_distances(&a, &b).values, [1.0, 25.0, 1.0, 18.0, 0.0, 32.0]);
    }

    #[test]
    fn rows_become_unit_rows() {
        let unit = matrix(&[3.0, 4.0, 0.0, 0.0, 0.0, -2.0], 2).unit_rows();
        assert_eq!(unit.values, [0.6, 0.8, 0.0, 0.0, 0.0, -1.0]);
    }

    #[test]
    fn means_are_those_of_the_classes() {
        let values = [1.0, 2.0, 3.0, 6.0, -1.0, 0.0];
        let features = Features::new(&values, 2).unwrap();
        let classes = features.classes(&[4, 4, 1]).unwrap();
        let means = Matrix::of(features).class_means(&classes);
        assert_eq!(means.values, [-1.0, 0.0, 2.0, 4.0]);
    }

    #[test]
    fn a_sum_of_many_rows_is_as_exact_as_one_of_few() {
        let sum = sum_rows(&[0.1; 2_000_000], 2);
        assert!(sum.iter().all(|sum| (sum / 100_000.0 - 1.0).abs() < 1e-14), "{sum:?}");
        assert_eq!(sum_rows(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [5.0, 7.0, 9.0]);
    }

    /// Taller, wider and neither, in whole parts and not.
    #[test]
    fn products_are_sums_of_products() {
        for (n, k, m) in [(1, 1, 1), (300, 7, 5), (5, 7, 300), (256, 3, 256), (129, 200, 40)] {
            let draw = |seed, many| uniform(seed).take(many).collect::<Vec<_>>();
            let a = Matrix::new(draw(1, n * k), k);
            let b = Matrix::new(draw(2, k * m), m);
            let found = product(a.view(), b.view());
            assert_eq!((found.rows(), found.columns()), (n, m));
            for (row, values) in found.iter().enumerate() {
                for (column, value) in values.iter().enumerate() {
                    let terms = a.row(row).iter().enumerate().map(|(i, x)| x * b.row(i)[column]);
                    assert!((terms.sum::<f64>() - value).abs() < 1e-12, "{n}×{k}×{m}");
                }
            }
        }
    }

    #[test]
    fn without_rows_or_columns_there_is_nothing_to_sum() {
        let empty = Matrix::zeros(3, 0);
        assert_eq!(product(empty.view(), empty.view().transpose()), Matrix::zeros(3, 3));
        let none = product(matrix(&[1.0, 2.0], 1).view(), Matrix::zeros(1, 0).view());
        assert_eq!((none.rows(), none.columns(), none.iter().len()), (2, 0, 2));
    }

    #[test]
    fn eigenvalues_come_with_their_vectors() {
        let symmetric = matrix(&[2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, -4.0], 3);
        let (values, vectors) = eigen(&symmetric).unwrap();
        for (value, expected) in values.iter().zip([3.0, 1.0, -4.0]) {
            assert!((value - expected).abs() < 1e-14, "{values:?}");
        }
        let turned = product(symmetric.view(), vectors.view());
        for (a, b) in turned.iter().zip(vectors.iter()) {
            for ((a, b), value) in a.iter().zip(b).zip(&values) {
                assert!((a - b * value).abs() < 1e-14, "{vectors:?}");
            }
        }
        let wrong = matrix(&[1.0, f64::INFINITY, f64::INFINITY, 1.0], 2);
        assert!(eigen(&wrong).unwrap_err().to_string().contains("too large"));
    }

    #[test]
    fn a_pseudoinverse_solves_what_can_be_solved() {
        // numpy.linalg.pinv([[1, 2, 2], [2, 4, 4]]) @ [3, 1]: the rows are dependent.
        let found = pseudosolve(&matrix(&[1.0, 2.0, 2.0, 2.0, 4.0, 4.0], 3), &[3.0, 1.0], 1e-15);
        for (ours, expected) in found.unwrap().iter().zip([1.0 / 9.0, 2.0 / 9.0, 2.0 / 9.0]) {
            assert!((ours - expected).abs() < 1e-14, "{ours} is not {expected}");
        }
    }
}
