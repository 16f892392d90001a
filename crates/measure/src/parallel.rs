//! Rows measured side by side.
//!
//! The results come in the order of the rows, and whoever sums them does so in that order, so that
//! no measurement depends on the number of threads.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// `each` of 0..`items`, in order. `cost` is the work of one in operations: a thread is only
/// started for what takes longer than starting it.
pub(super) fn map<R: Send>(items: usize, cost: usize, each: impl Fn(usize) -> R + Sync) -> Vec<R> {
    const WORTH_A_THREAD: usize = 1 << 16;
    let available = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = available.min(items.saturating_mul(cost) / WORTH_A_THREAD);
    if threads < 2 {
        return (0..items).map(each).collect();
    }
    let share = items.div_ceil(threads);
    let each = &each;
    thread::scope(|scope| {
        let part = |start: usize| {
            scope.spawn(move || (start..(start + share).min(items)).map(each).collect::<Vec<_>>())
        };
        let parts: Vec<_> = (0..items).step_by(share).map(part).collect();
        let finished =
            parts.into_iter().map(|part| part.join().unwrap_or_else(|p| resume_unwind(p)));
        finished.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_whatever_the_work() {
        for items in [0, 1, 2, 3, 7, 100, 1001] {
            let expected: Vec<usize> = (0..items).map(|i| i * i).collect();
            for cost in [0, 1, 1 << 16, usize::MAX] {
                assert_eq!(map(items, cost, |i| i * i), expected, "{items} items");
            }
        }
    }
}
