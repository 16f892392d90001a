//! One thin adapter a framework, each behind its feature.

#[cfg(any(feature = "burn", feature = "candle", feature = "tch"))]
mod batch;
#[cfg(feature = "burn")]
pub(crate) mod burn;
#[cfg(feature = "candle")]
mod candle;
#[cfg(any(feature = "burn", feature = "candle", feature = "tch"))]
mod element_type;
#[cfg(any(feature = "burn", feature = "candle", feature = "tch"))]
mod layout;
#[cfg(feature = "tch")]
mod tch;
