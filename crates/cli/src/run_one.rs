//! `steepness run-one`: one run of a comparison, wherever it is to be made.

use std::fs;
use std::path::PathBuf;

use steepness_compare::layout::MARKER;
use steepness_compare::{Error, command, console};

use crate::interrupt;
#[cfg(feature = "lab")]
use crate::lab_args;

/// Make one run of a comparison, as `compare --list` prints it
///
/// The folder is that of the comparison, with its recipe in it. Several may be made at once, on several
/// machines with one disk; a run that is finished is left as it is. `steepness compare` with the
/// same options as before reports, when all are done. Trainings of the laboratory are to be started in
/// the folder that the comparison was started in, if paths in their recipe are relative.
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

    #[cfg(feature = "lab")]
    #[command(flatten)]
    lab: lab_args::Args,
}

/// Runs the command.
///
/// # Errors
/// A folder of no comparison, a run that it does not have, and one that fails.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Args { folder, setting, seed, .. } = &args;
    let marker = folder.join(MARKER);
    let text = fs::read_to_string(&marker).map_err(Error::input(&marker))?;
    // From here on a signal is heard by what makes the run; before, it ends the program at once.
    let options = steepness_compare::Options {
        jobs: None,
        stop: interrupt::stop_flag(),
        terminal: false,
        fresh: false,
        keep_going: false,
    };
    let made = match command::is_of_command(&text) {
        true => command::run_one(folder, &text, setting, *seed, &options)?,
        false => in_the_laboratory(&args, &text, options)?,
    };
    if !made {
        console::say(&format!("{setting}, seed {seed}: finished before"));
    }
    Ok(())
}

#[cfg(feature = "lab")]
fn in_the_laboratory(
    args: &Args,
    text: &str,
    options: steepness_compare::Options,
) -> steepness_lab::Result<bool> {
    let options = args.lab.options(options)?;
    steepness_lab::experiment::run_one(&args.folder, text, &args.setting, args.seed, &options)
}

#[cfg(not(feature = "lab"))]
fn in_the_laboratory(
    args: &Args,
    _: &str,
    _: steepness_compare::Options,
) -> steepness_compare::Result<bool> {
    Err(Error::Request(format!(
        "{} holds no comparison of a command, and trainings of this project need the laboratory: this program \
         was built without it (cargo build -p steepness-cli)",
        args.folder.display()
    )))
}
