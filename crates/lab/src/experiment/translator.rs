//! [`Translator`]: a finished run that translates.

use std::path::Path;
use std::sync::Arc;

use tch::Device;

use super::{LabFiles, RunRecipe};
use crate::compare::RunFiles;
use crate::data::text::{EOS, ParallelRecipe, Side, Vocabulary, packed};
use crate::data::{DataRecipe, InputSpec, Shape};
use crate::models::{Generator, Model};
use crate::translate::{Hypothesis, SearchOptions, search};
use crate::{Error, Result, Stop};

/// Pieces of a batch of sources, ends and padding counted. A search holds several hypotheses of each.
const BATCH: usize = 2048;

/// A network with what makes its pieces of lines, and lines of its pieces.
pub struct Translator<'a> {
    model: &'a dyn Generator,
    sides: [Side; 2],
    /// The most pieces of a sentence that are read; the recipe's, so that none is longer than those
    /// that were learned from.
    most: usize,
}

/// A translation of a line.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Translation {
    /// As text.
    pub text: String,
    /// Its words as the model wrote them, before they became that text.
    #[serde(skip)]
    pub words: String,
    /// Its mean log-probability, as the length penalty has it.
    pub score: f64,
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LineTranslation {
    /// The best translations, the best first; of an empty line there is one, which is empty.
    pub best: Vec<Translation>,
    /// How many of its pieces were left out, since it has more than the run was trained on.
    pub left_out: usize,
}

impl<'a> Translator<'a> {
    /// `model` with what `recipe` says of text; `vocabularies` are those of source and target.
    ///
    /// # Errors
    /// A recipe whose data are no text.
    pub fn new(
        model: &'a dyn Generator,
        recipe: &RunRecipe,
        vocabularies: [Arc<Vocabulary>; 2],
    ) -> Result<Self> {
        let DataRecipe::Parallel(data) = &recipe.data else { return Err(no_text()) };
        Ok(Self { model, sides: sides(data, vocabularies)?, most: data.max_len.get() })
    }

    /// Translates `lines`. What one becomes does not depend on the others, but for rounding.
    ///
    /// # Errors
    /// Options that make no sense; what libtorch refuses; [`Error::Interrupted`].
    pub fn translate(
        &self,
        lines: &[&str],
        options: &SearchOptions,
        stop: Stop,
    ) -> Result<Vec<LineTranslation>> {
        let (mut all, mut source) = (Vec::new(), self.sides[0].clone());
        for line in lines {
            stop.check()?;
            let mut pieces = source.encode(line)?;
            let left_out = pieces.len().saturating_sub(self.most);
            pieces.truncate(self.most);
            all.push(LineTranslation { best: vec![Translation::default()], left_out });
            source.push(String::new(), &pieces);
        }
        for rows in batches(&source) {
            let padded = source.padded(&rows, &[], &[EOS])?;
            let padded = padded.f_to(self.model.weights().device())?;
            let found = search(self.model, &padded, options, stop)?;
            for (row, hypotheses) in rows.into_iter().zip(found) {
                all[row].best = hypotheses.iter().map(|found| self.finish(found)).collect();
            }
        }
        Ok(all)
    }

    /// Whether lines are cut into words before pieces are looked up.
    pub(super) fn cuts_into_words(&self) -> bool {
        self.sides[1].form.moses.is_some()
    }

    /// The words of a line of the target language, as the model learns them.
    pub(super) fn words_of_target(&self, line: &str) -> String {
        self.sides[1].form.apply(line)
    }

    fn finish(&self, found: &Hypothesis) -> Translation {
        let pieces: Vec<u32> = found.tokens.iter().map(|&token| token as u32).collect();
        let [_, target] = &self.sides;
        let words = target.vocabulary.decode(&pieces);
        Translation { text: target.form.undo(&words), words, score: found.score }
    }
}

/// The sentences of neither language, with what they would be made of.
fn sides(data: &ParallelRecipe, [source, target]: [Arc<Vocabulary>; 2]) -> Result<[Side; 2]> {
    let [from, to] = data.forms()?;
    Ok([Side::new(source, from), Side::new(target, to)])
}

const NO_TEXT: &str = "the run was not trained to translate";

fn no_text() -> Error {
    Error::Request(NO_TEXT.to_owned())
}

/// The sentences that are translated together: of similar length, and as many as [`BATCH`] holds. Those
/// without a piece are in none.
fn batches(source: &Side) -> Vec<Vec<usize>> {
    let length = |row: usize| source.pieces_of(row).len() + 1;
    let mut rows: Vec<usize> = (0..source.lines.len()).filter(|&row| length(row) > 1).collect();
    rows.sort_by_key(|&row| length(row));
    packed(rows, length, BATCH)
}

/// The network of a finished run, and what it takes to translate with it.
pub struct TranslationRun {
    model: Box<dyn Model>,
    recipe: RunRecipe,
    vocabularies: [Arc<Vocabulary>; 2],
    unverified: Option<String>,
}

impl TranslationRun {
    /// Loads the run in the folder `path`, whichever device it was made on, to run on `device`.
    ///
    /// # Errors
    /// What is no run, one that is not finished, or one that does not translate; vocabularies that do
    /// not fit its weights; files that are damaged.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let run = RunFiles::of_finished(path)?;
        let recipe = run.recipe()?;
        let DataRecipe::Parallel(data) = &recipe.data else {
            return Err(Error::Request(format!("{}: {NO_TEXT}", path.display())));
        };
        let vocabularies = run.vocabularies()?;
        let target = &vocabularies[1];
        let classes = run.classes()?;
        if classes != target.pieces() {
            return Err(Error::Request(format!(
                "{}: its vocabulary of the target has {} pieces, and its weights are for {} others",
                path.display(),
                target.len(),
                classes.len()
            )));
        }
        data.forms()?;
        let shape = Shape::Pair { vocabularies: vocabularies.each_ref().map(|all| all.len()) };
        let model = run.model(&recipe, &InputSpec::of_trained(shape, classes.len()))?;
        model.weights().move_to(device)?;
        let unverified = run.unverified();
        Ok(Self { model, recipe, vocabularies, unverified })
    }

    /// What is to be said of a run whose files could not be verified.
    pub fn unverified(&self) -> Option<&str> {
        self.unverified.as_deref()
    }

    /// To translate with it.
    ///
    /// # Errors
    /// A run of another kind.
    pub fn translator(&self) -> Result<Translator<'_>> {
        let model = self.model.as_generator().ok_or_else(no_text)?;
        Translator::new(model, &self.recipe, self.vocabularies.clone())
    }
}
