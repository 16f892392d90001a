//! What a comparison found, for people and for programs: the table, the figures, the page.
//!
//! [`Table`] holds the numbers once. The tables made of them (`tables`) and the figures (`figure`) have a
//! card each and are listed once; text, Markdown, CSV, JSON and the page go over these lists.
//! Nothing here reads a clock or a path, so equal runs give equal bytes in every file.

mod attacked;
mod axis;
mod chart;
mod column;
mod csv;
mod epochs;
mod escape;
mod figure;
mod headline;
mod html;
mod json;
mod majority;
mod markdown;
mod masking;
mod metric;
mod number;
mod own_metric;
mod ruling;
mod same;
#[cfg(test)]
pub(crate) mod sample;
mod sheet;
mod significance;
mod summary;
mod swept;
mod table;
mod tables;
mod text;
mod write;

pub use attacked::{AttackedRun, attacked_json, attacked_text};
pub use epochs::Epochs;
pub use headline::find_metric;
pub use majority::Majority;
pub use masking::{WORST, masking, short_of_budget};
pub use ruling::{Ruling, SettingVerdict};
pub use significance::{Seeds, Significance};
pub use swept::{Line, Point, SweepTable};
pub use table::{Cell, Column, Difference, Mark, Table};
pub use write::{ReportFiles, write, write_attacked, write_curves};

use crate::Comparison;

/// The table for a terminal, at most 120 columns wide.
pub fn table_text(comparison: &Comparison) -> String {
    text::render(comparison, &Table::new(comparison))
}

/// The table for `--json`: means, deviations, paired differences and every seed's value.
pub fn table_json(comparison: &Comparison) -> serde_json::Value {
    json::render(comparison, &Table::new(comparison))
}
