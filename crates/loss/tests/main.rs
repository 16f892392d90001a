//! The loss from outside, in one binary. A file that is added here is a module below: Cargo does not
//! look for tests by itself (`autotests` in Cargo.toml).

mod curves;
mod golden;
mod options;
mod reference;
