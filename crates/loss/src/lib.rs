//! Every classification loss as one scalar steepness function: fused, exact, fast.
//!
//! Training with cross entropy pays ever less attention to the examples it already gets right. The
//! *encouraging loss* (EL) of *Well-Classified Examples are Underestimated in Classification with
//! Deep Neural Networks* (AAAI 2022) adds a bonus, log(1 − p), that makes the loss steep again where
//! the probability p of the label is high. This crate has it, its relatives and every option that
//! people expect of a loss, in one fused kernel that gives the loss, the gradient and by-products of
//! each row in one pass over the logits, and never computes 1 − p.
//!
//! ```
//! use steepness::{Loss, Targets};
//!
//! let loss: Loss = "el(le=0.75)".parse()?;         // one line says everything
//! let mut criterion = loss.criterion(3)?;          // 3 classes
//! let logits = [2.0f32, -1.0, 0.5, 0.1, 0.2, 0.3]; // 2 rows
//! let mut gradient = [0.0f32; 6];
//! let outcome = criterion.forward_backward(&logits, Targets::Hard(&[0, 2]), &mut gradient)?;
//! assert_eq!(outcome.rows[0].correct, true);
//! println!("{} and {gradient:?}", outcome.loss);
//! # Ok::<(), steepness::Error>(())
//! ```
//!
//! # The idea
//!
//! For a loss L(p), ∂L/∂z_k = w(p)·(p_k − 1\[k = y\]) with w(p) = −p·L′(p): every loss only rescales
//! cross entropy's gradient, row by row. So a loss is a [`Curve`], its value and its weight, and what
//! the label's logit feels is the *steepness* |∂L/∂z_y| = w·q:
//!
#![doc = concat!("<div>\n", include_str!("../docs/steepness.svg"), "</div>")]
//!
//! # Curves
//!
#![doc = include_str!("../docs/curves.md")]
//!
//! Equations and tables without a name are the paper's, and the official code is its authors'.
//! [`FAMILIES`] has the same at run time, with the ranges of the numbers. Besides there are
//!
//! | in a spec | what it is |
//! |---|---|
//! | `el(le=auto)` | `le` follows the running mean of p: steeper as the model gets better |
//! | `bce`, any curve with `sigmoid` | one binary problem a class |
//! | `mse`, `mae`, + `mirror` | squared and absolute error, in which all classes enter (Table 5) |
//! | `multimargin(margin=m)` | multi-class hinge on logits |
//!
//! A bonus also takes `clamp=` (1e-5 as published, 0 for the exact one), `rho=`, `abrupt=`, `sub=` and
//! `start=`. Modifiers follow with `+`: `smooth(0.1)`, `match`, `adjust(tau=1)`,
//! `ldam(max=0.5, scale=30)`, `margin(m=0.35, scale=30)`, `softcap(30)`, `temp(2)`,
//! `weights(beta=0.9999)`, `drw(beta=0.9999, from=0.9)`, `shots(off=few)`, `zloss(1e-4)`,
//! `schedule(rho, linear)`, `jsd(alpha=12)`, `bonus(le=0.5)`; and `from epoch 26` defers. A combination
//! that makes no sense is an error that says why.
//!
//! With `le` and `start` together the bonus is 0 at `start` and continuous at `le`, tangent included.
//! The official code leaves the tangent where it was, so that its loss falls by −ln(1 − `start`) at
//! `le`; the gradient is the same.
//!
//! # Class weights
//!
//! Given apart ([`Criterion::with_class_weights`]) or made from class counts (`weights`, `drw`), w_y
//! multiplies all that a label's row pays; of soft targets it is Σ_k t_k·w_k·ℓ(p_k) for a softmax
//! loss, as in PyTorch, and (Σ_k t_k·w_k)·L for a loss that is a mean over classes, as in the code of
//! Cui et al. 2019. The mean divides by the sum of those weights, so that a constant loss averages to
//! itself; [`Reduction::Mean`] says where that is not so, and where PyTorch differs.
//!
//! # With a framework
//!
//! * feature `tch`: `criterion.forward_tch(&logits, &targets)?.backward()`;
//! * feature `burn`: `criterion.forward_burn(logits, targets)?.backward()`;
//! * feature `candle`: `criterion.forward_candle(&logits, &targets)?.backward()?`;
//! * feature `linear`: the last linear layer and the loss in one, without the logits in memory:
//!   `criterion.linear_forward_backward(layer, targets, gradients)`, and with `tch`
//!   `criterion.linear_forward_tch(&features, &weight, None, &targets)?.0.backward()`;
//! * slices of f32, f64, [`half::bf16`] or [`half::f16`] for everything else:
//!   [`Criterion::forward_backward`].
//!
//! # Guarantees
//!
//! The gradient of the exact encouraging loss is −1 on the label at any confidence, in any width.
//! Results do not depend on the number of threads. An out-of-range target, a NaN or a logit of +∞ is
//! an error that names its row; when every row is ignored the loss is 0 and so is the gradient.
//!
//! A logit of −∞ is a mask for a softmax loss: that class has probability 0, pays nothing and gets no
//! gradient. On the label it is accepted too: the loss of such a row is +∞ where the curve is
//! (whatever has −ln p), and so is the mean of its batch, while its gradient is the finite limit, −w
//! on the label. A row of nothing but −∞ is an error, and so is any −∞ for the losses that are a mean
//! over classes.
//!
//! Between processors results differ by rounding, since kernels are chosen by what the processor has
//! (FMA, AVX-512): in f64 in the last digits, in f32 around 1e-7. A training enlarges that from step
//! to step, `el(le=1)` most of all: at `clamp` its gradient jumps, so that a logit a hair to either
//! side is pulled fully or not at all.

mod adapt;
mod criterion;
mod curve;
mod element;
mod error;
#[cfg(feature = "linear")]
mod linear;
mod loss;
mod lsoftmax;
mod matrix;
mod odds;
mod plan;
mod real;
mod rows;
mod scratch;
mod spec;
mod threads;
mod weights;

#[cfg(feature = "burn")]
pub use adapt::burn::BurnTargets;
pub use criterion::{Batch, Criterion, CriterionState, Outcome, Reduction, Term};
pub use curve::{
    Base, Bonus, Card, Curve, FAMILIES, Family, Form, PUBLISHED_CLAMP, Parameter, Range, Shape,
};
pub use element::{Element, Stored};
pub use error::{Error, FrameworkError, Result};
#[cfg(feature = "linear")]
pub use linear::{Linear, LinearGradients};
pub use loss::{
    Adjust, Binary, Growth, Halt, Ldam, Loss, Margin, Mirror, Objective, ProbabilityError,
    Schedule, Scheduled,
};
pub use lsoftmax::{LSoftmax, LSoftmaxLogits, LSoftmaxState};
pub use odds::Odds;
pub use rows::{Adjusted, Row, Targets};
pub use spec::nearest;
pub use weights::{BonusWeights, Shots, Weighting, effective_number_weights, ldam_margins};
