//! The matrix that every measurement starts from.

use super::parallel;
use crate::{Error, Result};

/// A number that logits and features come in: `f32` or `f64`. Measurements widen it to `f64` before
/// they do anything else.
pub trait Logit: Copy + Into<f64> + Send + Sync {}

impl Logit for f32 {}

impl Logit for f64 {}

/// Logits of `rows` examples over `classes` classes, row-major; every value is finite or −∞ (a
/// class that is masked out), and every row has a finite one, so that its softmax exists.
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a, T = f32> {
    values: &'a [T],
    classes: usize,
}

impl<'a, T: Logit> Logits<'a, T> {
    /// Views `values` as rows of `classes` logits.
    ///
    /// # Errors
    /// Refuses zero classes, zero rows, a length that is no multiple of `classes`, NaN or +∞, which
    /// it names by row and column, and a row that is −∞ throughout.
    pub fn new(values: &'a [T], classes: usize) -> Result<Self> {
        if classes == 0 || !values.len().is_multiple_of(classes) {
            return Err(Error::Request(format!(
                "{} logits cannot be rows of {classes} classes",
                values.len()
            )));
        }
        if values.is_empty() {
            return Err(Error::Request("there are no rows of logits to measure".into()));
        }
        let wrong = |z: &T| -> bool { (*z).into().is_nan() || (*z).into() == f64::INFINITY };
        if let Some(at) = values.iter().position(wrong) {
            return Err(Error::Request(format!(
                "the logit in row {}, column {} is {}",
                at / classes,
                at % classes,
                values[at].into()
            )));
        }
        let masked = |row: &[T]| row.iter().all(|z| (*z).into() == f64::NEG_INFINITY);
        if let Some(row) = values.chunks_exact(classes).position(masked) {
            return Err(Error::Request(format!("every logit in row {row} is -inf")));
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
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T> {
        self.values.chunks_exact(self.classes)
    }

    /// Example by example, each with its label.
    ///
    /// # Errors
    /// As [`Logits::validate_labels`].
    pub fn labelled(
        &self,
        labels: &[i64],
    ) -> Result<impl ExactSizeIterator<Item = (&'a [T], usize)>> {
        self.validate_labels(labels)?;
        Ok(self.iter().zip(labels.iter().map(|&y| y as usize)))
    }

    /// What `measure` says of each example, in order; the rows are shared among threads, which
    /// changes no result.
    pub(super) fn map<R: Send>(&self, measure: impl Fn(&'a [T]) -> R + Sync) -> Vec<R> {
        let row = |i: usize| &self.values[i * self.classes..(i + 1) * self.classes];
        parallel::map(self.rows(), self.classes, |i| measure(row(i)))
    }

    /// What `measure` says of each example and its label, as [`Logits::map`].
    ///
    /// # Errors
    /// As [`Logits::validate_labels`].
    pub(super) fn map_labelled<R: Send>(
        &self,
        labels: &[i64],
        measure: impl Fn(&'a [T], usize) -> R + Sync,
    ) -> Result<Vec<R>> {
        self.validate_labels(labels)?;
        let row = |i: usize| &self.values[i * self.classes..(i + 1) * self.classes];
        let one = |i: usize| measure(row(i), labels[i] as usize);
        Ok(parallel::map(self.rows(), self.classes, one))
    }

    /// Refuses a single class, for `what` compares the label with another class.
    ///
    /// # Errors
    /// A single class.
    pub(super) fn validate_rivals(&self, what: &str) -> Result<()> {
        match self.classes {
            1 => Err(Error::Request(format!("{what} needs at least 2 classes, not 1"))),
            _ => Ok(()),
        }
    }

    /// Checks that there is one label a row and that each is a class.
    ///
    /// # Errors
    /// Names the counts, or the first row whose label is out of range.
    pub fn validate_labels(&self, labels: &[i64]) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(values: &[f32], classes: usize) -> String {
        Logits::new(values, classes).unwrap_err().to_string()
    }

    #[test]
    fn refuses_what_has_no_softmax() {
        let inf = f32::INFINITY;
        assert_eq!(complaint(&[0.0; 7], 3), "7 logits cannot be rows of 3 classes");
        assert_eq!(complaint(&[0.0; 7], 0), "7 logits cannot be rows of 0 classes");
        assert_eq!(complaint(&[], 3), "there are no rows of logits to measure");
        assert_eq!(complaint(&[0.0, 1.0, 2.0, f32::NAN], 2), "the logit in row 1, column 1 is NaN");
        assert_eq!(complaint(&[0.0, 1.0, inf, 0.0], 2), "the logit in row 1, column 0 is inf");
        assert_eq!(complaint(&[0.0, -inf, -inf, -inf], 2), "every logit in row 1 is -inf");
        assert!(Logits::new(&[0.0, -inf, -inf, 0.0], 2).is_ok());
    }

    #[test]
    fn refuses_labels_that_do_not_fit() {
        let logits = Logits::new(&[0.0f64; 6], 3).unwrap();
        let complaint = |labels: &[i64]| logits.validate_labels(labels).unwrap_err().to_string();
        assert_eq!(complaint(&[0]), "1 labels for 2 rows of logits");
        assert_eq!(complaint(&[0, 3]), "label 3 in row 1 is not one of the 3 classes");
        assert_eq!(complaint(&[-1, 0]), "label -1 in row 0 is not one of the 3 classes");
        assert!(logits.validate_labels(&[2, 0]).is_ok());
    }
}
