//! The tables: one file a table (or a pair that belongs together), each with a [`Card`] that is listed
//! in [`TABLES`]; the renderings of all forms go over that list.

mod detection;
mod differences;
mod means;
mod more;
mod significance;
mod swept;
mod tuning;
mod values;
mod verdicts;

use super::sheet::Sheet;
use super::table::Table;
use crate::Comparison;

/// Where a table is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// In a terminal.
    Text,
    /// In `table.md`.
    Markdown,
    /// On the page.
    Page,
    /// As a file of its own: [`Card::key`] with ".csv".
    Csv,
    /// Under [`Card::key`] in what `--json` prints.
    Json,
}

/// What introduces a table.
pub struct Card {
    /// Its name for machines.
    pub key: &'static str,
    /// Where it is shown.
    pub forms: &'static [Output],
    /// Puts it together for one of these forms; `None` where there is nothing to be shown.
    pub sheet: fn(&Comparison, &Table, Output) -> Option<Sheet>,
}

/// All of them, in the order in which they are shown.
pub const TABLES: [Card; 10] = [
    swept::CARD,
    means::CARD,
    tuning::CARD,
    differences::CARD,
    more::CARD,
    verdicts::CARD,
    significance::CARD,
    detection::CARD,
    detection::SCORES,
    values::CARD,
];

/// The tables of `form` that have something to show, with the keys of their cards.
pub fn sheets(
    comparison: &Comparison,
    table: &Table,
    form: Output,
) -> impl Iterator<Item = (&'static str, Sheet)> {
    TABLES
        .into_iter()
        .filter(move |card| card.forms.contains(&form))
        .filter_map(move |card| Some((card.key, (card.sheet)(comparison, table, form)?)))
}

/// What stands where there is no number.
fn none() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_row_of_every_table_has_a_cell_a_column() {
        let mut comparison = sample::comparison(&["ce", "el(le=0)", "el(le=1)"], 3);
        comparison.sweep = Some(crate::Sweep::Le(vec![0.0, 1.0]));
        comparison = sample::tuned(comparison);
        let table = Table::new(&comparison);
        for card in &TABLES {
            for form in card.forms {
                let sheet = (card.sheet)(&comparison, &table, *form).expect(card.key);
                assert!(!sheet.rows.is_empty(), "{}", card.key);
                let fits = |row: &super::super::sheet::Row| row.cells.len() == sheet.head.len();
                assert!(sheet.rows.iter().all(fits), "{} as {form:?}", card.key);
            }
        }
    }

    #[test]
    fn keys_are_unique() {
        let mut keys: Vec<_> = TABLES.iter().map(|card| card.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), TABLES.len());
    }
}
