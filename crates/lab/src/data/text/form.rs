//! [`Form`]: what is done to a line before its pieces are looked up.

use serde::{Deserialize, Serialize};

use super::Moses;

/// The form of the sentences of one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Whose rules cut a line into words; without them words are what lies between spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moses: Option<Moses>,
    /// Whether everything is in lower case.
    pub lowercase: bool,
}

impl Form {
    /// The words of `line` with spaces between them.
    pub fn apply(&self, line: &str) -> String {
        let text = self.moses.map_or_else(|| line.to_owned(), |moses| moses.tokenize(line));
        if self.lowercase { text.to_lowercase() } else { text }
    }

    /// The line that `text` was made of, as far as that is known.
    pub fn undo(&self, text: &str) -> String {
        self.moses.map_or_else(|| text.to_owned(), |moses| moses.detokenize(text))
    }

    /// `line` in the case that [`Form::undo`] gives.
    pub fn cased(&self, line: String) -> String {
        if self.lowercase { line.to_lowercase() } else { line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_can_be_undone() {
        let form = Form { moses: Some(Moses::En), lowercase: true };
        let words = form.apply("It's OK, Mr. Jones.");
        assert_eq!(words, "it &apos;s ok , mr. jones .");
        assert_eq!(form.undo(&words), form.cased("It's OK, Mr. Jones.".to_owned()));
        let plain = Form::default();
        assert_eq!(plain.undo(&plain.apply("It's  OK.")), "It's  OK.");
        let json = serde_json::to_string(&form).unwrap();
        assert_eq!(json, "{\"moses\":\"en\",\"lowercase\":true}");
        assert_eq!(serde_json::from_str::<Form>(&json).unwrap(), form);
    }
}
