//! What `--data` proposes for images: a pretrained network where one is named, and a word where none is.

use std::path::Path;

use super::super::embeddings;
use super::TrainingChoices;
use crate::data::{DataRecipe, InputKind, Inspection, Size};
use crate::models::{Backbone, BackboneRecipe, ModelRecipe};
use crate::{Error, Result};

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

/// Of what is trained on the features of `backbone` the inputs; the images of `data` stay as large as they
/// are, since it is for the network that they are scaled, and once.
pub(super) fn size(backbone: &Backbone, data: &mut DataRecipe) -> [usize; 3] {
    if let Some(size) = data.size() {
        *size = None;
    }
    [backbone.width(), 1, 1]
}

/// What is trained on the features of a frozen network, its learning rate, and why it.
pub(super) fn head(recipe: &BackboneRecipe, backbone: &Backbone) -> (ModelRecipe, f64, String) {
    let (name, side, width) = (backbone.name(), backbone.side(), backbone.width());
    let why = format!(
        "linear layer on the {width} features that {name}, pretrained and frozen, makes of {side}×{side} \
         pixels, once for all runs"
    );
    (ModelRecipe::Backbone(recipe.clone()), embeddings::LR, why)
}

#[cfg(test)]
mod tests {
    use super::super::Proposal;
    use super::*;
    use crate::data::TableChoices;

    #[test]
    fn a_backbone_is_for_images() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "x,kind\n1,a\n2,b\n3,a\n4,b\n").unwrap();
        let asked = TableChoices { target: Some("kind".into()), ..TableChoices::default() };
        let backbone = Some(folder.path().to_owned());
        let wishes = TrainingChoices { backbone, ..TrainingChoices::default() };
        let error = Proposal::new(&path, &asked, &wishes, &|_, _| {}).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().ends_with("t.csv holds rows of numbers"), "{error}");
    }
}
