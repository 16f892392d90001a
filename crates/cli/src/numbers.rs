//! Numbers of the command line, and plain words for what is none.
//!
//! An option with one of these takes negative numbers, too, for they are to be refused by its own words.

use std::num::NonZeroUsize;

/// From 1 on.
pub fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.trim().parse().map_err(|_| "it is a whole number from 1".to_owned())
}

/// The same, where 0 is refused with the rest and needs no type of its own.
pub fn size(text: &str) -> Result<usize, String> {
    count(text).map(NonZeroUsize::get)
}

/// From 0 on.
pub fn natural(text: &str) -> Result<i64, String> {
    let found = text.trim().parse().ok().filter(|found| *found >= 0);
    found.ok_or_else(|| "it is a whole number from 0".to_owned())
}

/// Any whole number.
pub fn whole(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| "it is a whole number".to_owned())
}

/// From 1 to `MOST`.
pub fn up_to<const MOST: u16>(text: &str) -> Result<u16, String> {
    between::<1, MOST>(text)
}

/// From `LEAST` to `MOST`.
pub fn between<const LEAST: u16, const MOST: u16>(text: &str) -> Result<u16, String> {
    let found = text.trim().parse().ok().filter(|found| (LEAST..=MOST).contains(found));
    found.ok_or_else(|| format!("it is a whole number from {LEAST} to {MOST}"))
}

/// From 0 on.
pub fn seconds(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "it is a whole number of seconds".to_owned())
}

/// A number above 0: a learning rate, a difference that matters.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate = number(text)?;
    let fits = rate.is_finite() && rate > 0.0;
    fits.then_some(rate).ok_or_else(|| "it must be above 0".to_owned())
}

/// Any number.
pub fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "it is a number, such as 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_refused_in_words() {
        assert_eq!(count("3").unwrap().get(), 3);
        for wrong in ["0", "-3", "1.5", "", "x"] {
            assert_eq!(count(wrong).unwrap_err(), "it is a whole number from 1");
            assert_eq!(size(wrong).unwrap_err(), "it is a whole number from 1");
            assert_eq!(up_to::<7>(wrong).unwrap_err(), "it is a whole number from 1 to 7");
        }
        for wrong in ["-3", "1.5", "", "x"] {
            assert_eq!(natural(wrong).unwrap_err(), "it is a whole number from 0");
            assert_eq!(between::<0, 2>(wrong).unwrap_err(), "it is a whole number from 0 to 2");
        }
        assert_eq!((natural("0"), whole("-100"), between::<0, 2>("0")), (Ok(0), Ok(-100), Ok(0)));
        assert_eq!(whole("1.5").unwrap_err(), "it is a whole number");
        assert_eq!((up_to::<7>("7"), up_to::<7>("8").is_err()), (Ok(7), true));
        assert_eq!((rate("1e-3"), seconds("0")), (Ok(0.001), Ok(0)));
        for (wrong, words) in
            [("0", "above 0"), ("-1", "above 0"), ("nan", "above 0"), ("x", "a number")]
        {
            assert!(rate(wrong).unwrap_err().contains(words), "{wrong}");
        }
        assert!(seconds("-1").is_err() && number("inf").is_ok());
    }
}
