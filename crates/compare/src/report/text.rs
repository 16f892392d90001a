//! The table for a terminal: means first, then the paired differences, in 120 columns.
//!
//! Every character used is one column wide, so counting characters aligns by display width.

use super::number;
use super::swept::{Point, Swept};
use super::table::{Cell, Column, Difference, Table};
use crate::measure::Overlap;

/// The width that a block of columns does not exceed, unless one column alone does.
const WIDTH: usize = 120;
/// Spaces between columns.
const GAP: usize = 2;

/// The whole table with its signature, each line ended.
pub fn render(table: &Table) -> String {
    let seeds = table.seeds.len();
    let mut text = String::new();
    if let Some(swept) = &table.swept {
        text += &self::swept(swept);
        text.push('\n');
    }
    text += &means(table);
    if seeds > 1 {
        text += &wrapped(&format!("Mean ± standard deviation over {seeds} seeds."));
    } else {
        text += &wrapped("One seed: no deviation, and no interval to judge a difference by.");
    }
    for sentence in remarks(table) {
        text += &wrapped(&sentence);
    }
    if table.losses.len() > 1 {
        text.push('\n');
        text += &differences(table);
        for sentence in legend(table) {
            text += &wrapped(&sentence);
        }
    }
    text.push('\n');
    if !table.warnings.is_empty() {
        for warning in &table.warnings {
            text += &wrapped(&format!("Warning: {}.", crate::plain::name(warning)));
        }
        text.push('\n');
    }
    text += &wrapped(&table.signature);
    text
}

/// What has to be known of all numbers, in sentences for every rendering.
pub fn remarks(table: &Table) -> Vec<String> {
    let epochs = table.epochs.as_ref().map(|epochs| epochs.sentence());
    let majority = table.baseline().map(|majority| {
        let class = crate::plain::name(&majority.class);
        let rule = majority.rule();
        format!("Majority class: what it is worth to say \"{class}\" always. {rule}")
    });
    majority.into_iter().chain(epochs).collect()
}

/// What the differences and their marks mean, in sentences for every rendering.
pub fn legend(table: &Table) -> Vec<String> {
    let first = &table.losses[0];
    let n = table.seeds.len();
    if n < 2 {
        return vec![format!("Difference to {first} with the same seed.")];
    }
    let test = if table.overlap == Overlap::None { "paired t" } else { "corrected paired t" };
    let mut legend = vec![
        format!("Difference to {first}, paired by seed, with its 95 % interval ({test}, n = {n})."),
        "Marked only where the interval excludes 0: ✓ better, ✗ worse, ● differs.".to_owned(),
    ];
    legend.extend(correction(table.overlap));
    if differences_of(table).any(|difference| difference.n > 1 && difference.interval.is_none()) {
        let why = "Without an interval: all seeds differ by the same amount or not at all, or hardly any \
                   has both values, so that the spread is unknown.";
        legend.push(why.to_owned());
    }
    legend
}

/// What is done about test parts that overlap.
fn correction(overlap: Overlap) -> Option<String> {
    let (test, train, drawn) = match overlap {
        Overlap::None => return None,
        Overlap::Redrawn { test, train } => (test, train, "draws its test part anew"),
        Overlap::Folds { test, train } => (test, train, "tests one fold"),
    };
    Some(format!(
        "Each seed {drawn} from the same examples, so the variance of a mean difference is taken as \
         1/n + {test}/{train} of that of the differences, not 1/n: {}.",
        overlap.source().unwrap_or_default()
    ))
}

fn differences_of(table: &Table) -> impl Iterator<Item = &Difference> {
    table.columns.iter().flat_map(|column| &column.cells).filter_map(|c| c.difference.as_ref())
}

/// The value of the majority class in that column.
pub fn baseline(table: &Table, column: &Column) -> String {
    let value = table.majority.as_ref().and_then(|majority| majority.value(column.metric.key));
    value.map_or_else(|| "–".to_owned(), |value| number::plain(value, column.metric.decimals))
}

/// "98.61 ± 0.25", with the count where it is not every seed's.
pub fn mean(cell: &Cell, decimals: usize) -> String {
    let Some(mean) = cell.mean else { return "–".to_owned() };
    let mut text = number::plain(mean, decimals);
    if let Some(std) = cell.std {
        text += &format!(" ± {}", number::plain(std, decimals));
    }
    if cell.n < cell.values.len() {
        text += &format!(" (n={})", cell.n);
    }
    text
}

/// "+0.22 [+0.05, +0.39]", with the count where it is not every seed's.
pub fn difference(difference: &Difference, seeds: usize, decimals: usize) -> String {
    let mut text = number::signed(difference.mean, decimals);
    if let Some(interval) = difference.interval {
        text += &format!(" {}", number::interval(interval, decimals));
    }
    if difference.n < seeds {
        text += &format!(" (n={})", difference.n);
    }
    text
}

/// "98.61 ± 0.25": the headline at a swept value.
pub fn point(point: &Option<Point>, decimals: usize) -> String {
    let Some(Point { mean, std, .. }) = point else { return "–".to_owned() };
    let spread = std.map_or(String::new(), |std| format!(" ± {}", number::plain(std, decimals)));
    number::plain(*mean, decimals) + &spread
}

/// A row a loss, a column a swept value.
fn swept(swept: &Swept) -> String {
    let labels =
        [swept.title.as_str()].into_iter().chain(swept.lines.iter().map(|l| l.loss.as_str()));
    let columns = swept.values.iter().enumerate().map(|(at, value)| {
        let cells = swept.lines.iter().map(|line| point(&line.points[at], swept.decimals));
        std::iter::once(swept.heading(*value)).chain(cells).collect()
    });
    grid(&labels.map(str::to_owned).collect::<Vec<_>>(), &columns.collect::<Vec<_>>())
}

/// A row a loss, a column a metric; below, what the majority class is worth, of uneven classes.
fn means(table: &Table) -> String {
    let losses = table.losses.iter().map(String::as_str);
    let majority = table.baseline().map(|majority| majority.label());
    let labels = ["", ""].into_iter().chain(losses).chain(majority);
    let columns = table.columns.iter().map(|column| {
        let metric = column.metric;
        let unit = format!("{} {}", metric.unit, metric.direction.arrow());
        let cells = column.cells.iter().map(|cell| mean(cell, metric.decimals));
        let majority = majority.map(|_| baseline(table, column));
        let head = [column.title.clone(), unit.trim().to_owned()];
        head.into_iter().chain(cells).chain(majority).collect()
    });
    grid(&labels.map(str::to_owned).collect::<Vec<_>>(), &columns.collect::<Vec<_>>())
}

/// A row a metric, a column a loss: intervals are wide and losses few.
fn differences(table: &Table) -> String {
    let headings = table.columns.iter().map(|column| column.heading());
    let labels: Vec<_> =
        std::iter::once(format!("minus {}", table.losses[0])).chain(headings).collect();
    let columns = table.losses.iter().enumerate().skip(1).map(|(row, loss)| {
        let cells = table.columns.iter().map(|column| match &column.cells[row].difference {
            Some(d) => {
                let mark = d.mark.map_or(" ", |mark| mark.sign());
                format!("{} {mark}", difference(d, table.seeds.len(), column.metric.decimals))
            }
            None => "–  ".to_owned(),
        });
        std::iter::once(format!("{loss}  ")).chain(cells).collect()
    });
    grid(&labels, &columns.collect::<Vec<_>>())
}

/// Labels on the left, columns right-aligned, in as many blocks as [`WIDTH`] needs, about equally
/// full.
fn grid(labels: &[String], columns: &[Vec<String>]) -> String {
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let label_width = width(labels);
    let widths: Vec<usize> = columns.iter().map(|cells| GAP + width(cells)).collect();
    let greedy = blocks(&widths, WIDTH.saturating_sub(label_width), usize::MAX);
    let even = columns.len().div_ceil(greedy.len().max(1));
    let mut text = String::new();
    for block in blocks(&widths, WIDTH.saturating_sub(label_width), even) {
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
    use crate::Comparison;
    use crate::measure::{Balance, Binary};
    use crate::report::sample;

    #[test]
    fn fits_a_terminal_and_aligns() {
        let losses = ["ce", "el(le=0.5)", "el(le=0.75)", "el(le=1)"];
        let text = render(&Table::new(&sample::comparison(&losses, 5)));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let row = |loss: &str| text.lines().find(|line| line.starts_with(loss)).unwrap();
        assert_eq!(row("ce ").chars().count(), row("el(le=0.75) ").chars().count());
        assert!(text.trim_end().ends_with("steepness 0.1.0"), "{text}");
    }

    #[test]
    fn a_sweep_comes_first() {
        let mut comparison = sample::comparison(&["ce", "el(le=0)", "el(le=1)"], 3);
        comparison.sweep = Some(crate::Sweep::Le(vec![0.0, 1.0]));
        let text = render(&Table::new(&comparison));
        let lines: Vec<&str> = text.lines().collect();
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
        let text = |comparison: &Comparison| render(&Table::new(comparison)).replace('\n', " ");
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
        assert!(older.contains("Warning: older runs do not say whether"), "{older}");
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
        let text = render(&Table::new(&comparison));
        let lines: Vec<&str> = text.lines().collect();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let head = ["balanced", "accuracy", "AUROC", "average", "precision", "accuracy"];
        assert_eq!(words(lines[0])[..6], head);
        assert_eq!(words(lines[4])[..6], ["majority", "class", "50.00", "50.00", "5.00", "95.00"]);
        assert!(text.contains("say \"no\" always. The classes are uneven."), "{text}");
        let warning = "Warning: ce predicts nothing but the class \"no\", with the seeds 1 2.";
        assert!(text.contains(warning) && !text.contains("el(le=1) predicts nothing"), "{text}");
        assert!(!text.contains('\u{1b}'));
        comparison.primary = Some("bleu".to_owned());
        let text = render(&Table::new(&comparison));
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
        let text = render(&Table::new(&comparison));
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
        let text = render(&Table::new(&sample::comparison(&["ce", "el(le=1)"], 1)));
        assert!(!text.contains('±') && !text.contains('[') && text.contains("One seed"), "{text}");
    }
}
