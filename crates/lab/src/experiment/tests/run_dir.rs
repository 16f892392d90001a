//! The folder of a run of the laboratory.

use std::fs;

use tch::Device;

use super::super::lab_dir::LabDir;
use super::super::{LabFiles, LabReader, Recipe, RunRecipe};
use super::{ce, plan, reader};
use crate::compare::layout::{MANIFEST, MEASURES, RECIPE};
use crate::compare::{Content, Origin, RunDir, RunFiles, Setting};
use crate::data::npy;
use crate::train::Predictions;

#[test]
fn arrays_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::new(dir.path(), &Setting::from(ce()), 0);
    fs::create_dir_all(run.path()).unwrap();
    let test = Predictions { logits: vec![0.5, -1.0, 2.0, 3.0], labels: vec![0, 1], classes: 2 };
    LabDir::new(&run).write_predictions(&test, &[]).unwrap();
    let file = npyz::NpyFile::new(fs::File::open(run.path().join("logits.npy")).unwrap()).unwrap();
    assert_eq!(file.shape(), [2, 2]);
    assert_eq!(file.into_vec::<f32>().unwrap(), test.logits);
    let file = npyz::NpyFile::new(fs::File::open(run.path().join("labels.npy")).unwrap()).unwrap();
    assert_eq!(file.into_vec::<i64>().unwrap(), test.labels);
    assert!(!run.path().join("ood_logits.npy").exists());
    LabDir::new(&run)
        .write_predictions(&test, &[("near", test.clone()), ("far", test.clone())])
        .unwrap();
    for name in ["ood_logits.npy", "ood_logits.far.npy"] {
        assert!(run.path().join(name).exists(), "{name}");
    }
    // Of the validation part only where that is another.
    LabDir::new(&run).write_beside(None, &[3, 4]).unwrap();
    assert!(!run.path().join("val_logits.npy").exists());
    LabDir::new(&run).write_beside(Some(&test), &[3, 4]).unwrap();
    let found = npy::matrix(&run.path().join("val_logits.npy")).unwrap();
    assert_eq!((found.rows, found.columns), (2, 2));
    assert_eq!(npy::integers(&run.path().join("val_labels.npy")).unwrap(), test.labels);
    assert_eq!(npy::integers(&run.path().join("train_counts.npy")).unwrap(), [3, 4]);
}

#[test]
fn another_recipe_is_not_taken_for_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe::embedded().unwrap();
    let setting = &recipe.settings().unwrap()[0];
    let run = RunDir::new(dir.path(), setting, 1);
    let ours = recipe.run(setting, 1);
    let content = Content::default();
    let finished =
        |recipe: &RunRecipe, content: &Content| run.finished(&plan(recipe), content, &LabReader);
    assert!(!finished(&ours, &content).unwrap());
    let reader = reader();
    let classes = ["b".to_owned(), "a\"\n".to_owned()];
    LabDir::new(&run).begin_training(&ours, &content, &classes, &reader, Device::Cpu).unwrap();
    let files = RunFiles::at(run.path()).unwrap();
    assert_eq!(files.classes().unwrap(), ["b", "a\"\n"]);
    assert_eq!((files.reader().unwrap(), files.recipe().unwrap()), (reader, ours.clone()));
    files.validate(&LabReader).unwrap();
    // What is measured last is not the end: the manifest is.
    fs::write(run.path().join(MEASURES), "{}").unwrap();
    assert!(!finished(&ours, &content).unwrap());
    run.seal().unwrap();
    assert!(finished(&ours, &content).unwrap());
    let refused = |recipe: &RunRecipe, content: &Content| {
        let error = finished(recipe, content).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let message = refused(&recipe.run(setting, 2), &content);
    assert!(
        message.contains("belongs to a run with another recipe: seed is 1 there, 2 asked for"),
        "{message}"
    );
    let data = dir.path().join("t.csv");
    fs::write(&data, "x").unwrap();
    let other = Content::of(&[Origin::file("data", &data)], None).unwrap();
    let message = refused(&ours, &other);
    assert!(message.contains("was made with other data: data is read from"), "{message}");
    fs::remove_file(run.path().join(MANIFEST)).unwrap();
    let written = run.path().join(RECIPE);
    fs::write(&written, fs::read_to_string(&written).unwrap().replace("epochs", "epoks")).unwrap();
    let message = refused(&ours, &content);
    assert!(
        message.contains("recipe.toml: line 3, column 1: unknown field `epoks`")
            && message.ends_with("(the file is damaged)"),
        "{message}"
    );
}
