//! Libraries that panic on damaged input are asked behind a guard.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `work` returns, or the words with which it panicked; these are printed nowhere. Whatever it was
/// that panicked must not be used again.
///
/// Only the thread that calls is guarded: what `work` does in other threads is theirs.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            if !GUARDED.get() {
                before(about);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        words.unwrap_or("it gave up without a word").lines().collect::<Vec<_>>().join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_words() {
        assert_eq!(guarded(|| 7), Ok(7));
        assert_eq!(guarded(|| panic!("{}\nline", "first")).unwrap_err(), "first line");
        let nested: Result<(), String> = guarded(|| {
            let inner = guarded(|| std::convert::identity::<Option<u8>>(None).expect("inner"));
            assert_eq!(inner.unwrap_err(), "inner");
            panic!("outer")
        });
        assert_eq!(nested.unwrap_err(), "outer");
    }
}
