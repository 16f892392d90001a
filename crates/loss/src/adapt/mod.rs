//! One thin adapter a framework, each behind its feature.

#[cfg(feature = "tch")]
mod tch;
