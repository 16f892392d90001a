//! Work spread over threads where the feature `rayon` is on, one after the other where it is not.

/// Calls `task` with 0 to `count` − 1.
#[cfg(feature = "rayon")]
pub(crate) fn each(count: usize, task: impl Fn(usize) + Sync + Send) {
    use rayon::prelude::*;
    match count {
        1 => task(0),
        _ => (0..count).into_par_iter().for_each(task),
    }
}

#[cfg(not(feature = "rayon"))]
pub(crate) fn each(count: usize, task: impl Fn(usize)) {
    (0..count).for_each(task);
}

/// Calls `task` with every chunk of `size` values and where the chunk begins.
#[cfg(all(feature = "linear", feature = "rayon"))]
pub(crate) fn each_chunk<T: Send>(
    values: &mut [T],
    size: usize,
    task: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    use rayon::prelude::*;
    values.par_chunks_mut(size).enumerate().for_each(|(at, chunk)| task(at * size, chunk));
}

#[cfg(all(feature = "linear", not(feature = "rayon")))]
pub(crate) fn each_chunk<T>(values: &mut [T], size: usize, task: impl Fn(usize, &mut [T])) {
    values.chunks_mut(size).enumerate().for_each(|(at, chunk)| task(at * size, chunk));
}

/// Does two things, at the same time where a thread is free.
#[cfg(all(feature = "linear", feature = "rayon"))]
pub(crate) fn both(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    rayon::join(one, other);
}

#[cfg(all(feature = "linear", not(feature = "rayon")))]
pub(crate) fn both(one: impl FnOnce(), other: impl FnOnce()) {
    one();
    other();
}
