//! [`Spec`]: an attack as one line, `pgd(norm=l2, steps=100, loss=margin)`.
//!
//! What is not said is as in the attack's `Default`, and what is as there is not printed.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Apgd, Attack, Cw, DeepFool, Fgsm, Momentum, Norm, Objective, Pgd, Square};
use crate::{Error, Result};

/// One of the attacks, with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Spec {
    /// `fgsm`: `loss`, `temperature`.
    Fgsm(Fgsm),
    /// `pgd`: `norm`, `steps`, `step`, `start`, `loss`, `temperature`, `targets`, `floor`.
    Pgd(Pgd),
    /// `mi-fgsm`: `steps`, `step`, `decay`, `loss`, `temperature`, `targets`.
    Momentum(Momentum),
    /// `apgd`: `norm`, `steps`, `restarts`, `loss`, `temperature`, `targets`.
    Apgd(Apgd),
    /// `cw`: `c`, `searches`, `kappa`, `steps`, `lr`.
    Cw(Cw),
    /// `deepfool`: `norm`, `steps`, `overshoot`.
    DeepFool(DeepFool),
    /// `square`: `queries`, `share`.
    Square(Square),
}

impl Spec {
    /// The attack.
    pub fn attack(&self) -> &dyn Attack {
        match self {
            Spec::Fgsm(attack) => attack,
            Spec::Pgd(attack) => attack,
            Spec::Momentum(attack) => attack,
            Spec::Apgd(attack) => attack,
            Spec::Cw(attack) => attack,
            Spec::DeepFool(attack) => attack,
            Spec::Square(attack) => attack,
        }
    }

    /// How many classes there have to be at least: those that the difference of logits ratio
    /// compares, and more than are aimed at.
    pub fn classes(&self) -> usize {
        let (objective, targets) = match self {
            Spec::Fgsm(attack) => (attack.objective, 0),
            Spec::Pgd(attack) => (attack.objective, attack.targets),
            Spec::Momentum(attack) => (attack.objective, attack.targets),
            Spec::Apgd(attack) => (attack.objective, attack.targets),
            Spec::Cw(_) | Spec::DeepFool(_) | Spec::Square(_) => (Objective::Margin, 0),
        };
        objective.classes(targets > 0).max(targets.saturating_add(1))
    }

    /// The same attack up the margin, if it climbs the difference of logits ratio.
    pub fn on_margin(&self) -> Option<Self> {
        let mut other = self.clone();
        let objective = match &mut other {
            Spec::Fgsm(attack) => &mut attack.objective,
            Spec::Pgd(attack) => &mut attack.objective,
            Spec::Momentum(attack) => &mut attack.objective,
            Spec::Apgd(attack) => &mut attack.objective,
            Spec::Cw(_) | Spec::DeepFool(_) | Spec::Square(_) => return None,
        };
        (*objective == Objective::Dlr).then(|| *objective = Objective::Margin)?;
        Some(other)
    }

    /// The name of the attack, and what its settings are called and are.
    fn settings(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let loss = |objective: Objective| {
            let temperature = objective.temperature().to_string();
            [("loss", objective.word().to_owned()), ("temperature", temperature)]
        };
        let norm = |norm: Norm| ("norm", norm.word().to_owned());
        let targets = |targets: usize| ("targets", targets.to_string());
        let step = |step: Option<f64>| {
            ("step", step.map_or(FOLLOWS_BUDGET.to_owned(), |step| step.to_string()))
        };
        match self {
            Spec::Fgsm(Fgsm { objective }) => ("fgsm", loss(*objective).into()),
            Spec::Pgd(attack) => {
                let start = if attack.random_start { "random" } else { "none" };
                let mut all = vec![
                    norm(attack.norm),
                    ("steps", attack.steps.to_string()),
                    step(attack.step),
                    ("start", start.to_owned()),
                ];
                all.extend(loss(attack.objective));
                all.extend([targets(attack.targets), ("floor", attack.floor.to_string())]);
                ("pgd", all)
            }
            Spec::Momentum(attack) => {
                let mut all = vec![
                    ("steps", attack.steps.to_string()),
                    step(attack.step),
                    ("decay", attack.decay.to_string()),
                ];
                all.extend(loss(attack.objective));
                all.push(targets(attack.targets));
                ("mi-fgsm", all)
            }
            Spec::Apgd(attack) => {
                let mut all = vec![
                    norm(attack.norm),
                    ("steps", attack.steps.to_string()),
                    ("restarts", attack.restarts.to_string()),
                ];
                all.extend(loss(attack.objective));
                all.push(targets(attack.targets));
                ("apgd", all)
            }
            Spec::Cw(attack) => {
                let all = vec![
                    ("c", attack.c.to_string()),
                    ("searches", attack.searches.to_string()),
                    ("kappa", attack.kappa.to_string()),
                    ("steps", attack.steps.to_string()),
                    ("lr", attack.lr.to_string()),
                ];
                ("cw", all)
            }
            Spec::DeepFool(attack) => {
                let all = vec![
                    norm(attack.norm),
                    ("steps", attack.steps.to_string()),
                    ("overshoot", attack.overshoot.to_string()),
                ];
                ("deepfool", all)
            }
            Spec::Square(attack) => {
                let all = vec![
                    ("queries", attack.queries.to_string()),
                    ("share", attack.share.to_string()),
                ];
                ("square", all)
            }
        }
    }

    /// All of them as they are by default.
    fn defaults() -> [Spec; 7] {
        [
            Spec::Fgsm(Fgsm::default()),
            Spec::Pgd(Pgd::default()),
            Spec::Momentum(Momentum::default()),
            Spec::Apgd(Apgd::default()),
            Spec::Cw(Cw::default()),
            Spec::DeepFool(DeepFool::default()),
            Spec::Square(Square::default()),
        ]
    }

    /// The same attack with the settings that `words` say.
    fn with(self, words: &Words) -> Result<Self> {
        Ok(match self {
            Spec::Fgsm(old) => Spec::Fgsm(Fgsm { objective: words.objective(old.objective)? }),
            Spec::Pgd(old) => Spec::Pgd(Pgd {
                norm: words.norm(old.norm)?,
                steps: words.count("steps", old.steps)?,
                step: words.step(old.step)?,
                random_start: words.start(old.random_start)?,
                objective: words.objective(old.objective)?,
                targets: words.whole("targets", old.targets)?,
                floor: words.number("floor", old.floor, NOT_NEGATIVE)?,
            }),
            Spec::Momentum(old) => Spec::Momentum(Momentum {
                steps: words.count("steps", old.steps)?,
                step: words.step(old.step)?,
                decay: words.number("decay", old.decay, NOT_NEGATIVE)?,
                objective: words.objective(old.objective)?,
                targets: words.whole("targets", old.targets)?,
            }),
            Spec::Apgd(old) => Spec::Apgd(Apgd {
                norm: words.norm(old.norm)?,
                steps: words.count("steps", old.steps)?,
                restarts: words.count("restarts", old.restarts)?,
                objective: words.objective(old.objective)?,
                targets: words.whole("targets", old.targets)?,
            }),
            Spec::Cw(old) => Spec::Cw(Cw {
                c: words.number("c", old.c, ABOVE_ZERO)?,
                searches: words.count("searches", old.searches)?,
                kappa: words.number("kappa", old.kappa, NOT_NEGATIVE)?,
                steps: words.count("steps", old.steps)?,
                lr: words.number("lr", old.lr, ABOVE_ZERO)?,
            }),
            Spec::DeepFool(old) => Spec::DeepFool(DeepFool {
                norm: words.norm(old.norm)?,
                steps: words.count("steps", old.steps)?,
                overshoot: words.number("overshoot", old.overshoot, NOT_NEGATIVE)?,
            }),
            Spec::Square(old) => Spec::Square(Square {
                queries: words.count("queries", old.queries)?,
                share: words.number("share", old.share, SHARE)?,
            }),
        })
    }
}

/// The word for a step whose length follows ε.
const FOLLOWS_BUDGET: &str = "auto";

/// What a number must be, and in words.
type Bound = (fn(f64) -> bool, &'static str);

const ABOVE_ZERO: Bound = (|x| x > 0.0 && x.is_finite(), "above 0");
const NOT_NEGATIVE: Bound = (|x| x >= 0.0 && x.is_finite(), "at least 0");
const SHARE: Bound = (|x| x > 0.0 && x <= 1.0, "in (0, 1]");

/// `name(key=value, …)` taken apart.
struct Words<'a> {
    name: &'a str,
    given: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Result<Self> {
        let broken = || {
            Error::Request(format!("{text:?} is no attack: expected name or name(key=value, …)"))
        };
        let text = text.trim();
        let Some((name, rest)) = text.split_once('(') else {
            return Ok(Self { name: text, given: Vec::new() });
        };
        let inside = rest.strip_suffix(')').ok_or_else(broken)?;
        let mut given: Vec<(&str, &str)> = Vec::new();
        for setting in inside.split(',').filter(|setting| !setting.trim().is_empty()) {
            let (key, value) = setting.split_once('=').ok_or_else(broken)?;
            let key = key.trim();
            if given.iter().any(|(other, _)| *other == key) {
                return Err(Error::Request(format!("{text:?} says {key} twice")));
            }
            given.push((key, value.trim()));
        }
        Ok(Self { name: name.trim(), given })
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.given.iter().find(|(other, _)| *other == key).map(|(_, value)| *value)
    }

    fn parsed<T: FromStr>(&self, key: &str, default: T, expected: &str) -> Result<T> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.parse().map_err(|_| self.complaint(key, value, expected))
    }

    fn complaint(&self, key: &str, value: &str, expected: &str) -> Error {
        Error::Request(format!("{}: {key} = {value} must be {expected}", self.name))
    }

    fn number(&self, key: &str, default: f64, (holds, expected): Bound) -> Result<f64> {
        let number = self.parsed(key, default, "a number")?;
        match holds(number) {
            true => Ok(number),
            false => Err(self.complaint(key, &number.to_string(), expected)),
        }
    }

    fn whole(&self, key: &str, default: usize) -> Result<usize> {
        self.parsed(key, default, "a whole number")
    }

    fn count(&self, key: &str, default: usize) -> Result<usize> {
        match self.whole(key, default)? {
            0 => Err(self.complaint(key, "0", "at least 1")),
            count => Ok(count),
        }
    }

    fn norm(&self, default: Norm) -> Result<Norm> {
        self.get("norm").map_or(Ok(default), Norm::parse)
    }

    fn objective(&self, default: Objective) -> Result<Objective> {
        let loss = self.get("loss").unwrap_or(default.word());
        Objective::parse(loss, self.number("temperature", default.temperature(), ABOVE_ZERO)?)
    }

    fn step(&self, default: Option<f64>) -> Result<Option<f64>> {
        match self.get("step") {
            None => Ok(default),
            Some(FOLLOWS_BUDGET) => Ok(None),
            Some(_) => self.number("step", f64::NAN, ABOVE_ZERO).map(Some),
        }
    }

    fn start(&self, default: bool) -> Result<bool> {
        match self.get("start") {
            None => Ok(default),
            Some("random") => Ok(true),
            Some("none") => Ok(false),
            Some(other) => Err(self.complaint("start", other, "random or none")),
        }
    }
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let words = Words::new(text)?;
        let list = |names: Vec<&str>| names.join(", ");
        let found = Spec::defaults().into_iter().find(|spec| spec.settings().0 == words.name);
        let Some(found) = found else {
            let names: Vec<_> = Spec::defaults().iter().map(|spec| spec.settings().0).collect();
            let meant = steepness::nearest(words.name, names.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            return Err(Error::Request(format!(
                "there is no attack {:?}; there are {}{meant}",
                words.name,
                list(names)
            )));
        };
        let keys: Vec<&str> = found.settings().1.iter().map(|(key, _)| *key).collect();
        if let Some((key, _)) = words.given.iter().find(|(key, _)| !keys.contains(key)) {
            return Err(Error::Request(format!(
                "{} has no setting {key:?}; it has {}",
                words.name,
                list(keys)
            )));
        }
        found.with(&words)
    }
}

impl Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (name, settings) = self.settings();
        let default = Spec::defaults().into_iter().find(|spec| spec.settings().0 == name);
        let default = default.map_or(Vec::new(), |spec| spec.settings().1);
        let changed = settings.iter().filter(|setting| !default.contains(setting));
        let changed: Vec<String> = changed.map(|(key, value)| format!("{key}={value}")).collect();
        match changed.is_empty() {
            true => f.write_str(name),
            false => write!(f, "{name}({})", changed.join(", ")),
        }
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_printed() {
        for (text, printed, name) in [
            ("fgsm", "fgsm", "fgsm"),
            (" fgsm( loss = margin ) ", "fgsm(loss=margin)", "fgsm-margin"),
            ("pgd()", "pgd", "pgd-linf"),
            (
                "pgd(norm=l2,step=0.2,start=none,floor=1e-10)",
                "pgd(norm=l2, step=0.2, start=none, floor=0.0000000001)",
                "pgd-l2-floored",
            ),
            ("pgd(step=auto)", "pgd", "pgd-linf"),
            ("mi-fgsm(step=0.01)", "mi-fgsm(step=0.01)", "mi-fgsm"),
            ("pgd(steps=40, targets=9)", "pgd(targets=9)", "pgd-linf-targeted"),
            ("mi-fgsm(decay=0.5)", "mi-fgsm(decay=0.5)", "mi-fgsm"),
            ("apgd(loss=dlr)", "apgd(loss=dlr)", "apgd-linf-dlr"),
            ("pgd(temperature=10)", "pgd(temperature=10)", "pgd-linf-ce-t10"),
            ("cw(c=0.5)", "cw(c=0.5)", "cw-l2"),
            ("deepfool(norm=linf)", "deepfool(norm=linf)", "deepfool-linf"),
            ("square(queries=100)", "square(queries=100)", "square-linf"),
        ] {
            let spec: Spec = text.parse().unwrap();
            assert_eq!(spec.to_string(), printed);
            assert_eq!(spec.attack().name(), name);
            assert_eq!(printed.parse::<Spec>().unwrap(), spec, "{printed}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (text, expected) in [
            ("", "there is no attack \"\"; there are fgsm, pgd, mi-fgsm, apgd, cw"),
            ("pgd(", "expected name or name(key=value, …)"),
            ("pgd(steps)", "expected name or name(key=value, …)"),
            ("pgd(steps=1, steps=2)", "says steps twice"),
            ("fgsm(steps=2)", "fgsm has no setting \"steps\"; it has loss, temperature"),
            ("pgd(steps=0)", "pgd: steps = 0 must be at least 1"),
            ("pgd(steps=-1)", "pgd: steps = -1 must be a whole number"),
            ("pgd(step=0)", "pgd: step = 0 must be above 0"),
            ("mi-fgsm(step=far)", "mi-fgsm: step = far must be a number"),
            ("pgd(step=nan)", "pgd: step = NaN must be above 0"),
            ("pgd(start=far)", "pgd: start = far must be random or none"),
            ("pgd(norm=l1)", "there is no norm \"l1\""),
            ("apgd(loss=dlr, temperature=2)", "is for loss=ce"),
            ("square(share=2)", "square: share = 2 must be in (0, 1]"),
        ] {
            let error = text.parse::<Spec>().unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
