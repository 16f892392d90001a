//! The program as a whole, in one binary, so that it is linked once. A file that is added here is a
//! module below: Cargo does not look for tests by itself (`autotests` in Cargo.toml).

mod program;

mod bleu;
#[cfg(target_os = "linux")]
mod early_signal;
#[cfg(unix)]
mod outputs;
#[cfg(target_os = "linux")]
mod slurm;
#[cfg(unix)]
mod test_sets;
#[cfg(unix)]
mod training;
#[cfg(unix)]
mod tuned;
#[cfg(not(feature = "lab"))]
mod without_lab;

#[cfg(feature = "lab")]
mod arrays;
#[cfg(feature = "lab")]
mod attack;
#[cfg(all(unix, feature = "lab"))]
mod attack_stopped;
#[cfg(feature = "lab")]
mod compare;
#[cfg(feature = "lab")]
mod data;
#[cfg(all(unix, feature = "lab"))]
mod downloads;
#[cfg(all(target_os = "linux", feature = "lab"))]
mod faults;
#[cfg(all(unix, feature = "lab"))]
mod from_logits;
#[cfg(feature = "lab")]
mod identity;
#[cfg(all(target_os = "linux", feature = "lab"))]
mod interrupted;
#[cfg(all(target_os = "linux", feature = "lab"))]
mod launched;
#[cfg(feature = "lab")]
mod own;
#[cfg(feature = "lab")]
mod predict;
#[cfg(feature = "lab")]
mod runs;
#[cfg(feature = "lab")]
mod select;
#[cfg(all(unix, feature = "lab"))]
mod stopped;
#[cfg(feature = "lab")]
mod sweep;
#[cfg(feature = "lab")]
mod tables;
#[cfg(feature = "lab")]
mod translate;
#[cfg(all(unix, feature = "lab"))]
mod unix;
#[cfg(feature = "lab")]
mod verdict;
