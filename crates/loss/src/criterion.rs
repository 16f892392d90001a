//! [`Criterion`]: a loss made ready for given classes, with its state; it computes.

mod batch;
mod jsd;
#[cfg(feature = "burn")]
mod one_to_rest;
mod terms;

use crate::curve::Curve;
use crate::element::Element;
use crate::error::{Error, Result, refuse};
use crate::loss::{Loss, Objective};
use crate::real::Real;
use crate::rows::{self, Buffers, Plan, Row, Targets};
use batch::transpose;
use jsd::Divergence;

pub use batch::{Batch, Outcome, Reduction};
pub use terms::Term;

/// Running quantities of a loss, to be saved with a checkpoint and restored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CriterionState {
    /// Epoch, from 1; 0 before the first.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Running mean of the label's probability, for `le=auto`.
    pub mean_p: Option<f64>,
    /// Running means of cross entropy's and the loss's gradient norm, for `match`.
    pub norms: Option<(f64, f64)>,
}

/// How much of a running mean stays at each batch.
const MOMENTUM: f64 = 0.99;

/// A loss made ready for given classes.
///
/// ```
/// use steepness::{Loss, Targets};
/// let loss: Loss = "el(le=0.75)".parse()?;
/// let mut criterion = loss.criterion(4)?;
/// let (logits, targets) = ([2.0, -1.0, 0.5, 1.5_f32], [0]);
/// let mut gradient = [0.0; 4];
/// let outcome = criterion.forward_backward(&logits, Targets::Hard(&targets), &mut gradient)?;
/// assert!((outcome.loss - -0.12846097).abs() < 1e-7);
/// assert_eq!(gradient[0], -1.0);
/// # Ok::<(), steepness::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Criterion {
    loss: Loss,
    classes: usize,
    counts: Option<Vec<u64>>,
    class_weights: Option<Vec<f64>>,
    reduction: Reduction,
    ignore_index: i64,
    predictions: bool,
    state: CriterionState,
}

impl Loss {
    /// Makes the loss ready for `classes` classes.
    ///
    /// # Errors
    /// What [`Loss::validate`] refuses, no classes at all, and a loss that needs class counts.
    pub fn criterion(&self, classes: usize) -> Result<Criterion> {
        if self.needs_counts() {
            return Err(Error::ClassCounts { loss: self.to_string() });
        }
        Criterion::new(self, classes, None)
    }

    /// Makes the loss ready for classes with `counts` training examples each.
    ///
    /// # Errors
    /// What [`Loss::validate`] refuses, and no classes at all.
    pub fn criterion_with_counts(&self, counts: &[u64]) -> Result<Criterion> {
        Criterion::new(self, counts.len(), Some(counts.to_vec()))
    }
}

/// What a batch as a whole decides for every row, so that its rows may be computed in chunks.
pub(crate) struct Pass {
    /// Each term, and what multiplies its gradient and the sum of its rows' losses.
    pub terms: Vec<(Term, f64)>,
    pub divergence: Option<Divergence>,
}

impl Pass {
    /// How many rows have a record: of three views of an image only the clean one.
    pub fn records(&self, rows: usize) -> usize {
        if self.divergence.is_some() { rows / jsd::VIEWS } else { rows }
    }

    /// How many buffers of the logits' size it takes to compute rows with their gradient.
    #[cfg(feature = "linear")]
    pub fn copies(&self) -> usize {
        let terms = if self.terms.len() > 1 { 3 } else { 1 };
        terms + usize::from(self.divergence.is_some())
    }
}

impl Criterion {
    fn new(loss: &Loss, classes: usize, counts: Option<Vec<u64>>) -> Result<Self> {
        loss.validate()?;
        if classes == 0 || u32::try_from(classes).is_err() {
            return Err(Error::Classes(classes));
        }
        Ok(Self {
            loss: loss.clone(),
            classes,
            counts,
            class_weights: None,
            reduction: Reduction::Mean,
            ignore_index: -100,
            predictions: false,
            state: CriterionState::default(),
        })
    }

    /// How losses of rows become one; the mean by default.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The target that makes a row count for nothing; −100 by default, any integer will do.
    #[must_use]
    pub fn with_ignore_index(mut self, index: i64) -> Self {
        self.ignore_index = index;
        self
    }

    /// Makes every [`Row`] say which class it predicts, which costs another look at the rows.
    #[must_use]
    pub fn with_predictions(mut self, wanted: bool) -> Self {
        self.predictions = wanted;
        self
    }

    /// A weight ≥ 0 for each class, as PyTorch's `weight`.
    ///
    /// A softmax loss weighs each target by its class: Σ_k t_k·w_k·ℓ(p_k), w_y·ℓ(p_y) for a label. A
    /// loss that is a mean over classes (`bce` and every sigmoid form, `mse`, `mae`, `multimargin`)
    /// is multiplied as a whole by the weight of its example, w_y for a label and Σ_k t_k·w_k for soft
    /// targets (Cui et al. 2019, eq. 3 and their code): an example that belongs to no class then
    /// counts for nothing. Weights of columns, `BCEWithLogitsLoss(weight=)`, are another thing.
    ///
    /// # Errors
    /// Refuses another number of weights, negative or infinite ones, and class weights on top of
    /// those that the loss itself makes from class counts.
    pub fn with_class_weights(mut self, weights: &[f64]) -> Result<Self> {
        if self.loss.weighting.is_some() {
            return refuse("weights", "of the loss and class weights given apart: choose one");
        }
        if weights.len() != self.classes {
            return Err(Error::Shape(format!(
                "{} class weights for {} classes",
                weights.len(),
                self.classes
            )));
        }
        validate_weights("class", weights)?;
        self.class_weights = Some(weights.to_vec());
        Ok(self)
    }

    /// The loss it computes.
    pub fn loss(&self) -> &Loss {
        &self.loss
    }

    #[cfg(feature = "tch")]
    pub(crate) fn predictions(&self) -> bool {
        self.predictions
    }

    /// The target that makes a row count for nothing.
    pub fn ignore_index(&self) -> i64 {
        self.ignore_index
    }

    /// How losses of rows become one.
    pub fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// How many classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Tells schedules, deferral and deferred re-weighting which epoch it is, counted from 1.
    pub fn set_epoch(&mut self, epoch: usize, epochs: usize) {
        self.state.epoch = epoch;
        self.state.epochs = epochs;
    }

    /// What a checkpoint must hold of it.
    pub fn state(&self) -> CriterionState {
        self.state
    }

    /// Restores what [`Criterion::state`] gave.
    pub fn set_state(&mut self, state: CriterionState) {
        self.state = state;
    }

    /// The loss of a batch, without a gradient. Running means do not move: this is for evaluation.
    ///
    /// # Errors
    /// Sizes that do not fit, a target out of range, a NaN or infinite logit, by row and column.
    pub fn forward<'a, E: Element>(
        &self,
        logits: &[E],
        batch: impl Into<Batch<'a, E>>,
    ) -> Result<Outcome> {
        self.clone().compute(Buffers::Forward(logits), batch.into(), false)
    }

    /// The loss of a batch and its gradient with respect to the logits, in one pass.
    ///
    /// # Errors
    /// As [`Criterion::forward`]; `gradient` is then unspecified.
    pub fn forward_backward<'a, E: Element>(
        &mut self,
        logits: &[E],
        batch: impl Into<Batch<'a, E>>,
        gradient: &mut [E],
    ) -> Result<Outcome> {
        if gradient.len() != logits.len() {
            return Err(Error::Shape(format!(
                "a gradient of {} elements for {} logits",
                gradient.len(),
                logits.len()
            )));
        }
        self.compute(Buffers::Both(logits, gradient), batch.into(), true)
    }

    /// As [`Criterion::forward_backward`], with the gradient written over the logits.
    ///
    /// # Errors
    /// As [`Criterion::forward`]; `logits` are then unspecified.
    pub fn forward_backward_in_place<'a, E: Element>(
        &mut self,
        logits: &mut [E],
        batch: impl Into<Batch<'a, E>>,
    ) -> Result<Outcome> {
        self.compute(Buffers::InPlace(logits), batch.into(), true)
    }

    fn compute<E: Element>(
        &mut self,
        mut buffers: Buffers<'_, E>,
        batch: Batch<'_, E>,
        training: bool,
    ) -> Result<Outcome> {
        let rows = self.validate_shapes(buffers.logits().len(), &batch)?;
        if batch.inner == 1 {
            return self.compute_rows(buffers, batch, rows, training);
        }
        // Class-second layouts are brought into rows and back.
        let inner = batch.inner;
        let mut by_row = transpose(buffers.logits(), self.classes, inner);
        let soft = match batch.targets {
            Targets::Soft(targets) => transpose(targets, self.classes, inner),
            Targets::Hard(_) => vec![],
        };
        let targets = match batch.targets {
            Targets::Soft(_) => Targets::Soft(&soft),
            hard => hard,
        };
        let batch = Batch { targets, inner: 1, ..batch };
        let Some(gradient) = buffers.gradient() else {
            return self.compute_rows(Buffers::Forward(&by_row), batch, rows, training);
        };
        let outcome = self.compute_rows(Buffers::InPlace(&mut by_row), batch, rows, training)?;
        gradient.copy_from_slice(&transpose(&by_row, inner, self.classes));
        Ok(outcome)
    }

    /// The number of rows, if logits, targets and weights fit each other.
    pub(crate) fn validate_shapes<E: Element>(
        &self,
        logits: usize,
        batch: &Batch<'_, E>,
    ) -> Result<usize> {
        let Self { classes, .. } = *self;
        let shape = |message| Err(Error::Shape(message));
        if batch.inner == 0 || !logits.is_multiple_of(classes * batch.inner) {
            return shape(match batch.inner {
                1 => format!("{logits} logits are no rows of {classes} classes"),
                inner => format!("{logits} logits are no multiple of {classes} × {inner}"),
            });
        }
        let rows = logits / classes;
        let (found, expected) = match batch.targets {
            Targets::Hard(targets) => (targets.len(), rows),
            Targets::Soft(targets) => (targets.len(), logits),
        };
        if found != expected {
            return shape(format!("{found} targets for {rows} rows of {classes} classes"));
        }
        match batch.targets {
            Targets::Hard(targets) => {
                let wrong = |t: &i64| *t != self.ignore_index && !(0..classes as i64).contains(t);
                if let Some(row) = targets.iter().position(wrong) {
                    return Err(Error::Target { target: targets[row], row, classes });
                }
            }
            // The row kernel looks at the values, which it has to read anyway.
            Targets::Soft(_) => self.takes_soft_targets()?,
        }
        if let Some(weights) = batch.sample_weights {
            if weights.len() != rows {
                return shape(format!("{} sample weights for {rows} rows", weights.len()));
            }
            validate_weights("sample", weights)?;
        }
        Ok(rows)
    }

    /// Whether [`Targets::Soft`] will do, which some options do not allow.
    ///
    /// # Errors
    /// Names what needs one label a row.
    pub fn takes_soft_targets(&self) -> Result<()> {
        let adjust = &self.loss.adjust;
        if adjust.margin.is_some() || adjust.ldam.is_some() {
            return refuse("margin", "on the label's logit needs hard targets");
        }
        if matches!(self.loss.objective, Objective::MultiMargin { .. }) {
            return refuse("multimargin", "needs hard targets");
        }
        Ok(())
    }

    fn compute_rows<E: Element>(
        &mut self,
        mut buffers: Buffers<'_, E>,
        batch: Batch<'_, E>,
        count: usize,
        training: bool,
    ) -> Result<Outcome> {
        let pass = self.pass(&batch, count)?;
        let twice = self.loss.matching || pass.divergence.is_some() || pass.terms.len() > 1;
        if twice && size_of::<E>() < size_of::<E::Real>() {
            return self.compute_wide(buffers, batch, count, training);
        }
        let mut rows = vec![Row::default(); pass.records(count)];
        let loss = self.run(&pass, buffers.reborrow(), batch, &mut rows)?;
        let (outcome, factor) = self.conclude(loss, rows, training);
        if factor != 1.0 {
            let factor = <E::Real as Real>::of(factor);
            for g in buffers.gradient().into_iter().flatten() {
                *g = E::store(g.load() * factor);
            }
        }
        Ok(outcome)
    }

    /// What must be known of a whole batch of `count` rows before the first of them is computed.
    pub(crate) fn pass<E: Element>(&self, batch: &Batch<'_, E>, count: usize) -> Result<Pass> {
        let divergence = match self.loss.jsd {
            None => None,
            Some(alpha) => Some(Divergence::new(alpha, count, self.reduction)?),
        };
        let counted = batch.first(divergence.map_or(count, |_| count / jsd::VIEWS), self.classes);
        let scaled = |term| {
            let scale = self.scale(&term, &counted);
            (term, scale)
        };
        Ok(Pass { terms: self.terms().into_iter().map(scaled).collect(), divergence })
    }

    /// Computes rows of a batch, all or some: fills `rows` and the gradient, and returns what they
    /// add to the reduced loss.
    pub(crate) fn run<E: Element>(
        &self,
        pass: &Pass,
        buffers: Buffers<'_, E>,
        batch: Batch<'_, E>,
        rows: &mut [Row],
    ) -> Result<f64> {
        match &pass.divergence {
            None => self.run_terms(pass, buffers, batch, rows),
            Some(divergence) => divergence.run(self, pass, buffers, batch, rows),
        }
    }

    pub(crate) fn run_terms<E: Element>(
        &self,
        pass: &Pass,
        mut buffers: Buffers<'_, E>,
        batch: Batch<'_, E>,
        rows: &mut [Row],
    ) -> Result<f64> {
        let first_scale = pass.terms[0].1;
        let mut loss = 0.0;
        // A second term needs the logits that an in-place gradient would have overwritten.
        let saved = if pass.terms.len() > 1 { buffers.logits().to_vec() } else { vec![] };
        for (at, (term, scale)) in pass.terms.iter().enumerate() {
            let plan = self.plan(term, &batch, *scale, self.predictions && at == 0);
            if at == 0 {
                rows::run(&plan, buffers.reborrow(), rows)?;
                loss += scale * rows.iter().map(|row| row.loss).sum::<f64>();
                continue;
            }
            let mut more = vec![Row::default(); rows.len()];
            match buffers.gradient() {
                None => rows::run(&plan, Buffers::Forward(&saved), &mut more)?,
                Some(gradient) => {
                    let mut added = vec![E::default(); saved.len()];
                    rows::run(&plan, Buffers::Both(&saved, &mut added), &mut more)?;
                    for (to, from) in gradient.iter_mut().zip(added) {
                        *to = E::store(to.load() + from.load());
                    }
                }
            }
            loss += scale * more.iter().map(|row| row.loss).sum::<f64>();
            // A row's own loss is what it contributes per unit of the first term's divisor.
            let relative = if first_scale > 0.0 { scale / first_scale } else { 0.0 };
            for (row, more) in rows.iter_mut().zip(more) {
                row.loss += relative * more.loss;
                row.steepness += more.steepness;
            }
        }
        let sums = pass.terms.len() > 1 && self.loss.matching;
        if let (true, Some(gradient)) = (sums, buffers.gradient()) {
            self.norms_of_sum(&pass.terms[0], &batch, (&saved, gradient), rows)?;
        }
        Ok(loss)
    }

    /// The outcome of a batch whose rows are all computed, and what is left to multiply the gradient
    /// by: norm matching's c = E\[w_CE·q\] / E\[w·q\].
    pub(crate) fn conclude(&mut self, loss: f64, rows: Vec<Row>, training: bool) -> (Outcome, f64) {
        if training {
            self.learn(&rows);
        }
        let norms = self.state.norms.filter(|(_, own)| self.loss.matching && *own != 0.0);
        // Finite in f32 too: a gradient that vanished must not become 0·∞.
        let factor = norms.map_or(1.0, |(ce, own)| (ce / own).min(f64::from(f32::MAX)));
        let ignored = rows.iter().filter(|row| row.ignored).count();
        let mut outcome =
            Outcome { loss: factor * loss, counted: rows.len() - ignored, ignored, rows };
        outcome.rows.iter_mut().for_each(|row| row.loss *= factor);
        (outcome, factor)
    }

    fn plan<'p, E: Element>(
        &self,
        term: &'p Term,
        batch: &Batch<'p, E>,
        gradient_scale: f64,
        predictions: bool,
    ) -> Plan<'p, E> {
        Plan {
            objective: term.objective,
            classes: self.classes,
            targets: batch.targets,
            ignore_index: self.ignore_index,
            smoothing: term.smoothing,
            class_weights: term.class_weights.as_deref(),
            sample_weights: batch.sample_weights,
            gradient_scale,
            adjusted: &term.adjusted,
            z_loss: term.z_loss,
            norms: self.loss.matching,
            predictions,
        }
    }

    /// Replaces the norms of the rows of a loss of two terms by those of its whole gradient and of
    /// cross entropy's with the first term's options. Terms that differ in their smoothing or their
    /// weights are no multiples of each other: nothing less than the gradients tells.
    fn norms_of_sum<E: Element>(
        &self,
        (first, scale): &(Term, f64),
        batch: &Batch<'_, E>,
        (logits, gradient): (&[E], &[E]),
        rows: &mut [Row],
    ) -> Result<()> {
        let mut ce = vec![E::default(); logits.len()];
        let plan = Plan {
            objective: Objective::Softmax(Curve::CROSS_ENTROPY),
            z_loss: 0.0,
            norms: false,
            ..self.plan(first, batch, *scale, false)
        };
        rows::run(&plan, Buffers::Both(logits, &mut ce), &mut vec![Row::default(); rows.len()])?;
        let norm = |gradient: &[E]| match gradient.iter().map(|g| g.wide().abs()).sum::<f64>() {
            0.0 => 0.0,
            sum => sum / (2.0 * scale),
        };
        let gradients = gradient.chunks(self.classes).zip(ce.chunks(self.classes));
        for (row, (own, ce)) in rows.iter_mut().zip(gradients) {
            (row.steepness, row.ce_steepness) = (norm(own), norm(ce));
        }
        Ok(())
    }

    /// Computes in the wider type and rounds once: gradients of several passes may cancel, and one
    /// that norm matching would lengthen may vanish, and what is left would be their rounding.
    fn compute_wide<E: Element>(
        &mut self,
        mut buffers: Buffers<'_, E>,
        batch: Batch<'_, E>,
        count: usize,
        training: bool,
    ) -> Result<Outcome> {
        let wide = |values: &[E]| -> Vec<E::Real> { values.iter().map(|v| v.load()).collect() };
        let mut logits = wide(buffers.logits());
        let soft = match batch.targets {
            Targets::Soft(targets) => wide(targets),
            Targets::Hard(_) => vec![],
        };
        let targets = match batch.targets {
            Targets::Soft(_) => Targets::Soft(&soft[..]),
            Targets::Hard(targets) => Targets::Hard(targets),
        };
        let batch = Batch { targets, sample_weights: batch.sample_weights, inner: batch.inner };
        let Some(gradient) = buffers.gradient() else {
            return self.compute_rows(Buffers::Forward(&logits), batch, count, training);
        };
        let outcome = self.compute_rows(Buffers::InPlace(&mut logits), batch, count, training)?;
        for (to, from) in gradient.iter_mut().zip(logits) {
            *to = E::store(from);
        }
        Ok(outcome)
    }

    /// What the gradient and the sum of the rows' losses are multiplied by.
    fn scale<E: Element>(&self, term: &Term, batch: &Batch<'_, E>) -> f64 {
        if self.reduction != Reduction::Mean {
            return 1.0;
        }
        let weights = term.class_weights.as_deref().filter(|_| term.by_weights);
        let sample = |row: usize| batch.sample_weights.map_or(1.0, |weights| weights[row]);
        let total: f64 = match batch.targets {
            Targets::Hard(targets) => {
                let counted = targets.iter().enumerate().filter(|(_, t)| **t != self.ignore_index);
                let class = |t: i64| weights.map_or(1.0, |weights| weights[t as usize]);
                counted.map(|(row, t)| sample(row) * class(*t)).sum()
            }
            Targets::Soft(targets) => {
                // As PyTorch, whose class weights of a softmax loss multiply its summands only.
                let softmax = matches!(term.objective, Objective::Softmax(_));
                let weights = weights.filter(|_| !softmax);
                let class =
                    |row| weights.map_or(1.0, |weights| batch.targets.class_weight(row, weights));
                (0..targets.len() / self.classes).map(|row| sample(row) * class(row)).sum()
            }
        };
        if total > 0.0 { 1.0 / total } else { 0.0 }
    }

    /// Moves the running means.
    fn learn(&mut self, rows: &[Row]) {
        let counted = rows.iter().filter(|row| !row.ignored).count() as f64;
        if counted == 0.0 {
            return;
        }
        let mean = |of: fn(&Row) -> f64| rows.iter().map(of).sum::<f64>() / counted;
        let follow = |old: Option<f64>, new: f64| {
            old.map_or(new, |old| MOMENTUM * old + (1.0 - MOMENTUM) * new)
        };
        if self.loss.auto_le {
            self.state.mean_p = Some(follow(self.state.mean_p, mean(|row| row.p)));
        }
        if self.loss.matching {
            let (ce, own) = self.state.norms.unzip();
            let ce = follow(ce, mean(|row| row.ce_steepness));
            let own = follow(own, mean(|row| row.steepness));
            self.state.norms = Some((ce, own));
        }
    }
}

fn validate_weights(of: &'static str, weights: &[f64]) -> Result<()> {
    match weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
        None => Ok(()),
        Some(index) => Err(Error::Weight { of, index, value: weights[index] }),
    }
}
