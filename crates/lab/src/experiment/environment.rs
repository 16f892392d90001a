//! What a run was made with.

use serde::{Deserialize, Serialize};
use tch::Device;

use super::device;

/// The contents of `environment.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of Steepness.
    pub version: String,
    /// The commit it was built from, where it was built in a checkout.
    pub revision: Option<String>,
    /// "tch 0.24.0", "libtorch 2.11.0".
    pub libraries: Vec<String>,
    /// Operating system and architecture.
    pub system: String,
    /// Model name of the processor, where the system tells.
    pub cpu: Option<String>,
    /// "cpu", "cuda:0": where the model ran.
    pub device: String,
    /// Cores that the process may use.
    pub cores: usize,
    /// Threads of one training.
    pub threads: usize,
}

impl Environment {
    /// Of this process.
    pub fn of(threads: usize, device: Device) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: option_env!("STEEPNESS_REVISION").map(str::to_owned),
            libraries: libraries(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: cpu(),
            device: device::name(device),
            cores: cores(),
            threads,
        }
    }
}

/// The libraries that decide a result.
pub fn libraries() -> Vec<String> {
    // build.rs finds both versions.
    vec![format!("tch {}", env!("TCH_VERSION")), format!("libtorch {}", env!("LIBTORCH_VERSION"))]
}

/// Cores that the process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_known() {
        let libraries = libraries();
        assert!(libraries[0].starts_with("tch 0."), "{libraries:?}");
        assert!(libraries[1].starts_with("libtorch 2."), "{libraries:?}");
    }
}
