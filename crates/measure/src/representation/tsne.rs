//! t-SNE: the map of the features that keeps neighbours together (van der Maaten and Hinton 2008).
//!
//! Pairs have probabilities: p_ij of being neighbours in the features, by Gaussians whose widths give
//! every example the same number of effective neighbours, the perplexity; and q_ij on the map, by
//! Student's t with one degree of freedom. The map minimises KL(P‖Q) by gradient descent with
//! momentum, 4 Σ_j (p_ij − q_ij)(y_i − y_j) / (1 + ‖y_i − y_j‖²) being the gradient.
//!
//! Exact, over all pairs: meant for up to 2000 examples. It begins with the principal components and
//! draws nothing at random, so equal features give equal maps. Distances between far groups and the
//! sizes of groups mean nothing.

use super::{
    Features, Pca,
    linalg::{Matrix, squared_distances},
};
use crate::{Error, Logit, Result, Stop, parallel};

/// Steps with, and then without, exaggerated neighbourhoods; the momentum of each.
const PHASES: [(usize, f64, f64); 2] = [(250, EXAGGERATION, 0.5), (750, 1.0, 0.8)];
const EXAGGERATION: f64 = 12.0;
/// The least probability of a pair, whose logarithm is taken.
const LEAST: f64 = f64::EPSILON;

/// A map of some features.
#[derive(Clone, Debug, PartialEq)]
pub struct Tsne {
    /// The position of each example, row-major, two columns.
    pub positions: Vec<f64>,
    /// KL(P‖Q) in nats: how much of the neighbourhoods is lost.
    pub divergence: f64,
}

impl Tsne {
    /// Maps `features`; `perplexity` is usually 5 to 50. The settings of the descent are those of
    /// scikit-learn's `TSNE(method="exact", init="pca")`.
    ///
    /// # Errors
    /// A perplexity below 1, or not below the number of other examples; those of [`Pca::fit`];
    /// [`Error::Interrupted`].
    pub fn fit<T: Logit>(features: Features<T>, perplexity: f64, stop: Stop) -> Result<Self> {
        let axes = features.columns().min(2);
        let positions = Pca::fit(features, axes, stop)?.project(features)?;
        Self::from_components(features, &positions, perplexity, stop)
    }

    /// The same from the two principal components of each example, or the one that there is.
    pub(super) fn from_components<T: Logit>(
        features: Features<T>,
        components: &[f64],
        perplexity: f64,
        stop: Stop,
    ) -> Result<Self> {
        let rows = features.rows();
        if !(perplexity >= 1.0 && perplexity < (rows - 1) as f64) {
            return Err(Error::Request(format!(
                "a perplexity of {perplexity} is not between 1 and the {} other examples",
                rows - 1
            )));
        }
        let neighbours = joint_probabilities(features, perplexity, stop)?;
        let mut map = start(components, features.columns().min(2));
        let rate = (rows as f64 / EXAGGERATION / 4.0).max(50.0);
        for (steps, exaggeration, momentum) in PHASES {
            let mut update = vec![[0.0; 2]; rows];
            let mut gains = vec![[1.0f64; 2]; rows];
            for _ in 0..steps {
                stop.check()?;
                let gradient = gradient(&neighbours, exaggeration, &map);
                for (i, pull) in gradient.iter().enumerate() {
                    for axis in 0..2 {
                        // What goes on in its direction goes faster (Jacobs 1988).
                        let gain = &mut gains[i][axis];
                        let same = update[i][axis] * pull[axis] < 0.0;
                        *gain = if same { *gain + 0.2 } else { (*gain * 0.8).max(0.01) };
                        update[i][axis] = momentum * update[i][axis] - rate * *gain * pull[axis];
                        map[i][axis] += update[i][axis];
                    }
                }
            }
        }
        let divergence = divergence(&neighbours, &map);
        Ok(Self { positions: map.concat(), divergence })
    }
}

/// p_ij of the pairs i > j, row by row: (p_j|i + p_i|j) / 2N.
fn joint_probabilities<T: Logit>(
    features: Features<T>,
    perplexity: f64,
    stop: Stop,
) -> Result<Vec<f64>> {
    let x = Matrix::of(features);
    let distances = squared_distances(&x, &x);
    let rows = features.rows();
    let conditional = parallel::map(rows, 50 * rows, |i| {
        stop.check()?;
        Ok(conditional(distances.row(i), i, perplexity))
    });
    let conditional = conditional.into_iter().collect::<Result<Vec<_>>>()?;
    let joint = |i: usize, j: usize| {
        let both = conditional[i][j] + conditional[j][i];
        (both / (2 * rows) as f64).max(LEAST)
    };
    Ok((0..rows).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| joint(i, j)).collect())
}

/// p_j|i ∝ exp(−β‖x_i − x_j‖²) with the β whose entropy is the logarithm of the perplexity.
fn conditional(distances: &[f64], own: usize, perplexity: f64) -> Vec<f64> {
    let others = || distances.iter().enumerate().filter(|(j, _)| *j != own).map(|(_, d)| *d);
    let nearest = others().fold(f64::INFINITY, f64::min);
    let (mut low, mut high, mut beta) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..200 {
        let (mut sum, mut moment) = (0.0, 0.0);
        for d in others().map(|d| d - nearest) {
            let weight = (-beta * d).exp();
            sum += weight;
            moment += weight * d;
        }
        let excess = sum.ln() + beta * moment / sum - perplexity.ln();
        if excess.abs() < 1e-10 {
            break;
        }
        if excess > 0.0 {
            low = beta;
        } else {
            high = beta;
        }
        beta = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * beta };
    }
    let weight = |(j, d): (usize, &f64)| if j == own { 0.0 } else { (-beta * (d - nearest)).exp() };
    let weights: Vec<f64> = distances.iter().enumerate().map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// The principal components, the first with a standard deviation of 1e-4; a second coordinate of 0
/// where the features have one dimension.
fn start(components: &[f64], axes: usize) -> Vec<[f64; 2]> {
    let second = |row: &[f64]| row.get(1).copied().unwrap_or(0.0);
    let map: Vec<[f64; 2]> = components.chunks_exact(axes).map(|r| [r[0], second(r)]).collect();
    let spread = (map.iter().map(|y| y[0] * y[0]).sum::<f64>() / map.len() as f64).sqrt();
    let scale = if spread > 0.0 { 1e-4 / spread } else { 0.0 };
    map.into_iter().map(|y| y.map(|axis| axis * scale)).collect()
}

/// 1 / (1 + ‖y_i − y_j‖²) of the pairs i > j, and its sum over both orders.
fn closeness(map: &[[f64; 2]]) -> (Vec<f64>, f64) {
    let mut close = Vec::with_capacity(map.len() * (map.len() - 1) / 2);
    for (i, a) in map.iter().enumerate() {
        close.extend(map[..i].iter().map(|b| {
            let (x, y) = (a[0] - b[0], a[1] - b[1]);
            1.0 / (1.0 + x * x + y * y)
        }));
    }
    let sum = 2.0 * close.iter().sum::<f64>();
    (close, sum)
}

/// ∂KL/∂y, the neighbourhoods multiplied by `exaggeration`.
fn gradient(neighbours: &[f64], exaggeration: f64, map: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let (close, sum) = closeness(map);
    let mut gradient = vec![[0.0; 2]; map.len()];
    let mut pairs = neighbours.iter().zip(&close);
    for i in 0..map.len() {
        let (before, own) = gradient.split_at_mut(i);
        let [x, y] = map[i];
        for ((other, at), (p, near)) in before.iter_mut().zip(map).zip(pairs.by_ref()) {
            let pull = 4.0 * (exaggeration * p - (near / sum).max(LEAST)) * near;
            let (dx, dy) = (pull * (x - at[0]), pull * (y - at[1]));
            own[0][0] += dx;
            own[0][1] += dy;
            other[0] -= dx;
            other[1] -= dy;
        }
    }
    gradient
}

/// KL(P‖Q) over all pairs.
fn divergence(neighbours: &[f64], map: &[[f64; 2]]) -> f64 {
    let (close, sum) = closeness(map);
    let pair = |(p, near): (&f64, &f64)| p * (p / (near / sum).max(LEAST)).ln();
    2.0 * neighbours.iter().zip(&close).map(pair).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{clusters, uniform};
    use crate::{Metric, knn_accuracy_left_out, median};

    #[test]
    fn neighbourhoods_agree_with_scikit_learn() {
        // x, _ = clusters(3, 120, 5, 4, 2.5) of sample.rs; d = pairwise_distances(x, squared=True)
        // P = scipy.spatial.distance.squareform(
        //     sklearn.manifold._t_sne._joint_probabilities(d, 20, False))
        // P[1, 0], P[60, 7], P[119, 118], P.max()
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let p =
            joint_probabilities(Features::new(&values, 5).unwrap(), 20.0, Stop::never()).unwrap();
        let at = |i: usize, j: usize| p[i * (i - 1) / 2 + j];
        let found = [at(1, 0), at(60, 7), at(119, 118), p.iter().copied().fold(0.0, f64::max)];
        for (ours, expected) in found.iter().zip(NEIGHBOURS) {
            // scikit-learn stops its search for the widths at 1e-5.
            assert!((ours / expected - 1.0).abs() < 1e-3, "{ours} is not {expected}");
        }
        assert!((2.0 * p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    const NEIGHBOURS: [f64; 4] =
        [1.9167462603547894e-6, 0.00013871322421089643, 1.6421782743339e-6, 0.0029043824278217945];

    #[test]
    fn maps_as_well_as_scikit_learn() {
        // t = sklearn.manifold.TSNE(2, perplexity=20, init="pca", method="exact").fit(x)
        // t.kl_divergence_ = 0.5535; with init="random" and random_state=0, 1, 2, 3 instead
        // 0.5738, 0.5572, 0.6321, 0.5973: where the descent ends hangs on its last digits, and so it is
        // the median of some descents, whose features differ in them, that is compared.
        let (values, labels) = clusters(3, 120, 5, 4, 2.5);
        let map = |values: &[f64]| {
            Tsne::fit(Features::new(values, 5).unwrap(), 20.0, Stop::never()).unwrap()
        };
        let of_seed = |seed| {
            let nearly = |(x, u): (&f64, f64)| x * (1.0 + 1e-14 * (u - 0.5));
            map(&values.iter().zip(uniform(seed)).map(nearly).collect::<Vec<_>>())
        };
        let maps: Vec<Tsne> = (0..5).map(of_seed).collect();
        let divergences: Vec<f64> = maps.iter().map(|map| map.divergence).collect();
        let typical = median(&divergences).unwrap();
        assert!((0.54..0.64).contains(&typical), "{divergences:?}");
        assert_eq!(of_seed(0), maps[0]);
        let near = |values: &[f64], columns| {
            let features = Features::new(values, columns).unwrap();
            knn_accuracy_left_out(features, &labels, 10, Metric::Euclidean, Stop::never()).unwrap()
        };
        for map in &maps {
            assert!(near(&map.positions, 2) > near(&values, 5) - 0.1);
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_divergence() {
        let (values, _) = clusters(3, 12, 5, 4, 2.5);
        let p =
            joint_probabilities(Features::new(&values, 5).unwrap(), 4.0, Stop::never()).unwrap();
        let map: Vec<[f64; 2]> = values.chunks(5).map(|row| [row[0], row[1]]).collect();
        let pulls = gradient(&p, 1.0, &map);
        for (i, axis) in [(0, 0), (3, 1), (11, 0)] {
            let moved = |by: f64| {
                let mut map = map.clone();
                map[i][axis] += by;
                divergence(&p, &map)
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope - pulls[i][axis]).abs() < 1e-8, "{slope} is not {}", pulls[i][axis]);
        }
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        let equal =
            Tsne::fit(Features::new(&[3.0f32; 12], 2).unwrap(), 2.0, Stop::never()).unwrap();
        assert!(equal.positions.iter().all(|x| *x == 0.0), "{equal:?}");
        let line =
            Tsne::fit(Features::new(&[0.0f32, 1.0, 5.0, 6.0], 1).unwrap(), 1.5, Stop::never())
                .unwrap();
        assert!(line.positions.iter().all(|x| x.is_finite()));
        let features = Features::new(&[0.0f32, 1.0, 5.0], 1).unwrap();
        for wrong in [0.5, 2.0, f64::NAN] {
            assert!(Tsne::fit(features, wrong, Stop::never()).is_err(), "{wrong}");
        }
    }
}
