//! `steepness translate`: lines in one language in, lines in another out.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;
use steepness_lab::experiment::{TranslationRun, device};
use steepness_lab::translate::SearchOptions;
use steepness_lab::{Error, Result, Stop, console};

use crate::{lines, numbers};

/// Lines that are translated before the next ones are begun.
const CHUNK: usize = 1000;

/// Translate lines with a finished run
///
/// Reads the file, or what comes in, and writes a line for each line, the most probable translation
/// that beam search finds. An empty line stays one.
#[derive(clap::Args)]
pub struct Args {
    /// The folder of a run: OUT/LOSS/seed=0
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// The text, a sentence a line; the standard input without it
    #[arg(value_name = "FILE")]
    text: Option<PathBuf>,

    /// Hypotheses that are kept at a time; 1 always takes the most probable next piece
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = numbers::up_to::<100>, allow_negative_numbers = true)]
    beam: u16,

    /// Scores are divided by the length to this power: above 0 favours longer translations
    #[arg(long, value_name = "POWER", default_value_t = 1.0, value_parser = numbers::number, allow_negative_numbers = true)]
    lenpen: f64,

    /// What an unknown piece costs; inf forbids it
    #[arg(long, value_name = "COST", default_value_t = 0.0, value_parser = numbers::number, allow_negative_numbers = true)]
    unk_penalty: f64,

    /// How many translations to print for each line, the best first
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = numbers::up_to::<100>, allow_negative_numbers = true)]
    nbest: u16,

    /// Where the model runs: auto (a GPU where libtorch finds one), cpu, cuda or cuda:1
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,

    /// Print a JSON object a line, with the scores
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// What is no finished run, or does not translate; text that is not UTF-8, by its line.
pub fn run(args: Args) -> Result<()> {
    let options = SearchOptions {
        beam: args.beam.into(),
        lenpen: args.lenpen,
        unk_penalty: args.unk_penalty,
        nbest: args.nbest.into(),
        ..SearchOptions::default()
    };
    let run = TranslationRun::load(&args.run, device(&args.device)?)?;
    run.unverified().into_iter().for_each(console::say);
    let translator = run.translator()?;
    let stdin = Path::new("standard input");
    let (name, lines) = match &args.text {
        Some(path) => (path.as_path(), lines::read(path)?),
        None => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(Error::input(stdin))?;
            (stdin, lines::split(&bytes, stdin)?)
        }
    };
    for (chunk, lines) in lines.chunks(CHUNK).enumerate() {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let found = translator.translate(&lines, &options, Stop::never())?;
        for (at, translated) in found.iter().enumerate() {
            if translated.left_out > 0 {
                console::say(&format!(
                    "{}: line {}: too long; its last {} pieces are not translated",
                    name.display(),
                    chunk * CHUNK + at + 1,
                    translated.left_out
                ));
            }
            console::print(&match args.json {
                true => json!({ "translations": translated.best }).to_string() + "\n",
                false => translated.best.iter().map(|best| best.text.clone() + "\n").collect(),
            })?;
        }
    }
    Ok(())
}
