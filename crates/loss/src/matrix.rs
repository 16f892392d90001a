//! Products of matrices, cut into strips that do not depend on the number of threads.
//!
//! One thread computes a strip of the result from its first summand to its last, so every sum is
//! taken in the same order whatever the number of threads; a library's own threads promise no such
//! thing. With the feature `linear` a strip is the work of the crate `gemm`, without it of plain
//! loops, which do for a classifier of a few classes.

use crate::real::Real;
use crate::threads;
use std::ops::Range;

/// Rows or columns of a strip, whichever the result has more of: enough to pay for gemm's packing,
/// few enough for as many strips as a machine has cores.
const STRIP: usize = 128;

/// A matrix in a slice.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, R> {
    values: &'a [R],
    rows: usize,
    columns: usize,
    /// Elements from a row to the next, and from a column to the next.
    strides: (usize, usize),
}

impl<'a, R> Matrix<'a, R> {
    /// The row-major matrix of rows of `columns` > 0 values.
    pub fn new(values: &'a [R], columns: usize) -> Self {
        Self { values, rows: values.len() / columns, columns, strides: (columns, 1) }
    }

    pub fn transposed(self) -> Self {
        let (row, column) = self.strides;
        Self { rows: self.columns, columns: self.rows, strides: (column, row), ..self }
    }

    fn block(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        let first = rows.start * self.strides.0 + columns.start * self.strides.1;
        let values = &self.values[first.min(self.values.len())..];
        Self { values, rows: rows.len(), columns: columns.len(), ..self }
    }
}

/// The start of a matrix that several threads write different strips of.
struct Shared<R>(*mut R);

// SAFETY: whoever uses the pointer writes a strip of its own only.
unsafe impl<R: Send> Sync for Shared<R> {}
// SAFETY: as above.
unsafe impl<R: Send> Send for Shared<R> {}

impl<R> Shared<R> {
    /// A method, so that closures take the whole and not the pointer in it.
    fn at(&self, offset: usize) -> *mut R {
        self.0.wrapping_add(offset)
    }
}

/// The row-major `into` becomes `a`·`b`, or grows by it.
pub(crate) fn multiply<R: Real>(into: &mut [R], a: Matrix<'_, R>, b: Matrix<'_, R>, grows: bool) {
    let (rows, columns) = (a.rows, b.columns);
    assert!(into.len() == rows * columns && a.columns == b.rows, "matrices that do not fit");
    let into = Shared(into.as_mut_ptr());
    threads::each(rows.max(columns).div_ceil(STRIP), |strip| {
        let from = strip * STRIP;
        let (down, across) = match rows > columns {
            true => (from..rows.min(from + STRIP), 0..columns),
            false => (0..rows, from..columns.min(from + STRIP)),
        };
        let first = into.at(down.start * columns + across.start);
        let (a, b) = (a.block(down, 0..a.columns), b.block(0..b.rows, across));
        // SAFETY: the strip lies within `into` and no other one overlaps it.
        unsafe { product(first, columns, a, b, grows) };
    });
}

/// One strip whose rows lie `stride` elements apart.
///
/// # Safety
/// `into` must be valid for the strip's elements, and nothing else may refer to them.
#[cfg(feature = "linear")]
unsafe fn product<R: Real>(
    into: *mut R,
    stride: usize,
    a: Matrix<'_, R>,
    b: Matrix<'_, R>,
    grows: bool,
) {
    let column_and_row = |m: &Matrix<'_, R>| (m.strides.1 as isize, m.strides.0 as isize);
    let ((a_column, a_row), (b_column, b_row)) = (column_and_row(&a), column_and_row(&b));
    let stride = stride as isize;
    // SAFETY: `into` by the contract; `a` and `b` hold rows × columns elements at their strides, as
    // `Matrix::new` and `Matrix::block` made them. `Real` is f32 or f64, which gemm knows.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            into,
            1,
            stride,
            grows,
            a.values.as_ptr(),
            a_column,
            a_row,
            b.values.as_ptr(),
            b_column,
            b_row,
            R::ONE,
            R::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// As above.
///
/// # Safety
/// As above.
#[cfg(not(feature = "linear"))]
unsafe fn product<R: Real>(
    into: *mut R,
    stride: usize,
    a: Matrix<'_, R>,
    b: Matrix<'_, R>,
    grows: bool,
) {
    for i in 0..a.rows {
        // SAFETY: a row of the strip, by the contract.
        let row = unsafe { std::slice::from_raw_parts_mut(into.add(i * stride), b.columns) };
        if !grows {
            row.fill(R::ZERO);
        }
        for k in 0..a.columns {
            let factor = a.values[i * a.strides.0 + k * a.strides.1];
            for (j, to) in row.iter_mut().enumerate() {
                *to += factor * b.values[k * b.strides.0 + j * b.strides.1];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(count: usize) -> Vec<f64> {
        (0..count).map(|i| (i as f64 * 1.3).sin()).collect()
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (rows, inner, columns) in
            [(1, 1, 1), (3, 5, 7), (515, 3, 130), (2, 700, 129), (0, 2, 3)]
        {
            let (a, b) = (draws(rows * inner), draws(inner * columns));
            let at = |i: usize, j: usize| -> f64 {
                (0..inner).map(|k| a[i * inner + k] * b[k * columns + j]).sum()
            };
            let transpose = |values: &[f64], columns: usize| -> Vec<f64> {
                let rows = values.len() / columns;
                (0..values.len()).map(|i| values[i % rows * columns + i / rows]).collect()
            };
            let (a_t, b_t) = (transpose(&a, inner), transpose(&b, columns));
            let left = [Matrix::new(&a, inner), Matrix::new(&a_t, rows.max(1)).transposed()];
            let right = [Matrix::new(&b, columns), Matrix::new(&b_t, inner).transposed()];
            for (a, b) in left.iter().flat_map(|a| right.iter().map(move |b| (*a, *b))) {
                let a = Matrix { rows, columns: inner, ..a };
                let mut product = vec![f64::NAN; rows * columns];
                multiply(&mut product, a, b, false);
                multiply(&mut product, a, b, true);
                for (i, found) in product.iter().enumerate() {
                    let expected = 2.0 * at(i / columns, i % columns);
                    assert!((found - expected).abs() < 1e-11, "{rows} {inner} {columns}: {i}");
                }
            }
        }
    }
}
