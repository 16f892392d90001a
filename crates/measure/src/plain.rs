//! Text from outside (names of files and columns, keys, specs) on its way to a terminal, whose cursor
//! it must not move.

use std::borrow::Cow;

/// `text` without what moves a cursor, changes colours or turns the direction of writing; ends of
/// lines and tabs stay.
pub fn text(text: &str) -> Cow<'_, str> {
    replaced(text, |c| moves(c) && !matches!(c, '\n' | '\t'))
}

/// The same for what has to stay within its line, such as a name.
pub fn name(text: &str) -> Cow<'_, str> {
    replaced(text, moves)
}

fn replaced(text: &str, which: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&which) {
        return Cow::Borrowed(text);
    }
    let replace = |c| if which(c) { char::REPLACEMENT_CHARACTER } else { c };
    Cow::Owned(text.chars().map(replace).collect())
}

/// Control characters of both sets, and those that embed or override directions.
fn moves(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_moves_no_cursor() {
        assert_eq!(text("a\tü\n\"b\""), "a\tü\n\"b\"");
        assert_eq!(text("a\x1b[2Jb\r\x07c\u{9b}d\x7f"), "a�[2Jb��c�d�");
        assert_eq!(text("evil\u{202e}gpj.exe"), "evil�gpj.exe");
        assert_eq!(name("a\nerror: b"), "a�error: b");
        assert!(matches!(text("plain"), Cow::Borrowed(_)));
    }
}
