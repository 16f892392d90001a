//! Which weights of a training the rest of a run goes on with.

use crate::Result;
use crate::compare::Select;
use crate::models::Model;
use crate::train::TrainingResult;

/// Puts the weights that are to be measured into `model`.
pub(super) fn select(which: Select, model: &dyn Model, trained: &TrainingResult) -> Result<()> {
    model.weights().restore(match which {
        Select::Best | Select::Test => &trained.best,
        Select::Last => &trained.last,
    })
}
