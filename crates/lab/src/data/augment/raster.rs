//! [`Raster`]: the image that every transform takes and gives; [`Area`] and [`Patch`]: parts of it.

/// An image of 256 levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raster {
    /// Row-major as channels × height × width.
    pub pixels: Vec<u8>,
    /// Channels (1: grey, 3: red, green and blue), height and width.
    pub shape: [usize; 3],
}

/// A rectangle of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Rows above it.
    pub top: usize,
    /// Columns to the left of it.
    pub left: usize,
    /// Its rows.
    pub height: usize,
    /// Its columns.
    pub width: usize,
}

/// What covers an area of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Where.
    pub area: Area,
    /// As a model sees pixels, from 0 to 1 and beyond: row-major as channels × height × width.
    pub values: Vec<f32>,
}

impl Raster {
    /// Its channels, one after the other.
    pub fn planes(&self) -> std::slice::ChunksExact<'_, u8> {
        self.pixels.chunks_exact(self.plane())
    }

    /// Its channels, one after the other.
    pub fn planes_mut(&mut self) -> std::slice::ChunksExactMut<'_, u8> {
        let plane = self.plane();
        self.pixels.chunks_exact_mut(plane)
    }

    /// Its rows, those of the first channel first.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.pixels.chunks_exact(self.shape[2].max(1))
    }

    /// Its rows, those of the first channel first.
    pub fn rows_mut(&mut self) -> std::slice::ChunksExactMut<'_, u8> {
        let width = self.shape[2].max(1);
        self.pixels.chunks_exact_mut(width)
    }

    /// All of it.
    pub fn area(&self) -> Area {
        let [_, height, width] = self.shape;
        Area { top: 0, left: 0, height, width }
    }

    /// What lies in `area`, which must lie in the image.
    pub fn crop(&self, area: Area) -> Self {
        let [channels, height, _] = self.shape;
        let Area { top, left, height: rows, width: columns } = area;
        let mut pixels = Vec::with_capacity(channels * rows * columns);
        for channel in 0..channels {
            let first = channel * height + top;
            let rows = self.rows().skip(first).take(rows);
            rows.for_each(|row| pixels.extend_from_slice(&row[left..left + columns]));
        }
        Self { pixels, shape: [channels, rows, columns] }
    }

    /// Pixels of a channel; at least 1, so that the channels of no pixels are none.
    fn plane(&self) -> usize {
        (self.shape[1] * self.shape[2]).max(1)
    }
}
