//! A loss as one line: `el(le=0.5) + smooth(0.1) from epoch 26`.
//!
//! ```text
//! spec     = curve { "+" modifier } [ "from" "epoch" integer ]
//! curve    = name [ "(" [ argument { "," argument } ] ")" ]
//! argument = key "=" value | value
//! ```
//!
//! The same line goes into the command line, a recipe, a table's row label and a checkpoint. Parsing
//! and printing are inverse to each other; an error names the column and what was expected there.
//!
//! Modifiers: `smooth(ε, bonus=ε)`, `mirror(gamma=2, rho=1)`, `adjust(tau=1)`,
//! `ldam(max=0.5, scale=30, bonus=raw)`, `margin(m=0.35, scale=30)`, `softcap(30)`, `temp(2)`,
//! `weights(beta=0.9999, bonus=none|same|max)`, `drw(beta=0.9999, from=0.9, bonus=…)`,
//! `shots(off=few|medium|many|medium-and-many|0.2)`, `zloss(1e-4)`, `match`,
//! `schedule(rho|le, linear|exp|cosine, rate=5, epochs=90)`, `jsd(alpha=12)`, `bonus(le=1, …)`.

mod print;
mod read;
mod suggest;
mod words;

pub use suggest::nearest;

use crate::curve::{Card, FAMILIES, Family};
use crate::error::{Error, Result};
use crate::loss::{Halt, Loss};
use crate::weights::{BonusWeights, Shots};
use std::str::FromStr;
use suggest::Suggestions;
use words::{Complaint, Item, Parsed, Reader, complain};

/// Words for what is chosen from a list, for reading and for printing.
const HALTS: [(&str, Halt); 6] = [
    ("probability", Halt::Probability),
    ("score", Halt::Score),
    ("score-positives", Halt::ScorePositives),
    ("score-negatives", Halt::ScoreNegatives),
    ("score-plain-negatives", Halt::NegativesPlain),
    ("score-plain-positives", Halt::PositivesPlain),
];
const BONUS_WEIGHTS: [(&str, BonusWeights); 4] = [
    ("whole", BonusWeights::Whole),
    ("none", BonusWeights::None),
    ("same", BonusWeights::Same),
    ("max", BonusWeights::Max),
];
const SHOTS: [(&str, Shots); 4] = [
    ("few", Shots::Few),
    ("medium", Shots::Medium),
    ("many", Shots::Many),
    ("medium-and-many", Shots::MediumAndMany),
];

/// Losses that are no family of curves.
const OTHERS: [&str; 4] = ["bce", "mse", "mae", "multimargin"];
const MODIFIERS: [&str; 15] = [
    "smooth", "bonus", "mirror", "adjust", "ldam", "margin", "softcap", "temp", "weights", "drw",
    "shots", "zloss", "match", "schedule", "jsd",
];

/// The names of all losses, each once.
fn losses() -> Vec<&'static str> {
    let mut names = vec![];
    for name in families().map(|(_, card)| card.name).chain(OTHERS) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Every family under its own card and under those of its special cases.
fn families() -> impl Iterator<Item = (&'static Family, &'static Card)> {
    FAMILIES.iter().flat_map(|family| {
        let presets = family.card.presets.iter().copied();
        [family.card].into_iter().chain(presets).map(move |card| (family, card))
    })
}

impl FromStr for Loss {
    type Err = Error;

    fn from_str(spec: &str) -> Result<Self> {
        parse(spec, Suggestions::With).map_err(|Complaint { column, problem }| Error::Spec {
            spec: spec.to_owned(),
            column,
            problem,
        })
    }
}

fn parse(spec: &str, suggestions: Suggestions) -> Parsed<Loss> {
    let mut reader = Reader::new(spec);
    let mut items = vec![reader.item("a loss such as ce or el(le=0.75)")?];
    while reader.take('+') {
        items.push(reader.item("a modifier such as smooth(0.1)")?);
    }
    let mut from = None;
    if let Some(word) = reader.word() {
        if word.text != "from" {
            return complain(word.column, "expected '+', 'from epoch' or the end");
        }
        reader.expect_word("epoch")?;
        let number = reader.expect_any("an epoch, counted from 1")?;
        match number.text.parse::<usize>() {
            Ok(epoch) if epoch > 0 => from = Some((word.column, epoch)),
            _ => return complain(number.column, "expected an epoch, counted from 1"),
        }
    }
    reader.end()?;

    let mut modifiers = items.split_off(1);
    let mut loss = read::objective(&mut items[0], suggestions)?;
    for modifier in &mut modifiers {
        read::modify(&mut loss, modifier, suggestions)?;
    }
    // The first epoch defers nothing, and is the same loss as one that says nothing of epochs.
    if let Some((_, epoch)) = from.filter(|(_, epoch)| *epoch > 1) {
        loss.from_epoch = epoch;
    }
    items.extend(modifiers);
    for item in &items {
        item.all_used().map_err(|complaint| {
            read::suggesting(complaint, suggestions.ask(|| suggest::arguments(item)))
        })?;
    }
    match loss.validate() {
        Ok(()) => Ok(loss),
        Err(Error::Option { option, problem }) => {
            let column = match (option.as_str(), from) {
                ("from", Some((column, _))) => column,
                _ => column_of(&items, &option),
            };
            complain(column, format!("{option} {problem}"))
        }
        Err(other) => complain(1, other.to_string()),
    }
}

/// Where the line speaks of `option`: "le", or "smooth bonus" for an argument of a modifier.
fn column_of(items: &[Item], option: &str) -> usize {
    let (name, key) = option.split_once(' ').unwrap_or((option, option));
    let named = items.iter().rfind(|item| item.name.text == name);
    let within = named.into_iter().chain(items);
    let value = within
        .flat_map(|item| &item.arguments)
        .find(|argument| argument.key.as_ref().is_some_and(|k| k.text == key));
    match (value, named) {
        (Some(argument), _) => argument.value.column,
        (None, Some(item)) => item.arguments.first().map_or(item.name.column, |a| a.value.column),
        (None, None) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANONICAL: &[&str] = &[
        "ce",
        "el(le=1)",
        "el(le=0.75)",
        "el(le=0)",
        "el(le=auto)",
        "el(le=1, clamp=0)",
        "el(le=0.5) + smooth(0.1)",
        "el(le=0.5) + smooth(0.1, bonus=0.05)",
        "el(le=1, clamp=0) + adjust(tau=1)",
        "ce + ldam(max=0.5, scale=30) + drw(beta=0.9999, from=0.9)",
        "el(le=1) + ldam(max=0.3, scale=30, bonus=raw)",
        "el(le=0.5) from epoch 26",
        "mse(sigmoid) + mirror",
        "mae + mirror(gamma=3, rho=0.5)",
        "el(sub=0.7)",
        "el(le=0.75, start=0.3, rho=0.5, abrupt=0.9)",
        "aggressive(start=0.5)",
        "power(gamma=2)",
        "cosine",
        "poly(eps=2)",
        "focal(gamma=2)",
        "focal(gamma=2) + bonus(le=0.5)",
        "antifocal(gamma=1)",
        "halted(gamma=1, at=0.5)",
        "halted(gamma=1, at=0.5, sigmoid, alpha=0.5, branch=score)",
        "gce(q=0.7)",
        "prob",
        "bce",
        "el(le=1, sigmoid, beta=0.5, ita=1)",
        "multimargin(margin=1)",
        "el(le=1) + match",
        "el(le=1) + softcap(30) + temp(2) + margin(m=0.35, scale=30) + zloss(0.0001)",
        "el(le=1) + weights(beta=0.9999, bonus=max) + shots(off=few)",
        "el(le=1) + shots(off=0.2)",
        "el(le=0.75) + schedule(le, exp, rate=5, epochs=90)",
        "el(le=0.75) + schedule(rho, linear)",
        "el(le=0.75) + smooth(0.1) + jsd(alpha=12)",
    ];

    #[test]
    fn printing_and_parsing_are_inverse() {
        let of_cards = families().flat_map(|(_, card)| card.examples);
        for spec in CANONICAL.iter().chain(of_cards) {
            let loss: Loss = spec.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(loss.to_string(), *spec);
            assert_eq!(loss.to_string().parse::<Loss>().unwrap(), loss);
        }
    }

    #[test]
    fn short_forms_mean_their_long_ones() {
        for (short, long) in [
            ("el", "el(le=1)"),
            ("el()", "el(le=1)"),
            ("  el ( le = .5 )+smooth( eps=1e-1 )  ", "el(le=0.5) + smooth(0.1)"),
            ("ce(sigmoid)", "bce"),
            ("ce(softmax)", "ce"),
            ("mse(softmax)", "mse"),
            ("focal", "focal(gamma=2)"),
            ("ce + bonus(le=0.5)", "el(le=0.5)"),
            ("ce + drw", "ce + drw(beta=0.9999, from=0.9)"),
            ("el(start=0.5)", "aggressive(start=0.5)"),
            ("el(le=1, clamp=1e-05)", "el(le=1)"),
            ("ce from epoch 1", "ce"),
            ("el(le=1) + zloss(1e-4)", "el(le=1) + zloss(0.0001)"),
        ] {
            let loss: Loss = short.parse().unwrap();
            assert_eq!(loss.to_string(), long);
            assert_eq!(long.parse().as_ref(), Ok(&loss), "{short}");
        }
    }

    #[test]
    fn errors_name_the_column_and_the_expectation() {
        for (spec, column, part) in [
            ("el(le=1.5)", 7, "le must lie in [0, 1]"),
            ("el(le=abc)", 7, "le must be a number"),
            ("el(le=nan)", 7, "le must be a number"),
            ("el(lee=1)", 4, "el takes no 'lee'"),
            ("el(le=1", 8, "expected ',' or ')'"),
            ("el(le=)", 7, "expected a value for le"),
            ("el(le=0.5, le=0.6)", 15, "le is given twice"),
            ("", 1, "expected a loss"),
            ("xe", 1, "found 'xe'"),
            ("xyz", 1, "the losses are ce, el,"),
            ("ce + xyz", 6, "the modifiers are smooth, bonus,"),
            ("ce + el(le=0.5)", 6, "found the loss 'el'"),
            ("ce + smoth(0.1)", 6, "expected a modifier, found 'smoth'"),
            ("ce + smooth", 6, "smooth needs a number"),
            ("ce + smooth(1.5)", 13, "smooth must lie in [0, 1]"),
            ("ce + smooth(0.1) + smooth(0.2)", 20, "smooth is given twice"),
            ("ce + smooth(0.1, bonus=0.1)", 24, "concerns the bonus"),
            ("ce smooth", 4, "expected '+', 'from epoch' or the end"),
            ("ce + ", 6, "expected a modifier"),
            ("ce from epoch", 14, "expected an epoch"),
            ("ce from epoch 0", 15, "counted from 1"),
            ("mse from epoch 3", 5, "the loss must be a curve"),
            ("ce + mirror", 6, "mirror goes with mse and mae"),
            ("mse + mirror(gamma=0)", 20, "must be above 0"),
            ("mse + ldam", 7, "softmax probability only"),
            ("ce + ldam + margin", 6, "choose one"),
            ("el(sub=1.5)", 8, "sub must lie in (0, 1)"),
            ("ce(", 4, "expected an argument"),
            ("ce)", 3, "found ')'"),
            ("halted(branch=score)", 8, "halted takes no 'branch'"),
            ("el + schedule(le, expo)", 19, "expected one of linear, exp, cosine"),
            ("ce + weights(beta=1)", 19, "beta must lie in"),
        ] {
            match spec.parse::<Loss>() {
                Err(Error::Spec { column: found, problem, .. }) => {
                    assert_eq!(found, column, "{spec}: {problem}");
                    assert!(problem.contains(part), "{spec}: {problem}");
                }
                other => panic!("{spec}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_was_meant_is_named() {
        for (spec, column, meant) in [
            ("cross_entropy", 1, "ce"),
            ("CrossEntropyLoss", 1, "ce"),
            ("CE", 1, "ce"),
            ("focal_loss(2)", 1, "focal(gamma=2)"),
            ("focla(gamma=2)", 1, "focal(gamma=2)"),
            ("label_smoothing(0.1)", 1, "ce + smooth(0.1)"),
            ("smooth(0.1)", 1, "ce + smooth(0.1)"),
            ("ce + label_smoothing(0.1)", 6, "smooth(0.1)"),
            ("el(le=0.5) + label-smoothing(0.1)", 14, "smooth(0.1)"),
            ("ce + smoth(0.1)", 6, "smooth(0.1)"),
            ("ce + logit_adjustment(1)", 6, "adjust(tau=1)"),
            ("mse + miror", 7, "mirror"),
            ("el(0.5)", 4, "el(le=0.5)"),
            ("el(auto)", 4, "el(le=auto)"),
            ("el(lee=0.5)", 4, "el(le=0.5)"),
            ("el(0.5, clmp=0)", 4, "el(le=0.5, clamp=0)"),
            ("focal(2)", 7, "focal(gamma=2)"),
            ("ce + adjust(1)", 13, "adjust(tau=1)"),
            ("elle", 1, "el"),
        ] {
            match spec.parse::<Loss>() {
                Err(Error::Spec { column: found, problem, .. }) => {
                    assert_eq!(found, column, "{spec}: {problem}");
                    let end = format!("; did you mean {meant}?");
                    assert!(problem.ends_with(&end), "{spec}: {problem}");
                }
                other => panic!("{spec}: {other:?}"),
            }
        }
        for spec in ["xyz", "el(foo=1)", "el(1, 2)", "ce + xyz(3)"] {
            let message = spec.parse::<Loss>().unwrap_err().to_string();
            assert!(!message.contains("did you mean"), "{message}");
        }
    }

    #[test]
    fn the_message_points_at_the_column() {
        let error = "el(le=1.5)".parse::<Loss>().unwrap_err().to_string();
        assert_eq!(
            error,
            "loss spec, column 7: le must lie in [0, 1], not 1.5\n  el(le=1.5)\n        ^"
        );
    }
}
