//! An [`Inspection`] for a terminal.

use std::fmt::{self, Write};

use serde::Serialize;

use super::{Inspection, PartInspection};
use crate::data::{DataRecipe, InputKind};
use crate::plain;
use crate::words::several;

/// More classes, or numbers of a row, are not all listed.
const MOST_LINES: usize = 20;
/// Of a table with more columns the first are listed.
const MOST_COLUMNS: usize = 100;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.summary())?;
        if self.kind() != InputKind::Pairs {
            writeln!(f)?;
            write!(f, "{}", self.channel_table())?;
        }
        if let Some(recipe) = &self.recipe {
            writeln!(f, "\nIn a recipe:\n")?;
            f.write_str(&toml_of(recipe))?;
        }
        Ok(())
    }
}

impl Inspection {
    /// The short form: what it is, how many there are of each class, what the columns hold.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = self.summarise(&mut text);
        text
    }

    fn summarise(&self, f: &mut String) -> fmt::Result {
        writeln!(f, "{}: {}", plain::name(&self.path), self.format)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "{}", plain::name(note)))?;
        writeln!(f)?;
        for PartInspection { name, examples, .. } in &self.parts {
            writeln!(f, "{name:<12}{examples} {}", self.what())?;
        }
        if self.kind() == InputKind::Pairs {
            return Ok(());
        }
        writeln!(f, "{:<12}{}", "size", self.describe_size())?;
        writeln!(f, "{:<12}{}", "classes", self.describe_classes())?;
        if !self.columns.is_empty() {
            writeln!(f)?;
            let shown = self.columns.iter().take(MOST_COLUMNS);
            let rows = shown.map(|c| {
                vec![plain::name(&c.name).into_owned(), plain::name(&c.describe()).into_owned()]
            });
            write!(f, "{}", aligned(&["column", "what it holds"], rows.collect(), 2))?;
            if let Some(more @ 1..) = self.columns.len().checked_sub(MOST_COLUMNS) {
                writeln!(f, "and {more} more")?;
            }
        }
        writeln!(f)?;
        write!(f, "{}", self.class_table())
    }

    fn kind(&self) -> InputKind {
        self.format.kind()
    }

    fn what(&self) -> &'static str {
        match self.kind() {
            InputKind::Images => "images",
            InputKind::Rows => "rows",
            InputKind::Graphs => "graphs",
            InputKind::Pairs => "pairs of sentences",
        }
    }

    fn describe_size(&self) -> String {
        let super::Size { channels, smallest: [h, w], largest: [most_h, most_w] } = self.size;
        let colours = if channels == 1 { "grey" } else { "colour" };
        match self.kind() {
            InputKind::Rows => format!("{} a row", several(channels, "number")),
            InputKind::Graphs => format!("{} a node", several(channels, "feature")),
            _ if (h, w) == (most_h, most_w) => format!("{h}×{w} pixels, {colours}"),
            _ => format!(
                "{h} to {most_h} pixels high, {w} to {most_w} wide, {colours}: `size` brings them to \
                 one size"
            ),
        }
    }

    fn describe_classes(&self) -> String {
        let counts = &self.parts[0].counts;
        let (most, least) = (counts.iter().max().unwrap_or(&0), counts.iter().min().unwrap_or(&0));
        let mut text = format!("{}, each with {least} to {most} training examples", counts.len());
        if most == least {
            text = format!("{}, each with {most} training examples", counts.len());
        } else if *least > 0 {
            text += &format!(" (1 to {:.1})", *most as f64 / *least as f64);
        }
        let [many, medium, few] = self.many_medium_few;
        if medium + few > 0 {
            text += &format!("; {many} many-shot, {medium} medium-shot, {few} few-shot");
        }
        text
    }

    /// The classes with their counts; of many, the largest and the smallest.
    fn class_table(&self) -> String {
        let row = |class: &usize| {
            let counts = self.parts.iter().map(|part| part.counts[*class].to_string());
            [class.to_string(), plain::name(&self.classes[*class]).into_owned()]
                .into_iter()
                .chain(counts)
                .collect()
        };
        let head: Vec<&str> =
            ["class", "name"].into_iter().chain(self.parts.iter().map(|part| part.name)).collect();
        let mut classes: Vec<usize> = (0..self.classes.len()).collect();
        if classes.len() <= MOST_LINES {
            return aligned(&head, classes.iter().map(row).collect(), 2);
        }
        classes.sort_by_key(|&class| std::cmp::Reverse(self.parts[0].counts[class]));
        let half = MOST_LINES / 2;
        let shown = classes[..half].iter().chain(&classes[classes.len() - half..]);
        let left_out = classes.len() - 2 * half;
        aligned(&head, shown.map(row).collect(), 2)
            + &format!("the {half} largest and smallest; {left_out} more between them\n")
    }

    fn channel_table(&self) -> String {
        let row = |channel: &super::Channel| {
            vec![plain::name(&channel.name).into_owned(), number(channel.mean), number(channel.std)]
        };
        let first = match self.kind() {
            InputKind::Rows | InputKind::Graphs => "feature",
            _ => "channel",
        };
        let shown = self.channels.iter().take(MOST_LINES).map(row).collect();
        let mut text = aligned(&[first, "mean", "std"], shown, 1);
        if self.channels.len() > MOST_LINES {
            text += &format!("and {} more\n", self.channels.len() - MOST_LINES);
        }
        text + match self.kind() {
            InputKind::Rows => "of all rows\n",
            InputKind::Graphs => "of all nodes\n",
            _ => "of the training part, pixels from 0 to 1\n",
        }
    }
}

/// The `[data]` table of a recipe.
fn toml_of(recipe: &DataRecipe) -> String {
    #[derive(Serialize)]
    struct File<'a> {
        data: &'a DataRecipe,
    }
    toml::to_string(&File { data: recipe }).expect("a recipe is a table")
}

/// Columns under their heads, the first `left` of them to the left and the others to the right.
fn aligned(head: &[&str], rows: Vec<Vec<String>>, left: usize) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().map(|name| name.to_string()).collect();
    let line = |row: &Vec<String>| {
        let cell = |(at, cell): (usize, &String)| match at < left {
            true => format!("{cell:<width$}", width = widths[at]),
            false => format!("{cell:>width$}", width = widths[at]),
        };
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    std::iter::once(&head).chain(&rows).map(line).collect()
}

/// Four decimals, or four digits of what is too large or too small for them.
fn number(x: f64) -> String {
    match x.abs() {
        size if size == 0.0 || (0.001..1e6).contains(&size) => format!("{x:.4}"),
        _ => format!("{x:.3e}"),
    }
}
