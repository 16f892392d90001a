//! (being written)
pub mod npy;
