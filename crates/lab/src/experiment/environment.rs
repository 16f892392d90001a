//! What a run of the laboratory is made with.

use tch::Device;

use super::device;
use crate::compare::Environment;

/// That of this process, for a training with so many `threads` on `device`.
pub(super) fn environment(threads: usize, device: Device) -> Environment {
    let revision = option_env!("STEEPNESS_REVISION").map(str::to_owned);
    Environment::of(libraries(), revision, device::name(device), threads)
}

/// The libraries that decide a result.
pub(super) fn libraries() -> Vec<String> {
    // build.rs finds both versions.
    vec![format!("tch {}", env!("TCH_VERSION")), format!("libtorch {}", env!("LIBTORCH_VERSION"))]
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
