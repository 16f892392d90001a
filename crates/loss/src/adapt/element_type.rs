//! The element types that a framework's tensors may have, told apart once: a tensor knows its type only
//! when the program runs, the kernels when it is compiled.

use crate::error::{Error, Result};

/// A type that implements [`crate::element::Element`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementType {
    F32,
    F64,
    Bf16,
    F16,
}

impl ElementType {
    /// That of the tensor `what`, of which a framework says that it is `found`.
    pub fn of(
        what: &'static str,
        known: Option<Self>,
        found: impl std::fmt::Debug,
    ) -> Result<Self> {
        known.ok_or_else(|| Error::ElementType {
            tensor: what,
            found: format!("{found:?}"),
            expected: "32 or 64 bit floats, bfloat16 or half".to_owned(),
        })
    }
}

/// `$body`, in which `$E` is the Rust type of the elements `$of`.
macro_rules! with_element {
    ($of:expr, $E:ident => $body:expr) => {{
        use $crate::adapt::element_type::ElementType;
        match $of {
            ElementType::F32 => {
                type $E = f32;
                $body
            }
            ElementType::F64 => {
                type $E = f64;
                $body
            }
            ElementType::Bf16 => {
                type $E = half::bf16;
                $body
            }
            ElementType::F16 => {
                type $E = half::f16;
                $body
            }
        }
    }};
}
pub(crate) use with_element;
