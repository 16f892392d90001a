//! Work space of the row kernels.

/// Work space of one thread, kept from call to call: memory fresh from the system costs more, page
/// by page, than a row's arithmetic.
#[derive(Default)]
pub struct Scratch<R> {
    pub exponentials: Vec<R>,
    pub block_maxima: Vec<R>,
    pub logits: Vec<R>,
    pub targets: Vec<R>,
    pub weights: Vec<R>,
    pub factors: Vec<R>,
}
