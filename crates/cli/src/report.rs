//! `steepness report`: table and page of runs that are finished, without their data.

use std::path::{Path, PathBuf};

use steepness::Loss;
use steepness_compare::{Error, Selection, console, gather, report, validate_losses};

use crate::open;
use crate::reader::Reader;
use crate::seeds::{Seeds, parse_seeds};

/// Write the report of finished runs again, or print those of several comparisons side by side
///
/// Nothing is trained, and the data are not needed. Without --loss and --seeds it is about all runs that
/// are finished, with the seeds that every loss has; with them, and of several folders, which stand in
/// one table if their classes are the same, it is printed, and --out is where a page of it goes.
#[derive(clap::Args)]
pub struct Args {
    /// The folders of comparisons
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// A loss, instead of all; the first is what the others are compared with
    #[arg(long = "loss", value_name = "SPEC")]
    losses: Vec<String>,

    /// Seeds instead of all: a count (5 means 0 to 4) or a list (1,2,7)
    #[arg(long, value_name = "COUNT|LIST", value_parser = parse_seeds, allow_negative_numbers = true)]
    seeds: Option<Seeds>,

    /// Folder for the report; that of the comparison without it, if it is one and about all its runs
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// The metric that table and page begin with, as of `compare`
    #[arg(long, value_name = "METRIC")]
    primary: Option<String>,

    /// What difference in the first metric is worth having, in its unit: 0.5 is half a point of accuracy
    ///
    /// Verdicts then say which losses are better or worse by more than that, and which are equal within it.
    /// Without it, and without worth = 0.5 in the recipe, only which are better or worse at all.
    #[arg(long, value_name = "AMOUNT", value_parser = crate::numbers::rate, allow_negative_numbers = true)]
    worth: Option<f64>,

    /// Open the page in the browser when it is written
    #[arg(long)]
    open: bool,

    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// What is no comparison, runs that are damaged, and folders that do not go together.
pub fn run(args: Args) -> anyhow::Result<()> {
    let parse = |spec: &String| spec.parse::<Loss>();
    let losses = args.losses.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    if !losses.is_empty() {
        validate_losses(&losses)?;
    }
    let seeds = args.seeds.map_or_else(Vec::new, |Seeds(seeds)| seeds);
    let part = !losses.is_empty() || !seeds.is_empty();
    let out = match (&args.out, &args.folders[..]) {
        (Some(out), _) => {
            validate_out(out)?;
            Some(out)
        }
        // The report there is about all runs: one about some of them does not take its place.
        (None, [folder]) if !part => Some(folder),
        (None, _) => None,
    };
    if out.is_none() && args.open {
        let problem = "there is no page to open: --out names a folder for one";
        return Err(Error::Request(problem.to_owned()).into());
    }
    let asked = Selection { losses, seeds, write: args.out.is_none() && out.is_some() };
    let mut gathered = gather(&args.folders, &asked, &Reader)?;
    for note in &gathered.notes {
        console::say(note);
    }
    let comparison = &mut gathered.comparison;
    if let Some(key) = &args.primary {
        let mut runs = comparison.groups.iter().flat_map(|group| &group.runs);
        if !runs.any(|run| run.own.contains_key(key)) {
            report::find_metric(key)?;
        }
    }
    comparison.primary = args.primary.or(comparison.primary.take());
    comparison.worth = args.worth.or(comparison.worth);
    let written = out.map(|out| report::write(&gathered.comparison, &gathered.recipe, out));
    let written = written.transpose()?;
    if args.json {
        console::print(&format!("{:#}\n", report::table_json(&gathered.comparison)))?;
    } else {
        let mut text = report::table_text(&gathered.comparison) + "\n";
        if let Some(written) = &written {
            text += &format!("page    {}\n", written.page.display());
        }
        console::print(&text)?;
    }
    if part && written.is_none() {
        console::say(
            "some of the runs only: no file is written; --out names a folder for a page of them",
        );
    }
    if let Some(written) = written.filter(|_| args.open) {
        open::page(&written.page).unwrap_or_else(|why| console::say(&format!("warning: {why}")));
    }
    Ok(())
}

/// Refuses a folder that holds something else than a report.
fn validate_out(out: &Path) -> Result<(), Error> {
    let entries = match std::fs::read_dir(out) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::stored(out))?,
    };
    let empty = entries.count() == 0;
    if empty || out.join("report.html").is_file() && out.join("table.csv").is_file() {
        return Ok(());
    }
    let out = out.display();
    Err(Error::Request(format!("{out} holds something else: --out names another folder")))
}
