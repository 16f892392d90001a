//! `steepness attack`: how far the inputs of finished runs have to move before the models are wrong.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use steepness_lab::attack::{ATTACKS, AttackRecipe, EPSILONS, L2_EPSILONS, Preset, Spec};
use steepness_lab::card::{Card, Parameter};
use steepness_lab::compare::{cores, validate_threads};
use steepness_lab::experiment::{AttackStatus, Attacks, PartialFindings, device};
use steepness_lab::report::{attacked_json, attacked_text, write_attacked};
use steepness_lab::{Error, Result, Stop, Validate, console};

use crate::interrupt;
use crate::numbers;
use crate::progress::Progress;
use crate::typed::command_line;

/// Attack finished runs on images, and say how many of their test examples stay right
///
/// Prints accuracy against the budget for each loss, mean and deviation over its seeds, and warns of
/// gradient masking. Writes attack.csv, attack.json and robustness.svg. An attack is one line, such as
/// "fgsm" or "pgd(norm=l2, steps=100, loss=margin)". Interrupted, it goes on where it stopped when the
/// same command is typed again.
#[derive(clap::Args)]
#[command(after_long_help = known())]
pub struct Args {
    /// The folders of runs: OUT/LOSS/seed=0; each counts once, and seeds of one recipe go together
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// Known attacks; without it and without --attack, "thorough"
    #[arg(long, value_name = "NAME")]
    preset: Option<PresetName>,

    /// One more attack
    #[arg(long = "attack", value_name = "SPEC")]
    attacks: Vec<Spec>,

    /// Budgets of attacks in L∞, pixels of [0, 1], from 0 on; without it those of the paper
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = numbers::number, allow_negative_numbers = true)]
    epsilons: Vec<f64>,

    /// Budgets of attacks in L2, from 0 on; without it those of the paper
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = numbers::number, allow_negative_numbers = true)]
    l2_epsilons: Vec<f64>,

    /// Attack the first so many test examples only
    #[arg(long, value_name = "N", value_parser = numbers::count, allow_negative_numbers = true)]
    examples: Option<NonZeroUsize>,

    /// Where the files go; without it the folder attack of the run, if it is one
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Threads; without it as many as there are cores
    #[arg(long, value_name = "N", value_parser = parse_threads, allow_negative_numbers = true)]
    threads: Option<NonZeroUsize>,

    /// Where the models run: auto (a GPU where libtorch finds one), cpu, cuda or cuda:1
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Every attack, with its settings as they are without being given.
fn known() -> String {
    let line = |card: &&Card| {
        let setting = |of: &Parameter| format!("{}={}", of.name, of.default.unwrap_or_default());
        let settings: Vec<String> = card.parameters.iter().map(setting).collect();
        format!("\n  {}({})\n      {}", card.name, settings.join(", "), card.what)
    };
    "Attacks:".to_owned() + &ATTACKS.iter().map(line).collect::<String>()
}

/// The presets by name.
#[derive(Clone, Copy, ValueEnum)]
enum PresetName {
    /// Those of the paper's Figure 7
    Paper,
    /// Those and attacks that need no gradient of cross entropy
    Thorough,
}

fn parse_threads(text: &str) -> std::result::Result<NonZeroUsize, String> {
    let threads = numbers::count(text)?;
    validate_threads(threads).map_err(|error| error.to_string())?;
    Ok(threads)
}

/// Runs the command.
///
/// # Errors
/// What is no finished run on images; attacks and budgets that make no sense.
pub fn run(args: Args) -> Result<()> {
    let recipe = recipe(&args);
    recipe.validate()?;
    let device = device(&args.device)?;
    args.threads.map_or(Ok(()), validate_threads)?;
    let threads = args.threads.map_or(cores(), NonZeroUsize::get);
    let attacks = Attacks::new(&args.runs, &recipe, device, threads)?;
    attacks.words().iter().for_each(|word| console::say(word));
    let runs: Vec<&Path> = attacks.runs().collect();
    let out = match (&args.out, &runs[..]) {
        (Some(out), _) => out.clone(),
        (None, [run]) => run.join("attack"),
        (None, runs) => {
            return Err(Error::Request(format!("{} runs need --out DIR", runs.len())));
        }
    };
    let unfinished = PartialFindings::new(out.join("unfinished"));
    console::say(&attacks.estimate()?);
    if !unfinished.is_empty() {
        let found = unfinished.path().display();
        console::say(&format!("what an interrupted call has found is taken from {found}"));
    }
    // Every part is whole in its file as soon as it is found: a signal may end the program at once.
    let again = command_line();
    let saved = format!("what is done is saved; this goes on with it:\n  {again}");
    interrupt::then_say(Some(saved));
    let teller = AttackProgress::new();
    let attacked = attacks.run(Stop::never(), &unfinished, &|under| teller.hear(under));
    teller.progress.clear();
    let attacked = attacked?;
    let written = write_attacked(&attacked, &out)?;
    interrupt::then_say(None);
    unfinished.remove()?;
    let text = if args.json {
        attacked_json(&attacked).to_string() + "\n"
    } else {
        let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        format!("{}{}\n", attacked_text(&attacked), written.join("\n"))
    };
    Ok(console::print(&text)?)
}

/// Tells how far the attacks are: on a terminal a line that is written over and over, elsewhere a line
/// every few seconds.
struct AttackProgress {
    progress: Progress,
    began: Instant,
    /// When the last line was written that stays.
    told: Cell<Option<Instant>>,
}

/// Least time between two lines that stay.
const TELL_EVERY: Duration = Duration::from_secs(5);

impl AttackProgress {
    fn new() -> Self {
        Self { progress: Progress::new(), began: Instant::now(), told: Cell::new(None) }
    }

    fn hear(&self, under: &AttackStatus) {
        let AttackStatus { run, number: (at, of), attack, .. } = under;
        let line = || {
            let (share, left) = (100.0 * under.share(), under.left(self.began.elapsed()));
            let left = if left.is_empty() { left } else { format!(", {left}") };
            format!("{at}/{of}  {}: {attack}, {share:.0} % of all{left}", run.display())
        };
        if console::draws() {
            self.progress.show(&line());
        } else if self.told.get().is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told.set(Some(Instant::now()));
            console::say(&line());
        }
    }
}

fn recipe(args: &Args) -> AttackRecipe {
    let preset = match args.preset {
        Some(PresetName::Paper) => Some(Preset::Paper),
        Some(PresetName::Thorough) => Some(Preset::Thorough),
        None => args.attacks.is_empty().then_some(Preset::Thorough),
    };
    let said = |grid: &[f64], default: &[f64]| {
        if grid.is_empty() { default.to_vec() } else { grid.to_vec() }
    };
    AttackRecipe {
        preset,
        epsilons: said(&args.epsilons, &EPSILONS),
        l2_epsilons: said(&args.l2_epsilons, &L2_EPSILONS),
        attacks: args.attacks.clone(),
        examples: args.examples,
        ..AttackRecipe::default()
    }
}
