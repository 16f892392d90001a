//! [`Representation`]: the single numbers of a representation.

use super::{Features, Metric, Pca, Probe, class_separation, knn_accuracy, knn_accuracy_left_out};
use crate::Logit;
use crate::{Result, Stop};
use serde::{Deserialize, Serialize};

/// What features are worth without their head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Representation {
    /// Dimensions of the features.
    pub dimensions: usize,
    /// Class separation R², in \[0, 1\]; null where all features point the same way.
    pub class_separation: Option<f64>,
    /// How many neighbours vote.
    pub neighbours: usize,
    /// Whether they are the other examples measured, for want of training features.
    pub left_out: bool,
    /// k-nearest-neighbour accuracy by cosine.
    pub knn_cosine: f64,
    /// k-nearest-neighbour accuracy by Euclidean distance.
    pub knn_euclidean: f64,
    /// A new head, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeRecord>,
    /// Shares of the variance that the map's two axes keep.
    pub pca_explained: Vec<f64>,
}

/// A [`Probe`] and how well it does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// Its accuracy on the examples measured.
    pub accuracy: f64,
    /// Its accuracy on those it was trained on.
    pub train_accuracy: f64,
    /// Its penalty λ.
    pub penalty: f64,
    /// Whether its training reached the minimum.
    pub converged: bool,
}

impl Representation {
    /// Measures `features` with `labels`, one a row, any whole numbers, against training features
    /// with theirs. `pca`: the axes of the map. `penalty`: the λ of a probe, where one is wanted.
    ///
    /// # Errors
    /// Labels or training features that do not fit; more `neighbours` than examples;
    /// [`crate::Error::Interrupted`].
    pub fn new<T: Logit>(
        features: Features<T>,
        labels: &[i64],
        train: Option<(Features<T>, &[i64])>,
        pca: &Pca,
        neighbours: usize,
        penalty: Option<f64>,
        stop: Stop,
    ) -> Result<Self> {
        let knn = |metric| match train {
            Some((train, known)) => {
                knn_accuracy(train, known, features, labels, neighbours, metric, stop)
            }
            None => knn_accuracy_left_out(features, labels, neighbours, metric, stop),
        };
        let probe = |((train, known), penalty)| {
            ProbeRecord::new(train, known, features, labels, penalty, stop)
        };
        Ok(Self {
            dimensions: features.columns(),
            class_separation: class_separation(features, labels)?,
            neighbours,
            left_out: train.is_none(),
            knn_cosine: knn(Metric::Cosine)?,
            knn_euclidean: knn(Metric::Euclidean)?,
            probe: train.zip(penalty).map(probe).transpose()?,
            pca_explained: pca.explained.clone(),
        })
    }
}

impl ProbeRecord {
    /// Trains a head on `train` features with the penalty λ and measures it on others. With the
    /// labels of another task it tells how well the features transfer.
    ///
    /// # Errors
    /// As [`Probe::fit`]; features of another dimension.
    pub fn new<T: Logit>(
        train: Features<T>,
        known: &[i64],
        features: Features<T>,
        labels: &[i64],
        penalty: f64,
        stop: Stop,
    ) -> Result<Self> {
        let probe = Probe::fit(train, known, penalty, stop)?;
        Ok(Self {
            accuracy: probe.accuracy(features, labels)?,
            train_accuracy: probe.accuracy(train, known)?,
            penalty,
            converged: probe.converged,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::clusters;

    #[test]
    fn well_separated_classes_are_seen_by_all() {
        let (values, labels) = clusters(3, 120, 5, 4, 30.0);
        let (train, test) = values.split_at(400);
        let (train, test) = (Features::new(train, 5).unwrap(), Features::new(test, 5).unwrap());
        let pca = Pca::fit(test, 2, Stop::never()).unwrap();
        let record = |train| {
            Representation::new(test, &labels[80..], train, &pca, 3, Some(1e-3), Stop::never())
                .unwrap()
        };
        let with = record(Some((train, &labels[..80])));
        assert_eq!((with.knn_cosine, with.knn_euclidean, with.left_out), (1.0, 1.0, false));
        let probe = with.probe.unwrap();
        assert_eq!((probe.accuracy, probe.train_accuracy, probe.converged), (1.0, 1.0, true));
        assert!(with.class_separation.unwrap() > 0.9);
        let without = record(None);
        assert!(without.left_out && without.probe.is_none() && without.knn_euclidean == 1.0);
        assert_eq!(without.pca_explained.len(), 2);
    }
}
