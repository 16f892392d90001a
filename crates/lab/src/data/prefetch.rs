//! [`Prefetch`]: items that worker threads make before they are asked for, in their order.
//!
//! Worker w of W makes the items w, w + W, w + 2W, … and hands them over through a channel of its own
//! that holds a few: the order needs no sorting, memory is bounded, and workers whose items nobody
//! takes any more find their channel closed and end.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::{Error, Result};

/// See the module.
#[derive(Debug)]
pub struct Prefetch<T> {
    workers: Vec<Receiver<Result<T>>>,
    /// The item that is next, and how many there are.
    next: usize,
    count: usize,
}

impl<T: Send + 'static> Prefetch<T> {
    /// The items `make(0)` to `make(count − 1)`, about `ahead` of them before they are asked for, in
    /// at most `threads` threads.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn new(
        count: usize,
        threads: usize,
        ahead: usize,
        make: impl Fn(usize) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        let make = Arc::new(make);
        let threads = threads.clamp(1, count.max(1));
        let worker = |first: usize| {
            // One more is in the making.
            let (give, take) = sync_channel((ahead / threads).saturating_sub(1));
            let make = make.clone();
            let work = move || {
                for at in (first..count).step_by(threads) {
                    if give.send(make(at)).is_err() {
                        return;
                    }
                }
            };
            match std::thread::Builder::new().name("load".to_owned()).spawn(work) {
                Ok(_) => Ok(take),
                Err(error) => Err(Error::failed("no thread to load examples in: ", error)),
            }
        };
        let workers = (0..threads).map(worker).collect::<Result<_>>()?;
        Ok(Self { workers, next: 0, count })
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.next == self.count {
            return None;
        }
        let worker = &self.workers[self.next % self.workers.len()];
        self.next += 1;
        // A worker that panicked has closed its channel.
        let lost = || Err(Error::Work("a thread that loads examples broke down".to_owned()));
        Some(worker.recv().unwrap_or_else(|_| lost()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn items_come_in_order_whatever_the_threads() {
        for (count, threads, ahead) in [(0, 4, 8), (1, 4, 8), (100, 1, 1), (100, 3, 7), (10, 99, 0)]
        {
            let slow_start = |at: usize| {
                std::thread::sleep(Duration::from_micros(if at.is_multiple_of(3) {
                    300
                } else {
                    0
                }));
                Ok(at)
            };
            let items = Prefetch::new(count, threads, ahead, slow_start).unwrap();
            let items: Vec<usize> = items.map(Result::unwrap).collect();
            assert_eq!(items, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_more_is_made_than_is_asked_for_ahead() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = made.clone();
        let make = move |_| Ok(counter.fetch_add(1, Ordering::Relaxed));
        let mut items = Prefetch::new(1000, 2, 8, make).unwrap();
        // As many as `expected` come in time, and no more.
        let settles_at = |expected: usize| {
            let start = Instant::now();
            while made.load(Ordering::Relaxed) < expected {
                assert!(start.elapsed() < Duration::from_secs(10), "{made:?} of {expected}");
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(made.load(Ordering::Relaxed), expected);
        };
        settles_at(8);
        items.by_ref().take(10).for_each(drop);
        settles_at(18);
        drop(items);
        settles_at(18);
    }

    #[test]
    fn errors_stay_in_their_places_and_a_panic_is_one() {
        let make = |at| match at {
            3 => Err(Error::Work("three".to_owned())),
            5 => panic!("five"),
            _ => Ok(at),
        };
        let items: Vec<_> = Prefetch::new(8, 2, 8, make).unwrap().collect();
        let text = |at: usize| items[at].as_ref().unwrap_err().to_string();
        assert_eq!(items.len(), 8);
        assert_eq!(text(3), "three");
        assert!(text(5).contains("broke down") && text(7).contains("broke down"));
        assert!([0, 1, 2, 4, 6].iter().all(|&at| *items[at].as_ref().unwrap() == at));
    }
}
