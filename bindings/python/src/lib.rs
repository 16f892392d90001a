//! What the Python package `steepness` is made of: its losses, measurements and program, in Rust.
//!
//! Nothing in here is for users: the Python sources beside it check what they are given, hand over
//! addresses of memory that they keep alive, and document what there is.

mod criterion;
mod errors;
mod measure;
mod memory;
mod program;
mod terms;
mod threads;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::criterion::Criterion;
    #[pymodule_export]
    use crate::measure::measure;
    #[pymodule_export]
    use crate::program::main_from;
    #[pymodule_export]
    use crate::terms::curve;

    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
