//! `[[ood]]`: further data sets, to be told from the one that is learned from.
//!
//! ```toml
//! [[ood]]
//! name = "clothes"
//! distance = "far"
//! data.idx = { path = "fashion-mnist" }
//! ```

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::image_folder::{has_parts, without_classes};
use super::table::{fill, medians};
use super::{DataRecipe, DataSet, Examples, FolderRecipe, HeldOut, OodSet, Shape, load};
use crate::compare::fields::name;
use crate::measure::Distance;
use crate::{Error, Result, Validate};

/// One of them, as a recipe asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OodRecipe {
    /// What tables and files call it.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Whether it is like the data learned from; only said again in the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<Distance>,
    /// The data: of a set with its own test part this part, of others everything. A folder of images
    /// needs no classes.
    pub data: DataRecipe,
}

impl Validate for OodRecipe {
    fn validate(&self) -> Result<()> {
        self.data.validate().map_err(|error| error.at(format!("ood {}: ", self.name)))
    }
}

impl OodRecipe {
    /// Reads the examples; `shape` is that of those learned from.
    ///
    /// # Errors
    /// As [`load`], and another shape.
    pub fn load(&self, shape: Shape) -> Result<OodSet> {
        let mut examples = match self.without_classes() {
            Some(recipe) => {
                let side = recipe.size.map(NonZeroUsize::get);
                let images = without_classes(&recipe.path.resolve())?;
                images.examples(side, shape.image().ok())?
            }
            None => match load(&self.data)? {
                DataSet { examples, held_out: HeldOut::Shares(..), .. } => examples,
                DataSet { held_out: HeldOut::Validation { test, .. }, .. }
                | DataSet { held_out: HeldOut::Given { test, .. }, .. } => test,
            },
        };
        // Of another world, a median of its own is as good as any.
        let medians = medians(&examples);
        fill(&mut examples, &medians);
        let set = self.named(examples);
        set.validate_shape(shape)?;
        Ok(set)
    }

    /// The folder of images whose classes do not matter, if it is one.
    pub(super) fn without_classes(&self) -> Option<&FolderRecipe> {
        match &self.data {
            DataRecipe::ImageFolder(recipe) => {
                (!has_parts(&recipe.path.resolve())).then_some(recipe)
            }
            _ => None,
        }
    }

    fn named(&self, examples: Examples) -> OodSet {
        OodSet { name: self.name.clone(), distance: self.distance, examples }
    }
}

impl OodSet {
    fn validate_shape(&self, shape: Shape) -> Result<()> {
        let (name, theirs) = (&self.name, self.examples.shape);
        if theirs.is_like(shape) {
            return Ok(());
        }
        let said = |[channels, height, width]: [usize; 3]| format!("{channels}×{height}×{width}");
        Err(Error::Request(match (theirs, shape) {
            (Shape::Image(theirs), Shape::Image(shape)) => format!(
                "the out-of-distribution examples {name} are of {} (channels, height, width), those \
                 learned from of {}",
                said(theirs),
                said(shape)
            ),
            _ => format!(
                "the out-of-distribution examples {name} are {theirs}, those learned from {shape}"
            ),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::tests::write;
    use super::*;

    #[test]
    fn the_whole_of_a_set_without_a_test_part_is_used() {
        let text = "name = 'again'\ndistance = 'near'\n\
                    data.digits = { validation = 0.1, test = 0.1 }";
        let recipe: OodRecipe = toml::from_str(text).unwrap();
        recipe.validate().unwrap();
        let set = recipe.load(Shape::Image([1, 8, 8])).unwrap();
        assert_eq!((set.examples.len(), set.distance), (1797, Some(Distance::Near)));
        let problem = recipe.load(Shape::Image([3, 8, 8])).unwrap_err().to_string();
        assert!(problem.contains("again are of 1×8×8") && problem.contains("3×8×8"), "{problem}");
        // A table is no image, however many numbers its rows have.
        let problem = recipe.load(Shape::Row(64)).unwrap_err().to_string();
        assert_eq!(
            problem,
            "the out-of-distribution examples again are images of 1×8×8 (channels, height, width), \
             those learned from rows of 64 numbers"
        );
    }

    #[test]
    fn images_need_no_classes_to_be_of_another_world() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = |shape: [usize; 3]| {
            let path = folder.path();
            let text = format!("name = 'x'\ndata.image-folder = {{ path = {path:?} }}");
            toml::from_str::<OodRecipe>(&text).unwrap().load(Shape::Image(shape))
        };
        let error = recipe([3, 2, 3]).unwrap_err().to_string();
        assert!(error.contains("images: the folder has no images that are read"), "{error}");
        write(&folder.path().join("1.png"), 1);
        write(&folder.path().join("deep/down/2.png"), 2);
        let set = recipe([3, 2, 3]).unwrap();
        assert_eq!((set.examples.len(), set.examples.shape), (2, Shape::Image([3, 2, 3])));
        assert!(recipe([3, 4, 4]).unwrap_err().to_string().contains("are of 3×0×0"));
    }

    #[test]
    fn mistakes_are_refused() {
        for wrong in ["name = '../x'", "name = 'x'\ndistance = 'middle'", "name = 'x'\nnear = 1"] {
            let text = format!("{wrong}\ndata.digits = {{ validation = 0.1, test = 0.1 }}");
            assert!(toml::from_str::<OodRecipe>(&text).is_err(), "{wrong}");
        }
        let shares = "name = 'x'\ndata.digits = { validation = 0.6, test = 0.6 }";
        assert!(toml::from_str::<OodRecipe>(shares).unwrap().validate().is_err());
    }
}
