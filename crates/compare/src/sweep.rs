//! [`Sweep`]: one setting varied for every loss, as in the paper's Figure 4 (`le`) and Table 2 (`lr`).

use std::collections::HashSet;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use steepness::{Loss, Objective, Shape};

use super::Setting;
use super::fields::repeated;
use crate::{Error, Result};

/// The values of what is varied: `[sweep]` with `le = [0, 0.5, 1]` or `lr = [0.01, 0.02]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sweep {
    /// Where the bonus ends, of the losses that have such an `le`; one without it, such as ce, is
    /// made once and is what the others are seen against.
    Le(Vec<f64>),
    /// The learning rate, of every loss.
    Lr(Vec<f64>),
}

impl Sweep {
    /// For `deserialize_with`: a sweep of values that make sense, or none.
    ///
    /// # Errors
    /// What makes no sense, as the format's own error.
    pub fn validated<'de, D: Deserializer<'de>>(
        from: D,
    ) -> std::result::Result<Option<Self>, D::Error> {
        let sweep = Option::<Self>::deserialize(from)?;
        sweep.as_ref().map_or(Ok(()), Self::validate).map_err(D::Error::custom)?;
        Ok(sweep)
    }

    /// What is varied: "le" or "lr".
    pub fn key(&self) -> &'static str {
        match self {
            Sweep::Le(_) => "le",
            Sweep::Lr(_) => "lr",
        }
    }

    /// Its values, in the order asked for.
    pub fn values(&self) -> &[f64] {
        match self {
            Sweep::Le(values) | Sweep::Lr(values) => values,
        }
    }

    /// Every loss with every value, each once: losses that differ in their `le` only are one.
    ///
    /// # Errors
    /// A sweep of `le` over losses that have none.
    pub fn settings(&self, losses: &[Loss]) -> Result<Vec<Setting>> {
        let mut settings: Vec<Setting> = Vec::new();
        let mut known = HashSet::new();
        for loss in losses {
            let of_loss: Vec<Setting> = match self {
                Sweep::Le(values) => match with_le(loss, 0.0) {
                    Some(_) => {
                        let swept = values.iter().filter_map(|&le| with_le(loss, le));
                        swept.map(Setting::from).collect()
                    }
                    None => vec![loss.clone().into()],
                },
                Sweep::Lr(values) => {
                    let setting = |&lr| Setting { lr: Some(lr), ..loss.clone().into() };
                    values.iter().map(setting).collect()
                }
            };
            for setting in of_loss {
                if known.insert(setting.to_string()) {
                    settings.push(setting);
                }
            }
        }
        if settings.iter().all(|setting| self.value(setting).is_none()) {
            let names: Vec<String> = losses.iter().map(Loss::to_string).collect();
            return Err(Error::Request(format!(
                "sweep: none of the losses has an le: {}",
                names.join(", ")
            )));
        }
        Ok(settings)
    }

    /// The value that `setting` has; `None` where its loss has no such thing.
    pub fn value(&self, setting: &Setting) -> Option<f64> {
        match self {
            Sweep::Le(_) => le(&mut setting.loss.clone()).copied(),
            Sweep::Lr(_) => setting.lr,
        }
    }

    /// The line that `setting` is a point of: "ce", "el(le=…)".
    pub fn line(&self, setting: &Setting) -> String {
        // A value that prints as nothing else does.
        const MARK: f64 = 0.123456789;
        match (self, with_le(&setting.loss, MARK)) {
            (Sweep::Le(_), Some(marked)) => marked.to_string().replace(&MARK.to_string(), "…"),
            _ => setting.loss.to_string(),
        }
    }
}

/// Where the loss's bonus ends.
fn le(loss: &mut Loss) -> Option<&mut f64> {
    let curve = match &mut loss.objective {
        Objective::Softmax(curve) => curve,
        Objective::Sigmoid(binary) => &mut binary.curve,
        _ => return None,
    };
    match &mut curve.bonus.as_mut()?.shape {
        Shape::Log { le, .. } => Some(le),
        _ => None,
    }
}

/// `loss` with another `le`, if it has one.
fn with_le(loss: &Loss, value: f64) -> Option<Loss> {
    let mut loss = loss.clone();
    *le(&mut loss)? = value;
    loss.auto_le = false;
    Some(loss)
}

impl Sweep {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// Names the value and its range.
    pub fn validate(&self) -> Result<()> {
        let (key, values) = (self.key(), self.values());
        let refuse = |problem: String| Err(Error::Request(format!("sweep: {problem}")));
        if values.is_empty() {
            return refuse(format!("{key} needs a value at least"));
        }
        // As they are written, but for the sign of 0.
        if let Some(value) = repeated(values.iter().map(|value| (value + 0.0).to_string())) {
            return refuse(format!("{key} = {value} is there twice"));
        }
        for value in values {
            match self {
                Sweep::Le(_) if !(0.0..=1.0).contains(value) => {
                    return refuse(format!("le = {value} must lie in [0, 1]"));
                }
                Sweep::Lr(_) if !(*value > 0.0 && value.is_finite()) => {
                    return refuse(format!("lr = {value} must be above 0"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// As it is typed: `le=0,0.25,0.5`.
impl FromStr for Sweep {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let expected = || {
            Error::Request(format!(
                "{text:?} is no sweep such as le=0,0.25,0.5,0.75,1 or lr=0.0125,0.025,0.05"
            ))
        };
        let (key, values) = text.split_once('=').ok_or_else(expected)?;
        let value = |word: &str| word.trim().parse::<f64>().map_err(|_| expected());
        let values = values.split(',').map(value).collect::<Result<_>>()?;
        let sweep = match key.trim() {
            "le" => Sweep::Le(values),
            "lr" => Sweep::Lr(values),
            _ => return Err(expected()),
        };
        sweep.validate().map(|()| sweep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(specs: &[&str]) -> Vec<Loss> {
        specs.iter().map(|spec| spec.parse().unwrap()).collect()
    }

    fn names(sweep: &str, specs: &[&str]) -> Vec<String> {
        let sweep: Sweep = sweep.parse().unwrap();
        sweep.settings(&losses(specs)).unwrap().iter().map(Setting::to_string).collect()
    }

    #[test]
    fn le_is_swept_where_there_is_one() {
        let found =
            names("le=0,0.5,1", &["ce", "el(le=0.25)", "el(le=0.75)", "focal + bonus(le=1)"]);
        assert_eq!(
            found,
            [
                "ce",
                "el(le=0)",
                "el(le=0.5)",
                "el(le=1)",
                "focal(gamma=2) + bonus(le=0)",
                "focal(gamma=2) + bonus(le=0.5)",
                "focal(gamma=2) + bonus(le=1)"
            ]
        );
        assert_eq!(names("le=0.5", &["el(le=auto) + smooth(0.1)"]), ["el(le=0.5) + smooth(0.1)"]);
        let sweep = Sweep::Le(vec![0.5]);
        let error = sweep.settings(&losses(&["ce", "focal"])).unwrap_err().to_string();
        assert!(error.ends_with("none of the losses has an le: ce, focal(gamma=2)"), "{error}");
    }

    #[test]
    fn lr_is_swept_for_every_loss() {
        assert_eq!(
            names("lr=0.0125,1e-5", &["ce", "el"]),
            ["ce, lr=0.0125", "ce, lr=0.00001", "el(le=1), lr=0.0125", "el(le=1), lr=0.00001"]
        );
    }

    #[test]
    fn points_know_their_line_and_value() {
        for (sweep, line, values) in [
            ("le=0,1", ["ce", "el(le=…)", "el(le=…)"], vec![None, Some(0.0), Some(1.0)]),
            (
                "lr=1,2",
                ["ce", "ce", "el(le=0.5)"],
                vec![Some(1.0), Some(2.0), Some(1.0), Some(2.0)],
            ),
        ] {
            let sweep: Sweep = sweep.parse().unwrap();
            let settings = sweep.settings(&losses(&["ce", "el(le=0.5)"])).unwrap();
            let lines: Vec<String> = settings.iter().map(|s| sweep.line(s)).take(3).collect();
            assert_eq!(lines, line);
            let found: Vec<_> = settings.iter().map(|s| sweep.value(s)).collect();
            assert_eq!(found, values);
        }
    }

    #[test]
    fn senseless_sweeps_are_refused() {
        for (text, expected) in [
            ("le", "is no sweep such as"),
            ("le=", "is no sweep such as"),
            ("le=a", "is no sweep such as"),
            ("gamma=1", "is no sweep such as"),
            ("le=0,1.5", "le = 1.5 must lie in [0, 1]"),
            ("le=nan", "le = NaN must lie in"),
            ("lr=0.1,0", "lr = 0 must be above 0"),
            ("lr=inf", "must be above 0"),
            ("lr=0.1,0.1", "lr = 0.1 is there twice"),
        ] {
            let error = text.parse::<Sweep>().unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(expected), "{error}");
        }
        assert!(Sweep::Le(Vec::new()).validate().is_err());
    }
}
