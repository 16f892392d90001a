//! [`ImageFiles`]: images that stay in their files, and [`FileSource`], which decodes them in worker
//! threads ahead of need.

use std::path::PathBuf;
use std::sync::Arc;

use tch::Tensor;

use super::ahead::Ahead;
use super::decode::{Image, decode};
use super::inputs::seen_bytes;
use super::{Batch, Batches, Order, Source};
use crate::experiment::cores;
use crate::{Error, Result};

/// Images in files, of which each has been decoded once; cheap to clone and to select from.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFiles {
    all: Arc<All>,
    /// Which of them, and in which order.
    rows: Vec<usize>,
}

#[derive(Debug, PartialEq)]
struct All {
    files: Vec<PathBuf>,
    /// Channels, height and width that they are brought to.
    shape: [usize; 3],
    side: Option<usize>,
    sums: Vec<Sums>,
}

/// Of an image's bytes: for each channel their sum and the sum of their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums(pub [[u64; 2]; 3]);

impl Sums {
    pub fn of(image: &Image) -> Self {
        let mut sums = Self::default();
        let plane = (image.height * image.width).max(1);
        for (sums, pixels) in sums.0.iter_mut().zip(image.pixels.chunks_exact(plane)) {
            for pixel in pixels.iter().map(|&pixel| u64::from(pixel)) {
                sums[0] += pixel;
                sums[1] += pixel * pixel;
            }
        }
        sums
    }

    pub fn add(&mut self, other: &Self) {
        for (sums, other) in self.0.iter_mut().zip(other.0) {
            sums[0] += other[0];
            sums[1] += other[1];
        }
    }

    /// Mean and standard deviation of each channel, 0 to 1, where these are the sums over `pixels`
    /// pixels.
    pub fn moments(&self, pixels: u64) -> [(f64, f64); 3] {
        self.0.map(|[sum, square]| {
            let mean = sum as f64 / pixels as f64;
            let variance = square as f64 / pixels as f64 - mean * mean;
            (mean / 255.0, variance.max(0.0).sqrt() / 255.0)
        })
    }
}

impl ImageFiles {
    /// `sums` are those of each image as [`decode`] with `side` gives it.
    pub(super) fn new(
        files: Vec<PathBuf>,
        shape: [usize; 3],
        side: Option<usize>,
        sums: Vec<Sums>,
    ) -> Self {
        let rows = (0..files.len()).collect();
        Self { all: Arc::new(All { files, shape, side, sums }), rows }
    }

    /// How many bytes they are when decoded.
    pub fn bytes(&self) -> usize {
        self.rows.len() * self.all.shape.iter().product::<usize>()
    }

    /// Those at `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self { all: self.all.clone(), rows: rows.iter().map(|&row| self.rows[row]).collect() }
    }

    /// Mean and standard deviation of each channel, 0 to 1.
    pub fn moments(&self) -> Vec<(f64, f64)> {
        let [channels, height, width] = self.all.shape;
        let mut sums = Sums::default();
        self.rows.iter().for_each(|&row| sums.add(&self.all.sums[row]));
        sums.moments((self.rows.len() * height * width) as u64)[..channels].to_vec()
    }

    /// Decodes the image at `row`: its bytes, as many as the shape has.
    pub(super) fn pixels(&self, row: usize) -> Result<Vec<u8>> {
        let All { files, shape: [channels, height, width], side, .. } = &*self.all;
        let path = &files[self.rows[row]];
        let mut image = decode(path, *side)?;
        if [image.height, image.width] != [*height, *width] {
            let [now_high, now_wide] = [image.height, image.width];
            let problem =
                format!("{now_high}×{now_wide} pixels, they were {height}×{width} before");
            return Err(Error::malformed(path, "image", problem));
        }
        image.pixels.truncate(channels * height * width);
        Ok(image.pixels)
    }
}

/// Draws batches from [`ImageFiles`]. The threads are no part of the result: a batch is the same
/// whoever decodes its images, and when.
#[derive(Debug)]
pub struct FileSource {
    images: ImageFiles,
    labels: Vec<i64>,
}

impl FileSource {
    /// `labels`: the class of each image.
    pub fn new(images: ImageFiles, labels: Vec<i64>) -> Self {
        Self { images, labels }
    }
}

impl Source for FileSource {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
        let (rows, files) = (order.rows.clone(), self.images.clone());
        let decode = move |at: usize| files.pixels(rows[at]);
        let mut images = Ahead::new(order.rows.len(), cores(), 2 * size, decode)?;
        let rows = order.rows.clone();
        let batch = move |first: usize| {
            let rows = &rows[first..rows.len().min(first + size)];
            let mut bytes = Vec::new();
            for image in images.by_ref().take(rows.len()) {
                bytes.extend(image?);
            }
            let targets: Vec<i64> = rows.iter().map(|&row| self.labels[row]).collect();
            let inputs = vec![seen_bytes(&bytes, self.images.all.shape)?];
            Ok(Batch { inputs, targets: Tensor::f_from_slice(&targets)? })
        };
        Ok(Box::new((0..order.rows.len()).step_by(size.max(1)).map(batch)))
    }
}
