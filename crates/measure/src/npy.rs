//! Arrays in numpy's .npy format: logits, labels and soft targets from elsewhere, gradients and
//! predictions of ours.
//!
//! Reading checks every length against the size of the file before anything is allocated, and says
//! where in the file it went wrong.

mod header;
mod labels;

pub use labels::{Labels, labels_of};

use crate::{Error, Result, durable};
use header::{Header, Kind};
use std::fs;
use std::path::Path;

/// A matrix of floating-point numbers, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// `rows × columns` numbers.
    pub values: Floats,
}

/// Numbers in the width they were stored in; half precision is widened to `f32`.
#[derive(Clone, Debug, PartialEq)]
pub enum Floats {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

/// What a row should be classified as.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One class a row, (N,).
    Classes(Vec<i64>),
    /// A distribution over the classes a row, (N, C).
    Soft(Matrix),
}

/// Reads a matrix (N, C) of f2, f4 or f8.
///
/// # Errors
/// A file that cannot be read, or that holds something else.
pub fn matrix(path: &Path) -> Result<Matrix> {
    Array::open(path)?.matrix()
}

/// As [`matrix`], of the contents of the file at `path`.
///
/// # Errors
/// What holds something else.
pub fn matrix_of(bytes: Vec<u8>, path: &Path) -> Result<Matrix> {
    Array::of(bytes, path)?.matrix()
}

/// Reads a matrix (N, D) of numbers of any kind from the contents of the file at `path`: f2, f4, f8, whole
/// numbers, or truth values as 0 and 1.
///
/// # Errors
/// What holds something else.
pub fn numbers_of(bytes: Vec<u8>, path: &Path) -> Result<Matrix> {
    let array = Array::of(bytes, path)?;
    let expected = "numbers of shape (N, D), a row an example";
    let values = match array.header.kind {
        _ if array.header.shape.len() != 2 => return Err(array.unlike(expected)),
        Kind::Float => return array.matrix(),
        Kind::Signed | Kind::Unsigned | Kind::Bool => array.whole()?,
        Kind::Text | Kind::Bytes => return Err(array.unlike(expected)),
    };
    // Exact below 2⁵³.
    array.shaped(Floats::F64(values.into_iter().map(|value| value as f64).collect()))
}

/// Reads a vector (N,) of whole numbers, i1 to i8 or u1 to u8.
///
/// # Errors
/// A file that cannot be read, or that holds something else.
pub fn integers(path: &Path) -> Result<Vec<i64>> {
    Array::open(path)?.integers()
}

/// As [`integers`], of the contents of the file at `path`.
///
/// # Errors
/// What holds something else.
pub fn integers_of(bytes: Vec<u8>, path: &Path) -> Result<Vec<i64>> {
    Array::of(bytes, path)?.integers()
}

/// Reads a vector (N,) of f2, f4 or f8.
///
/// # Errors
/// A file that cannot be read, or that holds something else.
pub fn floats(path: &Path) -> Result<Vec<f64>> {
    let array = Array::open(path)?;
    match (array.header.shape.len(), array.header.kind) {
        (1, Kind::Float) => array.floats().map(|values| values.to_f64()),
        _ => Err(array.unlike("f4 or f8 of shape (N,)")),
    }
}

impl Floats {
    /// The numbers in single precision, rounded where they were double.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Floats::F32(values) => values.clone(),
            Floats::F64(values) => values.iter().map(|value| *value as f32).collect(),
        }
    }

    /// The numbers in double precision.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Floats::F32(values) => values.iter().map(|value| f64::from(*value)).collect(),
            Floats::F64(values) => values.clone(),
        }
    }
}

/// Reads targets: whole numbers (N,) or a matrix of distributions (N, C).
///
/// # Errors
/// A file that cannot be read, or that holds something else.
pub fn targets(path: &Path) -> Result<Targets> {
    let array = Array::open(path)?;
    match (array.header.shape.len(), array.header.kind) {
        (1, Kind::Signed | Kind::Unsigned) => array.integers().map(Targets::Classes),
        (2, Kind::Float) => array.matrix().map(Targets::Soft),
        _ => Err(array.unlike("whole numbers of shape (N,) or f4 or f8 of shape (N, C)")),
    }
}

/// Writes `values` as a matrix of `columns` columns; the file appears complete or not at all.
///
/// # Errors
/// Values that do not make up whole rows; a file that cannot be written.
pub fn write_matrix<T: npyz::AutoSerialize + Copy>(
    path: &Path,
    values: &[T],
    columns: usize,
) -> Result<()> {
    if columns == 0 || !values.len().is_multiple_of(columns) {
        return Err(Error::Request(format!(
            "{} numbers cannot be rows of {columns}",
            values.len()
        )));
    }
    write(path, values, &[(values.len() / columns) as u64, columns as u64])
}

/// Writes `values` as a vector; the file appears complete or not at all.
///
/// # Errors
/// A file that cannot be written.
pub fn write_vector<T: npyz::AutoSerialize + Copy>(path: &Path, values: &[T]) -> Result<()> {
    write(path, values, &[values.len() as u64])
}

fn write<T: npyz::AutoSerialize + Copy>(path: &Path, values: &[T], shape: &[u64]) -> Result<()> {
    use npyz::WriterBuilder;
    durable::write_with(path, |to| {
        let array = npyz::WriteOptions::new().default_dtype().shape(shape).writer(to);
        let mut array = array.begin_nd()?;
        array.extend(values.iter().copied())?;
        array.finish()
    })
}

/// A file read and its header understood.
struct Array<'a> {
    path: &'a Path,
    header: Header,
    bytes: Vec<u8>,
}

impl<'a> Array<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        Self::of(fs::read(path).map_err(Error::input(path))?, path)
    }

    fn of(bytes: Vec<u8>, path: &'a Path) -> Result<Self> {
        let header = Header::parse(&bytes)
            .map_err(|(place, problem)| Error::malformed(path, place, problem))?;
        let present = bytes.len() - header.end;
        if header.data_len() != Some(present) {
            let expected = header.data_len().map_or("more".into(), |n| n.to_string());
            return Err(Error::malformed(
                path,
                format!("byte {}", header.end),
                format!(
                    "{present} bytes of data, expected {expected} for {} of shape {:?}",
                    header.dtype(),
                    header.shape
                ),
            ));
        }
        Ok(Self { path, header, bytes })
    }

    fn matrix(&self) -> Result<Matrix> {
        if self.header.shape.len() != 2 {
            return Err(self.unlike("f4 or f8 of shape (N, C)"));
        }
        self.shaped(self.floats()?)
    }

    /// The numbers as the rows of a matrix, in whichever order they are stored.
    fn shaped(&self, values: Floats) -> Result<Matrix> {
        let &[rows, columns] = self.header.shape.as_slice() else {
            return Err(self.unlike("numbers of shape (N, C)"));
        };
        let values = match values {
            values if !self.header.fortran_order => values,
            Floats::F32(values) => Floats::F32(transpose(&values, rows, columns)),
            Floats::F64(values) => Floats::F64(transpose(&values, rows, columns)),
        };
        Ok(Matrix { rows, columns, values })
    }

    fn floats(&self) -> Result<Floats> {
        match (self.header.kind, self.header.width) {
            (Kind::Float, 2) => Ok(Floats::F32(self.numbers(|b| half(u16::from_le_bytes(b))))),
            (Kind::Float, 4) => Ok(Floats::F32(self.numbers(f32::from_le_bytes))),
            (Kind::Float, 8) => Ok(Floats::F64(self.numbers(f64::from_le_bytes))),
            _ => Err(self.unlike("f4 or f8")),
        }
    }

    fn integers(&self) -> Result<Vec<i64>> {
        let is_whole = matches!(self.header.kind, Kind::Signed | Kind::Unsigned);
        if self.header.shape.len() != 1 || !is_whole {
            return Err(self.unlike("whole numbers of shape (N,)"));
        }
        self.whole()
    }

    /// Whole numbers of any shape, in the order they are stored; truth values are 0 and 1.
    fn whole(&self) -> Result<Vec<i64>> {
        Ok(match (self.header.kind, self.header.width) {
            (Kind::Bool, _) => self.numbers(|b| u8::from_le_bytes(b).min(1).into()),
            (Kind::Signed, 1) => self.numbers(|b| i8::from_le_bytes(b).into()),
            (Kind::Signed, 2) => self.numbers(|b| i16::from_le_bytes(b).into()),
            (Kind::Signed, 4) => self.numbers(|b| i32::from_le_bytes(b).into()),
            (Kind::Signed, 8) => self.numbers(i64::from_le_bytes),
            (Kind::Unsigned, 1) => self.numbers(|b| u8::from_le_bytes(b).into()),
            (Kind::Unsigned, 2) => self.numbers(|b| u16::from_le_bytes(b).into()),
            (Kind::Unsigned, 4) => self.numbers(|b| u32::from_le_bytes(b).into()),
            (Kind::Unsigned, 8) => {
                let wide = self.numbers(u64::from_le_bytes);
                let narrow = |(row, value): (usize, u64)| {
                    i64::try_from(value).map_err(|_| {
                        let problem = format!("{value} is more than a class can be");
                        Error::malformed(self.path, format!("row {row}"), problem)
                    })
                };
                return wide.into_iter().enumerate().map(narrow).collect();
            }
            _ => return Err(self.unlike("whole numbers")),
        })
    }

    /// The data as numbers of `WIDTH` bytes, in the order they are stored.
    fn numbers<const WIDTH: usize, T>(&self, from_le_bytes: impl Fn([u8; WIDTH]) -> T) -> Vec<T> {
        let (chunks, _) = self.bytes[self.header.end..].as_chunks::<WIDTH>();
        let read = |chunk: &[u8; WIDTH]| {
            let mut bytes = *chunk;
            if self.header.big_endian {
                bytes.reverse();
            }
            from_le_bytes(bytes)
        };
        chunks.iter().map(read).collect()
    }

    fn unlike(&self, expected: &str) -> Error {
        let Header { shape, .. } = &self.header;
        let found = format!("{} of shape {shape:?}, expected {expected}", self.header.dtype());
        Error::malformed(self.path, "header", found)
    }
}

/// Column-major to row-major.
fn transpose<T: Copy>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
    let at = |i: usize| values[i % columns * rows + i / columns];
    (0..values.len()).map(at).collect()
}

/// Half precision (IEEE binary16) to single, exactly.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f32::from(bits & 0x3ff);
    sign * match bits >> 10 & 0x1f {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (1024.0 + fraction) * 2f32.powi(i32::from(exponent) - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::PathBuf;
    use tempfile::TempDir;

    /// A file of the given dtype, order and shape over `data`.
    fn file(folder: &TempDir, header: &str, data: &[u8]) -> PathBuf {
        let length = (header.len() as u16).to_le_bytes();
        let path = folder.path().join("array.npy");
        fs::write(&path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat())
            .unwrap();
        path
    }

    fn header(dtype: &str, fortran_order: &str, shape: &str) -> String {
        format!("{{'descr': '{dtype}', 'fortran_order': {fortran_order}, 'shape': {shape}, }}\n")
    }

    #[test]
    fn reads_both_orders_and_both_endiannesses() {
        let folder = TempDir::new().unwrap();
        let expected = |values| Matrix { rows: 2, columns: 3, values };
        let numbers = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let path = file(&folder, &header("<f4", "False", "(2, 3)"), &data);
        assert_eq!(matrix(&path).unwrap(), expected(Floats::F32(numbers.to_vec())));
        // numpy.asfortranarray([[1, 2, 3], [4, 5, 6]], '>f8')
        let data: Vec<u8> =
            [1.0f64, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        let path = file(&folder, &header(">f8", "True", "(2, 3)"), &data);
        let wide = numbers.map(f64::from).to_vec();
        assert_eq!(matrix(&path).unwrap(), expected(Floats::F64(wide)));
    }

    #[test]
    fn reads_half_precision() {
        let folder = TempDir::new().unwrap();
        // numpy.array([[0, -2, 1/3, 6e-8, 65504, -inf]], 'f2').view('u2')
        let bits = [0u16, 49152, 13653, 1, 31743, 64512];
        let data: Vec<u8> = bits.iter().flat_map(|x| x.to_le_bytes()).collect();
        let path = file(&folder, &header("<f2", "False", "(1, 6)"), &data);
        let inf = f32::INFINITY;
        let expected = vec![0.0, -2.0, 1365.0 / 4096.0, 2f32.powi(-24), 65504.0, -inf];
        assert_eq!(matrix(&path).unwrap().values, Floats::F32(expected));
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn reads_whole_numbers_of_every_width() {
        let folder = TempDir::new().unwrap();
        for (dtype, data) in [
            ("|i1", &[255u8, 7][..]),
            ("<i2", &[255, 255, 7, 0]),
            (">i4", &[255, 255, 255, 255, 0, 0, 0, 7]),
            ("<i8", &[255, 255, 255, 255, 255, 255, 255, 255, 7, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            let path = file(&folder, &header(dtype, "False", "(2,)"), data);
            assert_eq!(integers(&path).unwrap(), [-1, 7], "{dtype}");
        }
        for (dtype, data) in [
            ("|u1", &[255u8, 7][..]),
            ("<u2", &[255, 0, 7, 0]),
            (">u4", &[0, 0, 0, 255, 0, 0, 0, 7]),
            ("<u8", &[255, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            let path = file(&folder, &header(dtype, "False", "(2,)"), data);
            assert_eq!(targets(&path).unwrap(), Targets::Classes(vec![255, 7]), "{dtype}");
        }
        let path = file(&folder, &header("<u8", "False", "(1,)"), &[255; 8]);
        assert!(integers(&path).unwrap_err().to_string().contains("row 0: 18446744073709551615"));
    }

    #[test]
    fn rows_are_numbers_of_any_kind() {
        let folder = TempDir::new().unwrap();
        let read = |dtype: &str, fortran: &str, shape: &str, data: &[u8]| {
            let path = file(&folder, &header(dtype, fortran, shape), data);
            numbers_of(fs::read(&path).unwrap(), &path)
        };
        let expected = |values| Matrix { rows: 2, columns: 2, values };
        let whole = expected(Floats::F64(vec![1.0, 2.0, 3.0, 255.0]));
        assert_eq!(read("|u1", "False", "(2, 2)", &[1, 2, 3, 255]).unwrap(), whole);
        assert_eq!(read("|u1", "True", "(2, 2)", &[1, 3, 2, 255]).unwrap(), whole);
        let truth = expected(Floats::F64(vec![0.0, 1.0, 1.0, 1.0]));
        assert_eq!(read("|b1", "False", "(2, 2)", &[0, 1, 1, 7]).unwrap(), truth);
        let halves = expected(Floats::F32(vec![0.0, -2.0, 65504.0, 2f32.powi(-24)]));
        let bits = [0u16, 49152, 31743, 1].map(u16::to_le_bytes).concat();
        assert_eq!(read("<f2", "False", "(2, 2)", &bits).unwrap(), halves);
        for (dtype, shape, found) in [
            ("<f4", "(2,)", "header: f4 of shape [2], expected numbers of shape (N, D)"),
            ("|u1", "(2, 2, 2)", "header: u1 of shape [2, 2, 2], expected numbers"),
            ("|S4", "(1, 2)", "header: S4 of shape [1, 2], expected numbers"),
        ] {
            let error = read(dtype, "False", shape, &[0; 8]).unwrap_err().to_string();
            assert!(error.contains(found), "{error}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("out.npy");
        let values = vec![1.5f64, -0.1, f64::MIN_POSITIVE, 1e300, 0.0, f64::NEG_INFINITY];
        write_matrix(&path, &values, 2).unwrap();
        let expected = Matrix { rows: 3, columns: 2, values: Floats::F64(values) };
        assert_eq!(matrix(&path).unwrap(), expected);
        assert_eq!(targets(&path).unwrap(), Targets::Soft(expected));
        write_matrix(&path, &[1.0f32, 0.25], 1).unwrap();
        assert_eq!(matrix(&path).unwrap().values, Floats::F32(vec![1.0, 0.25]));
        write_vector(&path, &[i64::MIN, 3, i64::MAX]).unwrap();
        assert_eq!(integers(&path).unwrap(), [i64::MIN, 3, i64::MAX]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
        assert!(write_matrix(&path, &[1.0f32, 0.25], 3).is_err());
        assert!(write_matrix(&path, &[1.0f32, 0.25], 0).is_err());
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = TempDir::new().unwrap();
        let nowhere = folder.path().join("missing").join("out.npy");
        let error = write_vector(&nowhere, &[1i64]).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(error.to_string().contains("out.npy"), "{error}");
        // The name is taken by a folder: the data cannot take its place.
        assert!(write_vector(folder.path(), &[1i64]).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(write_vector(Path::new("/"), &[1i64]).is_err());
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let folder = TempDir::new().unwrap();
        let complaint = |dtype: &str, shape: &str, data: &[u8]| {
            let path = file(&folder, &header(dtype, "False", shape), data);
            let error = matrix(&path).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        for (dtype, shape, data, expected) in [
            (
                "<f4",
                "(2, 2)",
                &[0u8; 15][..],
                "15 bytes of data, expected 16 for f4 of shape [2, 2]",
            ),
            ("<f4", "(2, 2)", &[0; 17], "17 bytes of data, expected 16"),
            ("<f4", "(4294967296, 4294967296)", &[0; 8], "8 bytes of data, expected more"),
            (
                "<f4",
                "(1000000000, 1000000000)",
                &[0; 8],
                "8 bytes of data, expected 4000000000000000000",
            ),
            ("<f4", "(2,)", &[0; 8], "header: f4 of shape [2], expected f4 or f8 of shape (N, C)"),
            ("<i4", "(1, 2)", &[0; 8], "header: i4 of shape [1, 2], expected f4 or f8"),
            ("<c8", "(1, 1)", &[0; 8], "dtype \"<c8\""),
            ("<U1", "(1, 2)", &[0; 8], "header: U1 of shape [1, 2], expected f4 or f8"),
        ] {
            let found = complaint(dtype, shape, data);
            assert!(found.contains("array.npy: ") && found.contains(expected), "{found}");
        }
        let path = file(&folder, &header("<f4", "False", "(2,)"), &[0; 8]);
        assert!(integers(&path).unwrap_err().to_string().contains("whole numbers of shape (N,)"));
        assert!(targets(&path).unwrap_err().to_string().contains("whole numbers"));
        let path = file(&folder, &header("<i4", "False", "(2, 1)"), &[0; 8]);
        assert!(integers(&path).unwrap_err().to_string().contains("whole numbers of shape (N,)"));
        let missing = matrix(&folder.path().join("missing.npy")).unwrap_err();
        assert_eq!(missing.exit_code(), 2);
        assert!(missing.to_string().contains("missing.npy"), "{missing}");
    }

    #[test]
    fn an_empty_array_is_an_array() {
        let folder = TempDir::new().unwrap();
        let path = file(&folder, &header("<f4", "True", "(0, 3)"), &[]);
        let Matrix { rows, columns, values } = matrix(&path).unwrap();
        assert_eq!((rows, columns, values), (0, 3, Floats::F32(vec![])));
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(
            edits in prop::collection::vec((0usize..120, any::<u8>()), 0..6),
            cut in 0usize..160,
        ) {
            let folder = TempDir::new().unwrap();
            let path = file(&folder, &header("<f4", "False", "(2, 3)"), &[1; 24]);
            let mut bytes = fs::read(&path).unwrap();
            for (at, byte) in edits {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            bytes.truncate(cut);
            fs::write(&path, &bytes).unwrap();
            let of = || fs::read(&path).unwrap();
            let rows = numbers_of(of(), &path).err();
            let words = labels_of(of(), &path).err();
            for error in
                [matrix(&path).err(), integers(&path).err(), targets(&path).err(), rows, words]
            {
                prop_assert!(error.is_none_or(|error| error.exit_code() == 2));
            }
        }
    }
}
