//! The report's files, each complete or not there: a temporary name, then a rename.

use super::attacked::AttackedRun;
use super::figure::{self, Figure, GENERATOR};
use super::tables::{Output, sheets};
use super::{Table, attacked, csv, html, markdown};
use crate::Comparison;
use crate::{Error, Result, durable};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where the report is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFiles {
    /// The page.
    pub page: PathBuf,
    /// The table in Markdown.
    pub markdown: PathBuf,
    /// The table with every seed's value.
    pub csv: PathBuf,
    /// The figures, in the order of the page, and then those of its panels.
    pub figures: Vec<PathBuf>,
}

/// Writes `report.html`, `table.md`, `table.csv`, `verdicts.csv`, `ood.csv` (every score of
/// other data sets), and `figures/*.svg` each with its data as
/// `figures/*.csv` into the folder `out`, and of each panel the same tables and figures with its key in their
/// names, in place of an earlier report there. `recipe` is the text of the resolved recipe, for the page.
///
/// # Errors
/// A comparison without losses or without seeds; a file that cannot be written, by its path.
pub fn write(comparison: &Comparison, recipe: &str, out: &Path) -> Result<ReportFiles> {
    if comparison.groups.iter().map(|group| group.runs.len()).min().unwrap_or(0) == 0 {
        return Err(Error::Request(
            "there is nothing to report: a loss without runs, or no loss at all".to_owned(),
        ));
    }
    let table = Table::new(comparison);
    let figures = figure::all(comparison, &table);
    let folder = out.join("figures");
    fs::create_dir_all(&folder).map_err(Error::output(&folder))?;
    let file = |name: &str, text: &str| {
        let path = out.join(name);
        replace(&path, text).map(|()| path)
    };
    for (key, sheet) in sheets(comparison, &table, Output::Csv) {
        file(&format!("{key}.csv"), &csv::sheet(&sheet))?;
    }
    let mut of_panels = Vec::new();
    for panel in &comparison.panels {
        let table = Table::new(&panel.comparison);
        for (key, sheet) in sheets(&panel.comparison, &table, Output::Csv) {
            file(&format!("{key}-{}.csv", panel.key), &csv::sheet(&sheet))?;
        }
        of_panels.extend(figure::of_panel(panel, &table));
    }
    for figure in figures.iter().chain(&of_panels) {
        replace(&folder.join(format!("{}.csv", figure.name)), &figure.csv())?;
    }
    Ok(ReportFiles {
        figures: [write_figures(&figures, &folder)?, write_figures(&of_panels, &folder)?].concat(),
        markdown: file("table.md", &markdown::render(comparison, &table))?,
        csv: out.join("table.csv"),
        page: file("report.html", &html::render(comparison, &table, &figures, recipe))?,
    })
}

/// Writes `attack.csv`, `attack.json` and `robustness.svg` into the folder `out`, in place of earlier
/// ones there.
///
/// # Errors
/// Nothing to write; a file that cannot be written, by its path.
pub fn write_attacked(runs: &[AttackedRun], out: &Path) -> Result<Vec<PathBuf>> {
    let each = runs.iter().map(|run| (run.name.clone(), run.seed, &run.curves[..]));
    let (Some(data), Some(figure)) = (attacked::csv(each), attacked::figure(runs)) else {
        return Err(Error::Request("there is nothing to report: no attack".to_owned()));
    };
    fs::create_dir_all(out).map_err(Error::output(out))?;
    let files = [
        ("attack.csv", data),
        ("attack.json", attacked::attacked_json(runs).to_string() + "\n"),
        ("robustness.svg", figure.svg()),
    ];
    let written = files.into_iter().map(|(name, text)| {
        let path = out.join(name);
        replace(&path, &text).map(|()| path)
    });
    written.collect()
}

/// Draws the figures that need no training into the folder `out`, which is made if need be: the
/// paper's Figures 2 and 3, and the curves of `losses`. Files there that are not ours stay.
///
/// # Errors
/// `out` is a file, or holds a file of a figure's name that this program did not draw (then nothing
/// is written); a file that cannot be read or written, by its path.
pub fn write_curves(losses: &[steepness::Loss], out: &Path) -> Result<Vec<PathBuf>> {
    if out.exists() && !out.is_dir() {
        return Err(Error::Request(format!("{} is a file, not a folder", out.display())));
    }
    let figures = figure::analytic(losses);
    for figure in &figures {
        let path = out.join(figure.file_name());
        if !replaceable(&path)? {
            return Err(Error::Request(format!(
                "{} was not drawn by steepness and is not overwritten; name another folder",
                path.display()
            )));
        }
    }
    fs::create_dir_all(out).map_err(Error::output(out))?;
    write_figures(&figures, out)
}

fn write_figures(figures: &[Figure], folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = figures.iter().map(|figure| {
        let path = folder.join(figure.file_name());
        replace(&path, &figure.svg()).map(|()| path)
    });
    paths.collect()
}

/// Whether nothing is at `path`, or a figure of ours.
fn replaceable(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::stored(path)(error)),
        Ok(about) if !about.is_file() => Ok(false),
        Ok(_) => {
            let mut head = Vec::new();
            let file = File::open(path).map_err(Error::stored(path))?;
            file.take(512).read_to_end(&mut head).map_err(Error::stored(path))?;
            Ok(String::from_utf8_lossy(&head).contains(GENERATOR))
        }
    }
}

fn replace(path: &Path, text: &str) -> Result<()> {
    Ok(durable::replace(path, text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const LOSSES: [&str; 2] = ["ce", "el(le=1)"];

    fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(self::files(&path));
            } else {
                let bytes = fs::read(&path).unwrap();
                files.push((path.file_name().unwrap().into(), bytes));
            }
        }
        files.sort();
        files
    }

    #[test]
    fn writes_the_same_bytes_again_and_leaves_nothing_else() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut slower = sample::comparison(&LOSSES, 3);
        write(&slower, "seed = 1", one.path()).unwrap();
        for run in slower.groups.iter_mut().flat_map(|group| &mut group.runs) {
            for epoch in &mut run.epochs {
                epoch.seconds *= 2.0;
            }
        }
        let written = write(&slower, "seed = 1", two.path()).unwrap();
        write(&slower, "seed = 1", two.path()).unwrap();
        assert_eq!(written.figures.len(), 16);
        assert_eq!(files(one.path()).len(), 5 + 2 * 16);
        assert!(files(one.path()) == files(two.path()));
    }

    /// Tests of every metric and figures of every run; what it takes is said by the caller.
    #[test]
    fn three_hundred_seeds_take_seconds() {
        let folder = tempfile::tempdir().unwrap();
        // Unoptimised it says nothing of the time.
        let seeds = if cfg!(debug_assertions) { 60 } else { 300 };
        let comparison = sample::comparison(&["ce", "el(le=0.5)", "el(le=1)"], seeds);
        let start = std::time::Instant::now();
        let table = Table::new(&comparison);
        let tested = start.elapsed().as_secs_f64();
        write(&comparison, "seed = 1", folder.path()).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        println!("{tested:.2} s for the tests, {seconds:.2} s for everything");
        assert_eq!(table.columns[0].cells[0].n, seeds);
        // What it took before was 80; this is for a machine that is busy with other tests.
        assert!(cfg!(debug_assertions) || seconds < 20.0, "{seconds} s");
    }

    #[test]
    fn an_empty_comparison_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let comparison = sample::comparison(&LOSSES, 0);
        assert_eq!(write(&comparison, "", folder.path()).unwrap_err().exit_code(), 2);
        assert_eq!(files(folder.path()), []);
    }

    #[test]
    fn curves_replace_our_own_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let losses = LOSSES.map(|loss| loss.parse().unwrap());
        let out = folder.path().join("new");
        let paths = write_curves(&losses, &out).unwrap();
        assert_eq!(paths.len(), 3);
        fs::write(out.join("notes.txt"), "mine").unwrap();
        assert_eq!(write_curves(&losses[..1], &out).unwrap(), paths);

        let before = fs::read(&paths[0]).unwrap();
        fs::write(&paths[2], "<svg/>").unwrap();
        let refused = write_curves(&losses, &out).unwrap_err();
        assert!(refused.to_string().contains("curves.svg") && refused.exit_code() == 2);
        assert_eq!(fs::read(&paths[2]).unwrap(), b"<svg/>");
        assert_eq!(fs::read(&paths[0]).unwrap(), before);
        assert_eq!(fs::read(out.join("notes.txt")).unwrap(), b"mine");
        let file = write_curves(&losses, &out.join("notes.txt")).unwrap_err();
        assert!(file.to_string().contains("is a file") && file.exit_code() == 2, "{file}");
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write(&sample::comparison(&LOSSES, 1), "", &file).unwrap_err();
        assert!(error.to_string().contains("file") && error.exit_code() == 1, "{error}");
    }
}
