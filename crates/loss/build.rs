//! With the feature `tch`: compiles the autograd node and puts the run path of libtorch into tests
//! and examples, so that nothing needs LD_LIBRARY_PATH.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "tch")]
    tch();
}

#[cfg(feature = "tch")]
fn tch() {
    use std::path::Path;
    println!("cargo:rerun-if-changed=src/adapt/tch/known_gradient.cpp");
    println!("cargo:rerun-if-env-changed=LIBTORCH_CXX11_ABI");
    // torch-sys says where it found the libraries; the headers are beside them.
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    let include = Path::new(&lib).join("../include");
    let abi = std::env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".into());
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .file("src/adapt/tch/known_gradient.cpp")
        .compile("steepness_known_gradient");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
}
