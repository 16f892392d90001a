//! What a run is: its recipe and the content of its data, whatever path leads to them.

use std::path::Path;

use super::{Recipe, RunRecipe};
use crate::Result;
use crate::compare::layout::MARKER;
use crate::compare::{self, AnyRecipe, Extent, Origin, Plan};
use crate::data::{DataRecipe, OodRecipe};
use crate::models::{BackboneRecipe, ModelRecipe};

impl Recipe {
    /// Every file that decides its runs: those of its data, of examples from outside and of initial
    /// weights.
    ///
    /// # Errors
    /// What is missing.
    pub fn origins(&self) -> Result<Vec<Origin>> {
        origins(&self.data, &self.ood, &self.model)
    }
}

impl AnyRecipe for Recipe {
    fn plan(&self) -> compare::Result<Plan> {
        let plan = Plan::parse(Path::new(MARKER), &self.to_toml())?;
        Ok(plan.without(self.data.without_effect()))
    }

    fn spelt_as(&self, before: &Plan) -> compare::Result<Self> {
        let before = Self::parse(Path::new(MARKER), &before.text, None)?;
        let mut recipe = Self { name: before.name.clone(), ..self.clone() };
        recipe.data.spell_as(&before.data);
        for (ood, before) in recipe.ood.iter_mut().zip(&before.ood) {
            ood.data.spell_as(&before.data);
        }
        if let (Some(here), Some(there)) = (self.model.weights(), before.model.weights())
            && here.canonicalize().is_ok_and(|here| there.canonicalize().is_ok_and(|it| it == here))
        {
            recipe.model = recipe.model.with_weights(Some(there));
        }
        if let (Some(here), Some(there)) = (self.model.backbone(), before.model.backbone())
            && here.is_at(&there.path)
        {
            recipe.model = recipe.model.with_backbone(&there.path);
        }
        Ok(recipe)
    }

    fn with(&self, Extent { losses, seeds, sweep, tune, .. }: Extent) -> Self {
        Self { losses, seeds, sweep, tune, ..self.clone() }
    }
}

impl RunRecipe {
    /// Every file that decides it, as [`Recipe::origins`].
    ///
    /// # Errors
    /// What is missing.
    pub fn origins(&self) -> Result<Vec<Origin>> {
        origins(&self.data, &self.ood, &self.model)
    }
}

fn origins(data: &DataRecipe, ood: &[OodRecipe], model: &ModelRecipe) -> Result<Vec<Origin>> {
    let mut all = data.origins()?;
    for ood in ood {
        all.extend(ood.origins()?);
    }
    all.extend(model.weights().map(|path| Origin::file("model.weights", path)));
    all.extend(model.backbone().map(BackboneRecipe::origin));
    Ok(all)
}
