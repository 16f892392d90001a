//! [`LabFiles`]: what of a run's files only the laboratory reads.

use std::path::Path;
use std::sync::Arc;

use tch::Tensor;

use super::RunRecipe;
use crate::compare::layout::{INPUTS, RECIPE, VOCABULARIES, WEIGHTS};
use crate::compare::{Content, RunFiles, damage, damaged, folder_content};
use crate::data::text::Vocabulary;
use crate::data::{InputSpec, Reader};
use crate::models::{self, Backbone, BackboneRecipe, Model};
use crate::{Error, Result, tensors};

/// The files of a run that was trained in the laboratory. They are input like any other.
pub trait LabFiles {
    /// What was trained. Relative paths in it lead to where the data were found at that time.
    ///
    /// # Errors
    /// Names the file that is missing or damaged, and the place; so do the others.
    fn recipe(&self) -> Result<RunRecipe>;

    /// How inputs are read.
    ///
    /// # Errors
    /// As [`LabFiles::recipe`]; a shape that inputs cannot have.
    fn reader(&self) -> Result<Reader>;

    /// The weights that were measured, f32 and finite.
    ///
    /// # Errors
    /// As [`LabFiles::recipe`].
    fn weights(&self) -> Result<Vec<(String, Tensor)>>;

    /// The network of `recipe` for such inputs, with the weights that were measured.
    ///
    /// # Errors
    /// As [`LabFiles::recipe`]; weights that do not fit.
    fn model(&self, recipe: &RunRecipe, input: &InputSpec) -> Result<Box<dyn Model>>;

    /// The pretrained network whose features the run of `recipe` learned from, if it did.
    ///
    /// # Errors
    /// One that cannot be read, or is another than then.
    fn backbone(&self, recipe: &RunRecipe) -> Result<Option<Backbone>>;

    /// Makes sure that the data of `recipe` are those that the run learned from, as far as that is
    /// known.
    ///
    /// # Errors
    /// Says what differs.
    fn verify_data(&self, recipe: &RunRecipe) -> Result<()>;

    /// What makes the pieces of source and target.
    ///
    /// # Errors
    /// As [`LabFiles::recipe`].
    fn vocabularies(&self) -> Result<[Arc<Vocabulary>; 2]>;
}

impl LabFiles for RunFiles {
    fn recipe(&self) -> Result<RunRecipe> {
        let text = self.text(RECIPE)?;
        let recipe = RunRecipe::parse(&self.path().join(RECIPE), &text);
        let mut recipe = recipe.map_err(|error| damaged(error.into()))?;
        if let Some(content) = self.content()? {
            recipe.data.found_at(&|key| content.path(key).map(Path::to_owned));
            if let Some(path) = content.path(BackboneRecipe::KEY) {
                recipe.model = recipe.model.with_backbone(path);
            }
        }
        Ok(recipe)
    }

    fn reader(&self) -> Result<Reader> {
        let reader: Reader = self.read_json(INPUTS)?;
        let refused = reader.validate_soundness();
        refused.map_err(|problem| damage(&self.path().join(INPUTS), "shape", problem))?;
        Ok(reader)
    }

    fn weights(&self) -> Result<Vec<(String, Tensor)>> {
        let path = self.path().join(WEIGHTS);
        let weights = tensors::decode(&self.bytes(WEIGHTS)?)
            .map_err(|error| damage(&path, "whole file", error))?;
        for (name, tensor) in &weights {
            let finite = tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1;
            self.ensure(WEIGHTS, name, finite, &|| "values that are not finite".to_owned())?;
        }
        Ok(weights)
    }

    fn model(&self, recipe: &RunRecipe, input: &InputSpec) -> Result<Box<dyn Model>> {
        let weights = self.weights()?;
        let path = self.path().join(WEIGHTS);
        let model = models::rebuild(&recipe.model, input, &weights);
        Ok(model.map_err(|error| damage(&path, "tensors", error))?)
    }

    fn backbone(&self, recipe: &RunRecipe) -> Result<Option<Backbone>> {
        let Some(asked) = recipe.model.backbone() else { return Ok(None) };
        let learned = format!("{} learned from its features: ", self.path().display());
        let read = || -> Result<Backbone> {
            let now = Content::of(&[asked.origin()], None)?;
            let before = self.content()?.map(|all| all.of_keys(|key| key == BackboneRecipe::KEY));
            match before.map(|before| before.differences(&now)) {
                Some(differences) if !differences.is_empty() => {
                    Err(Error::Request(differences.join("; ")))
                }
                _ => Backbone::load(&asked.path),
            }
        };
        read().map(Some).map_err(|error| error.at(learned))
    }

    fn verify_data(&self, recipe: &RunRecipe) -> Result<()> {
        let Some(before) = self.content()? else { return Ok(()) };
        // The folder of the comparison knows the single files.
        let known = self.path().ancestors().skip(1).take(3).find_map(|folder| {
            let known = folder_content(folder).ok().flatten();
            known.filter(|known| known.is_same(&before))
        });
        let now = Content::of(&recipe.data.origins()?, known.as_ref())?;
        let before = known.unwrap_or(before).of_data();
        match before.is_same(&now) {
            true => Ok(()),
            false => Err(Error::Request(format!(
                "{} learned from other data: {}",
                self.path().display(),
                before.differences(&now).join("; ")
            ))),
        }
    }

    fn vocabularies(&self) -> Result<[Arc<Vocabulary>; 2]> {
        let [source, target] = VOCABULARIES.map(|name| {
            let vocabulary = Vocabulary::of_text(self.text(name)?);
            let at = self.path().join(name);
            vocabulary.map_err(|problem| damage(&at, "vocabulary", problem))
        });
        Ok([Arc::new(source?), Arc::new(target?)])
    }
}
