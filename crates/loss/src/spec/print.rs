//! From a loss to the shortest line that parses back to it.

use super::{BONUS_WEIGHTS, HALTS, SHOTS};
use crate::curve::{Base, Bonus, Card, Curve, Numbers, Parameter};
use crate::loss::{Adjust, Growth, Halt, Ldam, Loss, Margin, Objective, Schedule, Scheduled};
use crate::weights::{BonusWeights, Shots, Weighting};
use std::fmt::{self, Display, Formatter};

/// Collects `key=value` and prints `name(…)`, without brackets where there are none.
struct Printer {
    name: &'static str,
    arguments: Vec<String>,
}

impl Printer {
    fn new(name: &'static str) -> Self {
        Self { name, arguments: vec![] }
    }

    fn always(mut self, key: &str, value: impl Display) -> Self {
        self.arguments.push(format!("{key}={value}"));
        self
    }

    fn unless(self, default: f64, key: &str, value: f64) -> Self {
        if value == default { self } else { self.always(key, value) }
    }

    fn maybe(self, key: &str, value: Option<f64>) -> Self {
        value.into_iter().fold(self, |printed, value| printed.always(key, value))
    }

    fn word(mut self, word: impl Into<String>) -> Self {
        self.arguments.push(word.into());
        self
    }

    fn numbers(self, card: &Card, numbers: &Numbers, auto_le: bool) -> Self {
        card.parameters.iter().fold(self, |printed, parameter| {
            let Parameter { name, default, always, auto, .. } = *parameter;
            match numbers.iter().find(|(of, _)| *of == name) {
                Some(_) if auto && auto_le => printed.always(name, "auto"),
                Some((_, value)) if always => printed.always(name, value),
                Some((_, value)) => printed.unless(default, name, *value),
                None => printed,
            }
        })
    }

    fn scale(self, bonus: &Bonus) -> Self {
        self.unless(1.0, "rho", bonus.rho).maybe("abrupt", bonus.abrupt)
    }
}

impl Display for Printer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.arguments.is_empty() {
            true => f.write_str(self.name),
            false => write!(f, "{}({})", self.name, self.arguments.join(", ")),
        }
    }
}

fn name_of<T: PartialEq>(choice: &T, choices: &[(&'static str, T)]) -> &'static str {
    choices.iter().find(|(_, c)| c == choice).map_or("", |(name, _)| name)
}

/// The curve's own item, and a bonus that needs a `+ bonus(…)` of its own.
fn print_curve(curve: &Curve, auto_le: bool) -> (Printer, Option<Printer>) {
    let base = match curve.base.described() {
        None => Printer::new("ce"),
        Some((card, numbers)) => Printer::new(card.name).numbers(card, &numbers, auto_le),
    };
    let Some(bonus) = &curve.bonus else { return (base, None) };
    let Some((card, numbers)) = bonus.shape.described() else { return (base, None) };
    if curve.base != Base::CrossEntropy {
        let printed = Printer::new("bonus").numbers(card, &numbers, auto_le);
        return (base, Some(printed.scale(bonus)));
    }
    let card = card.presets.iter().find(|preset| fits(preset, card, &numbers)).unwrap_or(&card);
    (Printer::new(card.name).numbers(card, &numbers, auto_le).scale(bonus), None)
}

/// Whether numbers are those of a special case: what it fixes is so, and what it is about is not as
/// it usually is.
fn fits(preset: &Card, usual: &Card, numbers: &Numbers) -> bool {
    let of = |name: &str| numbers.iter().find(|(of, _)| *of == name).map(|(_, value)| *value);
    let default = |name: &str| usual.parameters.iter().find(|p| p.name == name).map(|p| p.default);
    let about = || preset.parameters.iter().filter(|p| p.always).map(|p| p.name);
    preset.fixed.iter().all(|(name, value)| of(name) == Some(*value))
        && about().all(|name| of(name) != default(name))
}

impl Display for Loss {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut bonus = None;
        let mut mirror = None;
        let first = match &self.objective {
            Objective::Softmax(curve) => {
                let (printed, own) = print_curve(curve, self.auto_le);
                bonus = own;
                printed
            }
            Objective::Sigmoid(binary) => {
                let (mut printed, own) = print_curve(&binary.curve, self.auto_le);
                bonus = own;
                if printed.name == "ce" {
                    printed.name = "bce";
                } else {
                    printed = printed.word("sigmoid");
                }
                printed = printed.maybe("alpha", binary.alpha).maybe("beta", binary.beta);
                printed = printed.unless(0.0, "ita", binary.ita);
                match binary.halt {
                    Halt::Probability => printed,
                    halt => printed.always("branch", name_of(&halt, &HALTS)),
                }
            }
            Objective::Error(error) => {
                mirror = error.mirror;
                let printed = Printer::new(if error.squared { "mse" } else { "mae" });
                if error.sigmoid { printed.word("sigmoid") } else { printed }
            }
            Objective::MultiMargin { margin } => {
                Printer::new("multimargin").always("margin", margin)
            }
        };
        let Adjust { soft_cap, temperature, prior, ldam, margin } = self.adjust;
        let number =
            |name, value: Option<f64>| value.map(|v| Printer::new(name).word(v.to_string()));
        let smooth = (self.smoothing != 0.0 || self.bonus_smoothing.is_some()).then(|| {
            let printed = Printer::new("smooth").word(self.smoothing.to_string());
            printed.maybe("bonus", self.bonus_smoothing)
        });
        let ldam = ldam.map(|Ldam { max, scale, raw_bonus }| {
            let printed = Printer::new("ldam").always("max", max).always("scale", scale);
            if raw_bonus { printed.always("bonus", "raw") } else { printed }
        });
        let weighting = self.weighting.map(|Weighting { beta, from, bonus }| {
            let (printed, usual) = match from {
                0.0 => (Printer::new("weights").always("beta", beta), BonusWeights::Whole),
                _ => (
                    Printer::new("drw").always("beta", beta).always("from", from),
                    BonusWeights::Same,
                ),
            };
            if bonus == usual {
                printed
            } else {
                printed.always("bonus", name_of(&bonus, &BONUS_WEIGHTS))
            }
        });
        let shots = self.bonus_off.map(|shots| match shots {
            Shots::MostFrequent(share) => Printer::new("shots").always("off", share),
            group => Printer::new("shots").always("off", name_of(&group, &SHOTS)),
        });
        let schedule = self.schedule.map(|Schedule { of, growth, epochs }| {
            let of = if of == Scheduled::Rho { "rho" } else { "le" };
            let printed = Printer::new("schedule").word(of);
            let printed = match growth {
                Growth::Linear => printed.word("linear"),
                Growth::Cosine => printed.word("cosine"),
                Growth::Exponential(rate) => printed.word("exp").always("rate", rate),
            };
            epochs.into_iter().fold(printed, |printed, n| printed.always("epochs", n))
        });
        let items = [
            Some(first),
            bonus,
            mirror.map(|m| {
                let printed = Printer::new("mirror").unless(2.0, "gamma", m.gamma);
                printed.unless(1.0, "rho", m.rho)
            }),
            smooth,
            number("softcap", soft_cap),
            number("temp", temperature),
            prior.map(|tau| Printer::new("adjust").always("tau", tau)),
            ldam,
            margin.map(|Margin { m, scale }| {
                Printer::new("margin").always("m", m).unless(1.0, "scale", scale)
            }),
            weighting,
            shots,
            number("zloss", (self.z_loss != 0.0).then_some(self.z_loss)),
            self.matching.then(|| Printer::new("match")),
            schedule,
            self.jsd.map(|alpha| Printer::new("jsd").always("alpha", alpha)),
        ];
        for (at, item) in items.iter().flatten().enumerate() {
            write!(f, "{}{item}", if at == 0 { "" } else { " + " })?;
        }
        match self.from_epoch {
            0 | 1 => Ok(()),
            epoch => write!(f, " from epoch {epoch}"),
        }
    }
}
