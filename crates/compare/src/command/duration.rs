//! How long something may take, as it is typed: `90s`, `30m`, `6h`, `1d12h`.

use std::time::Duration;

/// Reads it.
///
/// # Errors
/// What would be one.
pub fn parse(text: &str) -> Result<Duration, String> {
    let expected = || format!("{text:?} is no time such as 90s, 30m, 6h or 1d12h");
    let mut seconds = 0u64;
    let mut number = String::new();
    for letter in text.trim().chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(expected()),
        };
        let more = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        seconds = more.and_then(|more| seconds.checked_add(more)).ok_or_else(expected)?;
        number.clear();
    }
    match number.is_empty() && seconds > 0 {
        true => Ok(Duration::from_secs(seconds)),
        false => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("6h", 21_600), ("1d12h", 129_600)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)));
        }
        for wrong in ["", "6", "h", "6 hours", "-1h", "0s", "1h30", "99999999999999999999d"] {
            assert!(parse(wrong).unwrap_err().contains("is no time such as"), "{wrong}");
        }
    }
}
