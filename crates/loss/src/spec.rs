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

use crate::curve::{Base, Bonus, Curve, PUBLISHED_CLAMP, Shape};
use crate::error::{Error, Result};
use crate::loss::{
    Adjust, Binary, Growth, Halt, Ldam, Loss, Margin, Mirror, Objective, ProbabilityError,
    Schedule, Scheduled,
};
use crate::weights::{BonusWeights, Shots, Weighting};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A word of the line and the column, from 1, where it begins.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    column: usize,
}

#[derive(Debug)]
struct Argument {
    key: Option<Word>,
    value: Word,
    used: bool,
}

/// `name(arguments)`.
#[derive(Debug)]
struct Item {
    name: Word,
    arguments: Vec<Argument>,
}

/// A complaint at a column; the line is added at the end.
struct Complaint {
    column: usize,
    problem: String,
}

type Parsed<T> = std::result::Result<T, Complaint>;

fn complain<T>(column: usize, problem: impl Into<String>) -> Parsed<T> {
    Err(Complaint { column, problem: problem.into() })
}

impl FromStr for Loss {
    type Err = Error;

    fn from_str(spec: &str) -> Result<Self> {
        parse(spec).map_err(|Complaint { column, problem }| Error::Spec {
            spec: spec.to_owned(),
            column,
            problem,
        })
    }
}

fn parse(spec: &str) -> Parsed<Loss> {
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
    let mut loss = objective(&mut items[0])?;
    for modifier in &mut modifiers {
        modify(&mut loss, modifier)?;
    }
    if let Some((_, epoch)) = from {
        loss.from_epoch = epoch;
    }
    items.extend(modifiers);
    for item in &items {
        item.all_used()?;
    }
    match loss.check() {
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

/// Splits the line into words and punctuation.
struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    fn new(spec: &str) -> Self {
        Self { text: spec.chars().collect(), at: 0 }
    }

    fn skip_space(&mut self) {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn column(&mut self) -> usize {
        self.skip_space();
        self.at + 1
    }

    /// Takes `c` if it comes next.
    fn take(&mut self, c: char) -> bool {
        self.skip_space();
        let found = self.text.get(self.at) == Some(&c);
        self.at += usize::from(found);
        found
    }

    /// Letters, digits and what numbers hold; a '+' or '-' only inside a number.
    fn word(&mut self) -> Option<Word> {
        self.skip_space();
        let start = self.at;
        while let Some(&c) = self.text.get(self.at) {
            let previous = self.at.checked_sub(1).and_then(|i| self.text.get(i));
            let exponent = self.at > start + 1
                && matches!(previous, Some('e' | 'E'))
                && self.text[start..self.at - 1]
                    .iter()
                    .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
            let sign = c == '-' || (c == '+' && exponent);
            if !(c.is_alphanumeric() || matches!(c, '_' | '.') || sign) {
                break;
            }
            self.at += 1;
        }
        let text: String = self.text[start..self.at].iter().collect();
        (!text.is_empty()).then_some(Word { text, column: start + 1 })
    }

    fn expect_any(&mut self, what: &str) -> Parsed<Word> {
        let column = self.column();
        let found = self.text.get(self.at).map_or("the end".into(), |c| format!("'{c}'"));
        self.word().map_or_else(|| complain(column, format!("expected {what}, found {found}")), Ok)
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        let found = self.expect_any(&format!("'{word}'"))?;
        if found.text == word {
            return Ok(());
        }
        complain(found.column, format!("expected '{word}', found '{}'", found.text))
    }

    fn item(&mut self, what: &str) -> Parsed<Item> {
        let name = self.expect_any(what)?;
        let mut arguments = vec![];
        if self.take('(') && !self.take(')') {
            loop {
                let first = self.expect_any("an argument")?;
                arguments.push(if self.take('=') {
                    let value = self.expect_any(&format!("a value for {}", first.text))?;
                    Argument { key: Some(first), value, used: false }
                } else {
                    Argument { key: None, value: first, used: false }
                });
                if self.take(')') {
                    break;
                }
                if !self.take(',') {
                    return complain(self.column(), "expected ',' or ')'");
                }
            }
        }
        Ok(Item { name, arguments })
    }

    fn end(&mut self) -> Parsed<()> {
        let column = self.column();
        match self.text.get(self.at) {
            None => Ok(()),
            Some(c) => {
                complain(column, format!("expected '+', 'from epoch' or the end, found '{c}'"))
            }
        }
    }
}

impl Item {
    /// The value of `key`, marked as used; given twice is an error.
    fn value(&mut self, key: &str) -> Parsed<Option<Word>> {
        let mut found = None;
        for argument in &mut self.arguments {
            if argument.key.as_ref().is_some_and(|k| k.text == key) {
                if found.is_some() {
                    return complain(argument.value.column, format!("{key} is given twice"));
                }
                argument.used = true;
                found = Some(argument.value.clone());
            }
        }
        Ok(found)
    }

    /// The first argument without a key that is not used yet.
    fn positional(&mut self) -> Option<Word> {
        let argument = self.arguments.iter_mut().find(|a| a.key.is_none() && !a.used)?;
        argument.used = true;
        Some(argument.value.clone())
    }

    fn flag(&mut self, name: &str) -> bool {
        let found = self.arguments.iter_mut().find(|a| a.key.is_none() && a.value.text == name);
        found.map(|argument| argument.used = true).is_some()
    }

    fn number(&mut self, key: &str) -> Parsed<Option<f64>> {
        self.value(key)?.map(|word| number(&word, key)).transpose()
    }

    fn number_or(&mut self, key: &str, default: f64) -> Parsed<f64> {
        Ok(self.number(key)?.unwrap_or(default))
    }

    /// `name(0.1)` or `name(key=0.1)`, which must be there.
    fn main_number(&mut self, key: &str) -> Parsed<f64> {
        if let Some(value) = self.number(key)? {
            return Ok(value);
        }
        match self.positional() {
            Some(word) => number(&word, key),
            None => complain(
                self.name.column,
                format!("{0} needs a number, as in {0}(0.1)", self.name.text),
            ),
        }
    }

    /// Complains about what nobody asked for.
    fn all_used(&self) -> Parsed<()> {
        match self.arguments.iter().find(|argument| !argument.used) {
            None => Ok(()),
            Some(argument) => {
                let word = argument.key.as_ref().unwrap_or(&argument.value);
                complain(word.column, format!("{} takes no '{}'", self.name.text, word.text))
            }
        }
    }
}

fn number(word: &Word, key: &str) -> Parsed<f64> {
    match word.text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => complain(word.column, format!("{key} must be a number, not '{}'", word.text)),
    }
}

/// One of `choices`, by its name.
fn choose<T: Copy>(word: &Word, choices: &[(&str, T)]) -> Parsed<T> {
    match choices.iter().find(|(name, _)| *name == word.text) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            complain(word.column, format!("expected one of {}", names.join(", ")))
        }
    }
}

const CURVES: &str = "ce, el, aggressive, power, cosine, poly, focal, antifocal, halted, gce, prob, \
                      bce, mse, mae, multimargin";
const MODIFIERS: &str = "smooth, bonus, mirror, adjust, ldam, margin, softcap, temp, weights, drw, \
                         shots, zloss, match, schedule, jsd";
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

/// Reads the first item of a line.
fn objective(item: &mut Item) -> Parsed<Loss> {
    let mut auto_le = false;
    let ce = Base::CrossEntropy;
    let (base, bonus) = match item.name.text.as_str() {
        "ce" | "bce" => (ce, None),
        "el" => (ce, Some(log_bonus(item, &mut auto_le)?)),
        "aggressive" => {
            let start = item.number_or("start", 0.5)?;
            let clamp = item.number_or("clamp", PUBLISHED_CLAMP)?;
            (ce, Some(shaped(item, Shape::Log { le: 1.0, clamp, start })?))
        }
        "power" => {
            let (gamma, start) = (item.number_or("gamma", 1.0)?, item.number_or("start", 0.0)?);
            (ce, Some(shaped(item, Shape::Power { gamma, start })?))
        }
        "cosine" => (ce, Some(shaped(item, Shape::Cosine)?)),
        "poly" => (Base::Poly { eps: item.number_or("eps", 2.0)? }, None),
        "focal" => (Base::Focal { gamma: item.number_or("gamma", 2.0)? }, None),
        "antifocal" => (Base::AntiFocal { gamma: item.number_or("gamma", 1.0)? }, None),
        "halted" => {
            let (gamma, at) = (item.number_or("gamma", 1.0)?, item.number_or("at", 0.5)?);
            (Base::Halted { gamma, at }, None)
        }
        "gce" => (Base::Generalised { q: item.number_or("q", 0.7)? }, None),
        "prob" => (Base::Probability, None),
        name @ ("mse" | "mae") => {
            let squared = name == "mse";
            let sigmoid = link(item)?;
            let error = ProbabilityError { squared, sigmoid, mirror: None };
            return Ok(Loss::new(Objective::Error(error)));
        }
        "multimargin" => {
            let margin = item.number_or("margin", 1.0)?;
            return Ok(Loss::new(Objective::MultiMargin { margin }));
        }
        other => {
            return complain(
                item.name.column,
                format!("expected a loss, found '{other}'; the losses are {CURVES}"),
            );
        }
    };
    let curve = Curve { base, bonus };
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

/// Reads the arguments of `el` and `bonus`.
fn log_bonus(item: &mut Item, auto_le: &mut bool) -> Parsed<Bonus> {
    let le = match item.value("le")? {
        Some(word) if word.text == "auto" => {
            *auto_le = true;
            0.0
        }
        Some(word) => number(&word, "le")?,
        None => 1.0,
    };
    let clamp = item.number_or("clamp", PUBLISHED_CLAMP)?;
    let start = item.number_or("start", 0.0)?;
    match item.number("sub")? {
        None => shaped(item, Shape::Log { le, clamp, start }),
        Some(_) if *auto_le || le != 1.0 || start != 0.0 => {
            complain(item.name.column, "sub goes with neither le nor start")
        }
        Some(sub) => shaped(item, Shape::LogFraction { sub, clamp }),
    }
}

/// Adds the arguments that every bonus takes.
fn shaped(item: &mut Item, shape: Shape) -> Parsed<Bonus> {
    Ok(Bonus { shape, rho: item.number_or("rho", 1.0)?, abrupt: item.number("abrupt")? })
}

/// Applies one `+ modifier`.
fn modify(loss: &mut Loss, item: &mut Item) -> Parsed<()> {
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
            let bonus = log_bonus(item, &mut loss.auto_le)?;
            let curve = match &mut loss.objective {
                Objective::Softmax(curve) | Objective::Sigmoid(Binary { curve, .. }) => curve,
                _ => return complain(column, "bonus goes with a curve; mse and mae take mirror"),
            };
            twice(curve.bonus.is_some(), "a bonus")?;
            curve.bonus = Some(bonus);
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
            return complain(
                column,
                format!("expected a modifier, found '{other}'; the modifiers are {MODIFIERS}"),
            );
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

// ---- printing: the shortest line that parses back to the same loss ----

/// Collects `key=value` and prints `name(…)`, without brackets where there are none.
struct Printed {
    name: &'static str,
    arguments: Vec<String>,
}

impl Printed {
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

    fn bonus(self, bonus: &Bonus, auto_le: bool) -> Self {
        let printed = match bonus.shape {
            Shape::Log { clamp, start, .. } if auto_le => self
                .always("le", "auto")
                .unless(PUBLISHED_CLAMP, "clamp", clamp)
                .unless(0.0, "start", start),
            Shape::Log { le, clamp, start } => self
                .always("le", le)
                .unless(PUBLISHED_CLAMP, "clamp", clamp)
                .unless(0.0, "start", start),
            Shape::LogFraction { sub, clamp } => {
                self.always("sub", sub).unless(PUBLISHED_CLAMP, "clamp", clamp)
            }
            Shape::Power { gamma, start } => {
                self.always("gamma", gamma).unless(0.0, "start", start)
            }
            Shape::Cosine => self,
        };
        printed.unless(1.0, "rho", bonus.rho).maybe("abrupt", bonus.abrupt)
    }
}

impl Display for Printed {
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
fn print_curve(curve: &Curve, auto_le: bool) -> (Printed, Option<Printed>) {
    let base = match curve.base {
        Base::CrossEntropy | Base::Zero => Printed::new("ce"),
        Base::Poly { eps } => Printed::new("poly").always("eps", eps),
        Base::Focal { gamma } => Printed::new("focal").always("gamma", gamma),
        Base::AntiFocal { gamma } => Printed::new("antifocal").always("gamma", gamma),
        Base::Halted { gamma, at } => {
            Printed::new("halted").always("gamma", gamma).always("at", at)
        }
        Base::Generalised { q } => Printed::new("gce").always("q", q),
        Base::Probability => Printed::new("prob"),
    };
    let Some(bonus) = &curve.bonus else { return (base, None) };
    if curve.base != Base::CrossEntropy {
        return (base, Some(Printed::new("bonus").bonus(bonus, auto_le)));
    }
    let printed = match bonus.shape {
        Shape::Log { le: 1.0, clamp, start } if start > 0.0 => {
            let printed = Printed::new("aggressive").always("start", start);
            let printed = printed.unless(PUBLISHED_CLAMP, "clamp", clamp);
            printed.unless(1.0, "rho", bonus.rho).maybe("abrupt", bonus.abrupt)
        }
        Shape::Log { .. } | Shape::LogFraction { .. } => Printed::new("el").bonus(bonus, auto_le),
        Shape::Power { .. } => Printed::new("power").bonus(bonus, false),
        Shape::Cosine => Printed::new("cosine").bonus(bonus, false),
    };
    (printed, None)
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
                let printed = Printed::new(if error.squared { "mse" } else { "mae" });
                if error.sigmoid { printed.word("sigmoid") } else { printed }
            }
            Objective::MultiMargin { margin } => {
                Printed::new("multimargin").always("margin", margin)
            }
        };
        let Adjust { soft_cap, temperature, prior, ldam, margin } = self.adjust;
        let number =
            |name, value: Option<f64>| value.map(|v| Printed::new(name).word(v.to_string()));
        let smooth = (self.smoothing != 0.0 || self.bonus_smoothing.is_some()).then(|| {
            let printed = Printed::new("smooth").word(self.smoothing.to_string());
            printed.maybe("bonus", self.bonus_smoothing)
        });
        let ldam = ldam.map(|Ldam { max, scale, raw_bonus }| {
            let printed = Printed::new("ldam").always("max", max).always("scale", scale);
            if raw_bonus { printed.always("bonus", "raw") } else { printed }
        });
        let weighting = self.weighting.map(|Weighting { beta, from, bonus }| {
            let (printed, usual) = match from {
                0.0 => (Printed::new("weights").always("beta", beta), BonusWeights::Whole),
                _ => (
                    Printed::new("drw").always("beta", beta).always("from", from),
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
            Shots::MostFrequent(share) => Printed::new("shots").always("off", share),
            group => Printed::new("shots").always("off", name_of(&group, &SHOTS)),
        });
        let schedule = self.schedule.map(|Schedule { of, growth, epochs }| {
            let of = if of == Scheduled::Rho { "rho" } else { "le" };
            let printed = Printed::new("schedule").word(of);
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
                let printed = Printed::new("mirror").unless(2.0, "gamma", m.gamma);
                printed.unless(1.0, "rho", m.rho)
            }),
            smooth,
            number("softcap", soft_cap),
            number("temp", temperature),
            prior.map(|tau| Printed::new("adjust").always("tau", tau)),
            ldam,
            margin.map(|Margin { m, scale }| {
                Printed::new("margin").always("m", m).unless(1.0, "scale", scale)
            }),
            weighting,
            shots,
            number("zloss", (self.z_loss != 0.0).then_some(self.z_loss)),
            self.matching.then(|| Printed::new("match")),
            schedule,
            self.jsd.map(|alpha| Printed::new("jsd").always("alpha", alpha)),
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
        for spec in CANONICAL {
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
            assert_eq!(short.parse::<Loss>().unwrap().to_string(), long);
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
    fn the_message_points_at_the_column() {
        let error = "el(le=1.5)".parse::<Loss>().unwrap_err().to_string();
        assert_eq!(
            error,
            "loss spec, column 7: le must lie in [0, 1], not 1.5\n  el(le=1.5)\n        ^"
        );
    }
}
