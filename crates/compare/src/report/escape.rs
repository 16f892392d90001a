//! Text from outside (class names, specs, messages) on its way into HTML and SVG.

/// `text` with every character replaced that could start or end a tag, an attribute or an entity,
/// and without the control characters that XML forbids.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn nothing_becomes_markup() {
        let hostile = "<script>alert('x')</script> \"&amp;\u{0}";
        let safe = xml(hostile);
        assert!(!safe.contains(['<', '>', '"', '\'', '\0']), "{safe}");
        assert!(safe.contains("&amp;amp;"), "{safe}");
    }
}
