//! [`InputSpec`]: all that a network has to know of its inputs to be built.

use super::{Examples, Shape};

/// What the inputs of a network are.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// What they are, and how large.
    pub shape: Shape,
    /// Mean and standard deviation of each of [`Shape::channels`] over the examples that are learned
    /// from.
    pub moments: Vec<(f64, f64)>,
    /// How many examples these are of.
    pub examples: usize,
    /// How many classes there are to tell apart.
    pub classes: usize,
}

impl InputSpec {
    /// That of a network whose weights are known: moments are among them, and these are replaced.
    pub fn of_trained(shape: Shape, classes: usize) -> Self {
        Self { shape, moments: vec![(0.0, 1.0); shape.channels()], examples: 0, classes }
    }
}

impl Examples {
    /// What a network that learns from them has to know.
    pub fn spec(&self) -> InputSpec {
        let (shape, moments) = (self.shape, self.moments());
        InputSpec { shape, moments, examples: self.len(), classes: self.classes.len() }
    }
}
