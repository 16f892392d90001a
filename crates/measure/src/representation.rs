//! What the features, the layer below the head, are worth by themselves.
//!
//! A loss can raise the accuracy through the features or through the head on top; §5.3 of the paper
//! says it is the features, by training a new head on frozen ones. Here that is [`Probe`]; the
//! [`knn_accuracy`] asks without training anything, [`class_separation`] how tightly the classes
//! lie together, and [`Pca`] and [`Tsne`] draw a map. To test a transfer, give the labels of another task.
//!
//! Dense linear algebra is faer's in double precision: its results are equal bit for bit on one
//! machine, whatever the number of threads, elsewhere up to rounding.

mod features;
mod lbfgs;
mod linalg;
mod map;
mod nearest;
pub(crate) mod neighbours;
mod pca;
mod principal;
pub(crate) mod probe;
mod record;
pub(crate) mod separation;
mod tsne;

pub use features::Features;
pub use map::FeatureMap;
pub use nearest::Metric;
pub use neighbours::{knn_accuracy, knn_accuracy_left_out};
pub use pca::Pca;
pub use probe::Probe;
pub use record::{ProbeRecord, Representation};
pub use separation::class_separation;
pub use tsne::Tsne;

use features::Classes;
pub(super) use linalg::{Matrix, product, pseudosolve, squared_distances};
pub(super) use nearest::nearest;
pub(super) use neighbours::validate_k;
pub(super) use principal::Principal;
