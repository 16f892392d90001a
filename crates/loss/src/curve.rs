//! Every loss as one scalar function of the label's probability: the only place with loss maths.
//!
//! For a loss L(p) of the probability p that softmax gives the label, with q = 1 − p,
//!
//! ```text
//! ∂L/∂z_k = w(p) · (p_k − 1[k = y]),        w(p) = −p · L′(p)
//! ```
//!
//! so a loss is its value L and its weight w. What the label's logit feels is the *steepness*
//! |∂L/∂z_y| = w·q. A [`Curve`] is a [`Base`] and, optionally, a [`Bonus`] for what is already
//! classified well.
//!
//! Each is a family with a file of its own: its [`Card`] says how it is written, in which ranges,
//! with which formula and from which source, and its part computes value and steepness. The list in
//! `families!` below is all that the enums, the kernels, the specs, the checks, the documentation and
//! the tests know of them.
//!
#![doc = include_str!("../docs/curves.md")]
//!
//! (Equations and tables without a name are those of *Well-Classified Examples are Underestimated*,
//! AAAI 2022, and the official code is theirs.)

mod aggressive;
mod antifocal;
mod card;
mod ce;
mod cosine;
mod deft;
mod el;
mod focal;
mod fraction;
mod gce;
mod halted;
mod part;
mod poly;
mod power;
mod prob;
#[cfg(test)]
mod tests;

use crate::error::{Result, within};
use crate::odds::Odds;
use crate::real::Real;
use part::Sum;

pub use card::{Card, Form, Parameter, Range};
pub(crate) use part::{Part, Visit};

/// Makes [`Base`], [`Shape`] and [`FAMILIES`] of one list. An entry is a family's file and the variant
/// that holds its numbers, which are called as the parameters on its card.
macro_rules! families {
    (base { $($first:tt)* } bonus { $($bonus:tt)* } base { $($more:tt)* }) => {
        variants! {
            /// The part of a loss that is there without a bonus.
            ///
            /// The ranges of the numbers are on the cards ([`FAMILIES`]); [`Curve::validate`] looks.
            ///
            /// ```
            /// use steepness::{Base, Curve, Odds};
            /// let focal = Curve::from(Base::Focal { gamma: 2.0 });
            /// assert!((focal.value(&Odds::from_probability(0.9)) - 0.001054).abs() < 1e-6);
            /// ```
            Base () [
                /// Nothing: the bonus alone.
                Zero,
            ] $($first)* $($more)*
        }
        variants! {
            /// The form of a bonus.
            ///
            /// ```
            /// use steepness::{Curve, Odds, Shape};
            /// let cosine = Curve::from(Shape::Cosine);
            /// assert!((cosine.value(&Odds::from_probability(0.9)) - -1.845696).abs() < 1e-6);
            /// ```
            Shape &Bonus [] $($bonus)*
        }
        list! { Base [$($first)*] Shape [$($bonus)*] Base [$($more)*] }
    };
}

macro_rules! variants {
    (
        $(#[$attribute:meta])* $Kind:ident $Given:ty [$($without:tt)*]
        $($(#[$doc:meta])* $file:ident: $Name:ident $({ $($number:ident),* })?,)*
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $Kind {
            $($without)*
            $(
                $(#[$doc])*
                $Name $({
                    $(
                        #[doc = concat!("`", stringify!($number), "` of the spec.")]
                        $number: f64
                    ),*
                })?,
            )*
        }

        #[allow(unreachable_patterns, reason = "only a base can be none of the families")]
        impl $Kind {
            /// Its card, and its numbers by their names; `None` without a family.
            ///
            /// ```
            /// let (card, numbers) = steepness::Base::Focal { gamma: 2.0 }.described().unwrap();
            /// assert_eq!((card.name, &numbers[..]), ("focal", &[("gamma", 2.0)][..]));
            /// ```
            pub fn described(&self) -> Option<(&'static Card, Numbers)> {
                match *self {
                    $($Kind::$Name $({ $($number),* })? => {
                        Some((&$file::CARD, vec![$($((stringify!($number), $number)),*)?]))
                    })*
                    _ => None,
                }
            }

            fn squares(&self) -> bool {
                match *self {
                    $($Kind::$Name { .. } => $file::CARD.squares,)*
                    _ => false,
                }
            }

            #[inline(always)]
            fn visit<R: Real, const FMA: bool>(
                &self,
                given: $Given,
                visitor: &mut impl Visit<R>,
            ) {
                match *self {
                    $($Kind::$Name $({ $($number),* })? => {
                        visitor.visit::<FMA>(part!($Kind, $file, given, $($($number),*)?));
                    })*
                    _ => {}
                }
            }
        }
    };
}

/// What a family's file makes of its numbers.
macro_rules! part {
    (Base, $file:ident, $given:ident, $($number:ident),*) => {{
        let () = $given;
        $file::part::<R>($($number),*)
    }};
    (Shape, $file:ident, $given:ident, $($number:ident),*) => {
        $file::part::<R>($($number,)* $given)
    };
}

macro_rules! list {
    ($(
        $Kind:ident [$($(#[$doc:meta])* $file:ident: $Name:ident $({ $($number:ident),* })?,)*]
    )*) => {
        /// Every family of curves, in the order in which they are spoken of.
        ///
        /// ```
        /// let focal = steepness::FAMILIES.iter().find(|family| family.card.name == "focal").unwrap();
        /// assert_eq!(focal.card.parameters[0].default, 2.0);
        /// assert_eq!(focal.card.forms[0].value, "−q^g·ln p");
        /// ```
        #[allow(unused_variables, reason = "some take no number")]
        pub const FAMILIES: &[Family] = &[$($(Family {
            card: &$file::CARD,
            curve: |number| {
                Curve::from($Kind::$Name $({ $($number: number(stringify!($number))),* })?)
            },
        },)*)*];
    };
}

families! {
    base {
        /// Cross entropy, −ln p.
        ce: CrossEntropy,
    }
    bonus {
        /// ln(1 − p), the normal bonus (eq. 6); for p > `le` its tangent at `le`, the conservative
        /// bonus (eq. 7). The logarithm's argument is at least `clamp`: below it the bonus is
        /// constant. There is none below `start` (the aggressive bonus, Table 3), where it begins at
        /// 0: ln(1 − `start`) is taken off the logarithm and off its tangent. The official code takes
        /// it off the logarithm alone, so that with `le` < 1 its value falls by −ln(1 − `start`) at
        /// `le`; the gradient is the same.
        el: Log { le, clamp, start },
        /// ln(1 − `sub`·p): the bonus of a fraction of the data term; `clamp` as in [`Shape::Log`].
        fraction: LogFraction { sub, clamp },
        /// −p^`gamma`; `start` as in [`Shape::Log`].
        power: Power { gamma, start },
        /// cos(πp) − 1.
        cosine: Cosine,
    }
    base {
        /// Poly-1, −ln p + `eps`·q (Leng et al. 2022, eq. 6).
        poly: Poly { eps },
        /// Focal loss, −q^`gamma`·ln p (Lin et al. 2017, eq. 4).
        focal: Focal { gamma },
        /// −(1+p)^`gamma`·ln p: up-weights what is classified well.
        antifocal: AntiFocal { gamma },
        /// Halted focal loss: focal up to `at`, then cross entropy, shifted to be continuous.
        halted: Halted { gamma, at },
        /// Generalised cross entropy, (1 − p^`q`)/`q` (Zhang and Sabuncu 2018, eq. 6).
        gce: Generalised { q },
        /// −p: the gradient of accuracy's expectation.
        prob: Probability,
        /// DEFT, (1 − p^α)/α with α = Σ_k p_k² of the row, held fixed (arXiv 2602.11424).
        deft: Deft,
    }
}

/// Numbers of a curve by the names of its parameters.
pub type Numbers = Vec<(&'static str, f64)>;

/// Makes a curve of its numbers, each asked for by its name.
pub(crate) type OfNumbers = fn(&dyn Fn(&str) -> f64) -> Curve;

/// An entry of [`FAMILIES`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Family {
    /// What it says of itself.
    pub card: &'static Card,
    /// Makes the curve of numbers that are asked for by name.
    pub(crate) curve: OfNumbers,
}

/// A loss as a function of the label's probability: a base and, optionally, a bonus.
///
/// ```
/// use steepness::{Curve, Odds};
/// let el = Curve::encouraging(0.75);
/// let odds = Odds::from_probability(0.9);
/// assert!((el.value(&odds) - -1.880934).abs() < 1e-6);
/// assert!((el.steepness(&odds) - 0.46).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// What is paid for a low probability.
    pub base: Base,
    /// What is paid out for a high one.
    pub bonus: Option<Bonus>,
}

/// Extra reward for what is already classified well; b(p) is added to the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bonus {
    /// Its form.
    pub shape: Shape,
    /// Multiplies it; 1 as published.
    pub rho: f64,
    /// No bonus above this probability (the official ablation keeps it for p ≤ `abrupt`).
    pub abrupt: Option<f64>,
}

/// The bonus' clamp in the official code.
pub const PUBLISHED_CLAMP: f64 = 1e-5;

impl Bonus {
    /// The conservative bonus with the published clamp; `le = 1` is the normal bonus.
    pub const fn log(le: f64) -> Self {
        let shape = Shape::Log { le, clamp: PUBLISHED_CLAMP, start: 0.0 };
        Self { shape, rho: 1.0, abrupt: None }
    }
}

impl From<Base> for Curve {
    /// Without a bonus.
    fn from(base: Base) -> Self {
        Self { base, bonus: None }
    }
}

impl From<Shape> for Curve {
    /// A bonus on cross entropy.
    fn from(shape: Shape) -> Self {
        let bonus = Bonus { shape, rho: 1.0, abrupt: None };
        Self { base: Base::CrossEntropy, bonus: Some(bonus) }
    }
}

impl Curve {
    /// Cross entropy.
    pub const CROSS_ENTROPY: Self = Self { base: Base::CrossEntropy, bonus: None };

    /// The encouraging loss with the conservative bonus that ends at `le` (1: the normal bonus).
    pub const fn encouraging(le: f64) -> Self {
        Self { base: Base::CrossEntropy, bonus: Some(Bonus::log(le)) }
    }

    /// L(p), in nats.
    ///
    /// Of a curve that looks at the whole row ([`Curve::needs_squares`]) it is the value in a row of
    /// two classes, the label and one other; so are its weight and its steepness.
    pub fn value(&self, odds: &Odds) -> f64 {
        self.point(odds).0
    }

    /// w(p) = −p·L′(p), the factor of (p_k − 1\[k = y\]) in the gradient.
    ///
    /// Infinite where p is 1 to the last bit and the bonus is exact; [`Curve::steepness`] is not.
    pub fn weight(&self, odds: &Odds) -> f64 {
        self.point(odds).1 / odds.q
    }

    /// w(p)·q = |∂L/∂z_y|, what the label's logit feels.
    pub fn steepness(&self, odds: &Odds) -> f64 {
        self.point(odds).1
    }

    /// Whether it looks at the row beyond the label: at Σ_k p_k², held fixed in the gradient.
    pub fn needs_squares(&self) -> bool {
        self.base.squares() || self.bonus.is_some_and(|bonus| bonus.shape.squares())
    }

    /// L and w·q in a row with Σ_k p_k² = `squares`, which most curves do not look at.
    ///
    /// ```
    /// use steepness::{Curve, Odds};
    /// let (value, steepness) = Curve::CROSS_ENTROPY.in_row(&Odds::from_probability(0.5), 0.3);
    /// assert!((value - 2f64.ln()).abs() < 1e-15 && steepness == 0.5);
    /// ```
    pub fn in_row(&self, odds: &Odds, squares: f64) -> (f64, f64) {
        struct Point<'a>(&'a Odds, f64, (f64, f64));
        impl Visit<f64> for Point<'_> {
            fn visit<const FMA: bool>(&mut self, part: impl Part<f64>) {
                let (value, steepness) = part.in_row::<FMA>(self.0, self.1);
                self.2.0 += value;
                self.2.1 += steepness;
            }
        }
        let mut point = Point(odds, squares, (0.0, 0.0));
        self.visit::<f64, false>(&mut point);
        point.2
    }

    /// Checks that every parameter lies in its range.
    ///
    /// # Errors
    /// Names the first that does not, and the range.
    pub fn validate(&self) -> Result<()> {
        if let Some((card, numbers)) = self.base.described() {
            card.validate(&numbers)?;
        }
        let Some(bonus) = self.bonus else { return Ok(()) };
        within("rho", bonus.rho, 0.0, f64::MAX)?;
        within("abrupt", bonus.abrupt.unwrap_or(0.0), 0.0, 1.0)?;
        bonus.shape.described().map_or(Ok(()), |(card, numbers)| card.validate(&numbers))
    }

    fn point(&self, odds: &Odds) -> (f64, f64) {
        self.in_row(odds, odds.p * odds.p + odds.q * odds.q)
    }

    /// Hands over the base, then the bonus, each as a function from odds to (value, steepness), to
    /// be added up: the loops that the functions are inlined into are the visitor's.
    #[inline(always)]
    pub(crate) fn visit<R: Real, const FMA: bool>(&self, visitor: &mut impl Visit<R>) {
        match (self.base, &self.bonus) {
            // The encouraging loss itself is worth a loop of its own.
            (Base::CrossEntropy, Some(bonus)) => {
                bonus.shape.visit::<R, FMA>(bonus, &mut OnCrossEntropy(visitor));
            }
            (base, bonus) => {
                base.visit::<R, FMA>((), visitor);
                if let Some(bonus) = bonus {
                    bonus.shape.visit::<R, FMA>(bonus, visitor);
                }
            }
        }
    }
}

/// Adds cross entropy to the part that it hands on.
struct OnCrossEntropy<'a, V>(&'a mut V);

impl<R: Real, V: Visit<R>> Visit<R> for OnCrossEntropy<'_, V> {
    #[inline(always)]
    fn visit<const FMA: bool>(&mut self, part: impl Part<R>) {
        self.0.visit::<FMA>(Sum(ce::CrossEntropy, part));
    }
}
