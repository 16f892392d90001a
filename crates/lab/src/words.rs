//! Words that follow a count.

/// "1 run", "3 runs": `one` with an s, but of one.
pub(crate) fn several(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_no_s() {
        assert_eq!([several(0, "run"), several(1, "run")], ["0 runs", "1 run"]);
    }
}
