//! The layers that the networks are made of: one file each.

mod batch_norm;
mod conv;
mod dropout;
mod layout;
mod linear;
mod normalise;
mod prelu;

pub use batch_norm::BatchNorm;
pub use conv::{Conv, Window};
pub use dropout::{DropPath, Dropout};
pub use layout::channels_last;
pub use linear::Linear;
pub use normalise::Normalise;
pub use prelu::PRelu;
