//! What a command logs after each epoch: `metrics.jsonl`, an object of numbers a line, or `metrics.csv`,
//! names in the first line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::measure::At;
use crate::{Error, Result};

/// The numbers of each epoch by their names.
pub type Log = Vec<BTreeMap<String, f64>>;

/// Reads the file at `path`.
///
/// # Errors
/// Names the line and what is expected there.
pub fn read(path: &Path) -> Result<Log> {
    parse(path, &fs::read_to_string(path).map_err(Error::input(path))?)
}

/// The same of its `text`.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, text: &str) -> Result<Log> {
    match path.extension().is_some_and(|end| end == "csv") {
        true => rows(path, text),
        false => objects(path, text),
    }
}

fn objects(path: &Path, text: &str) -> Result<Log> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let object = |(row, line): (usize, &str)| {
        let read = serde_json::from_str(line).or_else(|error| {
            // Python writes a loss that is not finite like that, and JSON knows no such number.
            let known = ["-Infinity", "Infinity", "NaN"];
            let finite =
                known.iter().fold(line.to_owned(), |line, name| line.replace(name, "null"));
            serde_json::from_str(&finite).map_err(|_| error)
        });
        let numbers: BTreeMap<String, Option<f64>> = read.map_err(|error| {
            let place = format!("line {}, column {}", row + 1, error.column());
            Error::malformed(path, place, At::cause("names and numbers are expected: ", error))
        })?;
        // What says nothing is left out.
        Ok(numbers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    };
    lines.map(object).collect()
}

fn rows(path: &Path, text: &str) -> Result<Log> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((_, head)) = lines.next() else { return Ok(Vec::new()) };
    let names: Vec<&str> = head.split(',').map(str::trim).collect();
    let row = |(row, line): (usize, &str)| {
        let wrong = |problem: String| Error::malformed(path, format!("line {}", row + 1), problem);
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if cells.len() != names.len() {
            return Err(wrong(format!("{} cells for {} names", cells.len(), names.len())));
        }
        // An empty cell says nothing, like null.
        let known = names.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
        let number = |(name, cell): (&&str, &str)| match cell.parse::<f64>() {
            Ok(number) => Ok(((*name).to_owned(), number)),
            Err(_) => Err(wrong(format!("{name} is {cell:?}, which is no number"))),
        };
        known.map(number).collect()
    };
    lines.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_and_what_is_neither_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            super::read(&path).map_err(|error| error.to_string())
        };
        let lines = read("m.jsonl", "{\"epoch\": 1, \"loss\": 0.5}\n\n{\"epoch\": 2}\n").unwrap();
        assert_eq!((lines.len(), lines[0]["loss"]), (2, 0.5));
        let diverged = read("m.jsonl", "{\"epoch\": 1, \"loss\": NaN}").unwrap();
        assert_eq!((diverged[0].len(), diverged[0]["epoch"]), (1, 1.0));
        let rows = read("m.csv", "epoch,loss\n1,0.5\n2,\n").unwrap();
        assert_eq!(rows, lines);
        for (name, text, expected) in [
            ("m.jsonl", "{\"loss\": oops}", "line 1, column 10: names and numbers are expected"),
            ("m.jsonl", "{}\n[1]\n", "line 2, column 0"),
            ("m.csv", "a,b\n1\n", "line 2: 1 cells for 2 names"),
            ("m.csv", "a\nx\n", "line 2: a is \"x\", which is no number"),
        ] {
            let problem = read(name, text).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
