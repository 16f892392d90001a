//! Settings × seeds of any training, compared: the folders of the runs, going on where an earlier call
//! stopped, and what is read back from them. How a run is made is its [`Runner`]'s business.
//!
//! Nothing in here knows an engine, a data set or a network. What decides a run beside its loss and
//! its seed is text to this crate ([`Plan`]); who wrote it can read it ([`RecipeReader`]). What is found
//! goes to the [`report`], and what people are told to the [`console`].

// What is printed goes through `console`.
#![warn(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro)]

mod better;
mod choice;
pub mod command;
mod comparison;
pub mod console;
mod content;
pub mod contract;
mod early_progress;
mod environment;
mod epoch;
mod error;
mod example_differences;
pub mod fields;
mod folder;
mod further;
mod gather;
pub mod launch;
pub mod layout;
mod lock;
mod manifest;
mod monitor;
mod origin;
mod own_log;
mod per_example;
mod plain_reader;
mod plan;
mod process;
mod progress;
pub mod report;
mod results;
mod run_dir;
mod run_files;
mod runner;
mod select;
mod setting;
pub mod spec;
mod survey;
mod sweep;
mod tidy;
pub mod tune;
mod validate;
mod work;

pub use better::Better;
pub use choice::{best_epoch, earliest_best_epoch, is_better};
pub use comparison::{Comparison, Group, Panel, Run, Signature};
pub use content::{Content, Watch};
pub use early_progress::EarlyProgress;
pub use environment::{Environment, cores};
pub use epoch::EpochMetrics;
pub use error::{Error, Result};
pub use example_differences::ExampleDifferences;
pub use fields::{validate_losses, validate_seeds, validate_threads};
pub use folder::{AnyRecipe, Claim, Folder, folder_content};
pub use gather::{ReportInput, Selection, gather};
pub use manifest::Manifest;
pub use monitor::Monitor;
pub use origin::Origin;
pub use plain_reader::PlainReader;
pub use plan::{Extent, Plan, RunPlan, parse_toml};
pub use results::results_in;
pub use run_dir::RunDir;
pub use run_files::{RecipeReader, RunFiles, damage, damaged};
pub use runner::{Forecast, Runner};
pub use select::Select;
pub use setting::{Setting, swept_lr};
pub use steepness_measure::{self as measure, Stop, durable, npy, plain};
pub use survey::{FoundFolder, FoundRun, RunState, survey};
pub use sweep::Sweep;
pub use work::{Options, SaidLines, Work};
