//! A pretrained network whose features others learn from: `[model.backbone]`.
//!
//! The folder that it names holds `model.safetensors` and timm's `config.json`, as `hf download
//! timm/resnet18.a1_in1k` leaves them. The network stays as it is ("frozen"): it goes over the images once
//! for all losses and seeds, and what is trained is a linear layer on its features.

mod architecture;
mod config;
#[cfg(test)]
mod golden;
mod tensors;
mod vit;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor, no_grad};

use super::linear::LinearClassifier;
use super::{Mode, Model, ModelRecipe, Network, Weights};
use crate::compare::Origin;
use crate::data::augment::Evaluate;
use crate::data::{InputKind, InputSpec, Shape};
use crate::{Error, Result, Validate};
use config::Config;
#[cfg(test)]
pub(crate) use golden::vision_transformer;

/// The files of its folder.
const FILES: [&str; 2] = ["config.json", "model.safetensors"];

/// Which one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneRecipe {
    /// Its folder.
    pub path: PathBuf,
}

impl BackboneRecipe {
    /// The key of [`BackboneRecipe::origin`].
    pub const KEY: &str = "model.backbone";

    /// Whether `path` leads to the same folder.
    pub fn is_at(&self, path: &Path) -> bool {
        let place = |path: &Path| path.canonicalize().ok();
        place(&self.path).is_some_and(|here| Some(here) == place(path))
    }

    /// The files that decide what it makes of an image.
    pub fn origin(&self) -> Origin {
        let files = FILES.iter().map(|name| self.path.join(name)).collect();
        let folder = Origin::folder(self.path.clone(), self.path.clone(), files);
        Origin { key: Self::KEY.to_owned(), ..folder }
    }
}

impl Validate for BackboneRecipe {}

impl Network for BackboneRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images];

    /// What is left to learn where its features are there: the last layer.
    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        match input.shape.kind() {
            InputKind::Rows => Ok(Box::new(LinearClassifier::new(input, weights)?)),
            _ => Err(Error::Request(
                "model.backbone is frozen: what is trained sees its features, not images"
                    .to_owned(),
            )),
        }
    }
}

impl ModelRecipe {
    /// The pretrained network that has been over the images before this one sees anything of them.
    pub fn backbone(&self) -> Option<&BackboneRecipe> {
        match self {
            ModelRecipe::Backbone(recipe) => Some(recipe),
            _ => None,
        }
    }

    /// The same, with its pretrained network in the folder `path`, if it has one.
    #[must_use]
    pub fn with_backbone(&self, path: &Path) -> Self {
        match self {
            ModelRecipe::Backbone(_) => {
                ModelRecipe::Backbone(BackboneRecipe { path: path.to_owned() })
            }
            other => other.clone(),
        }
    }
}

/// The network with its weights.
pub struct Backbone {
    network: Box<dyn Model>,
    config: Config,
}

impl Backbone {
    /// Reads the files in the folder `path`.
    ///
    /// # Errors
    /// A file that is missing or damaged, an architecture that is not known, tensors that are not its
    /// own: by file and place.
    pub fn load(path: &Path) -> Result<Self> {
        let [described, weights] = FILES.map(|name| path.join(name));
        let (config, architecture) = Config::read(&described)?;
        let shape = Shape::Image([3, config.side, config.side]);
        let moments = config.moments.clone();
        // It has a last layer as every network; nothing is asked of it.
        let input = InputSpec { shape, moments, examples: 0, classes: 1 };
        let network = architecture.build(&input, Weights::blank())?;
        let backbone = Self { network, config };
        let (width, name) = (backbone.width(), architecture.name);
        if let Some(other) = backbone.config.features.filter(|features| *features != width) {
            let problem = format!("{other}, and {name} has {width}");
            return Err(Error::malformed(&described, "num_features", problem));
        }
        let classifier = backbone.config.classifier.as_deref();
        tensors::restore(&weights, architecture, classifier, &*backbone.network)?;
        Ok(backbone)
    }

    /// Moves it to `device`.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn move_to(&self, device: Device) -> Result<()> {
        self.network.weights().move_to(device)
    }

    /// Where it is.
    pub fn device(&self) -> Device {
        self.network.weights().device()
    }

    /// timm's name of its architecture.
    pub fn name(&self) -> &str {
        &self.config.architecture
    }

    /// Height and width of what it sees.
    pub fn side(&self) -> usize {
        self.config.side
    }

    /// How many features it makes of an image.
    pub fn width(&self) -> usize {
        self.network.head().weight.size().last().map_or(0, |&width| width as usize)
    }

    /// What is done to an image before.
    pub fn transform(&self) -> &Evaluate {
        &self.config.transform
    }

    /// Features f32 (N, width) of images f32 (N, 3 or 1, S, S), pixels from 0 to 1.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn features(&self, images: &Tensor) -> Result<Tensor> {
        no_grad(|| self.network.features(&[images.shallow_clone()], Mode::Evaluate))
    }
}
