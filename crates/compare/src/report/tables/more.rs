//! The metrics that the table leaves out.

use super::{Card, Output, means};
use crate::report::sheet::Sheet;

pub const CARD: Card = Card {
    key: "more",
    forms: &[Output::Page],
    sheet: |_, table, form| {
        let folded = "More measures: calibration before and after temperature scaling, means over \
                      classes, margins, features";
        (!table.more.is_empty()).then(|| Sheet {
            folded: Some(folded.to_owned()),
            explained: true,
            ..means::grid(table, &table.more, form)
        })
    },
};
