//! Folders that are claimed for recipes of the laboratory.

use std::fs::{self, File};
use std::path::Path;

use super::super::{LabReader, Recipe};
use crate::Result;
use crate::compare::layout::{CONTENT, LOCK, MARKER};
use crate::compare::{Claim, Content, Folder, Setting, Sweep};
use crate::train::Schedule;

/// The folder, and the recipe as it is spelt there.
#[derive(Debug)]
struct Claimed {
    folder: Folder,
    recipe: Recipe,
}

fn claim_of(path: &Path, recipe: &Recipe, fresh: bool) -> Result<Claimed> {
    let content = Content::of(&recipe.origins().unwrap(), None).unwrap();
    let reader = &LabReader;
    let claim = Claim { recipe, reader, content: &content, about: "all", fresh };
    let (folder, recipe) = Folder::claim(path, claim)?;
    Ok(Claimed { folder, recipe })
}

fn refused(path: &Path, recipe: &Recipe) -> String {
    let error = claim_of(path, recipe, false).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe::embedded().unwrap();
    let file = dir.path().join("thesis.tex");
    fs::write(&file, "x").unwrap();
    assert!(refused(dir.path(), &recipe).contains("holds something else (thesis.tex)"));
    assert!(refused(&file, &recipe).contains("it is a file"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn lists_may_be_others_and_nothing_else_may_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let recipe = Recipe::embedded().unwrap();
    let claim = |recipe: &Recipe| claim_of(&path, recipe, false).map(|claimed| claimed.recipe);
    let there = || Recipe::read(&path.join(MARKER), None).unwrap();
    assert_eq!(claim(&recipe).unwrap(), recipe);
    claim(&recipe).unwrap();
    let mut more = recipe.clone();
    more.seeds.insert(0, 9);
    claim(&more).unwrap();
    // The order of a table may be another one each time.
    let ordered = Recipe { primary: Some("nll".to_owned()), ..more.clone() };
    assert_eq!(claim(&ordered).unwrap(), ordered);
    claim(&more).unwrap();
    // What is there stays in its order; what is asked for is what is reported.
    assert_eq!(there().seeds, [0, 1, 2, 3, 4, 9]);
    let few = Recipe {
        seeds: vec![3],
        losses: vec![recipe.losses[2].clone(), "focal".parse().unwrap()],
        ..recipe.clone()
    };
    assert_eq!(claim(&few).unwrap(), few);
    assert_eq!(there().losses, [&recipe.losses[..], &few.losses[1..]].concat());
    assert_eq!(there().seeds, [0, 1, 2, 3, 4, 9]);
    let swept = |values: &[f64]| Recipe {
        sweep: Some(Sweep::Lr(values.to_vec())),
        name: "swept".to_owned(),
        ..recipe.clone()
    };
    let apart = dir.path().join("swept");
    claim_of(&apart, &swept(&[0.1]), false).unwrap();
    claim_of(&apart, &swept(&[0.2]), false).unwrap();
    let all = Recipe::read(&apart.join(MARKER), None).unwrap();
    assert_eq!(all.sweep, Some(Sweep::Lr(vec![0.1, 0.2])));
    let le = Recipe { sweep: Some(Sweep::Le(vec![0.1])), ..swept(&[]) };
    assert!(refused(&apart, &le).contains("sweep.lr is [0.1, 0.2] there, not set asked for"));
    let other = Recipe { schedule: Schedule::Constant, threads: 2.try_into().unwrap(), ..more };
    let message = refused(&path, &other);
    assert!(message.contains("threads is 1 there, 2 asked for"), "{message}");
    assert!(message.contains("schedule is set there, \"constant\" asked for"), "{message}");
    claim_of(&path, &other, true).unwrap();
    assert_eq!(there(), other);
    fs::write(path.join(MARKER), "name = ").unwrap();
    let message = refused(&path, &other);
    assert!(message.contains("out is damaged: ") && message.contains("line 1"), "{message}");
}

fn of_table(path: &Path) -> Recipe {
    let text = format!("data.table = {{ path = {path:?} }}");
    let data = text.parse::<toml::Table>().unwrap()["data"].clone().try_into().unwrap();
    Recipe { data, ..Recipe::embedded().unwrap() }
}

#[cfg(unix)]
#[test]
fn a_path_is_what_it_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let [out, file, link, copy] = ["out", "t.csv", "link.csv", "copy.csv"].map(at);
    fs::write(&file, "x,y\n1,a\n").unwrap();
    fs::copy(&file, &copy).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let first = claim_of(&out, &of_table(&file), false).unwrap().recipe;
    for other in [&link, &dir.path().join("./t.csv"), &copy] {
        let recipe = Recipe { name: "another".to_owned(), ..of_table(other) };
        let found = claim_of(&out, &recipe, false).unwrap().recipe;
        // A copy is the same data, but lies elsewhere.
        assert_eq!((found == first, found.name == first.name), (*other != copy, true));
    }
    fs::write(&copy, "x,y\n1,b\n").unwrap();
    let message = refused(&out, &of_table(&copy));
    assert!(message.contains("out was made with other data: data has changed in"), "{message}");
    assert!(message.contains("`compare --fresh`"), "{message}");
    claim_of(&out, &of_table(&copy), true).unwrap();
    claim_of(&out, &of_table(&copy), false).unwrap();
    assert!(refused(&out, &of_table(&file)).contains("which held something else"));
}

/// A run as an earlier version left it, which kept no hashes.
#[test]
fn a_folder_without_hashes_is_taken_over_unless_its_data_changed_since() {
    let dir = tempfile::tempdir().unwrap();
    let (out, file) = (dir.path().join("out"), dir.path().join("t.csv"));
    fs::write(&file, "x,y\n1,a\n").unwrap();
    let recipe = of_table(&file);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let touch = |path: &Path| {
        File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    };
    claim_of(&out, &recipe, false).unwrap();
    fs::remove_file(out.join(CONTENT)).unwrap();
    assert!(claim_of(&out, &recipe, false).unwrap().folder.notes.is_empty(), "there was no run");
    fs::remove_file(out.join(CONTENT)).unwrap();
    let run = out.join("ce/seed=0");
    fs::create_dir_all(&run).unwrap();
    let setting = Setting::from("ce".parse::<steepness::Loss>().unwrap());
    fs::write(run.join("recipe.toml"), recipe.run(&setting, 0).to_toml()).unwrap();
    // More than an hour of the file's life before the run began.
    touch(&file);
    let Claimed { folder, .. } = claim_of(&out, &recipe, false).unwrap();
    assert!(folder.notes[0].contains("kept no hashes"), "{:?}", folder.notes);
    drop(folder);
    assert!(claim_of(&out, &recipe, false).unwrap().folder.notes.is_empty(), "it was said once");
    fs::remove_file(out.join(CONTENT)).unwrap();
    touch(&run.join("recipe.toml"));
    fs::write(&file, "x,y\n1,b\n").unwrap();
    let message = refused(&out, &recipe);
    assert!(message.contains("t.csv has changed since its first run began"), "{message}");
    let Claimed { folder, .. } = claim_of(&out, &recipe, true).unwrap();
    assert!(folder.notes.iter().any(|note| note.contains("set aside in")), "{:?}", folder.notes);
    assert!(!run.exists() && out.join("replaced/1/ce/seed=0/recipe.toml").exists());
}

#[test]
fn a_second_process_is_told_who_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe::embedded().unwrap();
    let held = claim_of(dir.path(), &recipe, false).unwrap();
    let message = refused(dir.path(), &recipe);
    assert!(message.contains(&format!("in use by process {}", std::process::id())), "{message}");
    drop(held);
    claim_of(dir.path(), &recipe, false).unwrap();
}

#[test]
fn a_claim_cut_short_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(LOCK), "process 1").unwrap();
    fs::write(dir.path().join("comparison.toml.part"), "nam").unwrap();
    claim_of(dir.path(), &Recipe::embedded().unwrap(), false).unwrap();
    assert!(!dir.path().join("comparison.toml.part").exists());
}
