//! `--data`: a comparison on data of one's own.

use std::path::{Path, PathBuf};

use steepness_lab::compare::{Select, results_in};
use steepness_lab::data::{TableChoices, detect};
use steepness_lab::experiment::{Proposal, Recipe, TrainingChoices};
use steepness_lab::{Error, Result, console};

use crate::progress::Progress;

/// What can be said of the data.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// Your data: a folder of images (CLASS/*.jpg, train/CLASS/*.jpg), MNIST's or CIFAR's files, graphs
    /// (NAME_A.txt and so on, as TU Dortmund has them), sentences and their translations (train.de,
    /// train.en and so on), arrays of numpy (train_x.npy and train_y.npy, or x and y in an .npz), or a
    /// table (CSV, JSON Lines); with a recipe, where the data of that recipe lie
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

    /// Of images: a folder with a pretrained network, whose features a linear layer learns from
    ///
    /// It holds model.safetensors and timm's config.json, as `hf download timm/resnet18.a1_in1k --local-dir
    /// DIR` leaves them: a ResNet (18, 34, 50), EfficientNet-B0 or Lite0, or a vision transformer (ViT,
    /// DINOv2). The network stays as it is, and its features are computed once for all losses and seeds.
    #[arg(long, value_name = "DIR", requires = "data", conflicts_with = "recipe")]
    pub backbone: Option<PathBuf>,
}

/// The recipe for the data at `path` with what `wishes` say, after saying on the standard error what
/// it is; `select` says which weights were asked for.
///
/// # Errors
/// What is no data set, and what is broken in it.
pub fn recipe(
    path: &Path,
    args: &Args,
    wishes: &TrainingChoices,
    select: Option<Select>,
) -> Result<Recipe> {
    let asked = TableChoices {
        target: args.target.as_deref().map(Into::into),
        ignore: args.ignore.iter().map(|name| name.as_str().into()).collect(),
    };
    let progress = Progress::new();
    let watch = |done, of| progress.show(&format!("{done} of {of} images"));
    let proposal = Proposal::new(path, &asked, wishes, &watch);
    progress.clear();
    let proposal = match select {
        Some(select) => proposal?.with_select(select),
        None => proposal?,
    };
    console::say(&proposal.to_string());
    Ok(proposal.recipe)
}

/// What is wrong with the recipe at `path`, which may be data: then what to type instead.
pub fn instead(path: &Path, error: Error) -> Error {
    // Any text may be a table.
    let names = ["csv", "tsv", "tab", "data", "txt", "gz", "npz", "jsonl", "ndjson"];
    let of_data = path.extension().is_some_and(|end| names.iter().any(|name| end == *name));
    if let Some(results) = results_in(path) {
        return Error::Request(format!("{} is no recipe: it is {results}", path.display()));
    }
    match detect(path) {
        Ok(format) if path.is_dir() || of_data => {
            let target = if format.has_columns() { " --target COLUMN" } else { "" };
            let path = path.display();
            Error::Request(format!(
                "{path} is {format}, not a recipe: steepness compare --data {path}{target}"
            ))
        }
        _ if path.is_dir() => Error::Request(format!(
            "{} is a folder, not a recipe, and no data of a kind that is known; --data names data",
            path.display()
        )),
        _ => error,
    }
}
