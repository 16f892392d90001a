//! The matrix that every measurement of a representation starts from.

use crate::Logit;
use crate::{Error, Result};

/// Features of `rows` examples in `columns` dimensions, row-major, all finite.
#[derive(Clone, Copy, Debug)]
pub struct Features<'a, T = f32> {
    values: &'a [T],
    columns: usize,
}

impl<'a, T: Logit> Features<'a, T> {
    /// Views `values` as rows of `columns` features.
    ///
    /// # Errors
    /// Refuses zero columns, zero rows, a length that is no multiple of `columns`, and a value that
    /// is not finite, which it names by row and column.
    pub fn new(values: &'a [T], columns: usize) -> Result<Self> {
        if columns == 0 || !values.len().is_multiple_of(columns) {
            return Err(Error::Request(format!(
                "{} features cannot be rows of {columns} dimensions",
                values.len()
            )));
        }
        if values.is_empty() {
            return Err(Error::Request("there are no rows of features to measure".into()));
        }
        if let Some(at) = values.iter().position(|&x| !x.into().is_finite()) {
            return Err(Error::Request(format!(
                "the feature in row {}, column {} is {}",
                at / columns,
                at % columns,
                values[at].into()
            )));
        }
        Ok(Self { values, columns })
    }

    /// How many examples.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// How many dimensions.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Example by example.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T> {
        self.values.chunks_exact(self.columns)
    }

    /// Refuses features of another dimension, to which what was fitted here cannot be applied.
    pub(crate) fn validate_columns(&self, expected: usize) -> Result<()> {
        if self.columns == expected {
            return Ok(());
        }
        Err(Error::Request(format!(
            "the features have {} dimensions, not {expected} like the others",
            self.columns
        )))
    }

    /// The classes among `labels`, which are one a row and may be any whole numbers.
    pub(crate) fn classes(&self, labels: &[i64]) -> Result<Classes> {
        if labels.len() != self.rows() {
            return Err(Error::Request(format!(
                "{} labels for {} rows of features",
                labels.len(),
                self.rows()
            )));
        }
        let mut names = labels.to_vec();
        names.sort_unstable();
        names.dedup();
        let of_row = labels.iter().map(|label| names.partition_point(|name| name < label));
        Ok(Classes { of_row: of_row.collect(), names })
    }
}

/// The classes that occur, numbered from 0 in the order of their labels.
#[derive(Clone, Debug)]
pub(crate) struct Classes {
    /// The class of each row.
    pub of_row: Vec<usize>,
    /// The label of each class.
    pub names: Vec<i64>,
}

impl Classes {
    /// How many classes occur.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// How many rows each class has, at least 1.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.len()];
        for class in &self.of_row {
            sizes[*class] += 1;
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_matrix_of_finite_numbers() {
        let complaint =
            |values: &[f32], columns| Features::new(values, columns).unwrap_err().to_string();
        assert_eq!(complaint(&[0.0; 7], 3), "7 features cannot be rows of 3 dimensions");
        assert_eq!(complaint(&[0.0; 7], 0), "7 features cannot be rows of 0 dimensions");
        assert_eq!(complaint(&[], 3), "there are no rows of features to measure");
        let infinite = [0.0, 1.0, f32::NEG_INFINITY, 0.0];
        assert_eq!(complaint(&infinite, 2), "the feature in row 1, column 0 is -inf");
        assert_eq!(complaint(&[f32::NAN], 1), "the feature in row 0, column 0 is NaN");
    }

    #[test]
    fn labels_are_any_numbers() {
        let features = Features::new(&[0.0f32; 4], 1).unwrap();
        let classes = features.classes(&[900, -3, 900, 5]).unwrap();
        assert_eq!((classes.of_row.as_slice(), classes.len()), ([2, 0, 2, 1].as_slice(), 3));
        assert_eq!((classes.names.clone(), classes.sizes()), (vec![-3, 5, 900], vec![1, 1, 2]));
        let complaint = features.classes(&[1]).unwrap_err().to_string();
        assert_eq!(complaint, "1 labels for 4 rows of features");
    }
}
