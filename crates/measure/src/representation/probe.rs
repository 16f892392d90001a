//! Linear probe: a new head on frozen features (§5.3 of the paper, without its drifting batch
//! statistics and augmentation).
//!
//! Multinomial logistic regression: W and b that minimise
//! mean(−log softmax(xW + b)_y) + (λ/2)·‖W‖², which is convex, so that the result depends on the
//! features alone and on no learning rate or seed. Each feature is first brought to mean 0 and
//! standard deviation 1 over the training examples; scikit-learn's
//! `LogisticRegression(C=1 / (λ·n))` behind a `StandardScaler` is the same model.

use super::{
    Features,
    lbfgs::minimise,
    linalg::{Matrix, product, squared_norm, sum_rows},
};
use crate::card::{Card, Direction, Range, Source};
use crate::{Error, Logit, Result, Stop, parallel, softmax::argmax};

pub(crate) const CARD: Card = Card {
    key: "probe_accuracy",
    title: "probe",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "accuracy of a linear classifier that cross entropy made of the frozen features: \
              what the representation is worth",
    range: Range::Share,
    source: Source::Field("probe_accuracy", |m| m.probe_accuracy),
};

/// A linear classifier trained on features.
#[derive(Debug)]
pub struct Probe {
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// D×C.
    weights: Matrix,
    bias: Vec<f64>,
    labels: Vec<i64>,
    /// Mean −log p on the training examples, in nats, plus the penalty.
    pub objective: f64,
    /// Steps of L-BFGS that were taken.
    pub steps: usize,
    /// Whether the gradient became flat; if not, the penalty is too small for these features.
    pub converged: bool,
}

impl Probe {
    /// Trains on `labels`, one a row, any whole numbers, with the penalty λ.
    ///
    /// # Errors
    /// Labels that are not one a row; a penalty that is negative or not finite; more
    /// weights than fit into memory; [`Error::Interrupted`].
    pub fn fit<T: Logit>(
        features: Features<T>,
        labels: &[i64],
        penalty: f64,
        stop: Stop,
    ) -> Result<Self> {
        /// Largest entry of the gradient at which the minimum is reached.
        const FLAT: f64 = 1e-7;
        const STEPS: usize = 1000;
        /// The most weights, of which the search holds some twenty copies: 2 GB.
        const WEIGHTS: usize = 12_000_000;
        if !(penalty >= 0.0 && penalty.is_finite()) {
            return Err(Error::Request(format!("a penalty of {penalty} is not 0 or more")));
        }
        let classes = features.classes(labels)?;
        let (rows, columns) = (features.rows() as f64, features.columns());
        if columns * classes.len() > WEIGHTS {
            return Err(Error::Request(format!(
                "a new head for {} classes on {columns} dimensions has {} weights, and {WEIGHTS} \
                 are the most: measure it on fewer dimensions",
                classes.len(),
                columns * classes.len()
            )));
        }
        let mut x = Matrix::of(features);
        let mean = x.mean_row();
        x.change_by(&mean, |x, mean| *x -= mean);
        let scale = scales(&x, &mean);
        x.change_by(&scale, |x, scale| *x /= scale);
        let split = |values: &[f64]| {
            let (weights, bias) = values.split_at(columns * classes.len());
            (Matrix::new(weights.to_vec(), classes.len()), bias.to_vec())
        };
        let objective = |values: &[f64]| {
            stop.check()?;
            let (weights, bias) = split(values);
            let logits = logits(&x, &weights, &bias);
            let (likelihood, off) = likelihood(&logits, &classes.of_row);
            let mut gradient = product(x.view().transpose(), off.view()).into_values();
            gradient.iter_mut().zip(weights.values()).for_each(|(g, w)| *g += penalty * w);
            gradient.extend(sum_rows(off.values(), classes.len()));
            let squares = squared_norm(weights.values());
            Ok((-likelihood / rows + 0.5 * penalty * squares, gradient))
        };
        let start = vec![0.0; (columns + 1) * classes.len()];
        let minimum = minimise(start, objective, FLAT, STEPS)?;
        let (weights, bias) = split(&minimum.at);
        Ok(Self {
            mean,
            scale,
            weights,
            bias,
            labels: classes.names,
            objective: minimum.value,
            steps: minimum.steps,
            converged: minimum.converged,
        })
    }

    /// The label of each example, of equally likely ones the smallest.
    ///
    /// # Errors
    /// Features of another dimension.
    pub fn predict<T: Logit>(&self, features: Features<T>) -> Result<Vec<i64>> {
        features.validate_columns(self.mean.len())?;
        let mut x = Matrix::of(features);
        x.change_by(&self.mean, |x, mean| *x -= mean);
        x.change_by(&self.scale, |x, scale| *x /= scale);
        let logits = logits(&x, &self.weights, &self.bias);
        Ok(logits.iter().map(|row| self.labels[argmax(row)]).collect())
    }

    /// The share of examples whose label is predicted. A label that was not trained on is always
    /// missed.
    ///
    /// # Errors
    /// Features of another dimension; labels that are not one a row.
    pub fn accuracy<T: Logit>(&self, features: Features<T>, labels: &[i64]) -> Result<f64> {
        features.classes(labels)?;
        let predictions = self.predict(features)?;
        let hits = predictions.iter().zip(labels).filter(|(p, y)| p == y).count();
        Ok(hits as f64 / labels.len() as f64)
    }
}

/// The standard deviations of centred features whose means were `mean`, and 1 for those that are
/// constant.
fn scales(centred: &Matrix, mean: &[f64]) -> Vec<f64> {
    let mut squares = centred.clone();
    squares.change_rows(|_, row| row.iter_mut().for_each(|x| *x *= *x));
    let deviations = squares.mean_row().into_iter().map(f64::sqrt);
    // A constant feature is only its mean's rounding away from 0 and must not be blown up.
    let scale = |(scale, mean): (f64, &f64)| if scale > 1e-12 * mean.abs() { scale } else { 1.0 };
    deviations.zip(mean).map(scale).collect()
}

/// xW + b.
fn logits(x: &Matrix, weights: &Matrix, bias: &[f64]) -> Matrix {
    let mut logits = product(x.view(), weights.view());
    logits.change_by(bias, |z, bias| *z += bias);
    logits
}

/// The sum of log p over the rows, and the gradient of minus its mean with respect to the logits.
fn likelihood(logits: &Matrix, classes: &[usize]) -> (f64, Matrix) {
    /// Rows that are looked at by one thread at a time.
    const PART: usize = 256;
    let (rows, columns) = (logits.rows(), logits.columns());
    let parts = parallel::map(rows.div_ceil(PART), 32 * PART * columns, |part| {
        let (mut sum, mut off) = (0.0, Vec::with_capacity(PART * columns));
        for row in part * PART..rows.min((part + 1) * PART) {
            let z = logits.row(row);
            let highest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let partition = z.iter().map(|z| (z - highest).exp()).sum::<f64>();
            let log_partition = highest + partition.ln();
            sum += z[classes[row]] - log_partition;
            let start = off.len();
            off.extend(z.iter().map(|z| (z - log_partition).exp() / rows as f64));
            off[start + classes[row]] -= 1.0 / rows as f64;
        }
        (sum, off)
    });
    let sum = parts.iter().map(|(sum, _)| sum).sum();
    (sum, Matrix::new(parts.into_iter().flat_map(|(_, off)| off).collect(), columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::clusters;

    #[test]
    fn agrees_with_scikit_learn() {
        // x, y = clusters(3, 120, 5, 4, 2.5) of sample.rs; n = 80; penalty = 1e-3
        // s = StandardScaler().fit(x[:n]); a, b = s.transform(x[:n]), s.transform(x[n:])
        // m = LogisticRegression(C=1 / (penalty * n), tol=1e-10, max_iter=10000).fit(a, y[:n])
        // log_loss(y[:n], m.predict_proba(a)) + penalty / 2 * (m.coef_ ** 2).sum()
        // m.score(a, y[:n]), m.score(b, y[n:])
        let (values, labels) = clusters(3, 120, 5, 4, 2.5);
        let train = Features::new(&values[..400], 5).unwrap();
        let test = Features::new(&values[400..], 5).unwrap();
        let probe = Probe::fit(train, &labels[..80], 1e-3, Stop::never()).unwrap();
        assert!(probe.converged, "{probe:?}");
        assert!((probe.objective - OBJECTIVE).abs() < 1e-9, "{}", probe.objective);
        let (on_train, on_test) =
            (probe.accuracy(train, &labels[..80]), probe.accuracy(test, &labels[80..]));
        assert_eq!((on_train.unwrap(), on_test.unwrap()), ACCURACIES);
    }

    const OBJECTIVE: f64 = 0.3624496722951946;
    const ACCURACIES: (f64, f64) = (0.8375, 0.85);

    #[test]
    fn twice_the_same_is_the_same() {
        let (values, labels) = clusters(8, 60, 4, 3, 2.0);
        let features = Features::new(&values, 4).unwrap();
        let fit = || Probe::fit(features, &labels, 1e-2, Stop::never()).unwrap();
        assert_eq!(fit().objective.to_bits(), fit().objective.to_bits());
    }

    #[test]
    fn constant_features_and_single_classes_are_no_trouble() {
        let features = Features::new(&[1.0f32, 5.0, 2.0, 5.0, 8.0, 5.0, 9.0, 5.0], 2).unwrap();
        let labels = [-4, -4, 30, 30];
        let probe = Probe::fit(features, &labels, 1e-3, Stop::never()).unwrap();
        assert!(probe.converged);
        assert_eq!(probe.predict(features).unwrap(), labels);
        assert_eq!(probe.accuracy(features, &[-4, 30, 30, 7]).unwrap(), 0.5);
        let single = Probe::fit(features, &[3; 4], 0.0, Stop::never()).unwrap();
        assert_eq!((single.objective, single.accuracy(features, &[3; 4]).unwrap()), (0.0, 1.0));
        // The mean of three times 0.1 is not 0.1.
        let constant = Features::new(&[0.1f64; 3], 1).unwrap();
        let chance = Probe::fit(constant, &[0, 1, 2], 0.0, Stop::never()).unwrap();
        assert!(chance.converged && (chance.objective - 3f64.ln()).abs() < 1e-12, "{chance:?}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let features = Features::new(&[1.0f32, 2.0], 1).unwrap();
        assert!(Probe::fit(features, &[0], 1.0, Stop::never()).is_err());
        for penalty in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Probe::fit(features, &[0, 1], penalty, Stop::never()).is_err());
        }
        let wide = vec![0.0f32; 2 * 6_000_001];
        let wide = Features::new(&wide, 6_000_001).unwrap();
        let complaint = Probe::fit(wide, &[0, 1], 1.0, Stop::never()).unwrap_err().to_string();
        assert!(complaint.contains("12000002 weights"), "{complaint}");
        let probe = Probe::fit(features, &[0, 1], 1.0, Stop::never()).unwrap();
        let wide = Features::new(&[1.0f32, 2.0], 2).unwrap();
        let complaint = probe.predict(wide).unwrap_err().to_string();
        assert_eq!(complaint, "the features have 2 dimensions, not 1 like the others");
    }
}
