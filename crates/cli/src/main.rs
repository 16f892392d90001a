//! The program; see the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(steepness_cli::main_from(std::env::args_os().collect()))
}
