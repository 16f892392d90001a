//! [`Examples`]: labelled images as plain arrays.

use tch::Tensor;

use super::{Batch, Source};
use crate::Result;

/// Labelled images of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// Pixels in \[0, 1\], example by example, each row-major as channels × height × width.
    pub inputs: Vec<f32>,
    /// Channels, height and width of one example.
    pub shape: [usize; 3],
    /// The class of each example, from 0.
    pub labels: Vec<i64>,
    /// Names of the classes.
    pub classes: Vec<String>,
}

impl Examples {
    /// How many examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The examples at `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let size: usize = self.shape.iter().product();
        let pixels = |&row: &usize| &self.inputs[row * size..(row + 1) * size];
        Self {
            inputs: rows.iter().flat_map(pixels).copied().collect(),
            shape: self.shape,
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            classes: self.classes.clone(),
        }
    }

    /// How many examples each class has.
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.classes.len()];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        counts
    }

    /// Mean and standard deviation of each channel over all pixels of all examples.
    pub fn moments(&self) -> Vec<(f64, f64)> {
        let [channels, height, width] = self.shape;
        let plane = height * width;
        let channel = |c: usize| {
            let pixels = || self.inputs.chunks_exact(plane).skip(c).step_by(channels).flatten();
            let count = (self.len() * plane) as f64;
            let mean = pixels().map(|&x| f64::from(x)).sum::<f64>() / count;
            let square = pixels().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
            (mean, square.sqrt())
        };
        (0..channels).map(channel).collect()
    }

    /// The inputs as one tensor, f32 (N, C, H, W).
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn tensor(&self) -> Result<Tensor> {
        let [channels, height, width] = self.shape.map(|n| n as i64);
        let inputs = Tensor::f_from_slice(&self.inputs)?;
        Ok(inputs.f_reshape([self.len() as i64, channels, height, width])?)
    }

    /// Moves the examples into tensors that batches are cut from.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn tensors(&self) -> Result<ImageSource> {
        Ok(ImageSource { inputs: self.tensor()?, targets: Tensor::f_from_slice(&self.labels)? })
    }
}

/// Images in memory: pixels f32 (N, C, H, W) and labels i64 (N).
#[derive(Debug)]
pub struct ImageSource {
    inputs: Tensor,
    targets: Tensor,
}

impl Source for ImageSource {
    fn len(&self) -> usize {
        self.targets.numel()
    }

    /// One gather an epoch; the batches are then views into it.
    fn batches(&self, order: &[usize], size: usize) -> Result<Vec<Batch>> {
        let rows: Vec<i64> = order.iter().map(|&row| row as i64).collect();
        let rows = Tensor::f_from_slice(&rows)?;
        let inputs = self.inputs.f_index_select(0, &rows)?.f_split(size as i64, 0)?;
        let targets = self.targets.f_index_select(0, &rows)?.f_split(size as i64, 0)?;
        let batch = |(x, targets)| Batch { inputs: vec![x], targets };
        Ok(inputs.into_iter().zip(targets).map(batch).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> Examples {
        Examples {
            inputs: (0..16).map(|x| x as f32).collect(),
            shape: [2, 1, 2],
            labels: vec![0, 1, 2, 0],
            classes: ["a", "b", "c"].map(String::from).to_vec(),
        }
    }

    #[test]
    fn moments_are_those_of_each_channel() {
        // numpy: x = np.arange(16.).reshape(4, 2, 1, 2); x.mean((0, 2, 3)), x.std((0, 2, 3))
        let moments = four().moments();
        assert_eq!(moments.iter().map(|m| m.0).collect::<Vec<_>>(), [6.5, 8.5]);
        assert!(moments.iter().all(|m| (m.1 - 4.5).abs() < 0.1), "{moments:?}");
    }

    #[test]
    fn batches_follow_the_order_and_keep_the_last_partial_one() {
        let examples = four();
        let batches = examples.tensors().unwrap().batches(&[3, 0, 2], 2).unwrap();
        let read = |batch: &Batch| -> (Vec<f32>, Vec<i64>) {
            let x = batch.inputs[0].flatten(0, -1);
            (x.try_into().unwrap(), (&batch.targets).try_into().unwrap())
        };
        assert_eq!(batches.len(), 2);
        assert_eq!(read(&batches[0]), (vec![12., 13., 14., 15., 0., 1., 2., 3.], vec![0, 0]));
        assert_eq!(read(&batches[1]), (vec![8., 9., 10., 11.], vec![2]));
        assert_eq!(batches[1].inputs[0].size(), [1, 2, 1, 2]);
        assert_eq!(examples.select(&[2]).inputs, [8., 9., 10., 11.]);
        assert_eq!(examples.counts(), [2, 1, 1]);
    }
}
