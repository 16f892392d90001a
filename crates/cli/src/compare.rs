//! `steepness compare`: trains with several losses on the same data and seeds, and says what changed.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use steepness_lab::compare::{Select, Sweep};
use steepness_lab::experiment::{self, Options, Recipe, TrainingChoices};
use steepness_lab::train::schedule::MultiStep;
use steepness_lab::train::{OnNan, Schedule};
use steepness_lab::{Error, Validate, console, report};

use crate::seeds::Seeds;
use crate::shared::{Shared, say_how_to_go_on};
use crate::{command, data_args, lab_args, tune};

/// Train with several losses on the same data and seeds, and report what changed
///
/// With --data it looks at the data and makes a recipe for them. Without either it compares cross
/// entropy with three encouraging losses on the handwritten digits that the program carries with
/// it. With --run it compares trainings of your own, whatever they are written in. Interrupted, it
/// goes on where it stopped when the same command is typed again.
#[derive(clap::Args)]
pub struct Args {
    /// What to compare: a TOML file
    recipe: Option<PathBuf>,

    /// Take the recipe at a smaller scale that it offers, such as cpu: for two cores and some minutes
    #[arg(long, value_name = "NAME", requires = "recipe")]
    scale: Option<String>,

    #[command(flatten)]
    data: data_args::Args,

    #[command(flatten)]
    shared: Shared,

    /// Vary a setting for every loss: le=0,0.25,0.5,0.75,1 or lr=0.0125,0.025,0.05
    ///
    /// le concerns the losses that have one; a loss without it is made once. The report gains a table
    /// and a figure of the accuracy against the value.
    #[arg(long, value_name = "KEY=VALUES")]
    sweep: Option<Sweep>,

    /// Epochs of each training, instead of the recipe's or those that the data are given
    #[arg(long, value_name = "EPOCHS", value_parser = crate::numbers::count, allow_negative_numbers = true)]
    epochs: Option<NonZeroUsize>,

    /// The learning rate, likewise
    #[arg(long, value_name = "RATE", value_parser = crate::numbers::rate, allow_negative_numbers = true)]
    lr: Option<f64>,

    /// Examples a step, likewise; pieces of words where sentences are translated
    #[arg(long, value_name = "N", value_parser = crate::numbers::count, allow_negative_numbers = true)]
    batch: Option<NonZeroUsize>,

    /// Hidden units for --data of rows: of arrays an MLP instead of a linear layer, of tables its width
    #[arg(long, value_name = "UNITS", value_parser = crate::numbers::count, allow_negative_numbers = true, requires = "data", conflicts_with = "recipe")]
    hidden: Option<NonZeroUsize>,

    /// Which weights are measured: best (on the validation part), last, or test
    ///
    /// Of equally accurate epochs the best one is that with the lowest validation NLL, then the latest.
    /// test takes the epoch with the best test accuracy, as the paper does: the result is then
    /// chosen on what it is measured on, and every table says so.
    #[arg(long, value_name = "RULE", value_parser = parse_select)]
    select: Option<Select>,

    /// End a training after so many epochs without a better accuracy
    #[arg(long, value_name = "EPOCHS", value_parser = crate::numbers::count, allow_negative_numbers = true)]
    patience: Option<NonZeroUsize>,

    /// What happens where a loss or a gradient is not finite: stop, or skip the step and count it
    #[arg(long, value_name = "WHAT", value_parser = parse_on_nan)]
    on_nan: Option<OnNan>,

    #[command(flatten)]
    lab: lab_args::Args,

    #[command(flatten)]
    command: command::Args,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    if args.command.is_asked_for(args.recipe.as_deref())? {
        only_its_own(&args)?;
        return args.command.run(args.recipe.as_deref(), &args.shared);
    }
    let launch = &args.shared.launch;
    // A device that is not there is refused before the data are looked at.
    args.lab.validate_device()?;
    let recipe = resolve(&args)?;
    // From here on a signal is heard by what makes the runs; before, it ends the program at once.
    let options = args.lab.options(args.shared.options(false))?;
    let out = args.shared.out.clone().unwrap_or_else(|| Path::new("runs").join(&recipe.name));
    // What --data finds is said with the recipe that is made of it.
    let remarks = args.recipe.is_some() || args.data.data.is_none();
    let options = Options { remarks, ..options };
    if launch.list {
        let left = experiment::unfinished(&recipe, &out, &options)?;
        tune::say_of_list(recipe.tune.as_ref(), &recipe.seeds, &left);
        return Ok(launch.print_list(&left, &out, args.lab.words(false))?);
    }
    let launched = launch.launch(&recipe.launch, args.lab.words(launch.has_gpus()))?;
    let mut options = options;
    // A learning rate that is too large is a trial like others.
    let others = launched.is_elsewhere() || recipe.tune.is_some();
    options.runs.keep_going = others && !launch.fail_fast;
    // The folder stays locked until the report is written.
    let (comparison, folder) = match experiment::compare(&recipe, &out, &launched, &options) {
        Err(error) if error.is_interrupted() => {
            say_how_to_go_on();
            return Err(error.into());
        }
        comparison => comparison?,
    };
    // A recipe that was given lies where it was: paths in it are relative to its folder.
    args.shared.report(comparison, &folder, args.recipe.is_none())
}

/// Refuses options that only our own trainings have, of a command.
fn only_its_own(args: &Args) -> anyhow::Result<()> {
    let given = [
        ("--data", args.data.data.is_some()),
        ("--scale", args.scale.is_some()),
        ("--sweep", args.sweep.is_some()),
        ("--epochs", args.epochs.is_some()),
        ("--lr", args.lr.is_some()),
        ("--batch", args.batch.is_some()),
        ("--hidden", args.hidden.is_some()),
        ("--select", args.select.is_some()),
        ("--patience", args.patience.is_some()),
        ("--on-nan", args.on_nan.is_some()),
        ("--tensorboard", args.lab.tensorboard),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Error::Request(format!(
            "{option} is for our own trainings: a command has its options in itself, and --vary \
             NAME=a,b varies one"
        ))
        .into()),
        None => Ok(()),
    }
}

/// The recipe with what the command line changes in it.
fn resolve(args: &Args) -> anyhow::Result<Recipe> {
    // What is wrong here is said before the data are looked at, which may take long.
    let losses = args.shared.losses()?;
    args.shared.primary.as_deref().map(report::find_metric).transpose()?;
    let scale = args.scale.as_deref();
    let wishes = TrainingChoices {
        backbone: args.data.backbone.clone(),
        epochs: args.epochs,
        lr: args.lr,
        batch: args.batch,
        hidden: args.hidden,
    };
    let mut recipe = match (&args.recipe, &args.data.data) {
        (None, None) => Recipe::embedded()?,
        (None, Some(data)) => {
            // A training that ends early ends after its best epoch.
            let early = args.patience.map(|_| Select::Best);
            data_args::recipe(data, &args.data, &wishes, args.select.or(early))?
        }
        (Some(path), None) => {
            Recipe::read(path, scale).map_err(|error| data_args::instead(path, error))?
        }
        (Some(path), Some(data)) => {
            let mut recipe = Recipe::read(path, scale)?;
            recipe.data.set_path(data)?;
            recipe
        }
    };
    if !losses.is_empty() {
        recipe.losses = losses;
    }
    if args.sweep.is_some() {
        recipe.sweep.clone_from(&args.sweep);
    }
    train_as_asked(&mut recipe, &wishes)?;
    recipe.select = args.select.unwrap_or(recipe.select);
    recipe.worth = args.shared.worth.or(recipe.worth);
    recipe.tune = args.shared.tune.of(recipe.tune.take())?;
    if args.shared.primary.is_some() {
        recipe.primary.clone_from(&args.shared.primary);
    }
    if let Some(key) = &recipe.primary {
        report::find_metric(key)?;
    }
    recipe.patience = args.patience.or(recipe.patience);
    recipe.update.on_nan = args.on_nan.unwrap_or(recipe.update.on_nan);
    if let Some(Seeds(seeds)) = &args.shared.seeds {
        recipe.seeds = seeds.clone();
    }
    Ok(recipe)
}

/// Epochs, learning rate and batch of the command line; what that leaves of the recipe's schedule
/// without effect is said.
fn train_as_asked(recipe: &mut Recipe, wishes: &TrainingChoices) -> anyhow::Result<()> {
    if let Some(lr) = wishes.lr {
        if let Some(Sweep::Lr(_)) = recipe.sweep {
            let problem = "--lr is one learning rate, and the sweep has several: choose one";
            return Err(Error::Request(problem.to_owned()).into());
        }
        recipe.optimizer.set_lr(lr);
        recipe.optimizer.validate()?;
    }
    recipe.batch = wishes.batch.unwrap_or(recipe.batch);
    let Some(epochs) = wishes.epochs else { return Ok(()) };
    recipe.epochs = epochs;
    if let Schedule::MultiStep(MultiStep { after, .. }) = &recipe.schedule {
        let late = after.iter().filter(|&&after| after >= epochs.get());
        let late: Vec<String> = late.map(usize::to_string).collect();
        if !late.is_empty() {
            let late = late.join(" and ");
            console::say(&format!(
                "the learning rate would fall after epoch {late}, which --epochs {epochs} does not pass"
            ));
        }
    }
    Ok(())
}

/// As a recipe says it; so does the next one.
fn parse_on_nan(text: &str) -> Result<OnNan, String> {
    match text {
        "stop" => Ok(OnNan::Stop),
        "skip" => Ok(OnNan::Skip),
        _ => Err("there are stop and skip".to_owned()),
    }
}

fn parse_select(text: &str) -> Result<Select, String> {
    match text {
        "best" => Ok(Select::Best),
        "last" => Ok(Select::Last),
        "test" => Ok(Select::Test),
        _ => Err("there are best, last and test".to_owned()),
    }
}
