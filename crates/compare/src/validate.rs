//! What a run found, held against what a run can find: a file may be whole and still be none that a
//! run wrote.

use super::layout::{MAP, MEASURES, METRICS, TEST_MEASURES};
use super::{Run, RunPlan};
use crate::measure::{Card, Histogram, Measures, OodScore, Overlap, Range, ReliabilityBin, Source};

/// More examples are on no map.
const MOST_MAPPED: usize = 10_000;
/// More bins has no histogram.
const MOST_BINS: usize = 1_000;

/// A file, a place in it and what is wrong there.
type Fault = (&'static str, String, String);

/// Refuses what a run of `plan` with so many `classes` cannot have found.
///
/// # Errors
/// The file, the place and the number.
pub fn validate_run(run: &Run, plan: &RunPlan, classes: usize) -> Result<(), Fault> {
    epochs(run, plan)?;
    let wrong = |(place, problem)| (MEASURES, place, problem);
    if plan.is_of_command() && !run.has_predictions() {
        return Ok(());
    }
    measures(&run.measures, classes).map_err(wrong)?;
    for (name, set) in &run.tests {
        measures(set, classes)
            .map_err(|(place, problem)| (TEST_MEASURES, format!("{name}, {place}"), problem))?;
    }
    if let Some(epoch) = run.measures.epoch.filter(|at| !(1..=run.epochs.len()).contains(at)) {
        return Err(wrong(("epoch".to_owned(), format!("{epoch} of {}", run.epochs.len()))));
    }
    let Some(map) = &run.map else { return Ok(()) };
    let wrong = |problem: String| Err((MAP, "data".to_owned(), problem));
    if map.labels.len() > MOST_MAPPED {
        return wrong(format!("{} examples are on no map", map.labels.len()));
    }
    match map.labels.iter().find(|&&label| label as usize >= classes) {
        Some(label) => wrong(format!("class {label} of {classes} classes")),
        None => Ok(()),
    }
}

/// One line an epoch, from the first to the last.
fn epochs(run: &Run, plan: &RunPlan) -> Result<(), Fault> {
    let wrong = |row: usize, problem: String| Err((METRICS, format!("line {}", row + 1), problem));
    for (row, epoch) in run.epochs.iter().enumerate() {
        if epoch.epoch != row + 1 {
            return wrong(row, format!("epoch {}, expected {}", epoch.epoch, row + 1));
        }
        for (name, share) in
            [("train_accuracy", epoch.train_accuracy), ("val_accuracy", epoch.val_accuracy)]
        {
            if !(0.0..=1.0).contains(&share) {
                return wrong(row, format!("{name} is {share}, expected 0 to 1"));
            }
        }
    }
    let found = run.epochs.len();
    let Some(all) = plan.epochs else { return Ok(()) };
    match found == all || plan.patient && (1..all).contains(&found) {
        true => Ok(()),
        false => wrong(found, format!("{found} epochs, expected {all}")),
    }
}

/// The place and the problem of the first number that cannot be.
type Problem = (String, String);

fn measures(measures: &Measures, classes: usize) -> Result<(), Problem> {
    let Measures { examples, accuracy, confusion, .. } = measures;
    for card in Card::all() {
        if let Some((place, value)) = card.recorded(measures) {
            within(place, card.range, value)?;
        }
        if let Source::RareClass(place, classes) = card.source {
            let mut both = classes(measures).into_iter().flatten();
            both.try_for_each(|value| within(place, card.range, value))?;
        }
    }
    ensure("examples", *examples > 0, || "there are none".to_owned())?;
    if let Some(Overlap::Redrawn { test, train } | Overlap::Folds { test, train }) =
        measures.overlap
    {
        let parts = test > 0 && train > 0;
        ensure("overlap", parts, || format!("{test} examples for test, {train} others"))?;
    }
    ensure("energy_profile", [0, classes].contains(&measures.energy_profile.len()), || {
        format!("{} classes, expected {classes}", measures.energy_profile.len())
    })?;
    for (class, energies) in measures.energy_profile.iter().enumerate() {
        let found = energies.as_ref().map_or(classes, Vec::len);
        ensure("energy_profile", found == classes, || {
            format!("class {class} has {found} energies, expected {classes}")
        })?;
    }
    let held = *examples as u64;
    histogram("likelihood", &measures.likelihood, Some(held))?;
    histogram("margin", &measures.margin.histogram, Some(held))?;
    if let Some(train) = &measures.train {
        histogram("train.margin", &train.margin.histogram, Some(train.examples as u64))?;
    }
    bins("reliability", &measures.reliability, held)?;
    bins("reliability_recalibrated", &measures.reliability_recalibrated, held)?;
    ensure("steepness", measures.steepness.len() <= MOST_BINS, || "too many bins".to_owned())?;
    if !confusion.is_empty() {
        let counts = || confusion.iter().map(|(_, _, count)| *count);
        let right = confusion.iter().filter(|(label, found, _)| label == found);
        let right: u64 = right.map(|(_, _, count)| *count).fold(0, u64::saturating_add);
        let all = counts().fold(0, u64::saturating_add);
        let inside = confusion.iter().all(|(label, found, _)| *label.max(found) < classes);
        ensure("confusion", inside, || format!("a class that is none of the {classes}"))?;
        ensure("confusion", all == held, || format!("{all} examples, expected {held}"))?;
        let counted = right as f64 / held as f64;
        ensure("accuracy", (counted - accuracy).abs() < 1e-9, || {
            format!("{accuracy}, but {right} of {held} examples are right in the confusion matrix")
        })?;
    }
    for set in &measures.ood {
        let others = set.others.iter().map(|(name, score)| (name.as_str(), score));
        let own = [("energy", &set.energy), ("free_energy", &set.free_energy), ("msp", &set.msp)];
        for (name, score) in own.into_iter().chain(others) {
            detection(&format!("ood {}, {name}", set.data), score)?;
        }
    }
    for curve in &measures.robustness {
        let place = format!("robustness, {}", curve.attack);
        let zero = [curve.zero_gradient, curve.faint_gradient];
        let rates = curve.points.iter().map(|(_, accuracy)| *accuracy).chain(zero);
        for rate in rates {
            ensure(&place, (0.0..=1.0).contains(&rate), || format!("{rate}, expected 0 to 1"))?;
        }
        let budgets = curve.points.iter().map(|(epsilon, _)| *epsilon);
        for epsilon in budgets {
            ensure(&place, epsilon >= 0.0, || format!("a budget of {epsilon}"))?;
        }
    }
    Ok(())
}

/// Refuses a value that its measurement cannot have.
fn within(place: &str, range: Range, value: f64) -> Result<(), Problem> {
    range.problem(value).map_or(Ok(()), |problem| Err((place.to_owned(), problem)))
}

/// Refuses what is no share of the examples.
fn shares(place: &str, shares: &[f64]) -> Result<(), Problem> {
    shares.iter().try_for_each(|share| within(place, Range::Share, *share))
}

fn histogram(place: &str, found: &Histogram, examples: Option<u64>) -> Result<(), Problem> {
    let Histogram { low, high, counts } = found;
    ensure(place, low <= high && counts.len() <= MOST_BINS, || {
        format!("{} bins from {low} to {high}", counts.len())
    })?;
    let all = counts.iter().copied().fold(0, u64::saturating_add);
    ensure(place, examples.is_none_or(|examples| all <= examples), || {
        format!("{all} examples in its bins, of {}", examples.unwrap_or(0))
    })
}

fn bins(place: &str, found: &[ReliabilityBin], examples: u64) -> Result<(), Problem> {
    let all = found.iter().map(|bin| bin.count).fold(0, u64::saturating_add);
    ensure(place, all <= examples && found.len() <= MOST_BINS, || {
        format!("{all} examples in {} bins, of {examples}", found.len())
    })?;
    found.iter().try_for_each(|bin| shares(place, &[bin.accuracy, bin.confidence]))
}

fn detection(place: &str, score: &OodScore) -> Result<(), Problem> {
    let [aupr_in, aupr_out] = [score.aupr_in, score.aupr_out].map(|share| share.unwrap_or(0.0));
    shares(place, &[score.auroc, score.fpr95, aupr_in, aupr_out])?;
    histogram(place, &score.inside, None)?;
    histogram(place, &score.outside, None)
}

fn ensure(place: &str, holds: bool, problem: impl FnOnce() -> String) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err((place.to_owned(), problem())) }
}
