//! An attack as one line, `pgd(norm=l2, steps=100, loss=margin)`: reading and printing a [`Spec`].
//!
//! What is not said is as in the attack's `Default`, and what is as there is not printed. The attacks
//! are those of the list in the module above.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::settings::Settings;
use super::{ATTACKS, Attack, Objective, Spec};
use crate::card::Card;
use crate::{Error, Result};

/// An attack that has a card and can be written as one line.
pub(super) trait Configurable: Attack {
    /// Goes over the settings, in the order of the card.
    fn settings(&mut self, each: &mut Settings) -> Result<()>;
}

impl Spec {
    /// How many classes there have to be at least: those that the difference of logits ratio
    /// compares, and more than are aimed at.
    pub fn classes(&self) -> usize {
        let attack = self.attack();
        let objective = attack.objective().unwrap_or(Objective::Margin);
        objective.classes(attack.targets() > 0).max(attack.targets().saturating_add(1))
    }

    /// The same attack up the margin, if it climbs the difference of logits ratio.
    pub fn on_margin(&self) -> Option<Self> {
        let margin = [("loss", Objective::Margin.word())];
        let climbs = self.attack().objective() == Some(Objective::Dlr);
        climbs.then(|| self.clone().with(&margin).ok()).flatten()
    }

    /// The same attack with the settings that are `given`.
    fn with(mut self, given: &[(&str, &str)]) -> Result<Self> {
        let mut settings = Settings::new(self.attack().card(), given);
        self.configurable().settings(&mut settings)?;
        Ok(self)
    }

    /// What its settings are called and are.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = Settings::new(self.attack().card(), &[]);
        let gone_over = self.clone().configurable().settings(&mut settings);
        debug_assert!(gone_over.is_ok(), "what was read is in its range: {gone_over:?}");
        settings.all()
    }
}

/// `name(key=value, …)` taken apart.
fn split(text: &str) -> Result<(&str, Vec<(&str, &str)>)> {
    let broken =
        || Error::Request(format!("{text:?} is no attack: expected name or name(key=value, …)"));
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else { return Ok((text, Vec::new())) };
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
    Ok((name.trim(), given))
}

/// "a, b, c".
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, given) = split(text)?;
        let names = || ATTACKS.iter().map(|card| card.name);
        let Some(found) = Spec::defaults().into_iter().find(|s| s.attack().card().name == name)
        else {
            let meant = steepness::nearest(name, names());
            let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            return Err(Error::Request(format!(
                "there is no attack {name:?}; there are {}{meant}",
                listed(names())
            )));
        };
        let card: &Card = found.attack().card();
        if let Some((key, _)) = given.iter().find(|(key, _)| card.parameter(key).is_none()) {
            return Err(Error::Request(format!(
                "{name} has no setting {key:?}; it has {}",
                listed(card.parameters.iter().map(|parameter| parameter.name))
            )));
        }
        found.with(&given)
    }
}

impl Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let card = self.attack().card();
        let usual = |(name, value): &(&str, String)| {
            card.parameter(name).is_some_and(|parameter| parameter.default == Some(value.as_str()))
        };
        let settings = self.settings();
        let changed = settings.iter().filter(|setting| !usual(setting));
        let changed: Vec<String> = changed.map(|(key, value)| format!("{key}={value}")).collect();
        match changed.is_empty() {
            true => f.write_str(card.name),
            false => write!(f, "{}({})", card.name, changed.join(", ")),
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

    /// As the figures of earlier versions called them.
    #[test]
    fn people_read_other_names_than_programs() {
        for (text, title) in [
            ("fgsm(temperature=10)", "FGSM-CE-t10"),
            ("pgd(norm=l2, loss=margin, targets=2, floor=1)", "PGD-L2-margin-targeted-floored"),
            ("mi-fgsm", "MI-FGSM"),
            ("apgd(loss=dlr, targets=1)", "APGD-L∞-DLR-targeted"),
            ("cw", "CW-L2"),
            ("deepfool", "DeepFool-L2"),
            ("square", "Square-L∞"),
        ] {
            assert_eq!(text.parse::<Spec>().unwrap().attack().title(), title);
        }
    }

    /// What is on a card is what is read: names, defaults and ranges.
    #[test]
    fn cards_say_what_is_read() {
        assert_eq!(ATTACKS.len(), Spec::defaults().len());
        for (card, spec) in ATTACKS.iter().zip(Spec::defaults()) {
            assert_eq!(spec.to_string(), card.name);
            assert!(card.example.parse::<Spec>().is_ok(), "{}", card.example);
            let settings = spec.settings();
            let on_card = card.parameters.iter().map(|parameter| {
                (parameter.name, parameter.default.unwrap_or_default().to_owned())
            });
            assert_eq!(settings, on_card.collect::<Vec<_>>(), "{}", card.name);
            for parameter in card.parameters {
                for outside in parameter.range.outside() {
                    let text = format!("{}({}={outside})", card.name, parameter.name);
                    let error = text.parse::<Spec>().unwrap_err().to_string();
                    assert!(error.contains(&format!("{} = ", parameter.name)), "{text}: {error}");
                }
            }
        }
    }

    #[test]
    fn the_margin_takes_the_place_of_the_ratio_alone() {
        let on_margin = |text: &str| Some(text.parse::<Spec>().ok()?.on_margin()?.to_string());
        let other = on_margin("apgd(norm=l2, loss=dlr, targets=1)");
        assert_eq!(other.as_deref(), Some("apgd(norm=l2, loss=margin, targets=1)"));
        assert_eq!(on_margin("pgd"), None);
        assert_eq!(on_margin("square"), None);
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
            ("square(share=2)", "square: share = 2 must lie in (0, 1]"),
        ] {
            let error = text.parse::<Spec>().unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
