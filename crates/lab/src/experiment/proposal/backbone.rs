//! What `--data` proposes for images: a pretrained network where one is named, and a word where none is.

use std::path::Path;

use super::TrainingChoices;
use crate::data::{InputKind, Inspection, Size};
use crate::models::{Backbone, BackboneRecipe, ModelRecipe};
use crate::{Error, Result};

/// Learning rates for a linear layer on at most so many features, of which each has mean 0 and standard
/// deviation 1: the more of them move together, the sooner a step is too long.
const RATES: [(usize, f64); 3] = [(600, 0.01), (1500, 0.004), (usize::MAX, 0.002)];

/// Colour images of more pixels a side are photos, of which pretrained networks know much.
const PHOTO: usize = 32;

/// What is said of photos that a network is to learn from scratch.
pub(super) const BETTER: &str = "a pretrained network tells photos apart far better, and within minutes: \
                      --backbone DIR, a folder that `hf download timm/resnet18.a1_in1k --local-dir DIR` \
                      makes";

/// Whether `found` are photos: colour images larger than those that networks learn within minutes.
pub(super) fn are_photos(found: &Inspection) -> bool {
    let Size { channels, largest, .. } = found.size;
    found.format.kind() == InputKind::Images && channels == 3 && largest.iter().any(|x| *x > PHOTO)
}

/// The pretrained network that is asked for, with the place that a recipe keeps.
///
/// # Errors
/// Data that are no images; a network that cannot be read.
pub(super) fn asked(
    path: &Path,
    found: &Inspection,
    wishes: &TrainingChoices,
) -> Result<Option<(BackboneRecipe, Backbone)>> {
    let Some(asked) = &wishes.backbone else { return Ok(None) };
    let kind = found.format.kind();
    if kind != InputKind::Images {
        let path = path.display();
        return Err(Error::Request(format!("--backbone is for images, and {path} holds {kind}")));
    }
    let place = std::path::absolute(asked).map_err(Error::input(asked))?;
    let backbone = Backbone::load(&place)?;
    Ok(Some((BackboneRecipe { path: place }, backbone)))
}

/// What is trained on the features of a frozen network, its learning rate, and why it.
pub(super) fn head(recipe: &BackboneRecipe, backbone: &Backbone) -> (ModelRecipe, f64, String) {
    let (name, side, width) = (backbone.name(), backbone.side(), backbone.width());
    let rate = RATES.iter().find(|(most, _)| width <= *most).map_or(0.002, |(_, rate)| *rate);
    let why = format!(
        "linear layer on the {width} features that {name}, pretrained and frozen, makes of {side}×{side} \
         pixels, once for all runs"
    );
    (ModelRecipe::Backbone(recipe.clone()), rate, why)
}
