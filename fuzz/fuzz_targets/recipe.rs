//! Recipes in TOML. The first byte says which of the recipes that come along is changed, and the rest
//! which of its lines are replaced by what; or, from 'z' on, the rest is the text itself.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, refused};
use steepness_lab::experiment::{Recipe, RunRecipe};

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("recipe"));

/// One of each kind.
const RECIPES: [&str; 8] = [
    include_str!("../../recipes/digits.toml"),
    include_str!("../../recipes/cifar10-resnet50.toml"),
    include_str!("../../recipes/cifar10-representation.toml"),
    include_str!("../../recipes/inaturalist-crt.toml"),
    include_str!("../../recipes/mnist-attack.toml"),
    include_str!("../../recipes/mnist-large-margin.toml"),
    include_str!("../../recipes/iwslt14-de-en.toml"),
    include_str!("../../recipes/proteins.toml"),
];

fuzz_target!(|data: &[u8]| {
    let Some((&which, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let text = match which {
        b'z'.. => text.to_owned(),
        _ => edited(RECIPES[usize::from(which) % RECIPES.len()], text),
    };
    let path = Path::new("recipe.toml");
    let scale = text.contains("[scale.cpu]").then_some("cpu");
    for scale in [None, scale] {
        match Recipe::parse(path, &text, scale) {
            Ok(recipe) => whole(&recipe),
            Err(error) => refused(&error),
        }
    }
});

/// Each line of `edits` begins with a character that says which line of `recipe` it replaces. In a
/// line, `¦` begins another.
fn edited(recipe: &str, edits: &str) -> String {
    let mut lines: Vec<String> = recipe.lines().map(str::to_owned).collect();
    for edit in edits.lines() {
        let Some(at) = edit.chars().next() else { continue };
        let count = lines.len();
        lines[at as usize % count] = edit[at.len_utf8()..].replace('¦', "\n");
    }
    lines.join("\n")
}

/// A recipe that is read is written and read back, and so are its runs.
fn whole(recipe: &Recipe) {
    let text = recipe.to_toml();
    let again = Recipe::parse(Path::new("again.toml"), &text, None);
    assert_eq!(&again.expect("what is written is read"), recipe, "{text}");
    let _ = (recipe.hash(), recipe.all_epochs());
    match recipe.settings() {
        Ok(settings) => {
            let Some(setting) = settings.first() else { return };
            let run = recipe.run(setting, recipe.seeds[0]);
            let written = PLACE.put("run.toml", run.to_toml().as_bytes());
            assert_eq!(RunRecipe::read(&written).expect("what is written is read"), run);
        }
        Err(error) => refused(&error),
    }
}
