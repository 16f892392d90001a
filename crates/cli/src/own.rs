//! `--data`: a comparison on data of one's own.

use std::path::{Path, PathBuf};

use steepness_lab::Result;
use steepness_lab::data::Asked;
use steepness_lab::experiment::{Proposal, Recipe, Select};

use crate::progress::Progress;

/// What can be said of the data.
#[derive(clap::Args)]
pub struct Args {
    /// Your data: a folder of images (CLASS/*.jpg, train/CLASS/*.jpg), MNIST's or CIFAR's files, graphs
    /// (NAME_A.txt and so on, as TU Dortmund has them), sentences and their translations (train.de,
    /// train.en and so on), or a table (CSV); with a recipe, where the data of that recipe lie
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,

    /// The column of a table that holds the class: its name, or its number, -1 for the last
    #[arg(
        long,
        value_name = "COLUMN",
        requires = "data",
        conflicts_with = "recipe",
        allow_hyphen_values = true
    )]
    target: Option<String>,

    /// A column of a table to leave out
    #[arg(
        long,
        value_name = "COLUMN",
        requires = "data",
        conflicts_with = "recipe",
        allow_hyphen_values = true
    )]
    ignore: Vec<String>,
}

/// The recipe for the data at `path`, after saying on the standard error what it is; `select` says
/// which weights were asked for.
///
/// # Errors
/// What is no data set, and what is broken in it.
pub fn recipe(path: &Path, args: &Args, select: Option<Select>) -> Result<Recipe> {
    let asked = Asked {
        target: args.target.as_deref().map(Into::into),
        ignore: args.ignore.iter().map(|name| name.as_str().into()).collect(),
    };
    let progress = Progress::new();
    let watch = |done, of| progress.show(&format!("{done} of {of} images"));
    let proposal = Proposal::new(path, &asked, &watch);
    progress.clear();
    let proposal = match select {
        Some(select) => proposal?.measuring(select),
        None => proposal?,
    };
    eprintln!("{proposal}");
    Ok(proposal.recipe)
}
