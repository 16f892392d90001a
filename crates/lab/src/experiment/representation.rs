//! What a run's features are worth: classes apart, neighbours alike, a map, and what they notice of
//! examples from elsewhere.

use std::collections::BTreeMap;

use crate::data::Examples;
use crate::measure::{
    FeatureMap, Features, Mahalanobis, Neighbours, OodScore, Pca, Representation, Vim,
};
use crate::models::Model;
use crate::train::{FeatureRows, Odin, extract_features};
use crate::{Error, Result, Stop};

/// Examples of a part that are looked at, at most, evenly spaced: distances grow with the product of
/// two such numbers.
pub(super) const MOST: usize = 5_000;
/// Features of a part that are looked at, at most: of wide ones fewer examples, but never fewer than
/// the second number.
const HELD: usize = 1 << 23;
const FEWEST: usize = 500;
/// Examples on a map, at most.
pub(super) const MAPPED: usize = 300;
/// Training examples that vote on a label, and the one whose distance is the score of neighbours.
const VOTERS: usize = 20;
const NEIGHBOUR: usize = 50;

/// How many examples with `width` features are looked at, at most.
pub(super) fn rows_of(width: usize) -> usize {
    (HELD / width.max(1)).clamp(FEWEST, MOST)
}

/// A model, and its features of training and test examples.
pub(super) struct Representations<'a> {
    model: &'a dyn Model,
    stop: Stop<'a>,
    most: usize,
    tested: Examples,
    train: FeatureRows,
    test: FeatureRows,
}

/// What was learned from training examples, and the scores of test examples.
pub(super) struct Judges {
    mahalanobis: (Mahalanobis, Vec<f64>),
    neighbours: (Neighbours, Vec<f64>),
    vim: Option<(Vim, Vec<f64>)>,
    odin: Option<Vec<f64>>,
}

impl<'a> Representations<'a> {
    /// Computes the features of `train`, not augmented, and of `test`.
    ///
    /// # Errors
    /// Here and below [`Error::Interrupted`], once it is time to leave.
    pub fn new(
        model: &'a dyn Model,
        train: &Examples,
        test: &Examples,
        stop: Stop<'a>,
    ) -> Result<Self> {
        let most = rows_of(width(model)?);
        let tested = test.at_most(most);
        let learned = extract_features(model, &*train.at_most(most).source()?, stop)?;
        let test = extract_features(model, &*tested.source()?, stop)?;
        Ok(Self { model, stop, most, tested, train: learned, test })
    }

    /// The single numbers.
    pub fn measure(&self) -> Result<Representation> {
        let (train, test) = (matrix(&self.train)?, matrix(&self.test)?);
        let pca = Pca::fit(test, test.columns().min(2), self.stop)?;
        let voters = VOTERS.min(train.rows());
        let train = Some((train, &self.train.labels[..]));
        Ok(Representation::new(test, &self.test.labels, train, &pca, voters, None, self.stop)?)
    }

    /// The features of test examples, with their labels.
    pub fn tested(&self) -> Result<(Features<'_, f32>, &[i64])> {
        Ok((matrix(&self.test)?, &self.test.labels))
    }

    /// The maps of test examples.
    pub fn map(&self) -> Result<Option<FeatureMap>> {
        let width = self.test.width;
        let step = self.test.labels.len().div_ceil(MAPPED).max(1);
        let labels: Vec<i64> = self.test.labels.iter().copied().step_by(step).collect();
        let rows = self.test.values.chunks_exact(width.max(1)).step_by(step);
        let few: Vec<f32> = rows.flatten().copied().collect();
        Ok(FeatureMap::new(Features::new(&few, width)?, &labels, self.stop)?)
    }

    /// What judges examples from elsewhere by their features, and ODIN on images.
    pub fn judges(&self) -> Result<Judges> {
        let (train, test, stop) = (matrix(&self.train)?, matrix(&self.test)?, self.stop);
        let mahalanobis = Mahalanobis::fit(train, &self.train.labels, stop)?;
        let by_mahalanobis = mahalanobis.scores(test)?;
        let neighbours = Neighbours::fit(train, NEIGHBOUR.min(train.rows()))?;
        let by_neighbours = neighbours.scores(test, stop)?;
        let scored = |vim: Vim| vim.scores(test).map(|scores| (vim, scores));
        let odin = self.tested.are_images().then(|| self.odin(&self.tested));
        Ok(Judges {
            mahalanobis: (mahalanobis, by_mahalanobis),
            neighbours: (neighbours, by_neighbours),
            vim: self.vim(train)?.map(scored).transpose()?,
            odin: odin.transpose()?,
        })
    }

    /// How well the scores of `judges` tell the test examples from `outside`.
    pub fn judge(&self, judges: &Judges, outside: &Examples) -> Result<BTreeMap<String, OodScore>> {
        let outside = outside.at_most(self.most);
        let foreign = extract_features(self.model, &*outside.source()?, self.stop)?;
        let foreign = matrix(&foreign)?;
        let mut scores = BTreeMap::new();
        let mut judge = |name: &str, ours: &[f64], theirs: Vec<f64>| -> Result<()> {
            scores.insert(name.to_owned(), OodScore::new(ours, &theirs)?);
            Ok(())
        };
        let Judges { mahalanobis, neighbours, vim, odin } = judges;
        judge("mahalanobis", &mahalanobis.1, mahalanobis.0.scores(foreign)?)?;
        judge("knn", &neighbours.1, neighbours.0.scores(foreign, self.stop)?)?;
        if let Some((vim, ours)) = vim {
            judge("vim", ours, vim.scores(foreign)?)?;
        }
        if let Some(ours) = odin {
            judge("odin", ours, self.odin(&outside)?)?;
        }
        Ok(scores)
    }

    fn odin(&self, part: &Examples) -> Result<Vec<f64>> {
        Odin::default().scores(self.model, &*part.source()?, self.stop)
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
        match Vim::fit(train, weights, &bias, principal, self.stop) {
            Ok(vim) => Ok(Some(vim)),
            Err(error) if error.is_request() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// How many features the last layer of `model` sees.
pub(super) fn width(model: &dyn Model) -> Result<usize> {
    Ok(model.head().weight.size2()?.1 as usize)
}

/// The features, unless the model has broken down.
fn matrix(part: &FeatureRows) -> Result<Features<'_, f32>> {
    Features::new(&part.values, part.width).map_err(|error| Error::failed("", error))
}
