//! Tables. The first byte chooses what is asked for, or with a j that it is JSON; the rest is the file. What a model learns from a
//! row is what it is asked about when the same row is predicted.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, refused};
use steepness_lab::data::table::{self, Table};
use steepness_lab::data::{DataPath, Inputs, TableChoices, TableRecipe, inspect};

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("table"));

const ASKED: [&str; 5] = [
    "",
    "target = 1",
    "target = \"y\"\nignore = [1]",
    "header = true\ncategorical = [1]",
    "header = false\ntarget = 2",
];

static RECIPES: LazyLock<Vec<TableRecipe>> = LazyLock::new(|| {
    let path = PLACE.path("t.csv");
    let text = |more: &&str| format!("path = {:?}\n{more}", path.to_str().expect("plain"));
    ASKED.iter().map(|more| toml::from_str(&text(more)).expect("a recipe")).collect()
});

static JSON: LazyLock<TableRecipe> =
    LazyLock::new(|| TableRecipe::new(DataPath::new(PLACE.path("t.jsonl").to_str().expect("plain"))));

fuzz_target!(|data: &[u8]| {
    let Some((&how, data)) = data.split_first() else { return };
    let path = PLACE.put(if how == b'j' { "t.jsonl" } else { "t.csv" }, data);
    if how == b'i' {
        let asked = TableChoices { target: None, ignore: Vec::new() };
        inspect(&path, &asked, &|_, _| {}).map(drop).unwrap_or_else(|error| refused(&error));
        return;
    }
    let recipe = if how == b'j' { &JSON } else { &RECIPES[usize::from(how) % RECIPES.len()] };
    match Table::load(recipe) {
        Ok(table) => {
            let Inputs::Numbers(learned) = &table.examples.inputs else { panic!("no numbers") };
            assert_eq!(learned.len(), table.examples.len() * table.features.len());
            // NaN is a number that is missing.
            assert!(!learned.iter().any(|number| number.is_infinite()));
            let asked = table::rows(&path, &table.columns).expect("they were just read");
            assert_eq!(asked.lines.len(), table.examples.len());
            assert_eq!(asked.inputs.len(), learned.len());
            let alike = |(asked, learned): (&f32, &f32)| {
                asked == learned || asked.is_nan() && learned.is_nan()
            };
            assert!(asked.inputs.iter().zip(learned.iter()).all(alike));
        }
        Err(error) => refused(&error),
    }
});
