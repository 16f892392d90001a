//! Arrays of NumPy and tensors of PyTorch, as the Python side hands them over: an address and a length.

/// The `length` elements at `address`, which is 0 for what is not there.
///
/// # Safety
/// They must be contiguous, of type `T`, and live as long as the slice; nobody may write them.
pub unsafe fn slice<'a, T>(address: usize, length: usize) -> &'a [T] {
    if length == 0 {
        return &[];
    }
    // SAFETY: by the contract.
    unsafe { std::slice::from_raw_parts(address as *const T, length) }
}

/// The same, to be written.
///
/// # Safety
/// As [`slice`], and nothing else may refer to them.
pub unsafe fn slice_mut<'a, T>(address: usize, length: usize) -> &'a mut [T] {
    if length == 0 {
        return &mut [];
    }
    // SAFETY: by the contract.
    unsafe { std::slice::from_raw_parts_mut(address as *mut T, length) }
}

/// Calls `$body` with `$E` standing for the element type that `$dtype` names.
macro_rules! with_element {
    ($dtype:expr, $E:ident, $body:expr) => {
        match $dtype {
            "float32" => {
                type $E = f32;
                $body
            }
            "float64" => {
                type $E = f64;
                $body
            }
            "bfloat16" => {
                type $E = half::bf16;
                $body
            }
            "float16" => {
                type $E = half::f16;
                $body
            }
            other => Err(pyo3::exceptions::PyTypeError::new_err(format!(
                "logits of {other}: expected float32, float64, bfloat16 or float16"
            ))),
        }
    };
}
pub(crate) use with_element;
