//! What a run is: its recipe and the content of its data, whatever path leads to them.

use crate::Result;
use crate::attack::AttackRecipe;
use crate::data::{DataRecipe, OodRecipe, Origin};
use crate::models::ModelRecipe;

use super::{Recipe, RunRecipe, Sweep};

impl Recipe {
    /// Every file that decides its runs: those of its data, of examples from outside and of initial
    /// weights.
    ///
    /// # Errors
    /// What is missing.
    pub fn origins(&self) -> Result<Vec<Origin>> {
        origins(&self.data, &self.ood, &self.model)
    }

    /// What is asked for here, said as `before` says it: with its name, and with its spelling of each
    /// path that leads to the same place.
    pub(super) fn spelt_as(&self, before: &Self) -> Self {
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
        recipe
    }

    /// `before` with the losses, the seeds and the values of its sweep that are asked for here and are
    /// not among its own.
    pub(super) fn added_to(&self, before: &Self) -> Self {
        let losses = joined(&before.losses, &self.losses, |loss| loss.to_string());
        let seeds = joined(&before.seeds, &self.seeds, |seed| *seed);
        let values = |before: &[f64], more: &[f64]| joined(before, more, |value| value.to_bits());
        let sweep = match (&before.sweep, &self.sweep) {
            (Some(Sweep::Le(before)), Some(Sweep::Le(more))) => {
                Some(Sweep::Le(values(before, more)))
            }
            (Some(Sweep::Lr(before)), Some(Sweep::Lr(more))) => {
                Some(Sweep::Lr(values(before, more)))
            }
            (_, sweep) => sweep.clone(),
        };
        Self { losses, seeds, sweep, ..self.clone() }
    }

    /// Where `asked` is not this recipe with other losses, seeds or values of its sweep, or with other
    /// paths, whose content is compared instead.
    pub(super) fn differences(&self, asked: &Self) -> Vec<String> {
        let swept_alike = match (&self.sweep, &asked.sweep) {
            (Some(before), Some(asked)) => before.key() == asked.key(),
            _ => false,
        };
        let rest = |recipe: &Self| Self {
            name: asked.name.clone(),
            losses: asked.losses.clone(),
            seeds: Vec::new(),
            // What a table begins with decides nothing about the runs.
            primary: None,
            sweep: if swept_alike { None } else { recipe.sweep.clone() },
            data: recipe.data.without_paths(),
            ood: without_paths(&recipe.ood),
            attack: in_effect(&recipe.attack, &recipe.data),
            model: recipe.model.with_weights(recipe.model.weights().map(|_| "".as_ref())),
            ..recipe.clone()
        };
        differences(&rest(self), &rest(asked))
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

    /// Where `asked` is another run; paths count as in [`Recipe::differences`].
    pub(super) fn differences(&self, asked: &Self) -> Vec<String> {
        let rest = |recipe: &Self| Self {
            data: recipe.data.without_paths(),
            ood: without_paths(&recipe.ood),
            attack: in_effect(&recipe.attack, &recipe.data),
            model: recipe.model.with_weights(recipe.model.weights().map(|_| "".as_ref())),
            ..recipe.clone()
        };
        let (before, asked) = (rest(self), rest(asked));
        if before == asked {
            return Vec::new();
        }
        differences(&before, &asked)
    }
}

fn origins(data: &DataRecipe, ood: &[OodRecipe], model: &ModelRecipe) -> Result<Vec<Origin>> {
    let mut all = data.origins()?;
    for ood in ood {
        all.extend(ood.origins()?);
    }
    all.extend(model.weights().map(|path| Origin::file("model.weights", path)));
    Ok(all)
}

fn without_paths(ood: &[OodRecipe]) -> Vec<OodRecipe> {
    ood.iter().map(|ood| OodRecipe { data: ood.data.without_paths(), ..ood.clone() }).collect()
}

/// The attacks that there are: on data that are no images there are none, whatever the recipe says.
fn in_effect(attack: &Option<AttackRecipe>, data: &DataRecipe) -> Option<AttackRecipe> {
    attack.clone().filter(|_| data.are_images())
}

/// `before`, and what of `more` is not in it; what has the same `key` is the same.
fn joined<T: Clone, K: Eq + std::hash::Hash>(
    before: &[T],
    more: &[T],
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut known = std::collections::HashSet::new();
    before.iter().chain(more).filter(|one| known.insert(key(one))).cloned().collect()
}

/// Each setting that differs, by its path.
fn differences(before: &impl serde::Serialize, asked: &impl serde::Serialize) -> Vec<String> {
    let mut found = Vec::new();
    match (toml::Value::try_from(before), toml::Value::try_from(asked)) {
        (Ok(before), Ok(asked)) => compare("", Some(&before), Some(&asked), &mut found),
        (Err(error), _) | (_, Err(error)) => found.push(error.to_string()),
    }
    found
}

/// Descends into tables; names each value that differs by its path.
fn compare(
    path: &str,
    before: Option<&toml::Value>,
    asked: Option<&toml::Value>,
    found: &mut Vec<String>,
) {
    if let (Some(toml::Value::Table(a)), Some(toml::Value::Table(b))) = (before, asked) {
        let only_b = b.keys().filter(|key| !a.contains_key(*key));
        for key in a.keys().chain(only_b) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&path, a.get(key), b.get(key), found);
        }
    } else if before != asked {
        let show = |value: Option<&toml::Value>| match value {
            Some(toml::Value::Table(_)) => "set".to_owned(),
            Some(value) => value.to_string(),
            None => "not set".to_owned(),
        };
        found.push(format!("{path} is {} there, {} asked for", show(before), show(asked)));
    }
}
