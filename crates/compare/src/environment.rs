//! What a run was made with.

use serde::{Deserialize, Serialize};

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
    /// Of this process, on the `device` of that name with these `libraries`, built from the commit
    /// `revision`.
    pub fn of(
        libraries: Vec<String>,
        revision: Option<String>,
        device: String,
        threads: usize,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision,
            libraries,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: cpu(),
            device,
            cores: cores(),
            threads,
        }
    }
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
