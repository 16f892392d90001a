//! A linear layer and its loss in one, without the N×C logits in memory.
//!
//! With X the features, W the weight and b the bias, Z = X·Wᵀ + b are the logits, G = ∂L/∂Z, and
//!
//! ```text
//! ∂L/∂X = G·W,        ∂L/∂W = Gᵀ·X,        ∂L/∂b = Σ_rows G
//! ```
//!
//! Rows enter a loss one by one once the divisor of a mean is known, so they are computed in chunks:
//! the logits of a chunk, their gradient over them, and what it adds to the three gradients. That is
//! three matrix products, as unfused, with one buffer for a chunk instead of two for the batch, as in
//! Liger Kernel (Hsu et al. 2024). The gradient of the weight is read and written once a chunk, so a
//! chunk has some hundred rows.

use crate::criterion::{Batch, Criterion, Outcome, Pass};
use crate::element::Element;
use crate::error::{Error, Result, refuse};
use crate::matrix::{Matrix, multiply};
use crate::real::Real;
use crate::rows::{Buffers, Row, Targets};
use crate::threads;

/// Elements of the buffer for a chunk's logits: 40 MiB of f32, 320 rows of 32768 classes.
const CHUNK: usize = 10 << 20;
/// With more classes than that leaves room for, a chunk has this many rows all the same: with fewer,
/// the products wait for memory.
const FEWEST_ROWS: usize = 256;
/// Columns whose sum is one task.
const COLUMNS: usize = 512;

/// A linear layer and what enters it. It computes in f32, or in f64 for f64.
///
/// Features may be of half precision; weight and bias are then f32, as mixed precision keeps them.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a, E: Element = f32> {
    /// (N, D), row-major.
    pub features: &'a [E],
    /// (C, D), row-major, as PyTorch's `nn.Linear` has it.
    pub weight: &'a [E::Real],
    /// (C,)
    pub bias: Option<&'a [E::Real]>,
    /// D.
    pub depth: usize,
}

/// Where the gradients go, each in the shape of its variable; what is `None` is not computed.
#[derive(Debug, Default)]
pub struct LinearGradients<'a, E: Element = f32> {
    /// (N, D); zero for ignored rows.
    pub features: Option<&'a mut [E]>,
    /// (C, D).
    pub weight: Option<&'a mut [E::Real]>,
    /// (C,)
    pub bias: Option<&'a mut [E::Real]>,
}

impl Criterion {
    /// The loss of the logits that a linear layer gives, without ever holding them all. Running
    /// means do not move: this is for evaluation.
    ///
    /// # Errors
    /// As [`Criterion::forward`], the logits being those of the layer; and sizes of the layer that
    /// do not fit each other.
    pub fn linear_forward<'a, E: Element>(
        &self,
        layer: Linear<'_, E>,
        batch: impl Into<Batch<'a, E::Real>>,
    ) -> Result<Outcome> {
        let nothing = LinearGradients::default();
        self.clone().linear(layer, batch.into(), nothing, false, CHUNK)
    }

    /// The loss of the logits that a linear layer gives, and its gradients with respect to
    /// features, weight and bias, as far as they are wanted. They are overwritten, not added to.
    ///
    /// It equals [`Criterion::forward_backward`] on the logits, with every option of the criterion
    /// and logits of shape (N, C); ignored rows are skipped. Beyond the gradients it takes 10 Mi
    /// elements (40 MiB of f32), or 256 rows of logits where those are more, and 2 or 3 MiB a
    /// thread. The result does not depend on the number of threads.
    ///
    /// # Errors
    /// As [`Criterion::linear_forward`]; the gradients are then unspecified.
    ///
    /// ```
    /// use steepness::{Linear, LinearGradients, Loss, Targets};
    /// let mut criterion = "el(le=1, clamp=0)".parse::<Loss>()?.criterion(3)?;
    /// let layer = Linear {
    ///     features: &[1.0, 2.0, -1.0, 0.5_f32],           // (2, 2)
    ///     weight: &[0.3, -0.1, 0.2, 0.4, -0.5, 0.1],      // (3, 2)
    ///     bias: None,
    ///     depth: 2,
    /// };
    /// let mut of_weight = [0.0; 6];
    /// let gradients = LinearGradients { weight: Some(&mut of_weight), ..Default::default() };
    /// let outcome = criterion.linear_forward_backward(layer, Targets::Hard(&[1, 1]), gradients)?;
    /// assert!((outcome.loss - 0.2521).abs() < 1e-4);
    /// // EL pulls the label's weight by exactly minus the mean of the features.
    /// assert_eq!(of_weight[2..4], [0.0, -1.25]);
    /// # Ok::<(), steepness::Error>(())
    /// ```
    pub fn linear_forward_backward<'a, E: Element>(
        &mut self,
        layer: Linear<'_, E>,
        batch: impl Into<Batch<'a, E::Real>>,
        gradients: LinearGradients<'_, E>,
    ) -> Result<Outcome> {
        self.linear(layer, batch.into(), gradients, true, CHUNK)
    }

    /// `room` is the number of elements that the logits of a chunk may have.
    fn linear<E: Element>(
        &mut self,
        layer: Linear<'_, E>,
        batch: Batch<'_, E::Real>,
        mut gradients: LinearGradients<'_, E>,
        training: bool,
        room: usize,
    ) -> Result<Outcome> {
        let count = layer.validate(self.classes(), &batch, &gradients)?;
        self.validate_shapes(count * self.classes(), &batch)?;
        let pass = self.pass(&batch, count)?;
        gradients.clear();
        let mut rows = vec![Row { ignored: true, ..Row::default() }; pass.records(count)];
        let mut loss = 0.0;
        let mut chunk = Chunk::default();
        for chosen in self.chunks(&pass, &batch, count, room) {
            chunk.rows = chosen;
            loss += chunk.compute(self, &pass, &layer, &batch, &mut gradients, &mut rows)?;
        }
        let (outcome, factor) = self.conclude(loss, rows, training);
        gradients.scale(factor);
        Ok(outcome)
    }

    /// Which rows are computed together: all that count, in order; the three views of an image.
    fn chunks<R: Element>(
        &self,
        pass: &Pass,
        batch: &Batch<'_, R>,
        count: usize,
        room: usize,
    ) -> Vec<Vec<usize>> {
        let records = pass.records(count);
        let views = count.checked_div(records).unwrap_or(1);
        let ignored = |row: &usize| match batch.targets {
            Targets::Hard(targets) => views == 1 && targets[*row] == self.ignore_index(),
            Targets::Soft(_) => false,
        };
        let counted: Vec<usize> = (0..records).filter(|row| !ignored(row)).collect();
        let fewest = FEWEST_ROWS.min(room);
        let most = (room / self.classes()).max(fewest) / (views * pass.copies());
        // Chunks of about the same size: a short one costs as many passes over the weight.
        let chunks = counted.len().div_ceil(most.max(1)).max(1);
        let size = counted.len().div_ceil(chunks).max(1);
        let with_views = |rows: &[usize]| {
            (0..views).flat_map(|view| rows.iter().map(move |row| view * records + row)).collect()
        };
        counted.chunks(size).map(with_views).collect()
    }
}

impl<E: Element> Linear<'_, E> {
    /// The number of rows, if everything fits.
    fn validate(
        &self,
        classes: usize,
        batch: &Batch<'_, E::Real>,
        gradients: &LinearGradients<'_, E>,
    ) -> Result<usize> {
        let shape = |message| Err(Error::Shape(message));
        let (features, depth) = (self.features.len(), self.depth);
        if depth == 0 || !features.is_multiple_of(depth) {
            return shape(format!("{features} features are no rows of depth {depth}"));
        }
        if batch.inner != 1 {
            return shape("a linear layer gives logits of shape (N, C): inner must be 1".into());
        }
        let wanted = gradients.bias.as_ref().map(|gradient| gradient.len());
        if self.bias.is_none() && wanted.is_some() {
            return refuse("the gradient of the bias", "is asked for, but there is no bias");
        }
        let lengths = |gradient: Option<usize>, expected| (gradient.unwrap_or(expected), expected);
        let sizes = [
            ("the weight", (self.weight.len(), classes * depth)),
            ("the bias", lengths(self.bias.map(<[_]>::len), classes)),
            (
                "the gradient of the features",
                lengths(gradients.features.as_ref().map(|g| g.len()), features),
            ),
            (
                "the gradient of the weight",
                lengths(gradients.weight.as_ref().map(|g| g.len()), classes * depth),
            ),
            ("the gradient of the bias", lengths(wanted, classes)),
        ];
        for (what, (found, expected)) in sizes {
            if found != expected {
                return shape(format!(
                    "{what} has {found} elements, not {expected}, for {features} features, \
                     {classes} classes and depth {depth}"
                ));
            }
        }
        Ok(features / depth)
    }
}

impl<E: Element> LinearGradients<'_, E> {
    fn wants_any(&self) -> bool {
        self.features.is_some() || self.weight.is_some() || self.bias.is_some()
    }

    fn clear(&mut self) {
        if let Some(gradient) = &mut self.features {
            gradient.fill(E::default());
        }
        for gradient in [&mut self.weight, &mut self.bias].into_iter().flatten() {
            gradient.fill(E::Real::ZERO);
        }
    }

    fn scale(&mut self, factor: f64) {
        if factor == 1.0 {
            return;
        }
        let factor = E::Real::of(factor);
        for g in self.features.iter_mut().flat_map(|gradient| gradient.iter_mut()) {
            *g = E::store(g.load() * factor);
        }
        for gradient in [&mut self.weight, &mut self.bias].into_iter().flatten() {
            gradient.iter_mut().for_each(|g| *g = *g * factor);
        }
    }
}

/// Rows that are computed together, and the buffers, kept from chunk to chunk.
#[derive(Default)]
struct Chunk<R> {
    /// Their places in the batch.
    rows: Vec<usize>,
    features: Vec<R>,
    /// Logits, then the gradient over them.
    logits: Vec<R>,
    feature_gradient: Vec<R>,
    records: Vec<Row>,
    targets: Vec<i64>,
    sample_weights: Vec<f64>,
}

impl<R: Element<Real = R> + Real> Chunk<R> {
    /// Computes the chunk and returns what it adds to the reduced loss.
    fn compute<E: Element<Real = R>>(
        &mut self,
        criterion: &Criterion,
        pass: &Pass,
        layer: &Linear<'_, E>,
        batch: &Batch<'_, R>,
        gradients: &mut LinearGradients<'_, E>,
        records: &mut [Row],
    ) -> Result<f64> {
        let (classes, depth) = (criterion.classes(), layer.depth);
        self.features.clear();
        for row in &self.rows {
            let features = &layer.features[row * depth..(row + 1) * depth];
            self.features.extend(features.iter().map(|feature| feature.load()));
        }
        self.logits.resize(self.rows.len() * classes, R::ZERO);
        if let Some(bias) = layer.bias {
            threads::each_chunk(&mut self.logits, classes, |_, row| row.copy_from_slice(bias));
        }
        let x = Matrix::new(&self.features, depth);
        let weight = Matrix::new(layer.weight, depth);
        multiply(&mut self.logits, x, weight.transposed(), layer.bias.is_some());

        let recorded = pass.records(self.rows.len());
        self.records.resize(recorded, Row::default());
        let clean = &self.rows[..recorded];
        self.sample_weights.clear();
        let weights = batch.sample_weights.unwrap_or_default();
        self.sample_weights.extend(clean.iter().filter_map(|row| weights.get(*row)));
        self.targets.clear();
        let targets = match batch.targets {
            Targets::Hard(targets) => {
                self.targets.extend(clean.iter().map(|row| targets[*row]));
                Targets::Hard(&self.targets)
            }
            // No soft target is ignored, so the rows are consecutive.
            Targets::Soft(targets) => {
                Targets::Soft(&targets[clean[0] * classes..(clean[0] + recorded) * classes])
            }
        };
        let part = Batch {
            targets,
            sample_weights: batch.sample_weights.map(|_| &*self.sample_weights),
            inner: 1,
        };
        let wanted = gradients.wants_any();
        let buffers = match wanted {
            true => Buffers::InPlace(&mut self.logits),
            false => Buffers::Forward(&self.logits),
        };
        let loss = criterion
            .run(pass, buffers, part, &mut self.records)
            .map_err(|error| self.place(error))?;
        for (row, record) in clean.iter().zip(&self.records) {
            records[*row] = *record;
        }
        if wanted {
            self.back(classes, depth, weight, gradients);
        }
        Ok(loss)
    }

    /// From the gradient over the logits to those that are wanted.
    fn back<E: Element<Real = R>>(
        &mut self,
        classes: usize,
        depth: usize,
        weight: Matrix<'_, R>,
        gradients: &mut LinearGradients<'_, E>,
    ) {
        let Self { rows, features, logits, feature_gradient, .. } = self;
        let gradient = Matrix::new(logits, classes);
        let of_features = || {
            let Some(into) = &mut gradients.features else { return };
            feature_gradient.resize(features.len(), R::ZERO);
            multiply(feature_gradient, gradient, weight, false);
            for (row, from) in rows.iter().zip(feature_gradient.chunks_exact(depth)) {
                let into = &mut into[row * depth..(row + 1) * depth];
                into.iter_mut().zip(from).for_each(|(to, from)| *to = E::store(*from));
            }
        };
        let mut of_weight = || {
            let Some(into) = &mut gradients.weight else { return };
            multiply(into, gradient.transposed(), Matrix::new(features, depth), true);
        };
        let mut of_bias = || {
            let Some(into) = &mut gradients.bias else { return };
            threads::each_chunk(into, COLUMNS, |first, sums| {
                for row in logits.chunks_exact(classes) {
                    sums.iter_mut().zip(&row[first..]).for_each(|(sum, g)| *sum += *g);
                }
            });
        };
        // Few strips for the features, many for the weight: at the same time no thread waits.
        threads::both(of_features, || {
            of_weight();
            of_bias();
        });
    }

    /// An error's row is counted in the batch.
    fn place(&self, error: Error) -> Error {
        match error {
            Error::Logit { value, row, column } => {
                Error::Logit { value, row: self.rows[row], column }
            }
            Error::SoftTarget { value, row, class } => {
                Error::SoftTarget { value, row: self.rows[row], class }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
