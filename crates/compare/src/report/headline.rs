//! Which metrics come first: what was asked for, or what the data suggest.

use super::majority::Majority;
use super::metric::column;
use super::own_metric::own_metrics;
use crate::Comparison;
use crate::measure::{Card, MAIN, MORE};
use crate::{Error, Result};

/// What uneven classes are judged by, in this order; the last two are of two classes.
const UNEVEN: [&str; 3] = ["balanced_accuracy", "auroc", "average_precision"];

/// The metric with that key.
///
/// # Errors
/// A key that there is not; the message lists those that there are.
pub fn find_metric(key: &str) -> Result<&'static Card> {
    Card::all().find(|card| card.key == key).ok_or_else(|| {
        let keys: Vec<_> = Card::all().map(|card| card.key).collect();
        let meant = steepness::nearest(key, keys.iter().copied());
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        Error::Request(format!("there is no metric {key:?}; there are {}{meant}", keys.join(", ")))
    })
}

/// The metrics of the table and those that it leaves to the page, each in its order: `primary` first,
/// then what uneven classes are judged by, then the others.
pub fn order(
    primary: Option<&str>,
    majority: Option<&Majority>,
    own: &[&'static Card],
) -> (Vec<&'static Card>, Vec<&'static Card>) {
    let uneven = majority.filter(|majority| majority.uneven).map(|_| UNEVEN);
    let first = primary.into_iter().chain(uneven.into_iter().flatten());
    let mut table: Vec<&Card> = Vec::new();
    let find = |key| {
        let own = own.iter().copied().find(|metric| metric.key == key);
        own.or_else(|| find_metric(key).ok())
    };
    for metric in first.filter_map(find).chain(MAIN).chain(own.iter().copied()) {
        if !table.iter().any(|known| known.key == metric.key) {
            table.push(metric);
        }
    }
    let left = |metric: &&Card| !table.iter().any(|known| known.key == metric.key);
    let more = MORE.into_iter().filter(left).collect();
    (table, more)
}

/// The headline of `comparison`: the first metric that a run has.
pub fn of(comparison: &Comparison) -> Option<&'static Card> {
    let majority = Majority::new(comparison);
    let own = own_metrics(comparison);
    let (table, _) = order(comparison.primary.as_deref(), majority.as_ref(), &own);
    let has_values =
        |metric: &&Card| column(metric, comparison).1.iter().flatten().any(Option::is_some);
    table.into_iter().find(has_values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn keys(primary: Option<&str>, majority: Option<&Majority>) -> Vec<&'static str> {
        let (table, more) = order(primary, majority, &[]);
        assert_eq!(table.len() + more.len(), MAIN.len() + MORE.len());
        table.iter().map(|metric| metric.key).collect()
    }

    #[test]
    fn uneven_classes_are_judged_by_what_does_not_hide_the_rare_ones() {
        let mut comparison = sample::comparison(&["ce"], 1);
        let even = Majority::new(&comparison);
        assert_eq!(keys(None, even.as_ref())[..3], ["accuracy", "bleu", "nll"]);
        assert_eq!(keys(None, None), keys(None, even.as_ref()));
        comparison.groups[0].runs[0].measures.confusion = vec![(0, 0, 95), (1, 1, 5)];
        let uneven = Majority::new(&comparison);
        let first = ["balanced_accuracy", "auroc", "average_precision", "accuracy"];
        assert_eq!(keys(None, uneven.as_ref())[..4], first);
        assert_eq!(keys(Some("nll"), uneven.as_ref())[..3], ["nll", first[0], first[1]]);
        assert_eq!(keys(Some("auroc"), uneven.as_ref())[..3], ["auroc", first[0], first[2]]);
        assert_eq!(keys(Some("brier"), even.as_ref())[..2], ["brier", "accuracy"]);
    }

    #[test]
    fn a_metric_that_there_is_not_is_refused_with_those_that_there_are() {
        let error = find_metric("f1").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("there is no metric \"f1\"; there are accuracy, bleu"));
        let error = find_metric("acuracy").unwrap_err().to_string();
        assert!(error.ends_with("; did you mean accuracy?"), "{error}");
    }
}
