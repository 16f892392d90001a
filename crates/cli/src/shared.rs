//! What every comparison has in common, whatever trains: its options and its result.

use std::path::{Path, PathBuf};

use steepness::Loss;
use steepness_compare::report::ReportFiles;
use steepness_compare::{Comparison, Folder, Selection, console, gather, report, validate_losses};

use crate::reader::Reader;
use crate::seeds::{Seeds, parse_seeds};
use crate::typed::command_line;
use crate::{interrupt, launch, open, tune};

/// Options of a comparison.
#[derive(clap::Args)]
pub struct Shared {
    /// A loss, instead of the recipe's; the first is what the others are compared with
    ///
    /// For instance: ce, el(le=0.75), el(le=0.5) + smooth(0.1)
    #[arg(long = "loss", value_name = "SPEC")]
    losses: Vec<String>,

    /// Seeds instead of the recipe's: a count (5 means 0 to 4) or a list (1,2,7)
    #[arg(long, value_name = "COUNT|LIST", value_parser = parse_seeds, allow_negative_numbers = true)]
    pub seeds: Option<Seeds>,

    /// The metric that table and page begin with: accuracy, balanced_accuracy, macro_f1, nll and so on
    ///
    /// Without it that is accuracy, or where the most frequent class has at least three times as many
    /// test examples as the rarest, balanced accuracy, and of two classes AUROC and the average
    /// precision of the rarer one. It changes no run, and may be another one each time.
    #[arg(long, value_name = "METRIC")]
    pub primary: Option<String>,

    /// What difference in the first metric is worth having, in its unit: 0.5 is half a point of accuracy
    ///
    /// Verdicts then say which losses are better or worse by more than that, and which are equal within it.
    /// Without it, and without worth = 0.5 in the recipe, only which are better or worse at all. It changes
    /// no run.
    #[arg(long, value_name = "AMOUNT", value_parser = crate::numbers::rate, allow_negative_numbers = true)]
    pub worth: Option<f64>,

    #[command(flatten)]
    pub tune: tune::Args,

    /// Folder for the results; runs/NAME without it
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Make anew what does not belong to this comparison any more
    ///
    /// Runs in its folder that were made of data that have changed since or of another recipe, and runs
    /// that are damaged, are refused without it. They are moved to the folder replaced in it.
    #[arg(long)]
    pub fresh: bool,

    /// Runs side by side; without it as many as the cores have room for, or one of a command of yours
    #[arg(long, value_name = "N", value_parser = crate::numbers::up_to::<1024>, allow_negative_numbers = true)]
    pub jobs: Option<u16>,

    /// Open the page in the browser when it is written
    #[arg(long)]
    open: bool,

    /// Print the table as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pub launch: launch::Args,
}

/// The report of fewer runs is there at once.
const SAID_FROM: usize = 200;

impl Shared {
    /// The losses that were asked for, which may be none.
    ///
    /// # Errors
    /// What is no loss, and one that is there twice.
    pub fn losses(&self) -> anyhow::Result<Vec<Loss>> {
        let parse = |spec: &String| spec.parse::<Loss>();
        let losses = self.losses.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if !losses.is_empty() {
            validate_losses(&losses)?;
        }
        Ok(losses)
    }

    /// How its runs are made.
    pub fn options(&self, keep_going: bool) -> steepness_compare::Options<'static> {
        steepness_compare::Options {
            jobs: self.jobs.map(usize::from),
            stop: interrupt::stop_flag(),
            terminal: console::draws(),
            fresh: self.fresh,
            keep_going,
        }
    }

    /// Writes the report of `comparison` into its folder, and prints the table; `recipe` says whether the
    /// recipe there is worth a word.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn report(
        &self,
        comparison: Comparison,
        folder: &Folder,
        recipe: bool,
    ) -> anyhow::Result<()> {
        // The report is quickly made again.
        interrupt::at_once();
        let runs: usize = comparison.groups.iter().map(|group| group.runs.len()).sum();
        if runs >= SAID_FROM {
            console::say(&format!("writing tables, tests and figures of {runs} runs"));
        }
        let written = write_report(&comparison, folder)?;
        let recipe = recipe.then(|| folder.recipe_file());
        print(&comparison, &written.page, recipe.as_deref(), self.json)?;
        if self.open {
            let opened = open::page(&written.page);
            opened.unwrap_or_else(|why| console::say(&format!("warning: {why}")));
        }
        Ok(())
    }
}

/// Writes the report into the `folder` of `comparison`: about all runs that are finished there, so that
/// asking for some of them does not take the others from the page.
fn write_report(comparison: &Comparison, folder: &Folder) -> anyhow::Result<ReportFiles> {
    if folder.has_others {
        let all = gather(std::slice::from_ref(&folder.path), &Selection::default(), &Reader);
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
                all.comparison.worth = comparison.worth;
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

/// What is said where a signal has ended a comparison.
pub fn say_how_to_go_on() {
    let again = command_line();
    console::say(&format!("what is done is saved; this goes on with it:\n  {again}"));
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
