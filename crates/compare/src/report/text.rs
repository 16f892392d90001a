//! Tables for a terminal: sheets with columns that stand below each other, and sentences that are
//! broken where lines end.

use super::ruling::Ruling;
use super::sheet::{Cell, Head, Sheet};
use super::table::Table;
use super::tables::{Output, sheets};
use crate::{Comparison, Panel};

/// No line is wider, unless one column alone is.
const WIDTH: usize = 120;
/// Spaces between columns.
const GAP: usize = 2;

/// The tables of a comparison with what is to be known of them and the signature, each line ended.
pub fn render(comparison: &Comparison, table: &Table) -> String {
    let sheets = sheets(comparison, table, Output::Text).map(|(_, sheet)| self::sheet(&sheet));
    let mut text = table.ruling.as_ref().map_or(String::new(), ruling);
    text += &sheets.collect::<Vec<_>>().join("\n");
    text.push('\n');
    if !table.warnings.is_empty() {
        for warning in &table.warnings {
            text += &wrapped(&format!("Warning: {}.", crate::plain::name(warning)));
        }
        text.push('\n');
    }
    text += &wrapped(&table.signature);
    for Panel { title, comparison, .. } in &comparison.panels {
        let line = format!("{title}:");
        text += &format!("\n{}{}\n", wrapped(&line), "=".repeat(line.chars().count().min(WIDTH)));
        text += &render(comparison, &Table::new(comparison));
    }
    text
}

/// The answer in words, and by which rules.
fn ruling(ruling: &Ruling) -> String {
    let sentences = [ruling.in_words()].into_iter().chain(ruling.rules.iter().cloned());
    let lines = sentences.map(|sentence| wrapped(&crate::plain::name(&sentence)));
    lines.collect::<String>() + "\n"
}

/// A table and its notes, a line each.
fn sheet(sheet: &Sheet) -> String {
    let notes = sheet.notes.iter().flatten().map(|sentence| wrapped(&sentence.plain()));
    grid(sheet, WIDTH) + &notes.collect::<String>()
}

/// The rows of a table in lines of at most `width` characters, in blocks where it is wider. Units stand
/// below their columns' titles, and then nothing above the labels.
pub fn grid(sheet: &Sheet, width: usize) -> String {
    let units = sheet.head.iter().any(|head| head.unit.is_some());
    let corner = if units { vec![String::new(); 2] } else { vec![sheet.corner.plain()] };
    let labels = corner.into_iter().chain(sheet.rows.iter().map(|row| row.label.plain()));
    let columns = sheet.head.iter().enumerate().map(|(at, head)| {
        let unit = units.then(|| head.unit.clone().unwrap_or_default());
        let cells = sheet.rows.iter().map(|row| row.cells.get(at).map(|c| cell(c, head)));
        let title = [head.title.plain() + if head.marked { "  " } else { "" }];
        title.into_iter().chain(unit).chain(cells.map(Option::unwrap_or_default)).collect()
    });
    aligned(&labels.collect::<Vec<_>>(), &columns.collect::<Vec<_>>(), width)
}

/// A cell, with room for a mark where its column may have one.
fn cell(cell: &Cell, head: &Head) -> String {
    let text = cell.value.text();
    match head.marked {
        true => format!("{text} {}", cell.mark.map_or(" ", |mark| mark.sign())),
        false => text,
    }
}

/// Labels on the left, columns right-aligned, in as many blocks as `width` needs, about equally
/// full.
fn aligned(labels: &[String], columns: &[Vec<String>], width: usize) -> String {
    let widest =
        |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let label_width = widest(labels);
    let widths: Vec<usize> = columns.iter().map(|cells| GAP + widest(cells)).collect();
    let greedy = blocks(&widths, width.saturating_sub(label_width), usize::MAX);
    let even = columns.len().div_ceil(greedy.len().max(1));
    let mut text = String::new();
    for block in blocks(&widths, width.saturating_sub(label_width), even) {
        if block.start > 0 {
            text.push('\n');
        }
        for (row, label) in labels.iter().enumerate() {
            let mut line = format!("{label:<label_width$}");
            for column in block.clone() {
                line += &format!("{:>1$}", columns[column][row], widths[column]);
            }
            text += line.trim_end();
            text.push('\n');
        }
    }
    text
}

/// Splits columns into runs of at most `most` columns that are no wider than `room`.
fn blocks(widths: &[usize], room: usize, most: usize) -> Vec<std::ops::Range<usize>> {
    let mut blocks = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, width) in widths.iter().enumerate() {
        if at > start && (used + width > room || at - start == most) {
            blocks.push(start..at);
            (start, used) = (at, 0);
        }
        used += width;
    }
    if start < widths.len() {
        blocks.push(start..widths.len());
    }
    blocks
}

/// Breaks a sentence at spaces so that no line is wider than [`WIDTH`].
fn wrapped(sentence: &str) -> String {
    let mut text = String::new();
    let mut line = 0;
    for word in sentence.split(' ') {
        let width = word.chars().count();
        if line > 0 && line + 1 + width > WIDTH {
            text.push('\n');
            line = 0;
        } else if line > 0 {
            text.push(' ');
            line += 1;
        }
        text += word;
        line += width;
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Balance, Binary, Overlap};
    use crate::report::sample;

    fn rendered(comparison: &Comparison) -> String {
        render(comparison, &Table::new(comparison))
    }

    /// What stands below the verdict.
    fn tables(text: &str) -> Vec<&str> {
        text.split_once("\n\n").unwrap().1.lines().collect()
    }

    #[test]
    fn the_verdict_comes_first() {
        let text = rendered(&sample::comparison(&["ce", "el(le=1)"], 5));
        let (verdict, _) = text.split_once("\n\n").unwrap();
        assert!(
            verdict.starts_with("Take el(le=1): it is better than ce in accuracy"),
            "{verdict}"
        );
        assert!(verdict.contains("\nBetter or worse: the 95 % interval"), "{verdict}");
    }

    #[test]
    fn fits_a_terminal_and_aligns() {
        let losses = ["ce", "el(le=0.5)", "el(le=0.75)", "el(le=1)"];
        let text = rendered(&sample::comparison(&losses, 5));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let row = |loss: &str| text.lines().find(|line| line.starts_with(loss)).unwrap();
        assert_eq!(row("ce ").chars().count(), row("el(le=0.75) ").chars().count());
        assert!(text.trim_end().ends_with("steepness 0.1.0"), "{text}");
    }

    #[test]
    fn what_is_seen_otherwise_stands_below() {
        let text = rendered(&sample::tuned(sample::comparison(&["ce", "el(le=1)"], 3)));
        let (own, shared) = text.split_once("\nAt the shared setting, lr=0.01:\n=====").unwrap();
        assert!(own.contains("validation accuracy % ↑") && own.contains("takes"), "{own}");
        assert!(own.contains("Warning: el(le=1) took lr=0.1, the largest that was tried"), "{own}");
        assert!(shared.contains("Take el(le=1)") && !shared.contains("takes"), "{shared}");
    }

    #[test]
    fn a_sweep_comes_first() {
        let mut comparison = sample::comparison(&["ce", "el(le=0)", "el(le=1)"], 3);
        comparison.sweep = Some(crate::Sweep::Le(vec![0.0, 1.0]));
        let text = rendered(&comparison);
        let lines: Vec<&str> = tables(&text);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(lines[0]), ["accuracy", "%", "↑", "no", "le", "le=0", "le=1"]);
        assert_eq!(
            (words(lines[1])[2].as_str(), words(lines[1])[4..].concat().as_str()),
            ("±", "––")
        );
        assert_eq!(words(lines[2])[..2], ["el(le=…)", "–"]);
        assert!(lines[3].is_empty());
    }

    #[test]
    fn what_was_corrected_is_said() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        let text = |comparison: &Comparison| rendered(comparison).replace('\n', " ");
        let plain = text(&comparison);
        assert!(plain.contains("(paired t, n = 3)") && !plain.contains("anew"), "{plain}");
        comparison = sample::overlapping(comparison, Overlap::Redrawn { test: 20, train: 80 });
        let redrawn = text(&comparison);
        for part in ["(corrected paired t, n = 3)", "1/n + 20/80", "Nadeau and Bengio (2003)"] {
            assert!(redrawn.contains(part), "{part}: {redrawn}");
        }
        comparison = sample::overlapping(comparison, Overlap::Folds { test: 20, train: 80 });
        assert!(text(&comparison).contains("tests one fold"));
        assert!(text(&comparison).contains("Bouckaert and Frank (2004)"));
        comparison.groups[0].runs[0].measures.overlap = None;
        let older = text(&comparison);
        assert!(older.contains("(paired t, n = 3)"), "{older}");
        assert!(older.contains("Warning: the runs do not say whether"), "{older}");
    }

    #[test]
    fn uneven_classes_and_runs_that_say_one_class_are_told() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        comparison.classes = vec!["no".to_owned(), "\u{1b}yes".to_owned()];
        let each = comparison.groups.iter_mut().enumerate();
        for (at, run) in each.flat_map(|(at, g)| g.runs.iter_mut().map(move |run| (at, run))) {
            let found = 4 * at as u64;
            run.measures.confusion = vec![(0, 0, 95), (1, 0, 5 - found), (1, 1, found)];
            run.measures.confusion.retain(|cell| cell.2 > 0);
            let balanced_accuracy = 0.5 + 0.1 * found as f64;
            run.measures.balance = Some(Balance { macro_f1: 0.5, balanced_accuracy });
            let average_precision = [0.9, 0.2];
            run.measures.binary = Some(Binary { auroc: 0.75, average_precision });
        }
        let text = rendered(&comparison);
        let lines: Vec<&str> = tables(&text);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let head = ["balanced", "accuracy", "AUROC", "average", "precision", "accuracy"];
        assert_eq!(words(lines[0])[..6], head);
        assert_eq!(words(lines[4])[..6], ["majority", "class", "50.00", "50.00", "5.00", "95.00"]);
        assert!(text.contains("say \"no\" always. The classes are uneven."), "{text}");
        let warning = "Warning: ce predicts nothing but the class \"no\", with the seeds 1 2.";
        assert!(text.contains(warning) && !text.contains("el(le=1) predicts nothing"), "{text}");
        assert!(!text.contains('\u{1b}'));
        comparison.primary = Some("bleu".to_owned());
        let text = rendered(&comparison);
        assert!(text.contains("Warning: no run has the metric bleu"), "{text}");
    }

    /// What all seeds agree in is no interval of the page's, and none that is printed.
    #[test]
    fn no_difference_has_no_interval() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        let first = comparison.groups[0].runs.clone();
        for (run, first) in comparison.groups[1].runs.iter_mut().zip(&first) {
            run.measures = first.measures.clone();
        }
        let text = rendered(&comparison);
        assert!(text.contains("0.00") && !text.contains("[0.00, 0.00]"), "{text}");
        assert!(text.contains("or not at all"), "{text}");
    }

    #[test]
    fn columns_are_split_evenly_and_never_lost() {
        assert_eq!(blocks(&[10; 9], 60, usize::MAX), [0..6, 6..9]);
        assert_eq!(blocks(&[10; 9], 60, 5), [0..5, 5..9]);
        assert_eq!(blocks(&[200, 10, 200], 100, 9), [0..1, 1..2, 2..3]);
        assert!(blocks(&[], 100, 1).is_empty());
    }

    #[test]
    fn one_seed_has_no_deviation_and_no_interval() {
        let text = rendered(&sample::comparison(&["ce", "el(le=1)"], 1));
        assert!(!text.contains('±') && !text.contains('[') && text.contains("One seed"), "{text}");
    }
}
