//! Where the classes are in a tensor of logits, found by the targets' shape; what is the same for
//! every framework.

use crate::error::{Error, Result};

/// Where the classes are in a tensor of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The dimension of the classes.
    pub dimension: usize,
    /// Elements from one class to the next.
    pub inner: usize,
}

impl Layout {
    /// Of logits of shape (N, C), (B, T, C) or (N, C, d…), with targets of that shape without the
    /// classes, or of that very shape where they are soft.
    pub fn of(shape: &[usize], targets: &[usize], soft: bool) -> Result<Self> {
        let refuse = |what: &str| {
            Err(Error::Shape(format!("logits {shape:?} with targets {targets:?}: {what}")))
        };
        if shape.len() < 2 || shape.contains(&0) {
            return refuse("expected logits of shape (N, C), (B, T, C) or (N, C, d…)");
        }
        let last = shape.len() - 1;
        let (second, final_) = if soft {
            (shape == targets, shape == targets && last == 1)
        } else {
            (without(shape, 1) == targets, without(shape, last) == targets)
        };
        let dimension = match (second, final_) {
            _ if last == 1 && second => 1,
            (true, true) => {
                return refuse("the classes may be dimension 1 or the last: flatten to (N, C)");
            }
            (true, false) => 1,
            (false, true) => last,
            (false, false) => {
                return refuse("the targets have another shape than the logits' rows");
            }
        };
        Ok(Self { dimension, inner: shape[dimension + 1..].iter().product() })
    }

    /// The shape of the rows' losses.
    pub fn rows(&self, shape: &[usize]) -> Vec<usize> {
        without(shape, self.dimension)
    }
}

fn without(shape: &[usize], dimension: usize) -> Vec<usize> {
    let mut rest = shape.to_vec();
    rest.remove(dimension);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_shape_tells_where_the_classes_are() {
        let of = |shape: &[usize], targets: &[usize], soft| {
            Layout::of(shape, targets, soft).map(|at| (at.dimension, at.inner))
        };
        assert_eq!(of(&[2, 5], &[2], false), Ok((1, 1)));
        assert_eq!(of(&[2, 5], &[2, 5], true), Ok((1, 1)));
        assert_eq!(of(&[2, 5, 3, 4], &[2, 3, 4], false), Ok((1, 12)));
        assert_eq!(of(&[2, 5, 3, 4], &[2, 5, 3, 4], true), Ok((1, 12)));
        assert_eq!(of(&[2, 3, 5], &[2, 3], false), Ok((2, 1)));
        assert_eq!(Layout { dimension: 1, inner: 3 }.rows(&[2, 5, 3]), [2, 3]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused_with_both() {
        for (shape, targets, soft, part) in [
            (&[2, 5][..], &[3][..], false, "another shape"),
            (&[2, 5], &[2, 4], true, "another shape"),
            (&[5], &[1], false, "expected logits"),
            (&[2, 0], &[2], false, "expected logits"),
            (&[2, 3, 3], &[2, 3], false, "flatten"),
        ] {
            let message = Layout::of(shape, targets, soft).unwrap_err().to_string();
            let named = format!("{shape:?} with targets {targets:?}");
            assert!(message.contains(part) && message.contains(&named), "{message}");
        }
    }
}
