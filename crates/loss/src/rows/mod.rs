//! The row kernels: loss, gradient and by-products of every row in one pass over the logits.
//!
//! Rows are cut into tiles that fit the first-level cache with their exponentials; a tile is the
//! unit of work for threads, and compiled once for each instruction set ([`isa`]). No sum crosses a
//! row, and a row is always summed in the same order, so nothing depends on the number of threads.

mod elementwise;
mod isa;
mod lanes;
mod softmax;
mod stream;

use crate::element::{Element, Widened};
use crate::error::{Error, Result};
use crate::loss::Objective;
use crate::odds::Odds;
use crate::real::Real;
use crate::scratch::Scratch;
use isa::{Isa, Kernel};
use lanes::{LANES, first_largest, position};
use stream::Prefetch;

pub use crate::plan::{Adjusted, Row, Targets};
pub(crate) use crate::plan::{Buffers, Kernels, Plan};

impl Row {
    fn set_odds(&mut self, odds: &Odds, log_sum_exp: f64) {
        self.p = odds.p;
        self.log_odds = odds.log_odds;
        self.log_sum_exp = log_sum_exp;
    }
}

impl<E: Element> Targets<'_, E> {
    /// The class weight of a row that is not ignored: the label's, or Σ_k t_k·w_k of soft targets as
    /// they are given, before any smoothing (Cui et al. 2019: the weight of an example).
    #[inline(always)]
    pub(crate) fn class_weight(&self, row: usize, weights: &[f64]) -> f64 {
        match self {
            Targets::Hard(targets) => weights[targets[row] as usize],
            Targets::Soft(targets) => {
                let targets = &targets[row * weights.len()..(row + 1) * weights.len()];
                targets.iter().zip(weights).map(|(t, w)| t.wide() * w).sum()
            }
        }
    }
}

impl Adjusted {
    /// Loads adjusted logits (all but the label's margin) of the classes from `first` on.
    #[inline(always)]
    fn load<E: Element>(&self, first: usize, logits: &[E], into: &mut [E::Real]) {
        for (to, from) in into.iter_mut().zip(logits) {
            *to = from.load();
        }
        if let Some(cap) = self.soft_cap {
            let (cap, inverse) = (E::Real::of(cap), E::Real::of(1.0 / cap));
            let infinity = -E::Real::NEG_INFINITY;
            for z in &mut into[..logits.len()] {
                // A mask stays a mask, and +∞ an error.
                *z = if z.abs() == infinity { *z } else { cap * (*z * inverse).tanh() };
            }
        }
        if self.before != 1.0 || self.after != 1.0 {
            let scale = E::Real::of(self.before * self.after);
            into[..logits.len()].iter_mut().for_each(|z| *z = *z * scale);
        }
        if let Some(offsets) = &self.offsets {
            for (z, offset) in into.iter_mut().zip(&offsets[first..]) {
                *z += E::Real::of(*offset * self.after);
            }
        }
    }

    /// Turns a gradient with respect to adjusted logits into one with respect to the logits.
    #[inline(always)]
    fn pull_back<E: Element>(&self, logits: &[E], gradient: &mut [E::Real]) {
        if self.before != 1.0 || self.after != 1.0 {
            let scale = E::Real::of(self.before * self.after);
            gradient.iter_mut().for_each(|g| *g = *g * scale);
        }
        if let Some(cap) = self.soft_cap {
            let twice = E::Real::of(-2.0 / cap);
            for (g, z) in gradient.iter_mut().zip(logits) {
                // 1 − tanh² would cancel where the cap bites.
                let e = (twice * z.load().abs()).exp::<false>();
                let root = E::Real::ONE + e;
                *g = *g * (E::Real::of(4.0) * e / (root * root));
            }
        }
    }

    /// The class with the largest adjusted logit, the label's being given.
    fn first_largest<E: Element>(&self, logits: &[E], label: usize, label_logit: f64) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (class, logit) in logits.iter().enumerate() {
            let mut one = [E::Real::ZERO];
            self.load(class, &[*logit], &mut one);
            let z = if class == label { label_logit } else { one[0].to_f64() };
            if z > best.1 {
                best = (class, z);
            }
        }
        best.0
    }

    /// Whether it changes nothing.
    #[cfg(feature = "tch")]
    pub fn is_none(&self) -> bool {
        !self.moves_logits() && self.margins.is_none()
    }

    /// Whether it changes more than the label's logit, which is computed with in f64 anyway.
    pub fn moves_logits(&self) -> bool {
        self.soft_cap.is_some() || self.offsets.is_some() || self.before != 1.0 || self.after != 1.0
    }

    /// What the label's adjusted logit loses.
    #[inline(always)]
    pub fn margin(&self, label: usize) -> f64 {
        self.margins.as_ref().map_or(0.0, |margins| margins[label] * self.after)
    }
}

impl<'a> Buffers<'a, f32> {
    fn widened(self) -> Buffers<'a, Widened> {
        match self {
            Buffers::Forward(logits) => Buffers::Forward(Widened::all(logits)),
            Buffers::Both(logits, gradient) => {
                Buffers::Both(Widened::all(logits), Widened::all_mut(gradient))
            }
            Buffers::InPlace(both) => Buffers::InPlace(Widened::all_mut(both)),
        }
    }
}

impl<'a> Plan<'a, f32> {
    fn widened(&self) -> Plan<'a, Widened> {
        let targets = match self.targets {
            Targets::Hard(targets) => Targets::Hard(targets),
            Targets::Soft(targets) => Targets::Soft(Widened::all(targets)),
        };
        Plan {
            targets,
            objective: self.objective,
            classes: self.classes,
            ignore_index: self.ignore_index,
            smoothing: self.smoothing,
            class_weights: self.class_weights,
            sample_weights: self.sample_weights,
            gradient_scale: self.gradient_scale,
            adjusted: self.adjusted,
            z_loss: self.z_loss,
            norms: self.norms,
            predictions: self.predictions,
        }
    }
}

impl<'a, E: Element> Buffers<'a, E> {
    pub fn logits(&self) -> &[E] {
        match self {
            Buffers::Forward(logits) | Buffers::Both(logits, _) => logits,
            Buffers::InPlace(both) => both,
        }
    }

    /// The same buffers for a while.
    pub fn reborrow(&mut self) -> Buffers<'_, E> {
        match self {
            Buffers::Forward(logits) => Buffers::Forward(logits),
            Buffers::Both(logits, gradient) => Buffers::Both(logits, gradient),
            Buffers::InPlace(both) => Buffers::InPlace(both),
        }
    }

    pub fn gradient(&mut self) -> Option<&mut [E]> {
        match self {
            Buffers::Forward(_) => None,
            Buffers::Both(_, gradient) => Some(gradient),
            Buffers::InPlace(both) => Some(both),
        }
    }

    /// Cuts off the first `size` elements.
    fn split(self, size: usize) -> (Self, Self) {
        match self {
            Buffers::Forward(logits) => {
                let (head, tail) = logits.split_at(size);
                (Buffers::Forward(head), Buffers::Forward(tail))
            }
            Buffers::Both(logits, gradient) => {
                let (logits, more_logits) = logits.split_at(size);
                let (gradient, more_gradient) = gradient.split_at_mut(size);
                (Buffers::Both(logits, gradient), Buffers::Both(more_logits, more_gradient))
            }
            Buffers::InPlace(both) => {
                let (head, tail) = both.split_at_mut(size);
                (Buffers::InPlace(head), Buffers::InPlace(tail))
            }
        }
    }
}

/// Consecutive rows.
pub(crate) struct Tile<'a, E> {
    first_row: usize,
    buffers: Buffers<'a, E>,
    rows: &'a mut [Row],
    /// Whether the gradient is stored around the caches.
    streamed: bool,
}

impl<E: Element> Tile<'_, E> {
    /// What will be read and written one tile after the element `at`.
    #[inline(always)]
    fn ahead(&self, plan: &Plan<'_, E>, at: usize) -> Prefetch {
        let logits = self.buffers.logits();
        let later = at + logits.len().min(TILE);
        let targets = match plan.targets {
            Targets::Soft(all) => all[self.first_row * plan.classes..].as_ptr().wrapping_add(later),
            Targets::Hard(_) => std::ptr::null(),
        };
        let gradient = match &self.buffers {
            Buffers::Both(_, gradient) if !self.streamed => gradient.as_ptr().wrapping_add(later),
            _ => std::ptr::null(),
        };
        Prefetch::new(logits.as_ptr().wrapping_add(later), targets, gradient)
    }

    /// Records a row that counts for nothing: no loss, no gradient.
    fn ignore(&mut self, row: usize, classes: usize) {
        self.rows[row] = Row { ignored: true, ..Row::default() };
        if let Some(gradient) = self.buffers.gradient() {
            gradient[row * classes..(row + 1) * classes].fill(E::default());
        }
    }
}

/// Elements of a tile: with its exponentials it stays in the first-level cache.
const TILE: usize = 4096;
/// Most rows of a tile.
const ROWS: usize = 64;
/// Below this many elements, waking another thread costs more than it saves.
#[cfg(feature = "rayon")]
const PARALLEL: usize = 1 << 15;

/// Computes every row; `rows` receives one record each.
pub(crate) fn run<E: Element>(
    plan: &Plan<'_, E>,
    buffers: Buffers<'_, E>,
    rows: &mut [Row],
) -> Result<()> {
    E::run(plan, buffers, rows)
}

macro_rules! kernels {
    ($($element:ty),*) => {
        $(impl Kernels for $element {
            fn run(
                plan: &Plan<'_, Self>,
                buffers: Buffers<'_, Self>,
                rows: &mut [Row],
            ) -> Result<()> {
                choose_kernel(plan, buffers, rows)
            }
        })*
    };
}
kernels!(f64, half::bf16, half::f16, Widened);

impl Kernels for f32 {
    fn run(plan: &Plan<'_, f32>, buffers: Buffers<'_, f32>, rows: &mut [Row]) -> Result<()> {
        match plan.adjusted.moves_logits() {
            true => choose_kernel(&plan.widened(), buffers.widened(), rows),
            false => choose_kernel(plan, buffers, rows),
        }
    }
}

fn choose_kernel<E: Element>(
    plan: &Plan<'_, E>,
    buffers: Buffers<'_, E>,
    rows: &mut [Row],
) -> Result<()> {
    let hard = matches!(plan.targets, Targets::Hard(_)) && plan.smoothing == 0.0;
    match plan.objective {
        Objective::Softmax(curve) if hard => run_kernel(&softmax::Hard(curve), plan, buffers, rows),
        Objective::Softmax(curve) => run_kernel(&softmax::Soft(curve), plan, buffers, rows),
        _ => run_kernel(&elementwise::Elementwise, plan, buffers, rows),
    }
}

fn run_kernel<'a, K: Kernel, E: Element>(
    kernel: &K,
    plan: &Plan<'a, E>,
    buffers: Buffers<'a, E>,
    rows: &mut [Row],
) -> Result<()> {
    let tile_rows = (TILE / plan.classes).clamp(1, ROWS);
    #[cfg(feature = "rayon")]
    let parallel = rows.len() * plan.classes >= PARALLEL && rows.len() > 1;
    let streamed = matches!(&buffers, Buffers::Both(_, gradient) if stream::pays(gradient));
    let rest = Some((buffers, rows));
    let tiles = Tiles { rest, first_row: 0, tile_rows, classes: plan.classes, streamed };
    let isa = Isa::detect();
    let one = |tile: Tile<'_, E>| {
        let done = E::Real::with_scratch(|scratch| isa.run(kernel, plan, tile, scratch));
        if streamed {
            stream::fence();
        }
        done
    };
    #[cfg(feature = "rayon")]
    if parallel {
        use rayon::prelude::*;
        let tiles: Vec<_> = tiles.collect();
        let errors = tiles.into_par_iter().map(|tile| one(tile).err()).flatten();
        return errors.min_by_key(place).map_or(Ok(()), Err);
    }
    { tiles }.try_for_each(one)
}

/// The row an error speaks of: the first one is reported, whichever thread found it.
#[cfg(feature = "rayon")]
fn place(error: &Error) -> usize {
    match error {
        Error::Logit { row, .. } | Error::Target { row, .. } | Error::SoftTarget { row, .. } => {
            *row
        }
        _ => 0,
    }
}

struct Tiles<'a, E> {
    rest: Option<(Buffers<'a, E>, &'a mut [Row])>,
    first_row: usize,
    tile_rows: usize,
    classes: usize,
    streamed: bool,
}

impl<'a, E: Element> Iterator for Tiles<'a, E> {
    type Item = Tile<'a, E>;

    fn next(&mut self) -> Option<Tile<'a, E>> {
        let (buffers, rows) = self.rest.take().filter(|(_, rows)| !rows.is_empty())?;
        let count = self.tile_rows.min(rows.len());
        let (buffers, more_buffers) = buffers.split(count * self.classes);
        let (rows, more_rows) = rows.split_at_mut(count);
        let first_row = self.first_row;
        self.first_row += count;
        self.rest = Some((more_buffers, more_rows));
        Some(Tile { first_row, buffers, rows, streamed: self.streamed })
    }
}

impl<E: Element> Plan<'_, E> {
    /// What the logits alone tell of a row: margin, energy, prediction.
    #[inline(always)]
    fn describe(&self, logits: &[E], label: usize, label_logit: f64, largest_other: f64) -> Row {
        let margin = label_logit - largest_other;
        let mut row = Row { margin, energy: -label_logit, correct: margin > 0.0, ..Row::default() };
        if self.predictions || label_logit == largest_other {
            let predicted = self.adjusted.first_largest(logits, label, label_logit);
            row.predicted = self.predictions.then_some(predicted as u32);
            row.correct = predicted == label;
        }
        row
    }

    /// Writes a gradient with respect to adjusted logits to its place from the element `first` of
    /// the tile on.
    #[inline(always)]
    fn write(&self, tile: &mut Tile<'_, E>, first: usize, gradient: &mut [E::Real]) {
        let span = first..first + gradient.len();
        self.adjusted.pull_back(&tile.buffers.logits()[span.clone()], gradient);
        match &mut tile.buffers {
            Buffers::Forward(_) => {}
            Buffers::InPlace(both) => stream::convert(gradient, &mut both[span]),
            Buffers::Both(_, into) if tile.streamed => stream::store(gradient, &mut into[span]),
            Buffers::Both(_, into) => stream::convert(gradient, &mut into[span]),
        }
    }

    /// The weight of a row.
    #[inline(always)]
    fn sample_weight(&self, row: usize) -> f64 {
        self.sample_weights.map_or(1.0, |weights| weights[row])
    }

    #[inline(always)]
    fn class_weight(&self, class: usize) -> f64 {
        self.class_weights.map_or(1.0, |weights| weights[class])
    }

    /// What multiplies a whole row: its sample weight, times the class weights of its targets where
    /// there are such.
    #[inline(always)]
    fn row_weight(&self, row: usize) -> f64 {
        let of_classes = match self.class_weights {
            Some(weights) => self.targets.class_weight(row, weights),
            None => 1.0,
        };
        self.sample_weight(row) * of_classes
    }

    /// The label of a row, none where it is ignored; of soft targets the class with the largest.
    #[inline(always)]
    fn label(&self, row: usize) -> Option<usize> {
        match self.targets {
            Targets::Hard(targets) if targets[row] == self.ignore_index => None,
            Targets::Hard(targets) => Some(targets[row] as usize),
            Targets::Soft(targets) => {
                let targets = &targets[row * self.classes..(row + 1) * self.classes];
                Some(first_largest(targets))
            }
        }
    }

    /// Refuses soft targets that are negative or not finite.
    #[inline(always)]
    fn validate_targets(&self, tile: &Tile<'_, E>) -> Result<()> {
        let Targets::Soft(all) = self.targets else { return Ok(()) };
        for row in tile.first_row..tile.first_row + tile.rows.len() {
            let targets = &all[row * self.classes..(row + 1) * self.classes];
            if !targets.iter().fold(true, |all, t| all & is_target(t)) {
                return Err(bad_target(row, targets));
            }
        }
        Ok(())
    }

    /// Fills `into` with the smoothed targets of a row's classes.
    #[inline(always)]
    fn targets(&self, row: usize, into: &mut [E::Real]) {
        match self.targets {
            Targets::Hard(targets) => {
                into.fill(E::Real::of(self.smoothing / self.classes as f64));
                into[targets[row] as usize] += E::Real::of(1.0 - self.smoothing);
            }
            Targets::Soft(targets) => {
                let targets = &targets[row * self.classes..];
                into.iter_mut().zip(targets).for_each(|(to, from)| *to = from.load());
                self.smooth(into);
            }
        }
    }

    #[inline(always)]
    fn smooth(&self, targets: &mut [E::Real]) {
        if self.smoothing != 0.0 {
            let keep = E::Real::of(1.0 - self.smoothing);
            let share = E::Real::of(self.smoothing / self.classes as f64);
            targets.iter_mut().for_each(|t| *t = *t * keep + share);
        }
    }

    /// The same, each times its class's weight and with 0 for the padding, and the row's label. Soft
    /// targets are checked on the way.
    #[inline(always)]
    fn weighted_targets(&self, row: usize, padded: &mut [E::Real]) -> Result<Option<usize>> {
        let (into, padding) = padded.split_at_mut(self.classes);
        let label = match self.targets {
            Targets::Hard(_) => {
                let Some(label) = self.label(row) else { return Ok(None) };
                self.targets(row, into);
                label
            }
            Targets::Soft(targets) => {
                let targets = &targets[row * self.classes..(row + 1) * self.classes];
                let Some(label) = load_targets(targets, into) else {
                    return Err(bad_target(row, targets));
                };
                self.smooth(into);
                label
            }
        };
        if let Some(weights) = self.class_weights {
            for (target, weight) in into.iter_mut().zip(weights) {
                *target = *target * E::Real::of(*weight);
            }
        }
        padding.fill(E::Real::ZERO);
        Ok(Some(label))
    }
}

/// Loads soft targets and finds the first largest; none where one is negative or not finite.
#[inline(always)]
fn load_targets<E: Element>(targets: &[E], into: &mut [E::Real]) -> Option<usize> {
    into.iter_mut().zip(targets).for_each(|(to, from)| *to = from.load());
    // NaN is not above 0 either; a flag kept as a number is a vector like the rest.
    let mut wrong = [E::Real::ZERO; LANES];
    let mut largest = [E::Real::ZERO; LANES];
    let (chunks, rest) = into.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            let t = chunk[lane];
            wrong[lane] = if t >= E::Real::ZERO { wrong[lane] } else { E::Real::ONE };
            largest[lane] = t.larger(largest[lane]);
        }
    }
    let rest_good = rest.iter().all(|t| *t >= E::Real::ZERO);
    let largest = rest.iter().fold(lanes::largest(&largest), |max, t| t.larger(max));
    if !rest_good || lanes::largest(&wrong) > E::Real::ZERO || largest == E::Real::INFINITY {
        return None;
    }
    Some(position(into, largest).unwrap_or(0))
}

/// Whether a soft target is neither negative nor infinite nor NaN.
#[inline(always)]
fn is_target<E: Element>(target: &E) -> bool {
    let t = target.load();
    t >= E::Real::ZERO && t < E::Real::INFINITY
}

/// Finds the soft target that is none.
fn bad_target<E: Element>(row: usize, targets: &[E]) -> Error {
    let class = targets.iter().position(|t| !is_target(t)).unwrap_or(0);
    Error::SoftTarget { value: targets[class].wide(), row, class }
}

/// Finds the logit that made a row's sum not a number.
pub(crate) fn bad_logit<E: Element>(row: usize, logits: &[E]) -> Error {
    let bad = |z: &f64| z.is_nan() || *z == f64::INFINITY;
    let found = logits.iter().map(|z| z.wide()).enumerate().find(|(_, z)| bad(z));
    // No such logit: all of them are −∞.
    let (column, value) = found.unwrap_or((0, f64::NEG_INFINITY));
    Error::Logit { value, row, column }
}
