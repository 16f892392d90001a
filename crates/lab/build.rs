//! Compiles the autograd node, puts the run path of libtorch into tests, so that nothing needs
//! LD_LIBRARY_PATH, and tells the laboratory which versions of tch and libtorch it is built with, and
//! from which commit.

use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").ok();
    if let Some(lib) = &lib {
        autograd_node(Path::new(lib));
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
    let libtorch = lib.as_deref().and_then(libtorch_version).unwrap_or_else(|| "unknown".into());
    println!("cargo:rustc-env=LIBTORCH_VERSION={libtorch}");
    println!("cargo:rustc-env=TCH_VERSION={TCH_VERSION}");
    if let Some(revision) = revision() {
        println!("cargo:rustc-env=STEEPNESS_REVISION={revision}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    // Moves with every commit.
    println!("cargo:rerun-if-changed=../../.git/logs/HEAD");
}

/// The headers of libtorch are beside its libraries.
fn autograd_node(lib: &Path) {
    println!("cargo:rerun-if-changed=src/autograd.cpp");
    println!("cargo:rerun-if-env-changed=LIBTORCH_CXX11_ABI");
    let include = lib.join("../include");
    let abi = std::env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".into());
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .file("src/autograd.cpp")
        .compile("steepness_autograd");
}

/// The commit that is built; none outside a checkout.
fn revision() -> Option<String> {
    let git = Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    let text = String::from_utf8(git.stdout).ok().filter(|_| git.status.success())?;
    Some(text.trim().to_owned())
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
