//! One thin adapter a framework, each behind its feature.

#[cfg(feature = "candle")]
mod candle;
#[cfg(any(feature = "candle", feature = "tch"))]
mod layout;
#[cfg(feature = "tch")]
mod tch;
