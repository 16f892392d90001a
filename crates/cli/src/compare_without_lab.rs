//! `steepness compare` in the program that was built without the laboratory: of commands of the user's.

use std::path::PathBuf;

use steepness_compare::Error;

use crate::command;
use crate::shared::Shared;

/// Compare losses, or anything else, in a training of your own on the same data and seeds
///
/// Interrupted, it goes on where it stopped when the same command is typed again. Training the networks
/// of this project needs the laboratory, and this program was built without it: cargo build -p
/// steepness-cli builds all of it.
#[derive(clap::Args)]
pub struct Args {
    /// What to compare: a TOML file with a table [run]
    recipe: Option<PathBuf>,

    #[command(flatten)]
    shared: Shared,

    /// Data, on which the laboratory would train
    #[arg(long, hide = true)]
    data: Option<PathBuf>,

    /// The column of a table that holds the class, likewise
    #[arg(long, hide = true, requires = "data")]
    target: Option<String>,

    /// A pretrained network, likewise
    #[arg(long, hide = true, requires = "data")]
    backbone: Option<PathBuf>,

    #[command(flatten)]
    command: command::Args,
}

/// Runs the command.
///
/// # Errors
/// What needs the laboratory; those of the comparison.
pub fn run(args: Args) -> anyhow::Result<()> {
    let laboratory = args.data.is_some() || args.target.is_some();
    if laboratory || !args.command.is_asked_for(args.recipe.as_deref())? {
        let problem = "`compare` without --run, and without a recipe with [run], needs the laboratory: \
                       this program was built without it (cargo build -p steepness-cli)";
        return Err(Error::Request(problem.to_owned()).into());
    }
    args.command.run(args.recipe.as_deref(), &args.shared)
}
