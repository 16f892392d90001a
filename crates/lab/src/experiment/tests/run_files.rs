//! The files of a run of the laboratory, whole and damaged.

use std::fs;
use std::path::Path;

use tch::Device;

use super::super::lab_dir::LabDir;
use super::super::{LabFiles, LabReader, Recipe, RunRecipe};
use super::{plan, reader};
use crate::compare::layout::{
    DATA, INPUTS, MANIFEST, MAP, MEASURES, METRICS, RECIPE, THRESHOLD, WEIGHTS,
};
use crate::compare::{Content, RunDir, RunFiles, Setting};
use crate::data::{Examples, Inputs, Shape};
use crate::measure::{FeatureMap, Logits, Measures, Threshold};
use crate::models::{ModelRecipe, build};
use crate::train::Predictions;

/// Examples such as it was trained on.
fn examples() -> Examples {
    let inputs = Inputs::Numbers((0..128).map(|at| (at % 7) as f32).collect());
    let classes = ["a", "b", "c"].map(str::to_owned).into();
    Examples { inputs, shape: Shape::Image([1, 8, 8]), labels: vec![0, 1], classes }
}

/// A finished run, and what it was made of.
fn finished(dir: &Path) -> (RunDir, RunRecipe) {
    let recipe = Recipe::embedded().unwrap();
    let setting = Setting::from(recipe.losses[0].clone());
    let mut recipe = recipe.run(&setting, 1);
    recipe.epochs = std::num::NonZeroUsize::MIN.saturating_add(1);
    recipe.model = toml::from_str::<ModelRecipe>("mlp = { hidden = 3 }").unwrap();
    let run = RunDir::new(dir, &setting, 1);
    let dir = LabDir::new(&run);
    let reader = reader();
    dir.begin_training(&recipe, &Content::default(), &examples().classes, &reader, Device::Cpu)
        .unwrap();
    let epoch = |epoch: usize| {
        format!(
            "{{\"epoch\":{epoch},\"lr\":0.1,\"train_loss\":1.0,\"train_accuracy\":0.5,\
             \"grad_norm\":1.0,\"val_nll\":1.0,\"val_accuracy\":0.5,\"seconds\":0.1}}\n"
        )
    };
    fs::write(run.path().join(METRICS), epoch(1) + &epoch(2)).unwrap();
    let logits: Vec<f32> = (0..36).map(|at| (at * 7 % 11) as f32).collect();
    let labels: Vec<i64> = (0..12).map(|at| at % 3).collect();
    let measures = Measures::new(Logits::new(&logits, 3).unwrap(), &labels, &[-0.5; 12]).unwrap();
    let model = build(&recipe.model, &examples().spec(), 1).unwrap();
    let threshold = Threshold { energy: -1.0, kept: 0.95, examples: 20 };
    dir.write_model(model.weights(), &threshold).unwrap();
    dir.write_predictions(&Predictions { logits, labels, classes: 3 }, &[]).unwrap();
    let map = FeatureMap { labels: vec![2], pca: vec![[0.5, -1.0]], tsne: vec![[2.0, 1.0 / 3.0]] };
    run.write_map(&map).unwrap();
    run.finish(&measures).unwrap();
    (run, recipe)
}

#[test]
fn what_was_written_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (run, recipe) = finished(dir.path());
    let files = RunFiles::of_finished(run.path()).unwrap();
    files.validate(&LabReader).unwrap();
    assert!(
        files.is_sealed() && run.finished(&plan(&recipe), &Content::default(), &LabReader).unwrap()
    );
    assert_eq!((files.recipe().unwrap(), files.classes().unwrap().len()), (recipe.clone(), 3));
    let found = files.run(&plan(&recipe), 3).unwrap();
    assert_eq!((found.seed, found.epochs.len()), (1, 2));
    assert_eq!(found.map.unwrap().tsne, [[2.0, 1.0 / 3.0]]);
    // An earlier version: no manifest and no hashes, and not everything in it.
    for name in [MANIFEST, DATA, MAP, WEIGHTS] {
        fs::remove_file(run.path().join(name)).unwrap();
    }
    let files = RunFiles::at(run.path()).unwrap();
    files.validate(&LabReader).unwrap();
    assert!(files.is_finished().unwrap() && !files.is_sealed());
    assert_eq!(files.run(&plan(&recipe), 3).unwrap().map, None);
    run.seal().unwrap();
    assert!(RunFiles::at(run.path()).unwrap().is_sealed());
}

/// Every byte of every file counts.
#[test]
fn a_changed_byte_anywhere_is_noticed_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let (run, recipe) = finished(dir.path());
    let mut names: Vec<_> = fs::read_dir(run.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 13, "{names:?}");
    for name in names {
        let path = run.path().join(&name);
        let whole = fs::read(&path).unwrap();
        for at in [0, whole.len() / 3, whole.len() - 2] {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(&path, changed).unwrap();
            let error =
                RunFiles::at(run.path()).and_then(|files| files.validate(&LabReader)).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let error = error.to_string();
            // A manifest that can still be read accuses the others.
            let named = error.contains("(the file is damaged)") && error.contains(&name);
            assert!(named || name == MANIFEST, "{name}: {error}");
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let cut = RunFiles::at(run.path()).and_then(|files| files.verify_sizes());
        assert!(cut.is_err() || name == MANIFEST, "{name}");
        fs::remove_file(&path).unwrap();
        let gone = run.finished(&plan(&recipe), &Content::default(), &LabReader);
        assert!(gone.is_err() || !gone.unwrap(), "{name}");
        fs::write(&path, &whole).unwrap();
        RunFiles::at(run.path()).unwrap().validate(&LabReader).unwrap();
    }
}

/// What a manifest confirms can still be nonsense.
#[test]
fn what_no_run_finds_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (run, _) = finished(dir.path());
    let refused = |name: &str, old: &str, new: &str| {
        let path = run.path().join(name);
        let whole = fs::read_to_string(&path).unwrap();
        assert!(whole.contains(old), "{old}: {whole}");
        fs::write(&path, whole.replacen(old, new, 1)).unwrap();
        run.seal().unwrap();
        let error = RunFiles::at(run.path()).unwrap().validate(&LabReader).unwrap_err().to_string();
        fs::write(&path, whole).unwrap();
        run.seal().unwrap();
        assert!(error.contains(name) && error.ends_with("(the file is damaged)"), "{error}");
        error
    };
    let measured = fs::read_to_string(run.path().join(MEASURES)).unwrap();
    let accuracy = measured.lines().find(|line| line.contains("accuracy")).unwrap().to_owned();
    let error = refused(MEASURES, &accuracy, "  \"accuracy\": 9.5,");
    assert!(error.contains("accuracy: 9.5, expected 0 to 1"), "{error}");
    let error = refused(MEASURES, &accuracy, "  \"accuracy\": 0.95,");
    assert!(error.contains("of 12 examples are right in the confusion matrix"), "{error}");
    let error = refused(MEASURES, "\"examples\": 12", "\"examples\": 13");
    assert!(error.contains("confusion: 12 examples, expected 13"), "{error}");
    let error = refused(METRICS, "{\"epoch\":1", "{\"epoch\":2");
    assert!(error.contains("line 1: epoch 2, expected 1"), "{error}");
    let metrics = fs::read_to_string(run.path().join(METRICS)).unwrap();
    let last = metrics.lines().last().unwrap().to_owned() + "\n";
    assert!(refused(METRICS, &last, "").contains("line 2: 1 epochs, expected 2"));
    for (old, new, expected) in [
        ("\n    1,\n    8,\n    8\n", "\n    0,\n    8,\n    8\n", "no image is of 0×8×8"),
        ("\n    1,\n    8,\n    8\n", "\n    1,\n    8,\n    0\n", "no image is of 1×8×0"),
        (
            "\n    1,\n    8,\n    8\n",
            "\n    3,\n    99999999,\n    99999999\n",
            "no image is of 3×99999999×99999999",
        ),
        ("\"side\": null", "\"side\": 999999", "no image is scaled to 999999 pixels"),
    ] {
        assert!(refused(INPUTS, old, new).contains(expected), "{expected}");
    }
    refused(THRESHOLD, "0.95", "7.0");
    assert!(refused(RECIPE, "threads = 1", "threads = 99999999").contains("is above 1024"));
}

/// A recipe that asks for more than was saved is not built.
#[test]
fn a_model_is_no_larger_than_its_weights() {
    let dir = tempfile::tempdir().unwrap();
    let (run, mut recipe) = finished(dir.path());
    let files = RunFiles::at(run.path()).unwrap();
    let like = examples().spec();
    files.model(&recipe, &like).unwrap();
    for hidden in [4u64, 1 << 20, 1 << 40] {
        let text = format!("mlp = {{ hidden = {hidden} }}");
        recipe.model = toml::from_str::<ModelRecipe>(&text).unwrap();
        let error = files.model(&recipe, &like).err().unwrap().to_string();
        assert!(error.contains("weights.safetensors: tensors: the model's hidden"), "{error}");
    }
}
