//! Arrays in .npy: what is read is written and read back bit for bit.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, refused};
use steepness_lab::data::npy::{self, Floats, Matrix};

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("npy"));

fuzz_target!(|data: &[u8]| {
    let path = PLACE.put("array.npy", data);
    match npy::matrix(&path) {
        Ok(matrix) if matrix.columns > 0 && matrix.rows > 0 => again(&matrix),
        Ok(matrix) => assert_eq!(numbers(&matrix), 0),
        Err(error) => refused(&error.into()),
    }
    match npy::integers(&path) {
        Ok(values) => {
            let copy = PLACE.path("copy.npy");
            npy::write_vector(&copy, &values).expect("room in memory");
            assert_eq!(npy::integers(&copy).expect("it was just written"), values);
        }
        Err(error) => refused(&error.into()),
    }
    npy::floats(&path).map(drop).unwrap_or_else(|error| refused(&error.into()));
    let of = || data.to_vec();
    npy::numbers_of(of(), &path).map(drop).unwrap_or_else(|error| refused(&error.into()));
    npy::labels_of(of(), &path).map(drop).unwrap_or_else(|error| refused(&error.into()));
    npy::targets(&path).map(drop).unwrap_or_else(|error| refused(&error.into()));
});

fn numbers(matrix: &Matrix) -> usize {
    match &matrix.values {
        Floats::F32(values) => values.len(),
        Floats::F64(values) => values.len(),
    }
}

fn again(matrix: &Matrix) {
    let copy = PLACE.path("copy.npy");
    let written = match &matrix.values {
        Floats::F32(values) => npy::write_matrix(&copy, values, matrix.columns),
        Floats::F64(values) => npy::write_matrix(&copy, values, matrix.columns),
    };
    written.expect("room in memory");
    let read = npy::matrix(&copy).expect("it was just written");
    assert_eq!((read.rows, read.columns), (matrix.rows, matrix.columns));
    match (&read.values, &matrix.values) {
        (Floats::F32(a), Floats::F32(b)) => {
            assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
        (Floats::F64(a), Floats::F64(b)) => {
            assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
        _ => panic!("the width of numbers changed"),
    }
}
