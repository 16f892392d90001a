//! [`Window`]: which pixels a convolution looks at.

/// How a square kernel moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub kernel: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
    /// Zeros before and after each row and column.
    pub padding: [usize; 2],
    /// Channels are cut into so many groups that do not see each other.
    pub groups: usize,
}

impl Window {
    /// An odd kernel at every pixel, with as many zeros around as keep height and width.
    pub fn same(kernel: usize) -> Self {
        Self { kernel, stride: 1, padding: [kernel / 2; 2], groups: 1 }
    }

    /// Without zeros around: the image shrinks by `kernel` − 1.
    pub fn valid(kernel: usize) -> Self {
        Self { padding: [0; 2], ..Self::same(kernel) }
    }

    /// With this stride.
    pub fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With `kernel` − `stride` zeros in all, the odd one after: TensorFlow's "SAME" for images
    /// that the stride divides.
    pub fn with_tensorflow_padding(self) -> Self {
        let zeros = self.kernel.saturating_sub(self.stride);
        Self { padding: [zeros / 2, zeros - zeros / 2], ..self }
    }

    /// With so many groups.
    pub fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
}
