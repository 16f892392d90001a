//! The header of a .npy file: magic, version, and a Python dictionary of dtype, order and shape.
//!
//! Read here and not by npyz, whose parser takes time exponential in the depth of nested brackets
//! and multiplies shapes unchecked: sixty bytes from a stranger would hang the program. The format:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

/// What a header says of the bytes behind it.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub kind: Kind,
    /// Bytes of one number or word.
    pub width: usize,
    pub big_endian: bool,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
    /// Where the data begin.
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Float,
    Signed,
    Unsigned,
    /// One byte, 0 or 1.
    Bool,
    /// Words of a fixed number of code points, 4 bytes each, filled up with zeros.
    Text,
    /// Words of a fixed number of bytes, filled up with zeros.
    Bytes,
}

/// Bytes of a letter of [`Kind::Text`].
pub(super) const CODE_POINT: usize = 4;

/// The place in the file, and what was expected there.
pub(super) type Complaint = (String, String);

impl Header {
    /// Reads the header at the beginning of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Complaint> {
        if !bytes.starts_with(b"\x93NUMPY") {
            return complain(0, "not a .npy file: it does not begin with \\x93NUMPY");
        }
        let le = |b: &[u8]| b.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte));
        let (start, length): (usize, _) = match bytes.get(6) {
            Some(1) => (10, bytes.get(8..10).map(le)),
            Some(2 | 3) => (12, bytes.get(8..12).map(le)),
            Some(other) => return complain(6, format!("format version {other}, expected 1 to 3")),
            None => (10, None),
        };
        let end = length.and_then(|length| start.checked_add(length));
        let Some(end) = end.filter(|end| *end <= bytes.len()) else {
            return complain(bytes.len(), "the file ends within its header");
        };
        Dictionary { bytes: &bytes[..end], at: start }.parse()
    }

    /// The bytes that the data must have; `None` if that overflows.
    pub fn data_len(&self) -> Option<usize> {
        self.shape.iter().try_fold(self.width, |bytes, n| bytes.checked_mul(*n))
    }

    /// The dtype as numpy writes it, without the byte order: "f4".
    pub fn dtype(&self) -> String {
        let (kind, width) = match self.kind {
            Kind::Float => ('f', self.width),
            Kind::Signed => ('i', self.width),
            Kind::Unsigned => ('u', self.width),
            Kind::Bool => ('b', self.width),
            Kind::Text => ('U', self.width / CODE_POINT),
            Kind::Bytes => ('S', self.width),
        };
        format!("{kind}{width}")
    }
}

fn complain<T>(at: usize, problem: impl Into<String>) -> Result<T, Complaint> {
    Err((format!("byte {at}"), problem.into()))
}

/// A cursor in `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Dictionary<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Dictionary<'_> {
    fn parse(mut self) -> Result<Header, Complaint> {
        let (mut dtype, mut fortran_order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.accept(b'}') {
            let key = self.at;
            match self.string()? {
                "descr" => {
                    self.expect(b':')?;
                    dtype = Some(self.dtype()?);
                }
                "fortran_order" => {
                    self.expect(b':')?;
                    fortran_order = Some(self.boolean()?);
                }
                "shape" => {
                    self.expect(b':')?;
                    shape = Some(self.tuple()?);
                }
                _ => return complain(key, "expected 'descr', 'fortran_order' or 'shape'"),
            }
            if !self.accept(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        let end = self.bytes.len();
        self.skip_space();
        if self.at < end {
            return complain(self.at, "the header goes on behind its dictionary");
        }
        let (Some((kind, width, big_endian)), Some(fortran_order), Some(shape)) =
            (dtype, fortran_order, shape)
        else {
            return complain(end, "the header lacks 'descr', 'fortran_order' or 'shape'");
        };
        Ok(Header { kind, width, big_endian, fortran_order, shape, end })
    }

    fn dtype(&mut self) -> Result<(Kind, usize, bool), Complaint> {
        self.skip_space();
        let at = self.at;
        if !matches!(self.bytes.get(at), Some(b'\'' | b'"')) {
            return complain(at, "a structured array, expected plain numbers such as '<f4'");
        }
        let text = self.string()?;
        let big_endian = match text.as_bytes().first() {
            Some(b'<' | b'|') => Some(false),
            Some(b'>') => Some(true),
            Some(b'=') => Some(cfg!(target_endian = "big")),
            _ => None,
        };
        if text.get(1..) == Some("O") {
            return complain(
                at,
                "Python objects, which are stored as a pickle: it is not read, since reading it would \
                 run what is in it; save numbers, or words of one length (y.astype(str))",
            );
        }
        let number = match text.get(1..) {
            Some("f2") => Some((Kind::Float, 2)),
            Some("f4") => Some((Kind::Float, 4)),
            Some("f8") => Some((Kind::Float, 8)),
            Some("i1") => Some((Kind::Signed, 1)),
            Some("i2") => Some((Kind::Signed, 2)),
            Some("i4") => Some((Kind::Signed, 4)),
            Some("i8") => Some((Kind::Signed, 8)),
            Some("u1") => Some((Kind::Unsigned, 1)),
            Some("u2") => Some((Kind::Unsigned, 2)),
            Some("u4") => Some((Kind::Unsigned, 4)),
            Some("u8") => Some((Kind::Unsigned, 8)),
            Some("b1") => Some((Kind::Bool, 1)),
            Some(text) => words(text),
            None => None,
        };
        match (number, big_endian) {
            (Some((kind, width)), Some(big_endian)) => Ok((kind, width, big_endian)),
            _ => complain(
                at,
                format!("dtype {text:?}, expected f2, f4, f8, i1 to i8, u1 to u8, b1, U or S"),
            ),
        }
    }

    fn boolean(&mut self) -> Result<bool, Complaint> {
        self.skip_space();
        for (word, value) in [("True", true), ("False", false)] {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        complain(self.at, "expected True or False")
    }

    fn tuple(&mut self) -> Result<Vec<usize>, Complaint> {
        let mut values = Vec::new();
        self.expect(b'(')?;
        while !self.accept(b')') {
            values.push(self.integer()?);
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(values)
    }

    fn integer(&mut self) -> Result<usize, Complaint> {
        self.skip_space();
        let digits = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.bytes[self.at..self.at + digits]).unwrap_or_default();
        match text.parse() {
            Ok(value) => {
                self.at += digits;
                Ok(value)
            }
            Err(_) => complain(self.at, "expected a length, a whole number of at most 64 bits"),
        }
    }

    fn string(&mut self) -> Result<&str, Complaint> {
        self.skip_space();
        let start = self.at + 1;
        let quote = self.bytes.get(self.at).filter(|b| matches!(b, b'\'' | b'"'));
        let length =
            quote.and_then(|quote| self.bytes.get(start..)?.iter().position(|b| b == quote));
        let text = length.map(|length| &self.bytes[start..start + length]);
        match text.and_then(|text| std::str::from_utf8(text).ok()) {
            Some(text) => {
                self.at = start + text.len() + 1;
                Ok(text)
            }
            None => complain(self.at, "expected a quoted string"),
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Complaint> {
        if self.accept(wanted) {
            return Ok(());
        }
        complain(self.at, format!("expected {:?}", char::from(wanted)))
    }

    fn accept(&mut self, wanted: u8) -> bool {
        self.skip_space();
        let found = self.bytes.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }
}

/// Words, "U12" or "S12".
fn words(dtype: &str) -> Option<(Kind, usize)> {
    let (kind, each) = match dtype.as_bytes().first()? {
        b'U' => (Kind::Text, CODE_POINT),
        b'S' => (Kind::Bytes, 1),
        _ => return None,
    };
    let length = dtype.get(1..).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    Some((kind, length.parse::<usize>().ok()?.checked_mul(each)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, dictionary: &str) -> Vec<u8> {
        let length = dictionary.len() as u32;
        let length = &length.to_le_bytes()[..if version == 1 { 2 } else { 4 }];
        [b"\x93NUMPY", &[version, 0][..], length, dictionary.as_bytes()].concat()
    }

    fn complaint(dictionary: &str) -> Complaint {
        Header::parse(&file(1, dictionary)).unwrap_err()
    }

    #[test]
    fn reads_what_numpy_writes() {
        let text = "{'descr': '>f8', 'fortran_order': True, 'shape': (3, 4), }          \n";
        let expected = Header {
            kind: Kind::Float,
            width: 8,
            big_endian: true,
            fortran_order: true,
            shape: vec![3, 4],
            end: 10 + text.len(),
        };
        assert_eq!(Header::parse(&file(1, text)).unwrap(), expected);
        let expected = Header { end: 12 + text.len(), ..expected };
        assert_eq!(Header::parse(&file(3, text)).unwrap(), expected);
        let any_order = "{\"shape\":(7,),\"fortran_order\":False,\"descr\":\"|u1\"}";
        let header = Header::parse(&file(2, any_order)).unwrap();
        assert_eq!((header.shape.as_slice(), header.dtype().as_str()), (&[7][..], "u1"));
        for (dtype, kind, width) in
            [("|b1", Kind::Bool, 1), ("<U3", Kind::Text, 12), ("|S5", Kind::Bytes, 5)]
        {
            let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': (2,)}}");
            let header = Header::parse(&file(1, &text)).unwrap();
            assert_eq!((header.kind, header.width, &*header.dtype()), (kind, width, &dtype[1..]));
        }
        let scalar = "{'descr': '<i8', 'fortran_order': False, 'shape': ()}";
        assert_eq!(Header::parse(&file(1, scalar)).unwrap().data_len(), Some(8));
    }

    #[test]
    fn says_where_it_went_wrong() {
        let at = |bytes: &[u8]| Header::parse(bytes).unwrap_err().0;
        assert_eq!(at(b""), "byte 0");
        assert_eq!(at(b"PK\x03\x04"), "byte 0");
        assert_eq!(at(b"\x93NUMPY"), "byte 6");
        assert_eq!(at(b"\x93NUMPY\x09\x00"), "byte 6");
        assert_eq!(at(b"\x93NUMPY\x01\x00\xff\xff{}"), "byte 12");
        assert_eq!(at(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}"), "byte 14");
        for (dictionary, place, problem) in [
            ("[]", "byte 10", "expected '{'"),
            ("{}", "byte 12", "lacks"),
            ("{'descr': '<f4'", "byte 25", "expected '}'"),
            ("{'descr'; '<f4'", "byte 18", "expected ':'"),
            ("{'order': 1}", "byte 11", "expected 'descr'"),
            ("{'descr': '<c8'}", "byte 20", "dtype \"<c8\""),
            ("{'descr': '|b2'}", "byte 20", "dtype \"|b2\""),
            ("{'descr': '|O'}", "byte 20", "Python objects, which are stored as a pickle"),
            ("{'descr': '<U'}", "byte 20", "dtype \"<U\""),
            ("{'descr': '<U+3'}", "byte 20", "dtype \"<U+3\""),
            ("{'descr': '<U9999999999999999999'}", "byte 20", "dtype"),
            ("{'descr': '<M8[ns]'}", "byte 20", "dtype \"<M8[ns]\""),
            ("{'descr': 'éé'}", "byte 20", "dtype"),
            ("{'descr': [('a', '<f4')]}", "byte 20", "structured"),
            ("{'fortran_order': 0}", "byte 28", "True or False"),
            ("{'shape': (-1,)}", "byte 21", "a length"),
            ("{'shape': (99999999999999999999,)}", "byte 21", "at most 64 bits"),
            ("{'shape': 3}", "byte 20", "expected '('"),
            ("{'shape", "byte 11", "quoted string"),
        ] {
            let (at, what) = complaint(dictionary);
            assert_eq!(at, place, "{dictionary}: {what}");
            assert!(what.contains(problem), "{dictionary}: {what}");
        }
        let behind = complaint("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} {}").1;
        assert!(behind.contains("goes on"), "{behind}");
    }

    #[test]
    fn nesting_takes_no_time() {
        for bracket in ["(", "[", "{", "{'shape': (("] {
            assert!(Header::parse(&file(1, &bracket.repeat(5000))).is_err());
        }
    }

    #[test]
    fn sizes_are_multiplied_with_care() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}";
        assert_eq!(Header::parse(&file(1, text)).unwrap().data_len(), None);
    }
}
