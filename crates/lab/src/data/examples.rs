//! [`Examples`]: labelled examples of one shape.

use std::borrow::Cow;
use std::iter;
use std::path::Path;

use tch::Tensor;

use super::augment::AugmentedSource;
use super::graphs::GraphSource;
use super::image_files::FileSource;
use super::inputs::Inputs;
use super::seen::seen;
use super::text::PairSource;
use super::{Batch, BatchSource, Batches, InputKind, Order, Shape, files};
use crate::{Error, Result};

/// Logits of [`Examples::measurable`]: 256 MiB of f32.
const MOST_LOGITS: usize = 1 << 26;

/// Labelled examples of one shape: images, the rows of a table, graphs, or sentences with their
/// translations.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// Example by example, each row-major as its shape says.
    pub inputs: Inputs,
    /// What one example is, and how large.
    pub shape: Shape,
    /// The class of each example, from 0. A pair of sentences has none of its own, each piece of its
    /// translation has: all 0.
    pub labels: Vec<i64>,
    /// Names of the classes; of pairs of sentences, the pieces that translations are made of.
    pub classes: Vec<String>,
}

impl Examples {
    /// How many examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The examples at `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            inputs: self.inputs.select(rows, self.shape.values()),
            shape: self.shape,
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            classes: self.classes.clone(),
        }
    }

    /// At most `most` of them, evenly spaced: of sorted classes each keeps its share.
    pub fn at_most(&self, most: usize) -> Self {
        let step = self.len().div_ceil(most.max(1)).max(1);
        self.select(&(0..self.len()).step_by(step).collect::<Vec<_>>())
    }

    /// How many predictions there are to make: one an example, or one for each piece of a translation and
    /// its end.
    pub fn targets(&self) -> usize {
        match &self.inputs {
            Inputs::Pairs(pairs) => pairs.targets(),
            _ => self.len(),
        }
    }

    /// Some of them, spread evenly, whose logits fit into memory together: all, but for pairs of
    /// sentences, which have a prediction among thousands at every word.
    pub fn measurable(&self) -> Cow<'_, Self> {
        let Inputs::Pairs(_) = self.inputs else { return Cow::Borrowed(self) };
        let logits = self.targets() * self.classes.len();
        match logits <= MOST_LOGITS {
            true => Cow::Borrowed(self),
            false => Cow::Owned(self.at_most((self.len() * MOST_LOGITS / logits).max(1))),
        }
    }

    /// How many examples each class has; of pairs of sentences, how often each piece is to be
    /// predicted.
    pub fn counts(&self) -> Vec<u64> {
        if let Inputs::Pairs(pairs) = &self.inputs {
            return pairs.target_counts();
        }
        counts(&self.labels, self.classes.len())
    }

    /// Whether they are images: only of these a move within ε means something, for it has none for the
    /// columns of a table, the nodes of a graph or words.
    pub fn are_images(&self) -> bool {
        self.shape.kind() == InputKind::Images
    }

    /// Mean and standard deviation of each of [`Shape::channels`] over all examples.
    pub fn moments(&self) -> Vec<(f64, f64)> {
        let sizes = self.shape.sizes();
        self.inputs.moments(self.shape.channels(), sizes.iter().skip(1).product())
    }

    /// The inputs as a model sees them, f32: images (N, C, H, W), rows (N, numbers); of graphs, the
    /// features of all nodes.
    ///
    /// # Errors
    /// No examples, pairs of sentences, a file that has changed since it was checked, and what
    /// libtorch refuses.
    pub fn tensor(&self) -> Result<Tensor> {
        if let Inputs::Pairs(_) = self.inputs {
            let problem = "pairs of sentences are of several lengths: they are no one tensor";
            return Err(Error::Request(problem.to_owned()));
        }
        let source = self.source()?;
        let all = source.in_order(self.len())?.next();
        let all =
            all.and_then(|batch| batch.map(|batch| batch.inputs.into_iter().next()).transpose());
        all.unwrap_or_else(|| Err(Error::Request("there are no examples".to_owned())))
    }

    /// What batches are drawn from.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn source(&self) -> Result<Box<dyn BatchSource>> {
        let (stored, brightest) = match &self.inputs {
            Inputs::Pixels { values, brightest } => {
                (Tensor::f_from_slice(values)?, Some(*brightest))
            }
            Inputs::Numbers(values) => (Tensor::f_from_slice(values)?, None),
            Inputs::Files(images) => {
                return Ok(Box::new(FileSource::new(images.clone(), self.labels.clone())));
            }
            Inputs::Augmented(images) => {
                let (labels, classes) = (self.labels.clone(), self.classes.len());
                let source =
                    AugmentedSource::new(images.clone(), self.shape.image()?, labels, classes);
                return Ok(Box::new(source));
            }
            Inputs::Graphs(graphs) => {
                return Ok(Box::new(GraphSource::new(graphs.clone(), self.labels.clone())));
            }
            Inputs::Pairs(pairs) => return Ok(Box::new(PairSource::new(pairs.clone()))),
        };
        let sizes: Vec<i64> =
            iter::once(self.len()).chain(self.shape.sizes()).map(|n| n as i64).collect();
        Ok(Box::new(MemorySource {
            inputs: stored.f_reshape(sizes)?,
            brightest,
            targets: Tensor::f_from_slice(&self.labels)?,
        }))
    }
}

/// How many of `labels` each of `classes` classes has.
pub(super) fn counts(labels: &[i64], classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    counts
}

/// Refuses training examples that nothing can be learned from: one class only, or a class without
/// examples.
///
/// # Errors
/// Names the file or folder at `path` and the class.
pub(super) fn learnable(path: &Path, labels: &[i64], classes: &[String]) -> Result<()> {
    let refuse = |problem: String| Err(Error::malformed(path, "classes", problem));
    match classes {
        [] => return refuse("there are no training examples".to_owned()),
        [only] => {
            return refuse(format!(
                "all {} training examples are of one class, {only:?}: there is nothing to tell apart",
                labels.len()
            ));
        }
        _ => {}
    }
    match counts(labels, classes.len()).iter().position(|&count| count == 0) {
        Some(class) => refuse(format!(
            "class {class} ({:?}) of {} has no training examples",
            classes[class],
            classes.len()
        )),
        None => Ok(()),
    }
}

/// "mnist: 60000 images of 28×28 pixels in 10 classes".
pub(super) fn described(path: &Path, examples: &Examples, what: &str) -> String {
    let size = match &examples.inputs {
        _ if examples.shape.has_several_sizes() => "several sizes".to_owned(),
        Inputs::Graphs(graphs) => {
            let mean = graphs.node_counts().sum::<usize>() as f64 / examples.len() as f64;
            format!("{mean:.1} nodes on average")
        }
        Inputs::Pairs(pairs) => {
            format!("{:.1} pieces on average", pairs.pieces() as f64 / examples.len() as f64)
        }
        _ => match examples.shape {
            Shape::Image([_, height, width]) => format!("{height}×{width} pixels"),
            other => format!("{} numbers", other.values()),
        },
    };
    let (count, classes) = (examples.len(), examples.classes.len());
    format!("{}: {count} {what} of {size} in {classes} classes", files::name(path))
}

/// Examples in memory as they are stored, u8 or f32 (N, …), and labels i64 (N).
#[derive(Debug)]
pub struct MemorySource {
    inputs: Tensor,
    brightest: Option<u8>,
    targets: Tensor,
}

impl BatchSource for MemorySource {
    fn len(&self) -> usize {
        self.targets.numel()
    }

    /// A batch is gathered and becomes f32 when its turn comes.
    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
        let rows: Vec<i64> = order.rows.iter().map(|&row| row as i64).collect();
        Ok(Box::new((0..rows.len()).step_by(size.max(1)).map(move |first| {
            let rows = Tensor::f_from_slice(&rows[first..rows.len().min(first + size)])?;
            let inputs = self.inputs.f_index_select(0, &rows)?;
            let targets = self.targets.f_index_select(0, &rows)?;
            Ok(Batch { inputs: vec![seen(&inputs, self.brightest)?], targets })
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four(inputs: Inputs) -> Examples {
        Examples {
            inputs,
            shape: Shape::Image([2, 1, 2]),
            labels: vec![0, 1, 2, 0],
            classes: ["a", "b", "c"].map(String::from).to_vec(),
        }
    }

    #[test]
    fn batches_follow_the_order_and_keep_the_last_partial_one() {
        let bytes = Inputs::Pixels { values: (0..16).collect(), brightest: 1 };
        for inputs in [bytes, Inputs::Numbers((0..16).map(|x| x as f32).collect())] {
            let examples = four(inputs);
            let source = examples.source().unwrap();
            let batches = |rows: &[usize]| -> Vec<Batch> {
                let order = Order::new(1, rows.to_vec());
                source.batches(&order, 2).unwrap().map(Result::unwrap).collect()
            };
            assert!(batches(&[]).is_empty());
            let batches = batches(&[3, 0, 2]);
            let read = |batch: &Batch| -> (Vec<f32>, Vec<i64>) {
                let x = batch.inputs[0].flatten(0, -1);
                (x.try_into().unwrap(), (&batch.targets).try_into().unwrap())
            };
            assert_eq!(batches.len(), 2);
            assert_eq!(read(&batches[0]), (vec![12., 13., 14., 15., 0., 1., 2., 3.], vec![0, 0]));
            assert_eq!(read(&batches[1]), (vec![8., 9., 10., 11.], vec![2]));
            assert_eq!(batches[1].inputs[0].size(), [1, 2, 1, 2]);
            assert_eq!(examples.tensor().unwrap().size(), [4, 2, 1, 2]);
            assert!(examples.select(&[]).tensor().is_err());
            assert_eq!(examples.counts(), [2, 1, 1]);
        }
    }

    #[test]
    fn what_cannot_be_learned_from_is_refused() {
        let complaint = |labels: &[i64], classes: &[&str]| {
            let classes: Vec<String> = classes.iter().map(|name| name.to_string()).collect();
            learnable(Path::new("x"), labels, &classes).unwrap_err().to_string()
        };
        assert!(learnable(Path::new("x"), &[0, 1], &["a".into(), "b".into()]).is_ok());
        assert!(complaint(&[], &[]).contains("x: classes: there are no training examples"));
        assert!(complaint(&[0, 0], &["cat"]).contains("all 2 training examples are of one class"));
        let missing = complaint(&[0, 2], &["a", "b", "c"]);
        assert!(missing.contains("class 1 (\"b\") of 3 has no training examples"), "{missing}");
    }
}
