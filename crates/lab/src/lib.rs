//! The laboratory: trains one classifier with several losses on the same data and seeds, and
//! measures what the loss did.
//!
//! Data flows one way, and a stage knows only the types of the stage before it:
//! [`experiment`]'s recipe → [`data`] → [`models`] → the loss (crate `steepness`) → [`train`] → run
//! directory → [`measure`] → [`report`]. Of all that [`compare`] knows settings, seeds and folders, and
//! [`measure`] arrays: it also serves people who bring logits from elsewhere. [`attack`] needs a model
//! and its gradient, [`translate`] one that writes sequences.

// What is printed goes through `console`.
#![warn(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro)]

pub mod attack;
mod autograd;
pub mod card;
pub mod data;
mod error;
pub mod experiment;
mod guard;
mod memory;
pub mod models;
pub mod tensors;
pub mod train;
pub mod translate;
mod validate;

pub use error::{Error, Result};
/// What images are read with, for the program's tests, which write some: a dependency of their own would
/// be compiled for the program without the laboratory too.
#[doc(hidden)]
pub use image;
pub use memory::keep_freed_memory;
pub use steepness_compare::{self as compare, console, report};
pub use steepness_measure::{self as measure, Stop, durable, plain, random, words};
pub use validate::Validate;
