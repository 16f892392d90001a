//! Who reads the recipes that lie in folders: the laboratory, where it is there, since it knows every key
//! of its own.

#[cfg(not(feature = "lab"))]
pub use steepness_compare::PlainReader as Reader;
#[cfg(feature = "lab")]
pub use steepness_lab::experiment::LabReader as Reader;
