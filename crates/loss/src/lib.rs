//! (being written)
#[derive(Clone, Debug)]
pub struct Loss;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Error;
