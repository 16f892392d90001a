//! What a model that translates makes of the whole test part.

use super::{RunRecipe, Translator};
use crate::data::{Examples, Inputs};
use crate::measure::translation::Quality;
use crate::models::Model;
use crate::{Result, Stop};

/// The test sentences with their translations, line by line.
pub(super) struct Translations {
    /// What was translated.
    pub sources: Vec<String>,
    /// The model's.
    pub hypotheses: Vec<String>,
    /// The data's.
    pub references: Vec<String>,
    /// Both again as words between spaces, if they were cut into words before they were learned.
    words: Option<[Vec<String>; 2]>,
}

/// Translates the test part; `None` of what is no sentence pairs.
pub(super) fn translate_test(
    model: &dyn Model,
    recipe: &RunRecipe,
    test: &Examples,
    stop: Stop,
) -> Result<Option<Translations>> {
    let (Inputs::Pairs(pairs), Some(network)) = (&test.inputs, model.as_generator()) else {
        return Ok(None);
    };
    let translator = Translator::new(network, recipe, pairs.vocabularies().map(Clone::clone))?;
    let (sources, references): (Vec<&str>, Vec<&str>) =
        pairs.sentences().map(|[source, target]| (source, target)).unzip();
    let found = translator.translate(&sources, &recipe.search, stop)?;
    let best = found.into_iter().map(|found| found.best.into_iter().next().unwrap_or_default());
    let (hypotheses, words) = best.map(|best| (best.text, best.words)).unzip();
    let owned = |lines: Vec<&str>| lines.into_iter().map(str::to_owned).collect();
    let cut = |words| {
        let references = references.iter().map(|line| translator.words_of_target(line)).collect();
        [words, references]
    };
    let words = translator.cuts_into_words().then(|| cut(words));
    Ok(Some(Translations {
        sources: owned(sources),
        hypotheses,
        references: owned(references),
        words,
    }))
}

impl Translations {
    /// How good they are.
    pub fn quality(&self) -> Result<Quality> {
        let quality = Quality::new(&self.hypotheses, self.references.clone())?;
        match &self.words {
            Some([hypotheses, references]) => {
                Ok(quality.with_words(hypotheses, references.clone())?)
            }
            None => Ok(quality),
        }
    }
}
