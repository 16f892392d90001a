//! A comparison of a command that the user wrote: any training, in any language, that leaves its
//! predictions or its metrics in a folder.
//!
//! [`CommandRecipe`] says what is run; the files in a run's folder say what came of it (`contract.rs`).
//! Nothing is known of the training itself, so a run is made whole or not at all: one that failed, was
//! killed or took too long is made again, and one that is finished is taken as it is while the command,
//! the environment that was declared and the inputs are the same.

mod contract;
mod duration;
mod inputs;
mod outputs;
mod partners;
mod program;
mod recipe;
mod runner;
mod words;

use std::path::Path;

pub use partners::Partners;
pub use recipe::{CommandRecipe, MetricRecipe, Run, is_of_command};
pub use words::{is_name, split};

use crate::launch::{Launch, Place, Single};
use crate::layout::MARKER;
use crate::work::{Options, SaidLines, Work};
use crate::{
    AnyRecipe, Claim, Comparison, Content, EarlyProgress, Error, Folder, Origin, PlainReader,
    Result, Setting, Stop, folder_content, parse_toml,
};
use runner::CommandRunner;
use words::quoted;

/// Makes all runs of `recipe` in the folder `out` that are not finished there already, and returns all
/// of them, with the folder, which stays ours for the report.
///
/// # Errors
/// Before anything is written, what the recipe asks in vain, and a folder that cannot be taken (see
/// [`Folder::claim`]); then those of [`Work::make`].
pub fn compare(
    recipe: &CommandRecipe,
    out: &Path,
    launch: &Launch,
    options: &Options,
) -> Result<(Comparison, Folder)> {
    launch.validate(options)?;
    let gpus = match &launch.place {
        Place::Gpus(gpus) => gpus.as_slice(),
        Place::Here | Place::Slurm(_) => &[],
    };
    with_work(recipe, out, gpus, options, |work| match &launch.place {
        // Commands are processes of their own, whoever starts them.
        Place::Here | Place::Gpus(_) => work.make(),
        Place::Slurm(_) => launch.make(work),
    })
}

/// The runs of `recipe` that are not finished in the folder `out`, which is claimed for it: what
/// [`run_one`] is to make.
///
/// # Errors
/// As [`compare`].
pub fn unfinished(
    recipe: &CommandRecipe,
    out: &Path,
    options: &Options,
) -> Result<Vec<(Setting, u64)>> {
    with_work(recipe, out, &[], options, |work| work.unfinished()).map(|(left, _)| left)
}

/// Makes the run of the setting that prints as `setting` and of `seed` of the comparison in the folder
/// `out`, whoever else works there; returns whether it was still to be made. `text` is the recipe that lies
/// there.
///
/// # Errors
/// A recipe that is none of a command; those of [`Single::make`].
pub fn run_one(
    out: &Path,
    text: &str,
    setting: &str,
    seed: u64,
    options: &Options,
) -> Result<bool> {
    let recipe: CommandRecipe = parse_toml(&out.join(MARKER), text)?;
    let plan = recipe.plan()?;
    let origins = inputs::origins(&recipe, out, Stop(options.stop))?;
    let content = hashed(&origins, folder_content(out)?.as_ref(), Stop(options.stop))?;
    let runner = CommandRunner::new(&recipe, &content, &origins, &[], options)?;
    let (reader, stop) = (&PlainReader, options.stop);
    let single = Single { out, plan: &plan, reader, runner: &runner, content: &content, stop };
    single.make(setting, seed)
}

/// Claims the folder `out` for `recipe`, and has `done` what is to be done with its runs.
fn with_work<T>(
    recipe: &CommandRecipe,
    out: &Path,
    gpus: &[String],
    options: &Options,
    done: impl FnOnce(Work) -> Result<T>,
) -> Result<(T, Folder)> {
    recipe.validate()?;
    let mut recipe = recipe.settled();
    let directory = &recipe.run.directory;
    // What is written into the folder holds wherever it is read.
    recipe.run.directory = std::path::absolute(if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    })
    .map_err(Error::input(directory))?;
    program::validate(&recipe.run)?;
    let origins = inputs::origins(&recipe, out, Stop(options.stop))?;
    let known = folder_content(out).ok().flatten();
    let content = hashed(&origins, known.as_ref(), Stop(options.stop))?;
    let about = about(&recipe);
    let reader = &PlainReader;
    let fresh = options.fresh;
    let claim = Claim { recipe: &recipe, reader, content: &content, about: &about, fresh };
    let (folder, recipe) = Folder::claim(out, claim)?;
    let plan = recipe.plan()?;
    let runner = CommandRunner::new(&recipe, &content, &origins, gpus, options)?;
    let work = Work {
        plan: &plan,
        reader,
        runner: &runner,
        folder: &folder,
        content: &content,
        about,
        classes: Vec::new(),
        libraries: libraries(),
        epochs: 0,
        examples: 0,
        options,
        said: SaidLines::default(),
    };
    let found = done(work)?;
    Ok((found, folder))
}

/// What lies in `origins`, of which some is `known`; large inputs take a while, which is said.
fn hashed(origins: &[Origin], known: Option<&Content>, stop: Stop) -> Result<Content> {
    let hashing = EarlyProgress::of_hashes(stop);
    Content::watched(origins, known, &|bytes| hashing.hear(bytes))
}

/// Reads what a run left in `folder`, in the tests of what is left there.
#[cfg(test)]
pub(crate) fn read_run(folder: &Path) -> Result<contract::RunOutput> {
    contract::read(folder, None, &Default::default(), Stop::never())
}

/// What made the results, as far as is known.
fn libraries() -> Vec<String> {
    vec!["a command of one's own".to_owned()]
}

/// One sentence, for the page.
fn about(recipe: &CommandRecipe) -> String {
    format!("Each run is made by the command {}", quoted(&recipe.run.command))
}
