//! Words that follow a count.

/// "run", "runs": `one` with an s, but of one.
///
/// ```
/// use steepness_measure::words::{plural, several};
/// assert_eq!((plural(1, "seed"), several(3, "seed")), ("seed".to_owned(), "3 seeds".to_owned()));
/// ```
pub fn plural(count: usize, one: &str) -> String {
    format!("{one}{}", if count == 1 { "" } else { "s" })
}

/// "1 run", "3 runs".
pub fn several(count: usize, one: &str) -> String {
    format!("{count} {}", plural(count, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_no_s() {
        assert_eq!([several(0, "run"), several(1, "run")], ["0 runs", "1 run"]);
    }
}
