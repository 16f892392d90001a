//! Training: one engine for every data set, model and loss.

mod adversarial;
mod average;
pub mod checkpoint;
mod engine;
mod evaluate;
mod gradient;
mod l_softmax;
mod last_layer;
mod odin;
pub mod optimizer;
mod options;
pub mod schedule;
mod state;
mod tensorboard;
mod update;
mod warmup;

pub use average::Average;
pub use engine::{Training, TrainingResult};
pub use evaluate::{FeatureRows, Predictions, extract_features, predict, predict_each};
pub use l_softmax::{LSoftmaxRecipe, LargeMargin};
pub use last_layer::{HeadLoss, head_loss};
pub use odin::Odin;
pub use optimizer::{OPTIMIZERS, Optimizer, OptimizerRecipe};
pub use options::TrainingOptions;
pub(crate) use options::training_options;
pub use schedule::{Moment, SCHEDULES, Schedule};
pub use tensorboard::Events;
pub use update::{OnNan, Update};
pub use warmup::Warmup;
