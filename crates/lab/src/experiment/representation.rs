//! What a run's features are worth: classes apart, neighbours alike, a map, and what they notice of
//! examples from elsewhere.

use std::collections::BTreeMap;

use crate::data::{Examples, Inputs};
use crate::measure::{
    FeatureMap, Features, Mahalanobis, Neighbours, OodScore, Pca, Representation, Vim,
};
use crate::models::Model;
use crate::train::{Odin, Represented, represent};
use crate::{Error, Result};

/// Examples of a part that are looked at, at most, evenly spaced: distances grow with the product of
/// two such numbers.
pub(super) const MOST: usize = 5_000;
/// Examples on a map, at most.
const MAPPED: usize = 300;
/// Training examples that vote on a label, and the one whose distance is the score of neighbours.
const VOTERS: usize = 20;
const NEIGHBOUR: usize = 50;

/// A model, and its features of training and test examples.
pub(super) struct Representations<'a> {
    model: &'a dyn Model,
    tested: Examples,
    train: Represented,
    test: Represented,
}

impl<'a> Representations<'a> {
    /// Computes the features of `train`, not augmented, and of `test`.
    pub fn new(model: &'a dyn Model, train: &Examples, test: &Examples) -> Result<Self> {
        let tested = test.at_most(MOST);
        let learned = represent(model, &*train.at_most(MOST).source()?)?;
        let test = represent(model, &*tested.source()?)?;
        Ok(Self { model, tested, train: learned, test })
    }

    /// The single numbers.
    pub fn measure(&self) -> Result<Representation> {
        let (train, test) = (matrix(&self.train)?, matrix(&self.test)?);
        let pca = Pca::fit(test, test.columns().min(2))?;
        let voters = VOTERS.min(train.rows());
        let train = Some((train, &self.train.labels[..]));
        Representation::new(test, &self.test.labels, train, &pca, voters, None)
    }

    /// The maps of test examples.
    pub fn map(&self) -> Result<Option<FeatureMap>> {
        let width = self.test.width;
        let step = self.test.labels.len().div_ceil(MAPPED).max(1);
        let labels: Vec<i64> = self.test.labels.iter().copied().step_by(step).collect();
        let rows = self.test.values.chunks_exact(width.max(1)).step_by(step);
        FeatureMap::new(
            Features::new(&rows.flatten().copied().collect::<Vec<_>>(), width)?,
            &labels,
        )
    }

    /// How well scores of the features, and ODIN on images, tell the test examples from `outside`.
    pub fn judge(&self, outside: &Examples) -> Result<BTreeMap<String, OodScore>> {
        let outside = outside.at_most(MOST);
        let foreign = represent(self.model, &*outside.source()?)?;
        let (train, test) = (matrix(&self.train)?, matrix(&self.test)?);
        let foreign = matrix(&foreign)?;
        let mut scores = BTreeMap::new();
        let mut judge = |name: &str, ours: Vec<f64>, theirs: Vec<f64>| -> Result<()> {
            scores.insert(name.to_owned(), OodScore::new(&ours, &theirs)?);
            Ok(())
        };
        let mahalanobis = Mahalanobis::fit(train, &self.train.labels)?;
        judge("mahalanobis", mahalanobis.scores(test)?, mahalanobis.scores(foreign)?)?;
        let neighbours = Neighbours::fit(train, NEIGHBOUR.min(train.rows()))?;
        judge("knn", neighbours.scores(test)?, neighbours.scores(foreign)?)?;
        if let Some(vim) = self.vim(train)? {
            judge("vim", vim.scores(test)?, vim.scores(foreign)?)?;
        }
        if !matches!(self.tested.inputs, Inputs::Numbers(_)) {
            let odin = |part: &Examples| Odin::default().scores(self.model, &*part.source()?);
            judge("odin", odin(&self.tested)?, odin(&outside)?)?;
        }
        Ok(scores)
    }

    /// `None` where the features have nothing that the head does not see.
    fn vim(&self, train: Features<f32>) -> Result<Option<Vim>> {
        let head = self.model.head();
        let weights = Vec::<f32>::try_from(head.weight.f_detach()?.f_flatten(0, -1)?)?;
        let bias = match &head.bias {
            Some(bias) => Vec::<f64>::try_from(bias.f_detach()?.f_to_kind(tch::Kind::Double)?)?,
            None => vec![0.0; weights.len() / train.columns()],
        };
        let weights = Features::new(&weights, train.columns())?;
        let principal = Vim::usual_principal(train.columns());
        match Vim::fit(train, weights, &bias, principal) {
            Ok(vim) => Ok(Some(vim)),
            Err(Error::Request(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The features, unless the model has broken down.
fn matrix(part: &Represented) -> Result<Features<'_, f32>> {
    Features::new(&part.values, part.width).map_err(|error| Error::Work(error.to_string()))
}
