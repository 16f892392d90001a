//! Labels as people have them: whole numbers, truth values, or words.

use std::path::Path;

use super::header::{CODE_POINT, Kind};
use super::{Array, Header};
use crate::{Error, Result};

/// What each of many examples is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Labels {
    /// By a number; of truth values 0 and 1.
    Numbers(Vec<i64>),
    /// By a word.
    Words(Vec<String>),
}

impl Labels {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Labels::Numbers(numbers) => numbers.len(),
            Labels::Words(words) => words.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads labels (N,) or (N, 1) from the contents of the file at `path`: whole numbers, truth values, or
/// words (`U` or `S`, which is read as UTF-8).
///
/// # Errors
/// What holds something else: numbers with fractions, a row of several, letters that are none.
pub fn labels_of(bytes: Vec<u8>, path: &Path) -> Result<Labels> {
    let array = Array::of(bytes, path)?;
    let Header { shape, kind, .. } = &array.header;
    match (&shape[..], kind) {
        ([_] | [_, 1], Kind::Signed | Kind::Unsigned | Kind::Bool) => {
            array.whole().map(Labels::Numbers)
        }
        ([_] | [_, 1], Kind::Text | Kind::Bytes) => array.words().map(Labels::Words),
        ([_] | [_, 1], Kind::Float) => {
            Err(array.unlike("whole numbers or words of shape (N,): y.astype(int) makes them"))
        }
        ([_, _], _) => {
            Err(array.unlike("whole numbers or words of shape (N,): one a row, y.argmax(1)"))
        }
        _ => Err(array.unlike("whole numbers or words of shape (N,)")),
    }
}

impl Array<'_> {
    /// The words, without what fills them up.
    fn words(&self) -> Result<Vec<String>> {
        let rows = self.header.shape.first().copied().unwrap_or(0);
        let data = &self.bytes[self.header.end..];
        if self.header.width == 0 {
            // A few bytes may claim any number of empty words.
            return Err(self.unlike("words of one letter or more"));
        }
        let wrong = |row: usize, problem: &str| {
            Error::malformed(self.path, format!("row {row}"), problem.to_owned())
        };
        let words = data.chunks_exact(self.header.width).take(rows).enumerate();
        words
            .map(|(row, bytes)| match self.header.kind {
                Kind::Text => {
                    self.letters(bytes).ok_or_else(|| wrong(row, "a letter that is none"))
                }
                _ => {
                    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                    let text = std::str::from_utf8(&bytes[..end]);
                    text.map(str::to_owned).map_err(|_| wrong(row, "a word that is not UTF-8"))
                }
            })
            .collect()
    }

    /// A word of code points.
    fn letters(&self, bytes: &[u8]) -> Option<String> {
        let (points, _) = bytes.as_chunks::<CODE_POINT>();
        let point = |bytes: &[u8; CODE_POINT]| match self.header.big_endian {
            true => u32::from_be_bytes(*bytes),
            false => u32::from_le_bytes(*bytes),
        };
        let end = points.iter().rposition(|bytes| point(bytes) != 0).map_or(0, |last| last + 1);
        points[..end].iter().map(|bytes| char::from_u32(point(bytes))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dtype: &str, shape: &str, data: &[u8]) -> Result<Labels> {
        let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}");
        let length = (text.len() as u16).to_le_bytes();
        let bytes = [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), data].concat();
        labels_of(bytes, Path::new("y.npy"))
    }

    #[test]
    fn numbers_and_words_are_read() {
        assert_eq!(read("|i1", "(3,)", &[255, 0, 7]).unwrap(), Labels::Numbers(vec![-1, 0, 7]));
        assert_eq!(read("|b1", "(2, 1)", &[0, 1]).unwrap(), Labels::Numbers(vec![0, 1]));
        let words = |words: &[&str]| Labels::Words(words.iter().map(|w| w.to_string()).collect());
        // numpy.array(["é", "cat"]) and numpy.array([b"a", b"cat"])
        let points = ['é', '\0', '\0', 'c', 'a', 't'].map(|c| u32::from(c).to_le_bytes()).concat();
        assert_eq!(read("<U3", "(2,)", &points).unwrap(), words(&["é", "cat"]));
        let points = ['é', '\0', '\0', 'c', 'a', 't'].map(|c| u32::from(c).to_be_bytes()).concat();
        assert_eq!(read(">U3", "(2,)", &points).unwrap(), words(&["é", "cat"]));
        assert_eq!(read("|S3", "(2,)", b"a\0\0cat").unwrap(), words(&["a", "cat"]));
        assert_eq!(read("|S3", "(2, 1)", b"\0\0\0cat").unwrap(), words(&["", "cat"]));
    }

    #[test]
    fn what_is_no_label_is_refused() {
        for (dtype, shape, data, expected) in [
            (
                "<f4",
                "(1,)",
                &[0u8; 4][..],
                "y.npy: header: f4 of shape [1], expected whole numbers",
            ),
            ("<f4", "(1,)", &[0; 4], "y.astype(int)"),
            ("|u1", "(1, 3)", &[0; 3], "u1 of shape [1, 3], expected whole numbers or words"),
            ("|u1", "(1, 3)", &[0; 3], "y.argmax(1)"),
            ("|u1", "()", &[0], "u1 of shape [], expected whole"),
            ("<U1", "(1,)", &[255; 4], "row 0: a letter that is none"),
            ("|S2", "(2,)", b"ab\xff\xff", "row 1: a word that is not UTF-8"),
            ("|S0", "(9999999999,)", &[], "S0 of shape [9999999999], expected words of one letter"),
            ("<U3", "(1,)", &[0; 4], "4 bytes of data, expected 12 for U3"),
        ] {
            let error = read(dtype, shape, data).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(expected), "{expected}: {error}");
        }
    }
}
