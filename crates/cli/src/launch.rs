//! Where the runs of a comparison are made: `--gpus`, `--slurm`, `--here`, and `--list` for whatever else
//! starts programs.

use std::path::{Path, PathBuf};

use steepness_compare::launch::{Call, Launch, LaunchRecipe, Place, Submission};
use steepness_compare::{Error, Result, Setting, command, console};

use crate::invoked;
use crate::typed::quoted;

/// What can be said of it.
#[derive(clap::Args)]
#[command(next_help_heading = "Where the runs are made")]
#[group(skip)]
pub struct Args {
    /// GPUs by their numbers, 0,1: runs side by side, each with one of them (CUDA_VISIBLE_DEVICES)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    gpus: Vec<String>,

    /// Have Slurm make the runs, with these options of sbatch: '--partition=gpu --gres=gpu:1'
    ///
    /// One job array, a task a run, --jobs of them at a time at most. It takes a disk that all machines
    /// share, and nothing else: what is in the folder counts. Ctrl-C cancels the job; after a kill the same
    /// command waits for what is still in the queue. A recipe says the same with [launch.slurm].
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true, conflicts_with = "gpus")]
    slurm: Option<String>,

    /// Make the runs on this machine, whatever the recipe says
    #[arg(long, conflicts_with_all = ["slurm", "gpus"])]
    here: bool,

    /// Print a command for each run that is not finished, and make none
    ///
    /// For GNU parallel and whatever else makes things: each is a `steepness run-one`, to be started in
    /// this folder. When they are done, the same without --list reports.
    #[arg(long)]
    pub list: bool,

    /// Stop with the first run that fails, instead of making the others
    ///
    /// Trainings of the laboratory that are made by this process stop with it in any case.
    #[arg(long)]
    pub fail_fast: bool,
}

impl Args {
    /// Where the runs of a recipe that says so itself are made; each that is a process of its own gets these
    /// `options`.
    ///
    /// # Errors
    /// Options of `sbatch` with a quotation mark that has no partner.
    pub fn launch(&self, recipe: &LaunchRecipe, options: Vec<String>) -> Result<Launch> {
        let asked = self.slurm.as_deref().map(command::split).transpose()?;
        let place = match (asked, &recipe.slurm) {
            _ if !self.gpus.is_empty() => Place::Gpus(self.gpus.clone()),
            (Some(options), recipe) => {
                let most = recipe.as_ref().and_then(|slurm| slurm.most);
                Place::Slurm(Submission { options, most })
            }
            (None, Some(slurm)) if !self.here => Place::Slurm(slurm.clone()),
            (None, _) => Place::Here,
        };
        let call = match interpreted(&options) {
            Some(call) => call,
            None => Call { program: program()?, before: vec![], options },
        };
        Ok(Launch { place, call })
    }

    /// Whether each run has a GPU to itself.
    #[cfg(feature = "lab")]
    pub fn has_gpus(&self) -> bool {
        !self.gpus.is_empty()
    }

    /// Prints a command for each run that is `left` of the comparison in the folder `out`.
    ///
    /// # Errors
    /// An output that takes no more.
    pub fn print_list(
        &self,
        left: &[(Setting, u64)],
        out: &Path,
        options: Vec<String>,
    ) -> Result<()> {
        let call = interpreted(&options).unwrap_or_else(|| {
            let program = invoked::words().first();
            let program = program.map_or_else(|| "steepness".into(), PathBuf::from);
            Call { program, before: vec![], options }
        });
        let line = |(setting, seed): &(Setting, u64)| {
            let words = call.words(out, setting, *seed);
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            words.join(" ") + "\n"
        };
        console::print(&left.iter().map(line).collect::<String>())
    }
}

/// What makes a run in a process of its own where an interpreter has loaded us: that one again, since what
/// is called `steepness` elsewhere, if anything is, may be another.
fn interpreted(options: &[String]) -> Option<Call> {
    let (program, before) = invoked::interpreter()?;
    Some(Call { program: program.into(), before: before.to_vec(), options: options.to_vec() })
}

/// What makes a run in a process of its own. Where Python has loaded us, the process is Python's, and the
/// program what was typed.
fn program() -> Result<PathBuf> {
    let place = |error| Error::failed("where this program is: ", error);
    let process = std::env::current_exe().map_err(place)?;
    let Some(typed) = invoked::words().first().map(Path::new) else { return Ok(process) };
    match typed.file_name() == process.file_name() {
        true => Ok(process),
        // A name without a folder is looked for where it was found.
        false if typed.components().count() == 1 => Ok(typed.to_owned()),
        false => std::path::absolute(typed).map_err(place),
    }
}
