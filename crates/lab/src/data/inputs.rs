//! [`Inputs`]: what a model sees of the examples, in the least memory that holds it.

use std::sync::Arc;

use super::augment::{Occurrence, Pipeline, Raster, Sample};
use super::{Graphs, ImageFiles, Pairs};
use crate::{Error, Result};

/// The inputs of many examples, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Inputs {
    /// Pixels as bytes; a model sees `value / brightest`, from 0 to 1.
    Pixels {
        /// From 0 to `brightest`.
        values: Vec<u8>,
        /// What counts as 1: 255 in nearly every data set.
        brightest: u8,
    },
    /// Numbers as they are, such as the columns of a table.
    Numbers(Vec<f32>),
    /// Pixels that stay in their files until their turn comes.
    Files(ImageFiles),
    /// Images that are transformed when their turn comes.
    Augmented(Augmented),
    /// Graphs with features on their nodes.
    Graphs(Graphs),
    /// Sentences and their translations.
    Pairs(Pairs),
}

impl Inputs {
    /// Pixels of 256 levels.
    pub fn bytes(values: Vec<u8>) -> Self {
        Inputs::Pixels { values, brightest: u8::MAX }
    }

    /// How many values, of all examples together; as they are stored.
    pub fn len(&self) -> usize {
        match self {
            Inputs::Pixels { values, .. } => values.len(),
            Inputs::Numbers(values) => values.len(),
            Inputs::Files(images) => images.bytes(),
            Inputs::Augmented(images) => images.bytes(),
            Inputs::Graphs(graphs) => graphs.len(),
            Inputs::Pairs(pairs) => pairs.pieces(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of the examples at `rows`, in that order; an example has `size` values.
    pub fn select(&self, rows: &[usize], size: usize) -> Self {
        fn pick<T: Copy>(values: &[T], rows: &[usize], size: usize) -> Vec<T> {
            let mut picked = Vec::with_capacity(rows.len() * size);
            rows.iter().for_each(|row| picked.extend(&values[row * size..(row + 1) * size]));
            picked
        }
        match self {
            Inputs::Pixels { values, brightest } => {
                Inputs::Pixels { values: pick(values, rows, size), brightest: *brightest }
            }
            Inputs::Numbers(values) => Inputs::Numbers(pick(values, rows, size)),
            Inputs::Files(images) => Inputs::Files(images.select(rows)),
            Inputs::Augmented(images) => Inputs::Augmented(images.select(rows)),
            Inputs::Graphs(graphs) => Inputs::Graphs(graphs.select(rows)),
            Inputs::Pairs(pairs) => Inputs::Pairs(pairs.select(rows)),
        }
    }

    /// Mean and standard deviation of each channel over all examples, as a model sees them. An
    /// example is `channels` planes of `plane` values, 1 of a row; of words there are none. Numbers that are missing,
    /// NaN, do not count.
    pub fn moments(&self, channels: usize, plane: usize) -> Vec<(f64, f64)> {
        match self {
            Inputs::Pixels { values, brightest } => {
                // A byte has few values: count them first.
                let mut counts = vec![[0u64; 256]; channels];
                for (at, pixels) in values.chunks_exact(plane).enumerate() {
                    let counts = &mut counts[at % channels];
                    pixels.iter().for_each(|&pixel| counts[usize::from(pixel)] += 1);
                }
                let level = |value: usize| f64::from(value as f32 / f32::from(*brightest));
                let channel = |counts: &[u64; 256]| {
                    let weighted = || (0..256).map(|value| (level(value), counts[value] as f64));
                    moments(weighted)
                };
                counts.iter().map(channel).collect()
            }
            // Rows may be wide: each is looked at as it lies in memory, once for each sum.
            Inputs::Numbers(values) if plane == 1 => row_moments(values, channels),
            Inputs::Numbers(values) => {
                let channel = |c: usize| {
                    let planes = values.chunks_exact(plane).skip(c).step_by(channels);
                    let known = || planes.clone().flatten().filter(|x| !x.is_nan());
                    moments(|| known().map(|&x| (f64::from(x), 1.0)))
                };
                (0..channels).map(channel).collect()
            }
            Inputs::Files(images) => images.moments(),
            Inputs::Augmented(images) => images.moments(),
            Inputs::Graphs(graphs) => graphs.moments(),
            Inputs::Pairs(_) => Vec::new(),
        }
    }

    /// The image at `row` in 256 levels; `shape` (channels, height, width) is that of images in
    /// memory.
    pub(super) fn image(&self, row: usize, shape: [usize; 3]) -> Result<Raster> {
        let pixels = match self {
            Inputs::Pixels { values, brightest } => {
                let size = shape.iter().product::<usize>();
                let mut pixels = values[row * size..(row + 1) * size].to_vec();
                if *brightest != u8::MAX {
                    let one = u32::from(*brightest).max(1);
                    let level = |pixel: u8| (u32::from(pixel) * 255 + one / 2) / one;
                    pixels.iter_mut().for_each(|pixel| *pixel = level(*pixel) as u8);
                }
                pixels
            }
            Inputs::Files(images) => return images.image(row),
            Inputs::Numbers(_) | Inputs::Augmented(_) | Inputs::Graphs(_) | Inputs::Pairs(_) => {
                return Err(Error::Request("the examples are no stored images".to_owned()));
            }
        };
        Ok(Raster { pixels, shape })
    }
}

/// Images with what is done to each before a model sees it; cheap to clone. It stands here since it is made
/// of inputs and is some itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Augmented {
    /// The images, whose shape (channels, height, width) is `shape`.
    pub(super) stored: Arc<Inputs>,
    pub(super) shape: [usize; 3],
    /// What the model takes for mean and standard deviation of each channel; those of the stored
    /// images without it.
    pub(super) moments: Option<Vec<(f64, f64)>>,
    pub(super) pipeline: Arc<Pipeline>,
}

impl Augmented {
    /// Those at `rows`, in that order. What is drawn for an image depends on its row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let stored = self.stored.select(rows, self.shape.iter().product());
        Self { stored: Arc::new(stored), ..self.clone() }
    }

    /// How many bytes they are as they are stored.
    pub fn bytes(&self) -> usize {
        self.stored.len()
    }

    /// Mean and standard deviation of each channel, from 0 to 1.
    pub fn moments(&self) -> Vec<(f64, f64)> {
        let [channels, height, width] = self.shape;
        self.moments.clone().unwrap_or_else(|| self.stored.moments(channels, height * width))
    }

    /// The image that `occurrence` is of.
    pub(super) fn sample(&self, occurrence: Occurrence) -> Result<Sample> {
        let image = self.stored.image(occurrence.row, self.shape)?;
        Ok(self.pipeline.apply(image, occurrence))
    }
}

/// Mean and standard deviation of values with their weights, in two passes.
fn moments<I: Iterator<Item = (f64, f64)>>(values: impl Fn() -> I) -> (f64, f64) {
    let count: f64 = values().map(|(_, weight)| weight).sum();
    let mean = values().map(|(x, weight)| weight * x).sum::<f64>() / count;
    let square = values().map(|(x, weight)| weight * (x - mean).powi(2)).sum::<f64>() / count;
    (mean, square.sqrt())
}

/// As [`moments`], of each place in rows of `width` numbers; NaN does not count.
fn row_moments(values: &[f32], width: usize) -> Vec<(f64, f64)> {
    let counts = row_sums(values, width, |_, _| 1.0);
    let sums = row_sums(values, width, |_, x| x);
    let means: Vec<f64> = sums.iter().zip(&counts).map(|(sum, n)| sum / n).collect();
    let squares = row_sums(values, width, |at, x| (x - means[at]).powi(2));
    let spreads = squares.iter().zip(&counts).map(|(sum, n)| (sum / n).sqrt());
    means.iter().copied().zip(spreads).collect()
}

/// The sum over all rows of what `term` makes of each number and its place; NaN does not count.
fn row_sums(values: &[f32], width: usize, term: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for row in values.chunks_exact(width.max(1)) {
        for (at, (sum, &value)) in sums.iter_mut().zip(row).enumerate() {
            if !value.is_nan() {
                *sum += term(at, f64::from(value));
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_missing_have_no_moment() {
        let values = vec![1.0, f32::NAN, 3.0, 5.0, f32::NAN, f32::NAN];
        let found = Inputs::Numbers(values).moments(2, 1);
        assert_eq!(found, [(2.0, 1.0), (5.0, 0.0)]);
        let none = Inputs::Numbers(vec![f32::NAN]).moments(1, 1);
        assert!(none[0].0.is_nan() && none[0].1.is_nan());
    }

    #[test]
    fn bytes_and_numbers_have_the_same_moments() {
        // numpy: x = np.arange(16.).reshape(4, 2, 1, 2); x.mean((0, 2, 3)), x.std((0, 2, 3))
        let expected = [(6.5, 4.5), (8.5, 4.5)];
        let numbers = Inputs::Numbers((0..16).map(|x| x as f32).collect());
        let pixels = Inputs::Pixels { values: (0..16).collect(), brightest: 1 };
        for inputs in [numbers, pixels] {
            for ((mean, std), found) in expected.iter().zip(inputs.moments(2, 2)) {
                assert!(
                    (found.0 - mean).abs() < 1e-12 && (found.1 - std).abs() < 1e-12,
                    "{found:?}"
                );
            }
        }
    }
}
