//! Initial weights from a file, such as torchvision's of a network that learned ImageNet.

use std::path::Path;

use tch::Tensor;

use super::Model;
use super::layers::Normalise;
use crate::{Error, Result, tensors};

/// Puts the tensors of the safetensors file at `path` into `model`, the last layer too unless it is
/// a `new_head`, which stays as it was drawn.
///
/// A file from elsewhere says nothing of how pixels are normalised: then the moments of the
/// training part remain.
///
/// # Errors
/// A file that cannot be read, and one that does not fit: the message names the tensor and both
/// shapes.
pub fn load(model: &dyn Model, path: &Path, new_head: bool) -> Result<()> {
    let bytes = std::fs::read(path).map_err(Error::input(path))?;
    let refuse = |problem: String| Error::malformed(path, "tensors", problem);
    let broken = |error: Error| Error::malformed(path, "tensors", error);
    let mut saved = tensors::decode(&bytes).map_err(broken)?;
    let head = format!("{}.", model.head().name);
    let own = model.weights().snapshot()?;
    let shape = |named: &[(String, Tensor)], name: &str| {
        named.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor.size())
    };
    if new_head {
        saved.retain(|(name, _)| !name.starts_with(&head));
    } else if let Some((name, ours)) = own.iter().find(|(name, _)| name.starts_with(&head))
        && let Some(theirs) = shape(&saved, name)
        && theirs != ours.size()
    {
        return Err(refuse(format!(
            "{name} is {theirs:?}, and {:?} in this model; new_head = true draws it anew",
            ours.size()
        )));
    }
    for (name, tensor) in own {
        let kept = name.starts_with(Normalise::NAME) || (new_head && name.starts_with(&head));
        if kept && shape(&saved, &name).is_none() {
            saved.push((name, tensor));
        }
    }
    model.weights().restore(&saved).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::tests::images;
    use crate::models::{AttackCnnRecipe, ModelRecipe, build};

    fn network(classes: usize, weights: Option<&Path>, new_head: bool) -> Result<Box<dyn Model>> {
        let weights = weights.map(Path::to_owned);
        let recipe = ModelRecipe::AttackCnn(AttackCnnRecipe { weights, new_head });
        build(&recipe, &images([1, 28, 28], classes).spec(), 5)
    }

    #[test]
    fn a_head_of_other_classes_is_drawn_anew_only_if_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        let drawn = network(10, None, false).unwrap().weights().snapshot().unwrap();
        let shifted: Vec<_> = drawn.iter().map(|(n, t)| (n.clone(), t + 1.0)).collect();
        std::fs::write(&path, tensors::encode(&shifted).unwrap()).unwrap();
        let values = |model: &dyn Model, name: &str| {
            let all = model.weights().snapshot().unwrap();
            all.into_iter().find(|(other, _)| other == name).unwrap().1
        };
        let same = network(10, Some(&path), false).unwrap();
        for (name, tensor) in &shifted {
            assert_eq!(values(&*same, name), *tensor);
        }
        let message = network(7, Some(&path), false).err().unwrap().to_string();
        assert!(message.contains("w.safetensors: tensors: fc2.weight is [10, 100]"), "{message}");
        assert!(message.contains("[7, 100] in this model; new_head = true"), "{message}");
        let other = network(7, Some(&path), true).unwrap();
        assert_eq!(values(&*other, "conv1.bias"), values(&*same, "conv1.bias"));
        let fresh = network(7, None, false).unwrap();
        assert_eq!(values(&*other, "fc2.weight"), values(&*fresh, "fc2.weight"));
    }

    #[test]
    fn files_that_do_not_fit_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        let drawn = network(10, None, false).unwrap().weights().snapshot().unwrap();
        let refused = |named: &[(String, Tensor)]| {
            std::fs::write(&path, tensors::encode(named).unwrap()).unwrap();
            let error = network(10, Some(&path), false).err().unwrap();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        assert!(refused(&drawn[1..]).contains("conv1.weight should be"));
        let mut more: Vec<_> = drawn.iter().map(|(n, t)| (n.clone(), t.copy())).collect();
        more.push(("fc3.bias".to_owned(), Tensor::from_slice(&[1f32])));
        assert!(refused(&more).contains("the model has no weights named fc3.bias"));
        std::fs::write(&path, "no safetensors").unwrap();
        assert!(network(10, Some(&path), false).err().unwrap().to_string().contains("safetensors"));
        let missing = network(10, Some(&dir.path().join("none")), false).err().unwrap();
        assert!(missing.to_string().starts_with("cannot read"), "{missing}");
    }
}
