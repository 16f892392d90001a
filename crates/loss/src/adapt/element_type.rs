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
    /// That of the tensor `what`, of which a framework says that it is `found`; `known` are its words for
    /// [`ElementType`]'s variants in their order.
    pub fn of<T: PartialEq + std::fmt::Debug>(
        what: &'static str,
        found: T,
        known: [T; 4],
    ) -> Result<Self> {
        let all = [Self::F32, Self::F64, Self::Bf16, Self::F16];
        let same = all.into_iter().zip(&known).find(|(_, known)| **known == found);
        same.map(|(element_type, _)| element_type).ok_or_else(|| Error::ElementType {
            tensor: what,
            found: format!("{found:?}"),
            expected: known.map(|known| format!("{known:?}")).join(", "),
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
