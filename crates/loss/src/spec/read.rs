//! From items to a loss: what each name and argument means.

use super::suggest::Suggestions;
use super::words::{Complaint, Item, Parsed, choose, complain, number};
use super::{BONUS_WEIGHTS, HALTS, MODIFIERS, SHOTS, families, losses, suggest};
use crate::curve::{Card, Curve, Family};
use crate::loss::{
    Binary, Growth, Halt, Ldam, Loss, Margin, Mirror, Objective, ProbabilityError, Schedule,
    Scheduled,
};
use crate::weights::{BonusWeights, Shots, Weighting};

/// A family under one of its cards.
type Listed = (&'static Family, &'static Card);

/// Reads the first item of a line.
pub(super) fn objective(item: &mut Item, suggestions: Suggestions) -> Parsed<Loss> {
    let mut auto_le = false;
    let name = item.name.text.clone();
    let curve = match (name.as_str(), family(&name, item)) {
        (_, Some(family)) => curve(item, family, &mut auto_le)?,
        ("bce", None) => Curve::CROSS_ENTROPY,
        ("mse" | "mae", None) => {
            let squared = name == "mse";
            let sigmoid = link(item)?;
            let error = ProbabilityError { squared, sigmoid, mirror: None };
            return Ok(Loss::new(Objective::Error(error)));
        }
        ("multimargin", None) => {
            let margin = item.number_or("margin", 1.0)?;
            return Ok(Loss::new(Objective::MultiMargin { margin }));
        }
        (other, None) => {
            let (column, found) = (item.name.column, described(other));
            return match suggestions.ask(|| suggest::loss(item)) {
                None => unknown(column, "loss", "losses", &found, &losses()),
                meant => Err(suggesting(expected(column, "loss", &found), meant)),
            };
        }
    };
    let objective = if link(item)? || item.name.text == "bce" {
        let halt = match item.value("branch")? {
            Some(word) => choose(&word, &HALTS)?,
            None => Halt::default(),
        };
        Objective::Sigmoid(Binary {
            curve,
            alpha: item.number("alpha")?,
            beta: item.number("beta")?,
            ita: item.number_or("ita", 0.0)?,
            halt,
        })
    } else {
        Objective::Softmax(curve)
    };
    Ok(Loss { auto_le, ..Loss::new(objective) })
}

/// Reads `sigmoid` or `softmax`; true for the former.
fn link(item: &mut Item) -> Parsed<bool> {
    let (softmax, sigmoid) = (item.flag("softmax"), item.flag("sigmoid"));
    if softmax && sigmoid {
        return complain(item.name.column, "softmax and sigmoid: choose one");
    }
    Ok(sigmoid)
}

/// The family called `name`; of two the later, if what makes it one is given.
fn family(name: &str, item: &Item) -> Option<Listed> {
    let called = || families().filter(|(_, card)| card.name == name);
    let given = |(_, card): &Listed| card.parameters.first().is_some_and(|p| item.has(p.name));
    called().filter(given).last().or_else(|| called().next())
}

/// Reads a family's arguments.
fn curve(item: &mut Item, (family, card): Listed, auto_le: &mut bool) -> Parsed<Curve> {
    let mut numbers = card.fixed.to_vec();
    for parameter in card.parameters {
        let value = match item.value(parameter.name)? {
            Some(word) if parameter.auto && word.text == "auto" => {
                *auto_le = true;
                0.0
            }
            Some(word) => number(&word, parameter.name)?,
            None => parameter.default,
        };
        numbers.push((parameter.name, value));
    }
    goes_alone(item, card)?;
    let given = |name: &str| numbers.iter().find(|(of, _)| *of == name).map(|(_, value)| *value);
    let usual = |name: &str| family.card.parameters.iter().find(|p| p.name == name);
    let number =
        |name: &str| given(name).or_else(|| Some(usual(name)?.default)).unwrap_or_default();
    let mut curve = (family.curve)(&number);
    if let Some(bonus) = &mut curve.bonus {
        bonus.rho = item.number_or("rho", 1.0)?;
        bonus.abrupt = item.number("abrupt")?;
    }
    Ok(curve)
}

/// Refuses numbers of another family of the same name; their defaults say nothing.
fn goes_alone(item: &mut Item, card: &Card) -> Parsed<()> {
    let has = |card: &Card, name: &str| card.parameters.iter().any(|p| p.name == name);
    for (_, other) in families().filter(|(_, other)| other.name == card.name) {
        let foreign = || other.parameters.iter().filter(|p| !has(card, p.name));
        // The first family of a name is meant where nothing speaks for the second.
        if foreign().all(|p| !item.has(p.name)) {
            continue;
        }
        for parameter in foreign() {
            let value = item.value(parameter.name)?;
            let auto = parameter.auto && value.as_ref().is_some_and(|word| word.text == "auto");
            let value = match value {
                Some(word) if !auto => number(&word, parameter.name)?,
                _ => parameter.default,
            };
            if auto || value != parameter.default {
                let names: Vec<_> = foreign().map(|p| p.name).collect();
                let own = card.parameters[0].name;
                let problem = format!("{own} goes with neither {}", names.join(" nor "));
                return complain(item.name.column, problem);
            }
        }
    }
    Ok(())
}

/// Applies one `+ modifier`.
pub(super) fn modify(loss: &mut Loss, item: &mut Item, suggestions: Suggestions) -> Parsed<()> {
    let column = item.name.column;
    let twice = |already: bool, name: &str| match already {
        true => complain(column, format!("{name} is given twice")),
        false => Ok(()),
    };
    let adjust = &mut loss.adjust;
    match item.name.text.as_str() {
        "smooth" => {
            twice(loss.smoothing != 0.0 || loss.bonus_smoothing.is_some(), "smooth")?;
            loss.bonus_smoothing = item.number("bonus")?;
            loss.smoothing = item.main_number("eps")?;
        }
        "bonus" => {
            let bonus = match family("el", item) {
                Some(family) => curve(item, family, &mut loss.auto_le)?.bonus,
                None => None,
            };
            let own = match &mut loss.objective {
                Objective::Softmax(curve) | Objective::Sigmoid(Binary { curve, .. }) => curve,
                _ => return complain(column, "bonus goes with a curve; mse and mae take mirror"),
            };
            twice(own.bonus.is_some(), "a bonus")?;
            own.bonus = bonus;
        }
        "mirror" => {
            let Objective::Error(error) = &mut loss.objective else {
                return complain(column, "mirror goes with mse and mae");
            };
            twice(error.mirror.is_some(), "mirror")?;
            let (gamma, rho) = (item.number_or("gamma", 2.0)?, item.number_or("rho", 1.0)?);
            error.mirror = Some(Mirror { gamma, rho });
        }
        "adjust" => {
            twice(adjust.prior.is_some(), "adjust")?;
            adjust.prior = Some(item.number_or("tau", 1.0)?);
        }
        "ldam" => {
            twice(adjust.ldam.is_some(), "ldam")?;
            let raw_bonus = match item.value("bonus")? {
                Some(word) => choose(&word, &[("raw", true), ("adjusted", false)])?,
                None => false,
            };
            let (max, scale) = (item.number_or("max", 0.5)?, item.number_or("scale", 30.0)?);
            adjust.ldam = Some(Ldam { max, scale, raw_bonus });
        }
        "margin" => {
            twice(adjust.margin.is_some(), "margin")?;
            let (m, scale) = (item.number_or("m", 0.35)?, item.number_or("scale", 1.0)?);
            adjust.margin = Some(Margin { m, scale });
        }
        "softcap" => {
            twice(adjust.soft_cap.is_some(), "softcap")?;
            adjust.soft_cap = Some(item.main_number("cap")?);
        }
        "temp" => {
            twice(adjust.temperature.is_some(), "temp")?;
            adjust.temperature = Some(item.main_number("t")?);
        }
        name @ ("weights" | "drw") => {
            twice(loss.weighting.is_some(), "class weighting")?;
            let (beta, from, bonus) = match name {
                "drw" => (0.9999, item.number_or("from", 0.9)?, BonusWeights::Same),
                _ => (0.9999, 0.0, BonusWeights::Whole),
            };
            let beta = item.number_or("beta", beta)?;
            let bonus = match item.value("bonus")? {
                Some(word) => choose(&word, &BONUS_WEIGHTS)?,
                None => bonus,
            };
            loss.weighting = Some(Weighting { beta, from, bonus });
        }
        "shots" => {
            twice(loss.bonus_off.is_some(), "shots")?;
            let Some(word) = item.value("off")? else {
                return complain(
                    column,
                    "shots needs off=few, medium, many, medium-and-many or a share",
                );
            };
            loss.bonus_off = Some(match word.text.parse::<f64>() {
                Ok(share) if (0.0..=1.0).contains(&share) => Shots::MostFrequent(share),
                _ => choose(&word, &SHOTS)?,
            });
        }
        "zloss" => {
            twice(loss.z_loss != 0.0, "zloss")?;
            loss.z_loss = item.main_number("weight")?;
        }
        "match" => {
            twice(loss.matching, "match")?;
            loss.matching = true;
        }
        "schedule" => {
            twice(loss.schedule.is_some(), "schedule")?;
            loss.schedule = Some(schedule(item)?);
        }
        "jsd" => {
            twice(loss.jsd.is_some(), "jsd")?;
            loss.jsd = Some(item.number_or("alpha", 12.0)?);
        }
        other => {
            let found = described(other);
            return match suggestions.ask(|| suggest::modifier(item)) {
                None => unknown(column, "modifier", "modifiers", &found, &MODIFIERS),
                meant => Err(suggesting(expected(column, "modifier", &found), meant)),
            };
        }
    }
    Ok(())
}

fn schedule(item: &mut Item) -> Parsed<Schedule> {
    let column = item.name.column;
    let Some(of) = item.positional() else {
        return complain(column, "schedule needs what it multiplies: rho or le");
    };
    let of = choose(&of, &[("rho", Scheduled::Rho), ("le", Scheduled::Le)])?;
    let Some(form) = item.positional() else {
        return complain(column, "schedule needs a form: linear, exp or cosine");
    };
    let exponential = form.text == "exp";
    let rate = if exponential { item.number_or("rate", 5.0)? } else { 0.0 };
    let growth = choose(
        &form,
        &[
            ("linear", Growth::Linear),
            ("exp", Growth::Exponential(rate)),
            ("cosine", Growth::Cosine),
        ],
    )?;
    if exponential && rate == 0.0 {
        return complain(form.column, "exp needs a rate other than 0");
    }
    let epochs = match item.value("epochs")? {
        None => None,
        Some(word) => match word.text.parse() {
            Ok(epochs) => Some(epochs),
            Err(_) => return complain(word.column, "epochs must be a whole number"),
        },
    };
    Ok(Schedule { of, growth, epochs })
}

/// A word at a place where it means nothing.
fn described(word: &str) -> String {
    match word {
        word if losses().contains(&word) => format!("the loss '{word}'"),
        word if MODIFIERS.contains(&word) => format!("the modifier '{word}'"),
        word => format!("'{word}'"),
    }
}

fn expected(column: usize, what: &str, found: &str) -> Complaint {
    Complaint { column, problem: format!("expected a {what}, found {found}") }
}

fn unknown<T>(column: usize, what: &str, all: &str, found: &str, names: &[&str]) -> Parsed<T> {
    let Complaint { column, problem } = expected(column, what, found);
    complain(column, format!("{problem}; the {all} are {}", names.join(", ")))
}

/// Adds what may have been meant.
pub(super) fn suggesting(complaint: Complaint, meant: Option<String>) -> Complaint {
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    Complaint { problem: complaint.problem + &meant, ..complaint }
}
