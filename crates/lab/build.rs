//! Puts the run path of libtorch into tests, so that nothing needs LD_LIBRARY_PATH, and tells the
//! laboratory which versions of tch and libtorch it is built with.

use std::fs;
use std::path::Path;

fn main() {
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").ok();
    if let Some(lib) = &lib {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
    let libtorch = lib.as_deref().and_then(libtorch_version).unwrap_or_else(|| "unknown".into());
    println!("cargo:rustc-env=LIBTORCH_VERSION={libtorch}");
    println!("cargo:rustc-env=TCH_VERSION={TCH_VERSION}");
    println!("cargo:rerun-if-changed=build.rs");
}

/// Cargo.toml in the root pins it.
const TCH_VERSION: &str = "0.24.0";

/// From the file `build-version` of libtorch's archives, or `version.py` of PyTorch's wheel.
fn libtorch_version(lib: &str) -> Option<String> {
    let root = Path::new(lib).parent()?;
    if let Ok(text) = fs::read_to_string(root.join("build-version")) {
        return Some(text.trim().to_owned());
    }
    let text = fs::read_to_string(root.join("version.py")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("__version__"))?;
    line.split(['\'', '"']).nth(1).map(str::to_owned)
}
