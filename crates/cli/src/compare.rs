//! `steepness compare`: trains with several losses on the same data and seeds, and says what changed.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use steepness::Loss;
use steepness_lab::compare::{
    self, Asked, Comparison, Folder, Select, Sweep, check_losses, gather,
};
use steepness_lab::experiment::{self, LabReader, Options, Recipe, Wishes};
use steepness_lab::report::Written;
use steepness_lab::train::schedule::MultiStep;
use steepness_lab::train::{OnNan, Schedule};
use steepness_lab::{Check, Error, console, report};

use crate::seeds::{Seeds, parse_seeds};
use crate::{interrupt, open, own};

/// Train with several losses on the same data and seeds, and report what changed
///
/// With --data it looks at the data and makes a recipe for them. Without either it compares cross
/// entropy with three encouraging losses on the handwritten digits that the program carries with
/// it. Interrupted, it goes on where it stopped when the same command is typed again.
#[derive(clap::Args)]
pub struct Args {
    /// What to compare: a TOML file
    recipe: Option<PathBuf>,

    /// Take the recipe at a smaller scale that it offers, such as cpu: for two cores and some minutes
    #[arg(long, value_name = "NAME", requires = "recipe")]
    scale: Option<String>,

    #[command(flatten)]
    own: own::Args,

    /// A loss, instead of the recipe's; the first is what the others are compared with
    ///
    /// For instance: ce, el(le=0.75), el(le=0.5) + smooth(0.1)
    #[arg(long = "loss", value_name = "SPEC")]
    losses: Vec<String>,

    /// Vary a setting for every loss: le=0,0.25,0.5,0.75,1 or lr=0.0125,0.025,0.05
    ///
    /// le concerns the losses that have one; a loss without it is made once. The report gains a table
    /// and a figure of the accuracy against the value.
    #[arg(long, value_name = "KEY=VALUES")]
    sweep: Option<Sweep>,

    /// Seeds instead of the recipe's: a count (5 means 0 to 4) or a list (1,2,7)
    #[arg(long, value_name = "COUNT|LIST", value_parser = parse_seeds, allow_negative_numbers = true)]
    seeds: Option<Seeds>,

    /// Epochs of each training, instead of the recipe's or those that the data are given
    #[arg(long, value_name = "EPOCHS", value_parser = crate::numbers::count, allow_negative_numbers = true)]
    epochs: Option<NonZeroUsize>,

    /// The learning rate, likewise
    #[arg(long, value_name = "RATE", value_parser = crate::numbers::rate, allow_negative_numbers = true)]
    lr: Option<f64>,

    /// Examples a step, likewise; pieces of words where sentences are translated
    #[arg(long, value_name = "N", value_parser = crate::numbers::count, allow_negative_numbers = true)]
    batch: Option<NonZeroUsize>,

    /// Which weights are measured: best (on the validation part), last, or test
    ///
    /// Of equally accurate epochs the best one is that with the lowest validation NLL, then the latest.
    /// test takes the epoch with the best test accuracy, as the paper does: the result is then
    /// chosen on what it is measured on, and every table says so.
    #[arg(long, value_name = "RULE", value_parser = parse_select)]
    select: Option<Select>,

    /// The metric that table and page begin with: accuracy, balanced_accuracy, macro_f1, nll and so on
    ///
    /// Without it that is accuracy, or where the most frequent class has at least three times as many
    /// test examples as the rarest, balanced accuracy, and of two classes AUROC and the average
    /// precision of the rarer one. It changes no run, and may be another one each time.
    #[arg(long, value_name = "METRIC")]
    primary: Option<String>,

    /// What difference in the first metric is worth having, in its unit: 0.5 is half a point of accuracy
    ///
    /// Verdicts then say which losses are better or worse by more than that, and which are equal within it.
    /// Without it, only which are better or worse at all. It changes no run.
    #[arg(long, value_name = "AMOUNT", value_parser = crate::numbers::rate, allow_negative_numbers = true)]
    worth: Option<f64>,

    /// End a training after so many epochs without a better accuracy
    #[arg(long, value_name = "EPOCHS", value_parser = crate::numbers::count, allow_negative_numbers = true)]
    patience: Option<NonZeroUsize>,

    /// What happens where a loss or a gradient is not finite: stop, or skip the step and count it
    #[arg(long, value_name = "WHAT", value_parser = parse_on_nan)]
    on_nan: Option<OnNan>,

    /// Folder for the results; runs/NAME without it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Make anew what does not belong to this comparison any more
    ///
    /// Runs in its folder that were made of data that have changed since or of another recipe, and runs
    /// that are damaged, are refused without it. They are moved to the folder replaced in it.
    #[arg(long)]
    fresh: bool,

    /// Runs side by side; as many as the cores have room for without it
    #[arg(long, value_name = "N", value_parser = crate::numbers::up_to::<1024>, allow_negative_numbers = true)]
    jobs: Option<u16>,

    /// Where the models run: auto (a GPU where libtorch finds one), cpu, cuda or cuda:1
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,

    /// Seconds that pass at least between two checkpoints of a training
    ///
    /// What a kill or a power cut costs at most. Changes no result.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = crate::numbers::seconds, allow_negative_numbers = true)]
    checkpoint_every: u32,

    /// Write event files for TensorBoard into the folders of the runs
    ///
    /// `tensorboard --logdir DIR` draws them. Runs that are finished already get none.
    #[arg(long)]
    tensorboard: bool,

    /// Open the page in the browser when it is written
    #[arg(long)]
    open: bool,

    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

/// The report of fewer runs is there at once.
const SAID_FROM: usize = 200;

/// Does it.
pub fn run(args: Args) -> anyhow::Result<()> {
    let device = experiment::device(&args.device)?;
    let recipe = resolve(&args)?;
    let out = args.out.unwrap_or_else(|| Path::new("runs").join(&recipe.name));
    let options = Options {
        runs: compare::Options {
            jobs: args.jobs.map(usize::from),
            stop: interrupt::stop_flag(),
            terminal: console::draws(),
            fresh: args.fresh,
        },
        device,
        checkpoint_every: Duration::from_secs(args.checkpoint_every.into()),
        tensorboard: args.tensorboard,
        // What --data finds is said with the recipe that is made of it.
        remarks: args.recipe.is_some() || args.own.data.is_none(),
    };
    // The folder stays locked until the report is written.
    let (mut comparison, folder) = match experiment::compare(&recipe, &out, &options) {
        Err(error) if error.is_interrupted() => {
            let again = command_line();
            console::say(&format!("what is done is saved; this goes on with it:\n  {again}"));
            return Err(error.into());
        }
        comparison => comparison?,
    };
    comparison.worth = args.worth;
    // The report is quickly made again.
    interrupt::at_once();
    let runs: usize = comparison.groups.iter().map(|group| group.runs.len()).sum();
    if runs >= SAID_FROM {
        console::say(&format!("writing tables, tests and figures of {runs} runs"));
    }
    let written = write_report(&comparison, &folder)?;
    // A recipe that was given lies where it was: paths in it are relative to its folder.
    let recipe = args.recipe.is_none().then(|| folder.recipe_file());
    print(&comparison, &written.page, recipe.as_deref(), args.json)?;
    if args.open {
        open::page(&written.page).unwrap_or_else(|why| console::say(&format!("warning: {why}")));
    }
    Ok(())
}

/// Writes the report into the `folder` of `comparison`: about all runs that are finished there, so that
/// asking for some of them does not take the others from the page.
fn write_report(comparison: &Comparison, folder: &Folder) -> anyhow::Result<Written> {
    if folder.has_others {
        let all = gather(std::slice::from_ref(&folder.path), &Asked::default(), &LabReader);
        match all {
            Ok(mut all) => {
                all.notes.iter().for_each(|note| console::say(note));
                let (settings, seeds) =
                    (all.comparison.groups.len(), all.comparison.signature.seeds.len());
                console::say(&format!(
                    "the files of the report are about all finished runs of the folder, {settings} \
                     settings with {seeds} seeds each; what is printed, about what was asked for"
                ));
                all.comparison.primary.clone_from(&comparison.primary);
                return Ok(report::write(&all.comparison, &all.recipe, &folder.path)?);
            }
            Err(why) => console::say(&format!(
                "the files of the report are about what was asked for, without the other runs of the \
                 folder: {why}"
            )),
        }
    }
    Ok(report::write(comparison, &folder.recipe, &folder.path)?)
}

/// The recipe with what the command line changes in it.
fn resolve(args: &Args) -> anyhow::Result<Recipe> {
    // What is wrong here is said before the data are looked at, which may take long.
    let parse = |spec: &String| spec.parse::<Loss>();
    let losses = args.losses.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    if !losses.is_empty() {
        check_losses(&losses)?;
    }
    args.primary.as_deref().map(report::find_metric).transpose()?;
    let scale = args.scale.as_deref();
    let wishes = Wishes { epochs: args.epochs, lr: args.lr, batch: args.batch };
    let mut recipe = match (&args.recipe, &args.own.data) {
        (None, None) => Recipe::embedded()?,
        (None, Some(data)) => {
            // A training that ends early ends after its best epoch.
            let early = args.patience.map(|_| Select::Best);
            own::recipe(data, &args.own, &wishes, args.select.or(early))?
        }
        (Some(path), None) => {
            Recipe::read(path, scale).map_err(|error| own::instead(path, error))?
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
    if args.primary.is_some() {
        recipe.primary.clone_from(&args.primary);
    }
    if let Some(key) = &recipe.primary {
        report::find_metric(key)?;
    }
    recipe.patience = args.patience.or(recipe.patience);
    recipe.update.on_nan = args.on_nan.unwrap_or(recipe.update.on_nan);
    if let Some(Seeds(seeds)) = &args.seeds {
        recipe.seeds = seeds.clone();
    }
    Ok(recipe)
}

/// Epochs, learning rate and batch of the command line; what that leaves of the recipe's schedule
/// without effect is said.
fn train_as_asked(recipe: &mut Recipe, wishes: &Wishes) -> anyhow::Result<()> {
    if let Some(lr) = wishes.lr {
        if let Some(Sweep::Lr(_)) = recipe.sweep {
            let problem = "--lr is one learning rate, and the sweep has several: choose one";
            return Err(Error::Request(problem.to_owned()).into());
        }
        recipe.optimizer.set_lr(lr);
        recipe.optimizer.check()?;
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

fn print(
    comparison: &Comparison,
    page: &Path,
    recipe: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    if json {
        return Ok(console::print(&format!("{:#}\n", report::table_json(comparison)))?);
    }
    let mut text = report::table_text(comparison) + "\n";
    text += &format!("page    {}\n", page.display());
    if let Some(recipe) = recipe {
        text += &format!("recipe  {}\n", recipe.display());
    }
    text += &format!("again   {}\n", command_line());
    Ok(console::print(&text)?)
}

/// What was typed, quoted so that a shell takes it back.
pub fn command_line() -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=+:@%".contains(c);
    let quote = |word: String| {
        if !word.is_empty() && word.chars().all(plain) {
            return word;
        }
        format!("'{}'", word.replace('\'', r"'\''"))
    };
    std::env::args_os()
        .map(|word| quote(word.to_string_lossy().into_owned()))
        .collect::<Vec<_>>()
        .join(" ")
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
