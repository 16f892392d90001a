//! On which device models run.
//!
//! It is no part of a recipe: every device gives the same results up to rounding. A run's
//! `environment.json` says which one it was.

use tch::{Cuda, Device};

use crate::{Error, Result};

/// The device that `text` means: `cpu`, `cuda` (the first one), `cuda:1`, or `auto`, which is the
/// first GPU where libtorch finds one and the CPU elsewhere.
///
/// # Errors
/// What is no device, and a GPU that is not there.
pub fn device(text: &str) -> Result<Device> {
    let number = match text {
        "auto" => return Ok(Device::cuda_if_available()),
        "cpu" => return Ok(Device::Cpu),
        "cuda" => Some(0),
        _ => text.strip_prefix("cuda:").and_then(|number| number.parse::<usize>().ok()),
    };
    let refuse = |problem: String| Err(Error::Request(format!("the device {text}: {problem}")));
    let Some(number) = number else {
        return refuse("there are auto, cpu, cuda and cuda:0, cuda:1, …".to_owned());
    };
    if !Cuda::is_available() {
        return refuse("this libtorch finds no GPU; auto takes what there is".to_owned());
    }
    match Cuda::device_count() {
        count if (number as i64) < count => Ok(Device::Cuda(number)),
        count => refuse(format!("there are {count} GPUs, counted from 0")),
    }
}

/// As [`device`] reads it.
pub(super) fn name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Cuda(number) => format!("cuda:{number}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_devices() {
        assert_eq!(device("cpu").unwrap(), Device::Cpu);
        assert_eq!(device("auto").unwrap().is_cuda(), Cuda::is_available());
        assert_eq!(device(&name(device("auto").unwrap())).unwrap(), device("auto").unwrap());
        for wrong in ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda:99999"] {
            let error = device(wrong).unwrap_err();
            assert!(
                error.exit_code() == 2 && error.to_string().starts_with("the device "),
                "{error}"
            );
        }
    }
}
