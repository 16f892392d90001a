//! `steepness run-one`: one run of a comparison, wherever it is to be made.

use std::path::PathBuf;

use steepness_compare::command::{self, Launch};
use steepness_compare::{Error, console};

use crate::interrupt;

/// Make one run of a comparison of your own command, as `compare --list` prints it
///
/// The folder is that of the comparison, with its recipe in it. Several may be made at once, on several
/// machines with one disk; a run that is finished is left as it is. `steepness compare` with the
/// same options as before reports, when all are done.
#[derive(clap::Args)]
pub struct Args {
    /// The folder of the comparison
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The loss and what is varied, as the table calls it: 'el(le=0.75), lr=0.1'
    #[arg(value_name = "SETTING")]
    setting: String,

    /// The seed
    #[arg(value_name = "SEED")]
    seed: u64,
}

/// Runs the command.
///
/// # Errors
/// A folder of no such comparison, a run that it does not have, and one that fails.
pub fn run(args: Args) -> Result<(), Error> {
    let options = steepness_compare::Options {
        jobs: None,
        stop: interrupt::stop_flag(),
        terminal: false,
        fresh: false,
        keep_going: false,
    };
    let Args { folder, setting, seed } = &args;
    let made = command::run_one(folder, setting, *seed, &Launch::default(), &options)?;
    if !made {
        console::say(&format!("{setting}, seed {seed}: finished before"));
    }
    Ok(())
}
