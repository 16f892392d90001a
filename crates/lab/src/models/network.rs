//! [`Network`]: what a recipe of a network says of itself, and what is asked of all of them.

use std::path::{Path, PathBuf};

use super::{Model, ModelRecipe, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Error, Result, Validate};

/// The settings of a network, and how it is made of them.
pub(super) trait Network: Validate {
    /// What it learns from.
    const TAKES: &'static [InputKind];

    /// Draws it for such inputs.
    ///
    /// # Errors
    /// Sizes that make no network, or none for these inputs.
    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>>;

    /// The file with the initial weights, and whether the last layer is drawn anew all the same.
    fn initial(&self) -> (Option<&Path>, bool) {
        (None, false)
    }

    /// Where [`Network::initial`] is kept, of networks that may begin with weights from a file.
    fn initial_mut(&mut self) -> Option<(&mut Option<PathBuf>, &mut bool)> {
        None
    }
}

/// Makes [`ModelRecipe`] of a list of networks, each with its name in a recipe.
macro_rules! networks {
    ($($(#[$doc:meta])* $name:literal => $variant:ident($recipe:ident),)+) => {
        /// Which network a recipe asks for: `[model.cnn]`.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub enum ModelRecipe {
            $($(#[$doc])* #[serde(rename = $name)] $variant($recipe),)+
        }

        impl ModelRecipe {
            /// The names of all, and what each takes.
            const ALL: &[(&str, &[InputKind])] = &[$(($name, <$recipe as Network>::TAKES)),+];

            /// Its name in a recipe, and what it takes.
            fn takes(&self) -> (&'static str, &'static [InputKind]) {
                match self {
                    $(ModelRecipe::$variant(_) => ($name, <$recipe as Network>::TAKES),)+
                }
            }

            /// The file with the initial weights, and whether the last layer is drawn anew.
            fn initial(&self) -> (Option<&Path>, bool) {
                match self {
                    $(ModelRecipe::$variant(recipe) => recipe.initial(),)+
                }
            }

            fn initial_mut(&mut self) -> Option<(&mut Option<PathBuf>, &mut bool)> {
                match self {
                    $(ModelRecipe::$variant(recipe) => recipe.initial_mut(),)+
                }
            }

            /// Draws it for `input`, whatever weights it is to begin with.
            fn draw(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
                match self {
                    $(ModelRecipe::$variant(recipe) => recipe.build(input, weights),)+
                }
            }
        }

        impl Validate for ModelRecipe {
            fn validate(&self) -> Result<()> {
                if let (None, true) = self.initial() {
                    let problem = "model: new_head = true needs weights";
                    return Err(Error::Request(problem.to_owned()));
                }
                match self {
                    $(ModelRecipe::$variant(recipe) => recipe.validate(),)+
                }
            }
        }
    };
}

pub(super) use networks;

impl ModelRecipe {
    /// The file with the initial weights.
    pub fn weights(&self) -> Option<&Path> {
        self.initial().0
    }

    /// The same, with its initial weights in the file `path`.
    #[must_use]
    pub fn with_weights(&self, path: Option<&Path>) -> Self {
        let mut other = self.clone();
        if let Some((weights, new_head)) = other.initial_mut() {
            *weights = path.map(Path::to_owned);
            *new_head = *new_head && path.is_some();
        }
        other
    }

    /// Refuses inputs of a kind that the network is not for; `kind` is that of the data.
    ///
    /// # Errors
    /// Names the networks that are.
    pub fn validate_takes(&self, kind: InputKind) -> Result<()> {
        let (name, takes) = self.takes();
        if takes.contains(&kind) {
            return Ok(());
        }
        // Images are taken by most.
        Err(Error::Request(match kind {
            InputKind::Images => {
                let takes: Vec<String> = takes.iter().map(InputKind::to_string).collect();
                format!("model.{name} takes {}, and the data are none", takes.join(" and "))
            }
            _ => {
                let takers = Self::ALL.iter().filter(|(_, takes)| takes.contains(&kind));
                let takers: Vec<String> = takers.map(|(name, _)| format!("model.{name}")).collect();
                format!("the data are {kind}, which {} takes", takers.join(" or "))
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::build;
    use super::super::tests::spec;
    use super::*;
    use crate::data::Shape;

    /// A table is no image of one pixel to any network.
    #[test]
    fn networks_are_asked_for_inputs_of_their_kind_alone() {
        let pair = Shape::Pair { vocabularies: [9, 9] };
        let graph = Shape::Graph { features: 3, attributes: 0 };
        let rows = "the data are rows of numbers, which model.linear or model.mlp takes";
        for (toml, shape, expected) in [
            ("cnn = { channels = [4, 8] }", Shape::Row(13), rows),
            ("resnet = { depth = 18, stem = 'cifar' }", Shape::Row(3), rows),
            ("efficientnet-b0 = { variant = 'timm' }", Shape::Row(3), rows),
            ("[mnist-net]", Shape::Row(13), rows),
            ("[attack-cnn]", Shape::Row(13), rows),
            ("[graph-net]", Shape::Row(13), rows),
            ("[transformer]", Shape::Row(13), rows),
            ("mlp = { hidden = 3 }", graph, "the data are graphs, which model.graph-net takes"),
            (
                "[attack-cnn]",
                pair,
                "the data are pairs of sentences, which model.transformer takes",
            ),
            (
                "[transformer]",
                Shape::Image([1, 8, 8]),
                "model.transformer takes pairs of sentences, and the data are none",
            ),
        ] {
            let recipe: ModelRecipe = toml::from_str(toml).unwrap();
            let error = build(&recipe, &spec(shape, 3), 0).err().unwrap();
            assert_eq!((error.to_string().as_str(), error.exit_code()), (expected, 2), "{toml}");
        }
    }

    #[test]
    fn weights_from_a_file_are_for_networks_that_say_so() {
        let of = |toml: &str| toml::from_str::<ModelRecipe>(toml).unwrap();
        let path = Path::new("w.safetensors");
        let resnet = of("resnet = { depth = 18, stem = 'cifar', weights = 'x', new_head = true }");
        assert_eq!(resnet.with_weights(Some(path)).initial(), (Some(path), true));
        assert_eq!(resnet.with_weights(None).initial(), (None, false));
        let mlp = of("mlp = { hidden = 3 }");
        assert_eq!(mlp.with_weights(Some(path)), mlp);
        assert!(of("mnist-net = { new_head = true }").validate().is_err());
        // An old recipe is read and written as it was.
        for (name, _) in ModelRecipe::ALL {
            let fields = match *name {
                "backbone" => "path = 'resnet18'",
                "cnn" => "channels = [1, 2]",
                "efficientnet-b0" => "variant = 'timm'",
                "mlp" => "hidden = 1",
                "resnet" => "depth = 18\nstem = 'cifar'",
                _ => "",
            };
            let recipe = of(&format!("[{name}]\n{fields}"));
            let written = toml::to_string(&recipe).unwrap();
            assert!(written.starts_with(&format!("[{name}]\n")), "{written}");
            assert_eq!(of(&written), recipe);
        }
    }
}
