//! Numbers for people: rounded, with a true minus sign.

/// `value` with `decimals` digits; "∞", "−∞" and "NaN" where it is not finite. A value that rounds
/// to zero has no sign.
pub fn plain(value: f64, decimals: usize) -> String {
    let text = magnitude(value, decimals);
    let zero = !text.contains(|c: char| c != '0' && c != '.');
    if value < 0.0 && !zero { format!("−{text}") } else { text }
}

/// Like [`plain`] with a sign always, but for 0 itself and NaN: a small interval bound shows on
/// which side of zero it lies even where it rounds to zero.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = magnitude(value, decimals);
    match value.partial_cmp(&0.0) {
        Some(std::cmp::Ordering::Greater) => format!("+{text}"),
        Some(std::cmp::Ordering::Less) => format!("−{text}"),
        _ => text,
    }
}

/// "[low, high]".
pub fn interval((low, high): (f64, f64), decimals: usize) -> String {
    format!("[{}, {}]", signed(low, decimals), signed(high, decimals))
}

fn magnitude(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        "∞".to_owned()
    } else {
        format!("{:.decimals$}", value.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_special_values() {
        assert_eq!(plain(-1.25, 1), "−1.2");
        assert_eq!(plain(-0.001, 2), "0.00");
        assert_eq!(plain(f64::NEG_INFINITY, 2), "−∞");
        assert_eq!(plain(f64::NAN, 2), "NaN");
        assert_eq!(signed(0.0, 2), "0.00");
        assert_eq!(signed(0.001, 2), "+0.00");
        assert_eq!(signed(-0.001, 2), "−0.00");
        assert_eq!(interval((-0.5, 1.0), 1), "[−0.5, +1.0]");
    }
}
