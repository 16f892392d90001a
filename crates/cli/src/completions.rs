//! `steepness completions`: what makes a shell complete its command lines.

use clap::Command;
use clap_complete::Shell;
use steepness_compare::{Result, console};

/// Print what makes a shell complete commands and options
///
/// For instance, for bash: steepness completions bash >
/// ~/.local/share/bash-completion/completions/steepness; for fish: steepness completions fish >
/// ~/.config/fish/completions/steepness.fish; for zsh into a file _steepness in a folder of its fpath.
#[derive(clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints it for `program`.
///
/// # Errors
/// An output that takes no more.
pub fn run(args: Args, mut program: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "steepness", &mut script);
    console::print(&String::from_utf8_lossy(&script))
}
