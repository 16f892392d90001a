//! k-nearest-neighbour accuracy: are the examples of a class each other's neighbours?
//!
//! A majority vote among the k nearest examples with features alone; nothing is trained. Of classes
//! with equally many votes the first wins, as in scikit-learn's `KNeighborsClassifier`.

use super::{
    Features, Metric,
    linalg::Matrix,
    nearest::{Neighbour, nearest},
};
use crate::card::{Card, Direction, Range, Source};
use crate::{Error, Logit, Result, Stop};

pub(crate) const COSINE: Card = Card {
    key: "knn_cosine",
    title: "k-NN, cosine",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "share of test examples whose nearest training examples by the features' angle mostly have their label",
    range: Range::Share,
    source: Source::Field("representation.knn_cosine", |m| {
        Some(m.representation.as_ref()?.knn_cosine)
    }),
};

pub(crate) const EUCLIDEAN: Card = Card {
    key: "knn_euclidean",
    title: "k-NN, Euclidean",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "the same by the features' distance",
    range: Range::Share,
    source: Source::Field("representation.knn_euclidean", |m| {
        Some(m.representation.as_ref()?.knn_euclidean)
    }),
};

/// The share of `test` examples whose `k` nearest `train` examples mostly have their label. Labels
/// may be any whole numbers.
///
/// # Errors
/// `k` that is 0 or more than there are training examples; features of different dimensions; labels
/// that are not one a row; [`Error::Interrupted`].
pub fn knn_accuracy<T: Logit, U: Logit>(
    train: Features<T>,
    train_labels: &[i64],
    test: Features<U>,
    test_labels: &[i64],
    k: usize,
    metric: Metric,
    stop: Stop,
) -> Result<f64> {
    train.classes(train_labels)?;
    test.classes(test_labels)?;
    test.validate_columns(train.columns())?;
    validate_k(k, train.rows())?;
    let neighbours = nearest(&Matrix::of(train), &Matrix::of(test), k, metric, false, stop)?;
    Ok(share_right(&neighbours, train_labels, test_labels))
}

/// The share of examples whose `k` nearest others mostly have their label: leave-one-out, for where
/// there is one set only.
///
/// # Errors
/// `k` that is 0 or more than there are other examples; labels that are not one a row;
/// [`Error::Interrupted`].
pub fn knn_accuracy_left_out<T: Logit>(
    features: Features<T>,
    labels: &[i64],
    k: usize,
    metric: Metric,
    stop: Stop,
) -> Result<f64> {
    features.classes(labels)?;
    validate_k(k, features.rows() - 1)?;
    let features = Matrix::of(features);
    let neighbours = nearest(&features, &features, k, metric, true, stop)?;
    Ok(share_right(&neighbours, labels, labels))
}

pub(crate) fn validate_k(k: usize, available: usize) -> Result<()> {
    if k == 0 || k > available {
        return Err(Error::Request(format!(
            "{k} neighbours asked for, where there are {available} examples to choose from"
        )));
    }
    Ok(())
}

fn share_right(neighbours: &[Vec<Neighbour>], labels: &[i64], truth: &[i64]) -> f64 {
    let right = |(found, truth): &(&Vec<Neighbour>, &i64)| majority(found, labels) == Some(**truth);
    neighbours.iter().zip(truth).filter(right).count() as f64 / truth.len() as f64
}

/// The most frequent label among the neighbours; of equally frequent ones the smallest.
fn majority(neighbours: &[Neighbour], labels: &[i64]) -> Option<i64> {
    let mut votes: Vec<i64> = neighbours.iter().map(|(_, row)| labels[*row]).collect();
    votes.sort_unstable();
    let runs = votes.chunk_by(|a, b| a == b);
    // The last of equal maxima is kept, so the smallest label comes last.
    runs.rev().max_by_key(|run| run.len()).map(|run| run[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{clusters, uniform};

    #[test]
    fn agrees_with_scikit_learn() {
        // x, y = clusters(3, 120, 5, 4, 2.5) of sample.rs
        // for metric in "cosine", "euclidean": for k in 1, 4, 10:
        //   m = KNeighborsClassifier(k, metric=metric, algorithm="brute")
        //   m.fit(x[:80], y[:80]).score(x[80:], y[80:])
        //   # left out: numpy.mean(cross_val_predict(m, x, y, cv=LeaveOneOut()) == y)
        let (values, labels) = clusters(3, 120, 5, 4, 2.5);
        let all = Features::new(&values, 5).unwrap();
        let train = Features::new(&values[..400], 5).unwrap();
        let test = Features::new(&values[400..], 5).unwrap();
        for (metric, k, split, left_out) in EXPECTED {
            let ours =
                knn_accuracy(train, &labels[..80], test, &labels[80..], k, metric, Stop::never())
                    .unwrap();
            assert!((ours - split).abs() < 1e-12, "{metric:?} {k}: {ours} is not {split}");
            let ours = knn_accuracy_left_out(all, &labels, k, metric, Stop::never()).unwrap();
            assert!((ours - left_out).abs() < 1e-12, "{metric:?} {k}: {ours} is not {left_out}");
        }
    }

    const EXPECTED: [(Metric, usize, f64, f64); 6] = [
        (Metric::Cosine, 1, 0.65, 0.6916666666666667),
        (Metric::Cosine, 4, 0.75, 0.7583333333333333),
        (Metric::Cosine, 10, 0.8, 0.7916666666666666),
        (Metric::Euclidean, 1, 0.75, 0.725),
        (Metric::Euclidean, 4, 0.775, 0.75),
        (Metric::Euclidean, 10, 0.75, 0.7333333333333333),
    ];

    #[test]
    fn ties_go_to_the_smaller_label() {
        let of = |labels: &[i64]| {
            let neighbours: Vec<Neighbour> = (0..labels.len()).map(|row| (0.0, row)).collect();
            majority(&neighbours, labels)
        };
        assert_eq!(of(&[5, -2, 5, -2, 9]), Some(-2));
        assert_eq!(of(&[5, -2, 5]), Some(5));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn every_example_is_its_own_nearest_unless_left_out() {
        let values: Vec<f64> = uniform(5).take(60).collect();
        let features = Features::new(&values, 2).unwrap();
        let labels: Vec<i64> = (0..30).collect();
        let own =
            knn_accuracy(features, &labels, features, &labels, 1, Metric::Euclidean, Stop::never());
        assert_eq!(own.unwrap(), 1.0);
        let others = knn_accuracy_left_out(features, &labels, 1, Metric::Euclidean, Stop::never());
        assert_eq!(others.unwrap(), 0.0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let features = Features::new(&[0.0f32, 1.0, 2.0], 1).unwrap();
        let other = Features::new(&[0.0f64, 1.0], 2).unwrap();
        for k in [0, 3] {
            assert!(
                knn_accuracy_left_out(features, &[0, 0, 1], k, Metric::Cosine, Stop::never())
                    .is_err()
            );
        }
        let accuracy = |k| {
            knn_accuracy(features, &[0, 0, 1], other, &[0], k, Metric::Cosine, Stop::never())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(accuracy(1), "the features have 2 dimensions, not 1 like the others");
        assert!(
            knn_accuracy(features, &[0], features, &[0, 1, 2], 1, Metric::Cosine, Stop::never())
                .is_err()
        );
    }

    #[test]
    fn one_class_is_always_right() {
        let features = Features::new(&[0.0f32, 1.0, 2.0], 1).unwrap();
        let accuracy =
            knn_accuracy_left_out(features, &[7; 3], 2, Metric::Cosine, Stop::never()).unwrap();
        assert_eq!(accuracy, 1.0);
    }
}
