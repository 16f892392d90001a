//! Operations of our own in libtorch's autograd graph, and the numbers in tensors that they work on.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

use crate::{Error, Result};

type Backward = unsafe extern "C" fn(
    operation: *mut c_void,
    upstream: *const C_tensor,
    gradients: *mut *mut C_tensor,
    inputs: usize,
    message: *mut c_char,
    length: usize,
) -> bool;

unsafe extern "C" {
    fn steepness_own_operation(
        value: *const C_tensor,
        inputs: *const *const C_tensor,
        count: usize,
        operation: *mut c_void,
        backward: Backward,
        release: unsafe extern "C" fn(*mut c_void),
        result: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn free(memory: *mut c_void);
}

/// The backward pass of an operation, with what it has kept of the forward pass: no tensor that it
/// keeps may be part of the graph, which `detach` sees to.
pub trait Operation {
    /// The gradient for each input, `None` for those that need none, from that of the result.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    fn backward(&self, upstream: &Tensor) -> Result<Vec<Option<Tensor>>>;
}

/// `value`, which was computed from `inputs`, as a tensor whose backward pass is that of `operation`.
///
/// # Errors
/// Only what libtorch refuses.
pub fn attach<O: Operation + 'static>(
    value: &Tensor,
    inputs: &[&Tensor],
    operation: O,
) -> Result<Tensor> {
    let inputs: Vec<*const C_tensor> = inputs.iter().map(|input| input.as_ptr()).collect();
    let operation = Box::into_raw(Box::new(operation)).cast();
    let mut result = std::ptr::null_mut();
    // SAFETY: the tensors live; the callee takes the operation, and gives it to the two functions that
    // know its type: any number of times to the first, once to the second.
    let message = unsafe {
        steepness_own_operation(
            value.as_ptr(),
            inputs.as_ptr(),
            inputs.len(),
            operation,
            backward::<O>,
            release::<O>,
            &mut result,
        )
    };
    if message.is_null() {
        // SAFETY: a new tensor that nobody else owns.
        return Ok(unsafe { Tensor::from_ptr(result) });
    }
    // SAFETY: a C string from strdup.
    let problem = unsafe { CStr::from_ptr(message).to_string_lossy().into_owned() };
    // SAFETY: as above, and not used again.
    unsafe { free(message.cast()) };
    Err(Error::Work(format!("libtorch: {problem}")))
}

unsafe extern "C" fn backward<O: Operation>(
    operation: *mut c_void,
    upstream: *const C_tensor,
    gradients: *mut *mut C_tensor,
    inputs: usize,
    message: *mut c_char,
    length: usize,
) -> bool {
    let work = || -> Result<()> {
        // SAFETY: what `attach` has handed over; nobody changes it.
        let operation = unsafe { &*operation.cast::<O>() };
        // SAFETY: a living tensor, of which this makes a reference of its own.
        let upstream = unsafe { Tensor::clone_from_ptr(upstream.cast_mut()) };
        let found = operation.backward(&upstream)?;
        if found.len() != inputs {
            return Err(Error::Work(format!("{} gradients for {inputs} inputs", found.len())));
        }
        for (at, gradient) in found.into_iter().enumerate() {
            let Some(mut gradient) = gradient else { continue };
            // SAFETY: there is room for `inputs` of them.
            unsafe { *gradients.add(at) = gradient.as_mut_ptr() };
            // The callee owns it now.
            std::mem::forget(gradient);
        }
        Ok(())
    };
    // A panic must not reach C++.
    let done = catch_unwind(AssertUnwindSafe(work));
    let problem = match done {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the backward pass of an operation broke down".to_owned(),
    };
    let bytes = problem.bytes().filter(|byte| *byte != 0).take(length.saturating_sub(1));
    for (at, byte) in bytes.enumerate() {
        // SAFETY: there is room for `length` bytes, all of which are 0, and the last stays so.
        unsafe { *message.add(at) = byte as c_char };
    }
    false
}

unsafe extern "C" fn release<O>(operation: *mut c_void) {
    // SAFETY: what `attach` has made of a box, once.
    drop(unsafe { Box::from_raw(operation.cast::<O>()) });
}

/// Numbers of a tensor.
pub trait Number: Copy {
    /// What libtorch calls them.
    const KIND: Kind;
}

impl Number for f32 {
    const KIND: Kind = Kind::Float;
}

impl Number for i64 {
    const KIND: Kind = Kind::Int64;
}

/// A tensor on the CPU whose numbers lie in a row, to be read.
#[derive(Debug)]
pub struct Values(Tensor);

impl Values {
    /// Those of `tensor`, in its order; a copy only where they do not lie so.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn of<T: Number>(tensor: &Tensor) -> Result<Self> {
        Ok(Self(tensor.f_detach()?.f_to(Device::Cpu)?.f_to_kind(T::KIND)?.f_contiguous()?))
    }

    /// The numbers.
    pub fn slice<T: Number>(&self) -> &[T] {
        assert_eq!(self.0.kind(), T::KIND, "made of another kind");
        let length = self.0.numel();
        if length == 0 {
            return &[];
        }
        // SAFETY: so many numbers of that kind, in a row and on the CPU, which stay as long as the
        // tensor does; whoever would change it in place breaks libtorch's own rule for what a backward
        // pass needs.
        unsafe { std::slice::from_raw_parts(self.0.data_ptr().cast(), length) }
    }

    /// The tensor.
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }
}

/// A new f32 tensor of `size` on the CPU, whose numbers `fill` makes of zeros.
///
/// # Errors
/// Only what libtorch refuses.
pub fn filled(size: &[i64], fill: impl FnOnce(&mut [f32])) -> Result<Tensor> {
    let tensor = Tensor::f_zeros(size, (Kind::Float, Device::Cpu))?;
    if tensor.numel() > 0 {
        // SAFETY: as many f32 in a row, of which nobody else knows yet.
        fill(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) });
    }
    Ok(tensor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// x·y of two vectors; says when it is let go.
    struct Product {
        inputs: [Tensor; 2],
        released: Rc<Cell<u32>>,
        fails: bool,
    }

    impl Drop for Product {
        fn drop(&mut self) {
            self.released.set(self.released.get() + 1);
        }
    }

    impl Operation for Product {
        fn backward(&self, upstream: &Tensor) -> Result<Vec<Option<Tensor>>> {
            if self.fails {
                return Err(Error::Work("as asked".to_owned()));
            }
            Ok(vec![Some(&self.inputs[1] * upstream), Some(&self.inputs[0] * upstream)])
        }
    }

    fn product(x: &Tensor, y: &Tensor, released: &Rc<Cell<u32>>, fails: bool) -> Tensor {
        let (inputs, released) = ([x.detach(), y.detach()], released.clone());
        attach(&(x * y).detach(), &[x, y], Product { inputs, released, fails }).unwrap()
    }

    #[test]
    fn gradients_reach_the_inputs() {
        let released = Rc::new(Cell::new(0));
        let x = Tensor::from_slice(&[1f32, 2.0]).set_requires_grad(true);
        let y = Tensor::from_slice(&[3f32, 5.0]);
        let result = product(&(&x * 2.0), &y, &released, false);
        assert_eq!(Vec::<f32>::try_from(&result).unwrap(), [6.0, 20.0]);
        (&result * Tensor::from_slice(&[1f32, 10.0])).sum(None).backward();
        assert_eq!(Vec::<f32>::try_from(x.grad()).unwrap(), [6.0, 100.0]);
        assert_eq!(released.get(), 1, "what was kept is let go after the backward pass");
        let again = (&result * 1.0).sum(None).f_backward().unwrap_err().to_string();
        assert!(again.contains("a second time"), "{again}");
    }

    #[test]
    fn nothing_is_kept_where_no_gradient_is_asked_for() {
        let released = Rc::new(Cell::new(0));
        let x = Tensor::from_slice(&[1f32]);
        assert!(!product(&x, &x, &released, false).requires_grad());
        let w = x.copy().set_requires_grad(true);
        assert!(!tch::no_grad(|| product(&w, &x, &released, false)).requires_grad());
        assert_eq!(released.get(), 2);
        drop(product(&w, &x, &released, false));
        assert_eq!(released.get(), 3);
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let x = Tensor::from_slice(&[1f32]).set_requires_grad(true);
        let result = product(&x, &x.detach(), &Rc::default(), true);
        let error = result.sum(None).f_backward().unwrap_err().to_string();
        assert!(error.contains("as asked"), "{error}");
    }

    #[test]
    fn values_are_read_in_order() {
        let tensor = Tensor::arange(6, (Kind::Int64, Device::Cpu)).view([2, 3]);
        assert_eq!(Values::of::<i64>(&tensor.tr()).unwrap().slice::<i64>(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(Values::of::<f32>(&tensor).unwrap().slice::<f32>(), [0., 1., 2., 3., 4., 5.]);
        assert!(Values::of::<f32>(&tensor.narrow(0, 0, 0)).unwrap().slice::<f32>().is_empty());
        assert_eq!(filled(&[2], |x| x[1] = 7.0).unwrap(), Tensor::from_slice(&[0f32, 7.0]));
    }
}
