//! `steepness curves`: the curve figures alone, without any training.

use std::path::PathBuf;
use steepness::Loss;
use steepness_compare::{Result, console, report};

/// The losses drawn when none is named: the ones that `compare` compares.
const LOSSES: [&str; 4] = ["ce", "el(le=0.5)", "el(le=0.75)", "el(le=1)"];

/// Draw losses and their steepness as SVG, with the paper's Figures 2 and 3
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Folder for the figures; files there that steepness did not draw are never overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A loss to draw, such as "el(le=0.75)"; again for each further one
    #[arg(long = "loss", value_name = "SPEC")]
    losses: Vec<Loss>,
}

/// Draws the figures and prints their paths, one a line.
///
/// # Errors
/// A file in the way that is not ours; a folder or file that cannot be written.
pub fn run(args: Args) -> Result<()> {
    let losses = if args.losses.is_empty() {
        LOSSES.iter().map(|spec| spec.parse()).collect::<std::result::Result<_, _>>()?
    } else {
        args.losses
    };
    let drawn = report::write_curves(&losses, &args.out)?;
    console::print(&drawn.iter().map(|path| format!("{}\n", path.display())).collect::<String>())
}
