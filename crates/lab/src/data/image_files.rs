//! [`ImageFiles`]: images that stay in their files, and [`FileSource`], which decodes them in worker
//! threads ahead of need.

use std::path::PathBuf;
use std::sync::Arc;

use tch::Tensor;

use super::augment::Raster;
use super::decode::{Image, decode};
use super::prefetch::Prefetch;
use super::seen::seen_bytes;
use super::{Batch, BatchSource, Batches, Order};
use crate::compare::cores;
use crate::{Error, Result};

/// Images in files, of which each has been decoded once; cheap to clone and to select from.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFiles {
    all: Arc<FileList>,
    /// Which of them, and in which order.
    rows: Vec<usize>,
}

#[derive(Debug, PartialEq)]
struct FileList {
    files: Vec<PathBuf>,
    /// Channels, height and width of each; 0×0 where there are several sizes.
    shape: [usize; 3],
    side: Option<usize>,
    seen: Vec<ImageStatistics>,
}

/// What is known of an image since it was decoded first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImageStatistics {
    /// Height and width.
    pub size: [usize; 2],
    pub sums: Sums,
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
    /// `seen` is what each image is as [`decode`] with `side` gives it; `shape` (channels, height,
    /// width) is that of all of them, with 0×0 pixels where they are of several sizes.
    pub(super) fn new(
        files: Vec<PathBuf>,
        shape: [usize; 3],
        side: Option<usize>,
        seen: Vec<ImageStatistics>,
    ) -> Self {
        let rows = (0..files.len()).collect();
        Self { all: Arc::new(FileList { files, shape, side, seen }), rows }
    }

    /// Pixels of all of them together.
    fn area(&self) -> usize {
        let area = |&row: &usize| self.all.seen[row].size.iter().product::<usize>();
        self.rows.iter().map(area).sum()
    }

    /// How many bytes they are when decoded.
    pub fn bytes(&self) -> usize {
        self.all.shape[0] * self.area()
    }

    /// Those at `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self { all: self.all.clone(), rows: rows.iter().map(|&row| self.rows[row]).collect() }
    }

    /// Mean and standard deviation of each channel, 0 to 1.
    pub fn moments(&self) -> Vec<(f64, f64)> {
        let mut sums = Sums::default();
        self.rows.iter().for_each(|&row| sums.add(&self.all.seen[row].sums));
        sums.moments(self.area() as u64)[..self.all.shape[0]].to_vec()
    }

    /// Decodes the image at `row`.
    pub(super) fn image(&self, row: usize) -> Result<Raster> {
        let FileList { files, shape: [channels, ..], side, seen } = &*self.all;
        let (path, [height, width]) = (&files[self.rows[row]], seen[self.rows[row]].size);
        let mut image = decode(path, *side)?;
        if [image.height, image.width] != [height, width] {
            let [now_high, now_wide] = [image.height, image.width];
            let problem =
                format!("{now_high}×{now_wide} pixels, they were {height}×{width} before");
            return Err(Error::malformed(path, "image", problem));
        }
        image.pixels.truncate(channels * height * width);
        Ok(Raster { pixels: image.pixels, shape: [*channels, height, width] })
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

impl BatchSource for FileSource {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
        let (rows, files) = (order.rows.clone(), self.images.clone());
        if self.images.all.shape.contains(&0) {
            return Err(Error::Request("images of several sizes make no batch".to_owned()));
        }
        let decode = move |at: usize| files.image(rows[at]);
        let mut images = Prefetch::new(order.rows.len(), cores(), 2 * size, decode)?;
        let rows = order.rows.clone();
        let batch = move |first: usize| {
            let rows = &rows[first..rows.len().min(first + size)];
            let images =
                images.by_ref().take(rows.len()).map(|image| image.map(|image| image.pixels));
            let inputs = vec![seen_bytes(rows.len(), images, self.images.all.shape)?];
            let targets: Vec<i64> = rows.iter().map(|&row| self.labels[row]).collect();
            Ok(Batch { inputs, targets: Tensor::f_from_slice(&targets)? })
        };
        Ok(Box::new((0..order.rows.len()).step_by(size.max(1)).map(batch)))
    }
}
