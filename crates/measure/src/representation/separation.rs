//! Class separation R² (Kornblith et al. 2021, "Why do better loss functions lead to less
//! transferable features?", §3.2).
//!
//! R² = 1 − d̄_within / d̄_total, with d̄ the mean cosine distance of two examples of one class and of
//! two examples at all, classes counted equally however many examples they have. It grows with how
//! tightly the classes lie together; losses that separate more transfer less.
//!
//! The mean of all pairwise cosines of two sets is the product of the means of their unit vectors,
//! so no pair is ever looked at: with μ_k the mean unit vector of class k,
//! d̄_within = 1 − mean_k ‖μ_k‖² and d̄_total = 1 − ‖mean_k μ_k‖².

use super::Features;
use crate::Logit;
use crate::Result;
use crate::card::{Card, Direction, Range, Source};

pub(crate) const CARD: Card = Card {
    key: "class_separation",
    title: "class separation",
    unit: "",
    direction: Direction::Undefined,
    decimals: 4,
    meaning: "R² of the features: 1 minus the mean cosine distance within classes over that of all (Kornblith et al.)",
    range: Range::Any,
    source: Source::Field("representation.class_separation", |m| {
        m.representation.as_ref()?.class_separation
    }),
};

/// The class separation R², in \[0, 1\]: 0 for a single class, 1 where every class is one direction.
/// `None` where all features point the same way, so that there is nothing to explain. A row of
/// zeros has cosine 0 with everything, itself included.
///
/// `labels`: one a row, any whole numbers.
///
/// # Errors
/// Labels that are not one a row.
pub fn class_separation<T: Logit>(features: Features<T>, labels: &[i64]) -> Result<Option<f64>> {
    let classes = features.classes(labels)?;
    let mut means = vec![0.0; classes.len() * features.columns()];
    for (row, class) in features.iter().zip(&classes.of_row) {
        let mean = &mut means[class * features.columns()..][..features.columns()];
        // The largest entry is taken out first, so that squares neither overflow nor vanish.
        let largest = row.iter().map(|&x| x.into().abs()).fold(0.0, f64::max);
        if largest > 0.0 {
            let norm = row.iter().map(|&x| (x.into() / largest).powi(2)).sum::<f64>().sqrt();
            for (mean, &x) in mean.iter_mut().zip(row) {
                *mean += x.into() / largest / norm;
            }
        }
    }
    for (mean, size) in means.chunks_exact_mut(features.columns()).zip(classes.sizes()) {
        mean.iter_mut().for_each(|sum| *sum /= size as f64);
    }
    let classes = classes.len() as f64;
    let mut center = vec![0.0; features.columns()];
    for mean in means.chunks_exact(features.columns()) {
        center.iter_mut().zip(mean).for_each(|(sum, x)| *sum += x / classes);
    }
    let square = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    let within = 1.0 - square(&means) / classes;
    let total = 1.0 - square(&center);
    // Unit vectors are so only up to rounding.
    Ok((total > 1e-12).then(|| (1.0 - within / total).clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::clusters;

    #[test]
    fn agrees_with_all_pairs_in_numpy() {
        // x, y = clusters(3, 120, 5, 4, 2.5) of sample.rs
        // d = 1 - sklearn.metrics.pairwise.cosine_similarity(x)
        // within = numpy.mean([d[numpy.ix_(y == k, y == k)].mean() for k in range(4)])
        // total = numpy.mean([d[numpy.ix_(y == j, y == k)].mean() for j in range(4) for k in range(4)])
        // 1 - within / total
        let (values, labels) = clusters(3, 120, 5, 4, 2.5);
        let features = Features::new(&values, 5).unwrap();
        let separation = class_separation(features, &labels).unwrap().unwrap();
        assert!((separation - SEPARATION).abs() < 1e-12, "{separation}");
    }

    const SEPARATION: f64 = 0.3121547086750478;

    #[test]
    fn lengths_and_label_names_do_not_matter() {
        let (values, labels) = clusters(4, 60, 3, 3, 1.0);
        let at = |values: &[f64], labels: &[i64]| {
            class_separation(Features::new(values, 3).unwrap(), labels).unwrap().unwrap()
        };
        let factor = |i: usize| [1e-160, 1.0, 1e160][i / 3 % 3];
        let scaled: Vec<f64> = values.iter().enumerate().map(|(i, x)| x * factor(i)).collect();
        let renamed: Vec<i64> = labels.iter().map(|label| 100 - 7 * label).collect();
        assert!((at(&values, &labels) - at(&scaled, &renamed)).abs() < 1e-12);
    }

    #[test]
    fn extremes_are_zero_one_and_nothing() {
        let at = |values: &[f32], labels: &[i64]| {
            class_separation(Features::new(values, 2).unwrap(), labels).unwrap()
        };
        assert_eq!(at(&[1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 3.0], &[0, 0, 1, 1]), Some(1.0));
        assert_eq!(at(&[1.0, 0.0, 0.0, 1.0], &[0, 0]), Some(0.0));
        assert_eq!(at(&[1.0, 1.0, 2.0, 2.0], &[0, 1]), None);
        assert_eq!(at(&[0.0, 0.0, 0.0, 0.0], &[0, 1]), Some(0.0));
    }
}
