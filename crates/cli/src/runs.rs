//! `steepness runs`: which comparisons and runs there are, and how they stand.

use std::path::PathBuf;

use steepness_compare::measure::words::plural;
use steepness_compare::{FoundFolder, FoundRun, Result, RunState, console, plain, survey};

use crate::reader::Reader;

/// List the comparisons and runs below a folder: their losses and seeds, how they stand and their sizes
///
/// A run is finished, begun, or damaged: every file of a finished one is read and held against the
/// hashes that were kept with it, or is said not to be verified where there are none.
#[derive(clap::Args)]
pub struct Args {
    /// Where to look
    #[arg(value_name = "DIR", default_value = "runs")]
    folder: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A folder that is not there.
pub fn run(args: Args) -> Result<()> {
    let found = survey(&args.folder, &Reader)?;
    let text = match (args.json, found.is_empty()) {
        (true, _) => serde_json::json!({ "comparisons": found }).to_string() + "\n",
        (false, true) => format!("no comparison and no run below {}\n", args.folder.display()),
        (false, false) => found.iter().map(described).collect::<Vec<_>>().join("\n"),
    };
    console::print(&text)
}

/// A line on the comparison, then one for each loss and state.
fn described(found: &FoundFolder) -> String {
    let finished = |run: &&FoundRun| matches!(run.state, RunState::Finished { .. });
    let done = found.runs.iter().filter(finished).count();
    let asked = (found.losses.len() * found.seeds.len()).max(found.runs.len());
    let mut text = format!(
        "{}  {done} of {asked} runs finished, {}\n",
        plain::name(&found.path.display().to_string()),
        size(found.bytes)
    );
    if let Some(problem) = &found.problem {
        text += &format!("  damaged: {}\n", plain::name(problem));
    }
    let mut rows: Vec<(String, String, Vec<String>)> = Vec::new();
    for run in &found.runs {
        let loss = run.loss.clone().unwrap_or_else(|| run.path.display().to_string());
        let state = state(&run.state);
        let seed = run.seed.map_or("?".to_owned(), |seed| seed.to_string());
        match rows.last_mut() {
            Some((last, same, seeds)) if (&*last, &*same) == (&loss, &state) => seeds.push(seed),
            _ => rows.push((loss, state, vec![seed])),
        }
    }
    let width = rows.iter().map(|(loss, ..)| loss.chars().count()).max().unwrap_or(0);
    for (loss, state, mut seeds) in rows {
        // Folders are in the order of their names: seed=10 before seed=2.
        seeds.sort_by_key(|seed| seed.parse::<u64>().unwrap_or(u64::MAX));
        let seeds = format!("{} {}", plural(seeds.len(), "seed"), seeds.join(" "));
        text += &format!("  {:width$}  {}: {seeds}\n", plain::name(&loss), plain::name(&state));
    }
    text
}

fn state(state: &RunState) -> String {
    match state {
        RunState::Finished { verified: true, .. } => "finished".to_owned(),
        RunState::Finished { verified: false, .. } => {
            "finished, not verified (an earlier version kept no manifest)".to_owned()
        }
        RunState::Begun { epochs, of: Some(of) } => format!("begun, {epochs} of {of} epochs"),
        RunState::Begun { of: None, .. } => "begun".to_owned(),
        RunState::Damaged { problem } => format!("damaged ({problem})"),
    }
}

/// "12.3 MB".
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
