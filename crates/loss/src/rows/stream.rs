//! Stores that go around the caches, for a gradient too large to be in them when it is read next.
//!
//! An ordinary store first fetches the line that it overwrites, a third stream of memory traffic
//! beside reading the logits and writing the gradient. It pays only for what leaves the caches
//! anyway, and never for a gradient in place, whose lines are there already.

use crate::element::Element;

/// Bytes of a gradient from which its lines are streamed.
const LARGE: usize = 32 << 20;

/// Whether `gradient` is to be streamed.
pub(super) fn pays<E>(gradient: &[E]) -> bool {
    cfg!(target_arch = "x86_64") && size_of_val(gradient) >= LARGE
}

/// Converts `values` and stores them around the caches.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn store<E: Element>(values: &[E::Real], to: &mut [E]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
    const LINE: usize = 64;
    let of_line = LINE / size_of::<E>();
    let count = values.len().min(to.len());
    let head = to.as_ptr().align_offset(LINE).min(count);
    convert(&values[..head], &mut to[..head]);
    let (values, to) = (&values[head..count], &mut to[head..count]);
    let mut lines = to.chunks_exact_mut(of_line);
    for (line, values) in (&mut lines).zip(values.chunks_exact(of_line)) {
        // As many as 16-bit elements are in a line.
        let mut converted = [E::default(); LINE / 2];
        convert(values, &mut converted[..of_line]);
        let (from, to) =
            (converted.as_ptr().cast::<__m128i>(), line.as_mut_ptr().cast::<__m128i>());
        for part in 0..LINE / size_of::<__m128i>() {
            // SAFETY: `line` and what was converted are LINE bytes, `line` is aligned to them; SSE2
            // belongs to x86-64.
            unsafe { _mm_stream_si128(to.add(part), _mm_loadu_si128(from.add(part))) };
        }
    }
    let rest = lines.into_remainder();
    convert(&values[values.len() - rest.len()..], rest);
}

/// Makes what was streamed visible to other threads.
#[cfg(target_arch = "x86_64")]
pub(super) fn fence() {
    // SAFETY: SSE belongs to x86-64.
    unsafe { std::arch::x86_64::_mm_sfence() };
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) use convert as store;

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn fence() {}

/// Converts `values` and stores them.
#[inline(always)]
pub(super) fn convert<E: Element>(values: &[E::Real], to: &mut [E]) {
    for (to, from) in to.iter_mut().zip(values) {
        *to = E::store(*from);
    }
}

/// Memory that is read and written soon: asked for while there is arithmetic to do, it arrives beside
/// it instead of after it. Hardware guesses as much, but not across pages, and a page is one row of
/// 1000 classes.
pub(super) struct Prefetch {
    logits: *const u8,
    /// Null where targets are labels.
    targets: *const u8,
    /// Null where no gradient is written, or around the caches.
    gradient: *const u8,
    size: usize,
}

impl Prefetch {
    /// The addresses are hints and may lie outside of any memory.
    #[inline(always)]
    pub(super) fn new<E>(logits: *const E, targets: *const E, gradient: *const E) -> Self {
        let (logits, targets, gradient) = (logits.cast(), targets.cast(), gradient.cast());
        Self { logits, targets, gradient, size: size_of::<E>() }
    }

    /// Asks for the cache lines of the element `at`.
    #[inline(always)]
    #[cfg(target_arch = "x86_64")]
    pub(super) fn fetch(&self, at: usize) {
        use std::arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T0, _mm_prefetch};
        let bytes = at * self.size;
        // SAFETY: a prefetch never faults, and SSE belongs to x86-64.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(self.logits.wrapping_add(bytes).cast());
            if !self.targets.is_null() {
                _mm_prefetch::<_MM_HINT_T0>(self.targets.wrapping_add(bytes).cast());
            }
            if !self.gradient.is_null() {
                _mm_prefetch::<_MM_HINT_ET0>(self.gradient.wrapping_add(bytes).cast());
            }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn fetch(&self, at: usize) {
        let _ = (at, self.logits, self.targets, self.gradient, self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    fn check<E: Element + PartialEq + std::fmt::Debug>(values: &[E::Real]) {
        for (start, end) in [(0, 200), (1, 200), (3, 5), (7, 7), (13, 190), (31, 33)] {
            let mut streamed = vec![E::default(); 200];
            let mut expected = streamed.clone();
            store(&values[start..end], &mut streamed[start..end]);
            fence();
            convert(&values[start..end], &mut expected[start..end]);
            assert_eq!(streamed, expected);
        }
    }

    #[test]
    fn streams_what_a_loop_stores() {
        let narrow: Vec<f32> = (0..200).map(|i| (i as f32).sin()).collect();
        let wide: Vec<f64> = (0..200).map(|i| f64::from(i).sin()).collect();
        check::<f32>(&narrow);
        check::<bf16>(&narrow);
        check::<f64>(&wide);
    }
}
