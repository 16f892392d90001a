//! The matrix that every measurement starts from.

use crate::{Error, Result};

/// Logits of `rows` examples over `classes` classes, row-major; every value is finite or −∞.
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a> {
    values: &'a [f32],
    classes: usize,
}

impl<'a> Logits<'a> {
    /// Views `values` as rows of `classes` logits.
    ///
    /// # Errors
    /// Refuses zero classes, a length that is no multiple of `classes`, and NaN or +∞, which it
    /// names by row and column.
    pub fn new(values: &'a [f32], classes: usize) -> Result<Self> {
        if classes == 0 || !values.len().is_multiple_of(classes) {
            return Err(Error::Request(format!(
                "{} logits cannot be rows of {classes} classes",
                values.len()
            )));
        }
        if let Some(at) = values.iter().position(|z| z.is_nan() || *z == f32::INFINITY) {
            return Err(Error::Request(format!(
                "the logit in row {}, column {} is {}",
                at / classes,
                at % classes,
                values[at]
            )));
        }
        Ok(Self { values, classes })
    }

    /// How many examples.
    pub fn rows(&self) -> usize {
        self.values.len() / self.classes
    }

    /// How many classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Example by example.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + '_ {
        self.values.chunks_exact(self.classes)
    }

    /// Checks that there is one label a row and that each is a class.
    ///
    /// # Errors
    /// Names the counts, or the first row whose label is out of range.
    pub fn check_labels(&self, labels: &[i64]) -> Result<()> {
        if labels.len() != self.rows() {
            return Err(Error::Request(format!(
                "{} labels for {} rows of logits",
                labels.len(),
                self.rows()
            )));
        }
        let wrong = |y: &i64| !usize::try_from(*y).is_ok_and(|y| y < self.classes);
        match labels.iter().position(wrong) {
            None => Ok(()),
            Some(row) => Err(Error::Request(format!(
                "label {} in row {row} is not one of the {} classes",
                labels[row], self.classes
            ))),
        }
    }
}
