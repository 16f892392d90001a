//! [`Pairs`]: sentences and their translations as pieces, and the batches that a model takes of
//! them.

use std::sync::Arc;

use tch::Tensor;

use super::{EOS, Form, PAD, Vocabulary};
use crate::Result;

/// Some of the sentence pairs of a data set. A selection shares the text with the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    all: Arc<Corpus>,
    /// Which of them.
    rows: Vec<usize>,
}

/// Sentence pairs, one after the other: line i of one side is the translation of line i of the
/// other.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// What is translated.
    pub source: Side,
    /// The translations.
    pub target: Side,
}

/// The sentences of one language.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// What the sentences are made of.
    pub vocabulary: Arc<Vocabulary>,
    /// What is done to a line before its pieces are looked up.
    pub form: Form,
    /// Each as text, for BLEU and for samples: as it lies in the file, or in lower case if that is
    /// what is learned. What [`Side::text`] gives compares with it.
    pub lines: Vec<String>,
    /// The pieces of all sentences; neither beginning nor end is marked.
    pub pieces: Vec<u32>,
    /// The pieces of sentence i are those from `starts[i]` up to `starts[i + 1]`.
    pub starts: Vec<usize>,
}

impl Side {
    /// No sentences yet.
    pub fn new(vocabulary: Arc<Vocabulary>, form: Form) -> Self {
        Self { vocabulary, form, lines: Vec::new(), pieces: Vec::new(), starts: vec![0] }
    }

    /// The pieces of a line as it lies in a file.
    ///
    /// # Errors
    /// As [`Vocabulary::encode`].
    pub fn encode(&self, line: &str) -> Result<Vec<u32>> {
        self.vocabulary.encode(&self.form.apply(line))
    }

    /// The line that `pieces` stand for.
    pub fn text(&self, pieces: &[u32]) -> String {
        self.form.undo(&self.vocabulary.decode(pieces))
    }

    /// One sentence more.
    pub fn push(&mut self, line: String, pieces: &[u32]) {
        self.lines.push(line);
        self.pieces.extend_from_slice(pieces);
        self.starts.push(self.pieces.len());
    }

    /// The pieces of sentence `row`.
    pub fn pieces_of(&self, row: usize) -> &[u32] {
        &self.pieces[self.starts[row]..self.starts[row + 1]]
    }

    /// i64 (`rows`, `width`): the pieces of each of `rows` behind `first` and before `last`, which
    /// may be none, then [`PAD`].
    pub(crate) fn padded(&self, rows: &[usize], first: &[i64], last: &[i64]) -> Result<Tensor> {
        let extra = first.len() + last.len();
        let width = rows.iter().map(|&row| self.pieces_of(row).len() + extra).max().unwrap_or(0);
        let mut values = Vec::with_capacity(rows.len() * width);
        for (at, &row) in rows.iter().enumerate() {
            values.extend_from_slice(first);
            values.extend(self.pieces_of(row).iter().map(|&piece| i64::from(piece)));
            values.extend_from_slice(last);
            values.resize((at + 1) * width, PAD);
        }
        Ok(Tensor::f_from_slice(&values)?.f_reshape([rows.len() as i64, width as i64])?)
    }
}

impl From<Corpus> for Pairs {
    /// All of them; both sides have as many sentences.
    fn from(corpus: Corpus) -> Self {
        let sentences = corpus.source.lines.len().min(corpus.target.lines.len());
        Self { rows: (0..sentences).collect(), all: Arc::new(corpus) }
    }
}

impl Pairs {
    /// How many pairs.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What is translated, of all pairs of the part, and the translations.
    pub fn sides(&self) -> [&Side; 2] {
        [&self.all.source, &self.all.target]
    }

    /// The vocabularies of source and target; a joint one is both.
    pub fn vocabularies(&self) -> [&Arc<Vocabulary>; 2] {
        [&self.all.source.vocabulary, &self.all.target.vocabulary]
    }

    /// The pieces of each source and each target, the mark of the end not counted.
    pub fn lengths(&self) -> impl Iterator<Item = [usize; 2]> {
        self.rows.iter().map(|&row| self.lengths_of(row))
    }

    /// Source and target of pair `at` as text; see [`Side::lines`].
    pub fn lines(&self, at: usize) -> [&str; 2] {
        let row = self.rows[at];
        [&self.all.source.lines[row], &self.all.target.lines[row]]
    }

    /// The sources and the targets as text, one after the other; see [`Side::lines`].
    pub fn sentences(&self) -> impl Iterator<Item = [&str; 2]> {
        (0..self.len()).map(|at| self.lines(at))
    }

    /// The pieces of source and target of pair `at`, the mark of the end left out.
    pub fn pieces_of(&self, at: usize) -> [&[u32]; 2] {
        let row = self.rows[at];
        [self.all.source.pieces_of(row), self.all.target.pieces_of(row)]
    }

    /// How many pieces, of all sentences of both sides together.
    pub fn pieces(&self) -> usize {
        self.lengths().map(|[source, target]| source + target).sum()
    }

    /// How many predictions there are to learn: the pieces of each target and its end.
    pub fn targets(&self) -> usize {
        self.lengths().map(|[_, target]| target + 1).sum()
    }

    /// How often each piece of the target vocabulary is to be predicted.
    pub fn target_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.all.target.vocabulary.len()];
        for &row in &self.rows {
            let pieces = self.all.target.pieces_of(row);
            pieces.iter().for_each(|&piece| counts[piece as usize] += 1);
            counts[EOS as usize] += 1;
        }
        counts
    }

    /// The pairs at `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self { all: self.all.clone(), rows: rows.iter().map(|&row| self.rows[row]).collect() }
    }

    /// The pairs at `rows`, in that order, as a model takes them: the source i64 (B, S), its pieces
    /// and [`EOS`]; what stands before each prediction i64 (B, T), [`EOS`] and the pieces of the
    /// target, both padded on the right with [`PAD`]; and where predictions are made i64 (N), the
    /// places b·T + t without padding, row by row. Then the N predictions themselves i64: the
    /// pieces of each target and [`EOS`], in the same order.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn batch(&self, rows: &[usize]) -> Result<(Vec<Tensor>, Tensor)> {
        let rows: Vec<usize> = rows.iter().map(|&row| self.rows[row]).collect();
        let Corpus { source, target } = &*self.all;
        let previous = target.padded(&rows, &[EOS], &[])?;
        let width = previous.size()[1];
        let (mut at, mut predicted) = (Vec::new(), Vec::new());
        for (row, first) in rows.iter().zip((0..).step_by(width.max(1) as usize)) {
            let pieces = target.pieces_of(*row);
            at.extend((0..=pieces.len() as i64).map(|place| first + place));
            predicted.extend(pieces.iter().map(|&piece| i64::from(piece)));
            predicted.push(EOS);
        }
        let inputs = vec![source.padded(&rows, &[], &[EOS])?, previous, Tensor::f_from_slice(&at)?];
        Ok((inputs, Tensor::f_from_slice(&predicted)?))
    }

    fn lengths_of(&self, row: usize) -> [usize; 2] {
        [self.all.source.pieces_of(row).len(), self.all.target.pieces_of(row).len()]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::vocabulary::tests::letters;
    use super::*;

    /// Pairs of so many pieces; those of the n-th sentence are all 4 + n.
    pub fn of_lengths(lengths: &[[usize; 2]]) -> Pairs {
        let vocabulary = Arc::new(letters());
        let mut sides = [vocabulary.clone(), vocabulary]
            .map(|vocabulary| Side::new(vocabulary, Form::default()));
        for (at, lengths) in lengths.iter().enumerate() {
            for ((side, &length), name) in sides.iter_mut().zip(lengths).zip(["source", "target"]) {
                side.push(format!("{name} {at}"), &vec![4 + (at % 20) as u32; length]);
            }
        }
        let [source, target] = sides;
        Pairs::from(Corpus { source, target })
    }

    fn integers(tensor: &Tensor) -> Vec<i64> {
        tensor.flatten(0, -1).try_into().unwrap()
    }

    #[test]
    fn a_batch_is_padded_on_the_right() {
        let pairs = of_lengths(&[[1, 2], [3, 0], [2, 1]]);
        assert_eq!((pairs.len(), pairs.pieces(), pairs.targets()), (3, 9, 6));
        // In another order, out of a selection.
        let (inputs, targets) = pairs.select(&[2, 1, 0]).batch(&[0, 2, 1]).unwrap();
        let [source, previous, at] = &inputs[..] else { panic!() };
        assert_eq!((source.size(), previous.size()), (vec![3, 4], vec![3, 3]));
        assert_eq!(integers(source), [6, 6, 2, 1, 4, 2, 1, 1, 5, 5, 5, 2]);
        assert_eq!(integers(previous), [2, 6, 1, 2, 4, 4, 2, 1, 1]);
        assert_eq!(integers(at), [0, 1, 3, 4, 5, 6]);
        assert_eq!(integers(&targets), [6, 2, 4, 4, 2, 2]);
    }

    #[test]
    fn text_and_counts_follow_a_selection() {
        let pairs = of_lengths(&[[1, 2], [3, 0], [2, 1]]).select(&[2, 0]);
        assert_eq!(pairs.lines(0), ["source 2", "target 2"]);
        assert_eq!(
            pairs.sentences().map(|[_, target]| target).collect::<Vec<_>>(),
            ["target 2", "target 0"]
        );
        assert_eq!(pairs.lengths().collect::<Vec<_>>(), [[2, 1], [1, 2]]);
        assert_eq!(pairs.pieces_of(1), [&[4][..], &[4, 4]]);
        let counts = pairs.target_counts();
        assert_eq!(counts.len(), pairs.vocabularies()[1].len());
        assert_eq!((counts[EOS as usize], counts[4], counts[5], counts[6]), (2, 2, 0, 1));
        assert_eq!(counts.iter().sum::<u64>(), pairs.targets() as u64);
    }
}
