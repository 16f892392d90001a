//! A plan says of a recipe what the laboratory says of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::super::{LabReader, Recipe};
use super::{ce, plan};
use crate::attack::AttackRecipe;
use crate::compare::{AnyRecipe, Extent, PlainReader, RecipeReader, Select, Sweep};

/// Those in `recipes/`, at every scale.
fn recipes() -> Vec<Recipe> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    assert!(files.len() > 15, "{files:?}");
    let scales = |path| [(path, None), (path, Some("cpu"))];
    let read = |(path, scale): (&PathBuf, _)| Recipe::read(path, scale).ok();
    files.iter().flat_map(scales).filter_map(read).collect()
}

#[test]
fn runs_are_those_of_the_recipe() {
    for mut recipe in recipes() {
        for sweep in [None, Some(Sweep::Lr(vec![0.1, 1e-5]))] {
            recipe.sweep = sweep.or(recipe.sweep.take());
            let asked = recipe.plan().unwrap();
            let settings = recipe.settings().unwrap();
            assert_eq!(asked.settings().unwrap(), settings);
            for setting in &settings {
                assert_eq!(asked.run(setting, 7).unwrap(), plan(&recipe.run(setting, 7)));
            }
        }
    }
}

#[test]
fn text_and_hash_are_those_of_the_recipe() {
    for mut recipe in recipes() {
        for primary in [None, Some("nll".to_owned())] {
            recipe.worth = primary.as_ref().map(|_| 0.5);
            recipe.primary = primary;
            let asked = recipe.plan().unwrap();
            assert_eq!((asked.hash(), &asked.text), (recipe.hash(), &recipe.to_toml()));
            let losses = vec![ce(), "el(le=0.5) + smooth(0.1)".parse().unwrap()];
            let seeds = vec![9, i64::MAX as u64, 0];
            let other = asked.with(&losses, &seeds);
            let expected = recipe.with(Extent {
                losses,
                seeds,
                sweep: recipe.sweep.clone(),
                vary: Default::default(),
                tune: recipe.tune.clone(),
            });
            assert_eq!(other, expected.plan().unwrap());
            assert_eq!(other.hash(), expected.hash());
        }
    }
}

/// What the laboratory wrote, anybody can read; which settings have no effect on its data only it knows.
#[test]
fn a_reader_that_knows_nothing_reads_the_same() {
    let path = Path::new("comparison.toml");
    for recipe in recipes() {
        let idle = recipe.data.without_effect();
        let text = recipe.to_toml();
        let known = LabReader.plan(path, &text).unwrap();
        assert_eq!(PlainReader.plan(path, &text).unwrap().without(idle), known);
        let run = recipe.run(&recipe.settings().unwrap()[0], 3).to_toml();
        let known = LabReader.run_plan(path, &run).unwrap();
        assert_eq!(PlainReader.run_plan(path, &run).unwrap().without(idle), known);
    }
}

#[test]
fn paths_do_not_count_and_everything_else_does() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/digits.toml"),
    );
    let text = text.unwrap();
    let with = |data: &str| {
        let at = text.find("[data").unwrap();
        let end = text[at..].find("\n\n").map_or(text.len(), |end| at + end);
        let text = format!("{}{data}{}", &text[..at], &text[end..]);
        Recipe::parse(Path::new("r.toml"), &text, None).unwrap()
    };
    let table = |paths: &str| with(&format!("[data.table]\n{paths}\ntarget = \"y\"\n"));
    let one = table("path = \"a.csv\"\ntest_path = \"b.csv\"").plan().unwrap();
    let other = table("path = \"x/c.csv\"\ntest_path = \"d.csv\"").plan().unwrap();
    assert!(one.differences(&other).is_empty() && one != other);
    let alone = table("path = \"a.csv\"").plan().unwrap();
    assert_eq!(one.differences(&alone), ["data.table.test_path is \"\" there, not set asked for"]);
    let last = Recipe { select: Select::Last, ..table("path = \"a.csv\"") };
    assert_eq!(
        alone.differences(&last.plan().unwrap()),
        ["select is \"best\" there, \"last\" asked for"]
    );
}

/// A plan knows of no data, but of those that are not attacked.
#[test]
fn attacks_count_where_there_are_images() {
    for recipe in recipes() {
        let attack = AttackRecipe::short(&[0.0, 0.1], NonZeroUsize::MIN, 0.1);
        let attacked = Recipe { attack: Some(attack), ..recipe.clone() }.plan().unwrap();
        let without = Recipe { attack: None, ..recipe.clone() }.plan().unwrap();
        let counts = !attacked.differences(&without).is_empty();
        assert_eq!(counts, recipe.data.are_images(), "{}", recipe.name);
    }
}
