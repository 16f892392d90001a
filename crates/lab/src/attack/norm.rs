//! The norms that measure how far an input was moved, and the balls that they make around it.

use std::fmt;

use tch::Tensor;

use super::{Clean, Tag};
use crate::{Error, Result};

/// How a move of an input is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// The largest change of a pixel.
    Linf,
    /// The root of the sum of the squared changes.
    L2,
}

impl Norm {
    /// Its word in specs and records.
    pub fn word(self) -> &'static str {
        match self {
            Norm::Linf => "linf",
            Norm::L2 => "l2",
        }
    }

    /// What it adds to an attack's name.
    pub fn tag(self) -> Tag {
        Tag { word: self.word().to_owned(), title: self.to_string() }
    }

    /// From its word.
    ///
    /// # Errors
    /// Another word.
    pub fn parse(word: &str) -> Result<Self> {
        [Norm::Linf, Norm::L2].into_iter().find(|norm| norm.word() == word).ok_or_else(|| {
            Error::Request(format!("there is no norm {word:?}; there are linf and l2"))
        })
    }

    /// The longest way up in a step of length 1: the sign of `gradient`, or `gradient` over its
    /// length plus `floor`. Without a floor an example goes a whole step however small its gradient
    /// is, and none where it is exactly zero.
    ///
    /// `gradient`: (N, …), and so is the result.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn steepest(self, gradient: &Tensor, floor: f64) -> Result<Tensor> {
        if self == Norm::Linf {
            return Ok(gradient.f_sign()?);
        }
        if floor > 0.0 {
            return Ok(gradient.f_div(&spread(&length(gradient)?, gradient)?.f_add_scalar(floor)?)?);
        }
        // Squares underflow long before the gradient does, so its largest part is made 1 first.
        let largest = gradient.f_abs()?.f_flatten(1, -1)?.f_amax([1], false)?;
        let still = largest.f_eq(0.0)?;
        let scale = spread(&largest.f_masked_fill(&still, 1.0)?, gradient)?;
        let gradient = gradient.f_div(&scale)?;
        let length = length(&gradient)?.f_masked_fill(&still, 1.0)?;
        Ok(gradient.f_div(&spread(&length, &gradient)?)?)
    }

    /// How long each of `moves` (N, …) is: (N,).
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn length(self, moves: &Tensor) -> Result<Tensor> {
        match self {
            Norm::Linf => Ok(moves.f_abs()?.f_flatten(1, -1)?.f_amax([1], false)?),
            Norm::L2 => length(moves),
        }
    }

    /// The ball of radius `epsilon` around each of `inputs`, as far as it lies in \[0, 1\].
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn ball(self, inputs: &Tensor, epsilon: f64) -> Result<Ball> {
        Ok(match self {
            Norm::Linf => Ball::Box {
                lowest: inputs.f_sub_scalar(epsilon)?.f_clamp_min(0.0)?,
                highest: inputs.f_add_scalar(epsilon)?.f_clamp_max(1.0)?,
            },
            Norm::L2 => Ball::Round { center: inputs.shallow_clone(), epsilon },
        })
    }

    /// A move of each example drawn for `purpose`, at most `epsilon` long: uniform in the box, or in
    /// a uniform direction with a uniform length.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn draw(self, clean: &Clean, purpose: &str, epsilon: f64) -> Result<Tensor> {
        match self {
            Norm::Linf => {
                clean.draw(purpose, |of, pixel| epsilon * (2.0 * of.uniform(pixel) - 1.0))
            }
            Norm::L2 => {
                let direction = clean.draw(purpose, |of, pixel| of.normal(pixel))?;
                // A counter that no pixel has.
                let lengths = clean.draw_each(purpose, |of| epsilon * of.uniform(u64::MAX))?;
                let direction = self.steepest(&direction, 0.0)?;
                Ok(direction.f_mul(&spread(&lengths, &direction)?)?)
            }
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Norm::Linf => "L∞",
            Norm::L2 => "L2",
        })
    }
}

/// Where an input may be moved to.
#[derive(Debug)]
pub enum Ball {
    /// Between two inputs, pixel by pixel.
    Box {
        /// The least values.
        lowest: Tensor,
        /// The greatest.
        highest: Tensor,
    },
    /// Round, cut by \[0, 1\].
    Round {
        /// The inputs.
        center: Tensor,
        /// Its radius.
        epsilon: f64,
    },
}

impl Ball {
    /// `moved` brought back into the ball and into \[0, 1\].
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn project(&self, moved: &Tensor) -> Result<Tensor> {
        match self {
            Ball::Box { lowest, highest } => Ok(moved.f_clamp_tensor(Some(lowest), Some(highest))?),
            Ball::Round { center, epsilon } => {
                let offset = moved.f_sub(center)?;
                let length = length(&offset)?.f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
                let share = length.f_reciprocal()?.f_mul_scalar(*epsilon)?.f_clamp_max(1.0)?;
                let kept = offset.f_mul(&spread(&share, &offset)?)?;
                Ok(center.f_add(&kept)?.f_clamp(0.0, 1.0)?)
            }
        }
    }
}

/// The L2 length of each example (N, …): (N,).
fn length(moves: &Tensor) -> Result<Tensor> {
    let squares = moves.f_flatten(1, -1)?.f_square()?;
    Ok(squares.f_sum_dim_intlist([1i64].as_slice(), false, None)?.f_sqrt()?)
}

/// One value an example (N,) in the shape (N, 1, …) that multiplies `like`.
pub fn spread(values: &Tensor, like: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1i64; like.dim()];
    shape[0] = -1;
    Ok(values.f_view(shape.as_slice())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::{images, values};

    #[test]
    fn a_step_up_is_one_long_however_small_the_gradient() {
        let gradient = images(&[3.0, -4.0, 3e-30, -4e-30, 0.0, 0.0], 2);
        assert_eq!(
            values(&Norm::Linf.steepest(&gradient, 0.0).unwrap()),
            [1.0, -1.0, 1.0, -1.0, 0.0, 0.0]
        );
        let steepest = values(&Norm::L2.steepest(&gradient, 0.0).unwrap());
        for (found, expected) in steepest.iter().zip([0.6, -0.8, 0.6, -0.8, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{steepest:?}");
        }
        // With the paper's floor the second example hardly moves: that is how it masks.
        let floored = values(&Norm::L2.steepest(&gradient, 1e-10).unwrap());
        assert!(floored[2].abs() < 1e-15 && (floored[0] - 0.6).abs() < 1e-6, "{floored:?}");
    }

    #[test]
    fn what_is_too_far_is_brought_back() {
        let inputs = images(&[0.5, 0.5, 0.9, 0.1], 2);
        let moved = images(&[0.8, 0.9, 1.4, 0.1], 2);
        let back = |norm: Norm, epsilon| {
            values(&norm.ball(&inputs, epsilon).unwrap().project(&moved).unwrap())
        };
        assert_eq!(back(Norm::Linf, 0.25), [0.75, 0.75, 1.0, 0.1]);
        let round = back(Norm::L2, 0.25);
        for (found, expected) in round.iter().zip([0.65, 0.7, 1.0, 0.1]) {
            assert!((found - expected).abs() < 1e-6, "{round:?}");
        }
        let near = back(Norm::L2, 2.0);
        assert!((near[0] - 0.8).abs() < 1e-6, "{near:?}");
        let same = Norm::L2.ball(&inputs, 0.5).unwrap().project(&inputs).unwrap();
        assert_eq!(values(&same), values(&inputs));
    }

    #[test]
    fn draws_fill_the_ball_and_no_more() {
        let inputs = images(&[0.5; 200], 2);
        let labels = Tensor::zeros([100], (tch::Kind::Int64, tch::Device::Cpu));
        let numbers: Vec<usize> = (0..100).collect();
        let clean = Clean { inputs: &inputs, labels: &labels, numbers: &numbers, seed: 3 };
        for norm in [Norm::Linf, Norm::L2] {
            let draws = norm.draw(&clean, "test", 0.3).unwrap();
            let lengths = values(&norm.length(&draws).unwrap());
            let largest = lengths.iter().copied().fold(0f32, f32::max);
            assert!(largest <= 0.3 + 1e-6 && largest > 0.27, "{norm}: {largest}");
        }
    }
}
