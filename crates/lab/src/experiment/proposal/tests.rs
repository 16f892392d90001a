use super::*;
use std::fs;

fn propose(path: &Path, target: Option<&str>) -> Result<Proposal> {
    let asked = TableChoices { target: target.map(Into::into), ignore: Vec::new() };
    Proposal::new(path, &asked, &TrainingChoices::default(), &|_, _| {})
}

fn table(folder: &Path, rows: usize) -> std::path::PathBuf {
    let path = folder.join("my table.csv");
    let row = |at: usize| format!("{},{},{}\n", at / 2, at * at % 7, ["a", "b"][at % 2]);
    fs::write(&path, "x,y,kind\n".to_owned() + &(0..rows).map(row).collect::<String>()).unwrap();
    path
}

#[test]
fn a_table_gets_an_mlp_and_a_recipe_that_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let proposal = propose(&table(folder.path(), 100), Some("kind")).unwrap();
    let recipe = &proposal.recipe;
    assert_eq!(recipe.name, "my-table");
    assert_eq!(recipe.model, ModelRecipe::Mlp(MlpRecipe { hidden: 32 }));
    assert_eq!((recipe.epochs.get(), recipe.batch.get()), (200, 16));
    assert_eq!(recipe.attack, None, "a table cannot be attacked");
    let again = Recipe::parse(Path::new("again"), &recipe.to_toml(), None).unwrap();
    assert_eq!(&again, recipe);
    let text = proposal.to_string();
    for line in [
        "x       numeric, 0 to 49",
        "1      b           50",
        "split       anew by each seed: 60 (60 %) for training, 20 (20 %) for validation, 20 (20 %) for test",
        "training    200 epochs of 4 steps of 16 examples",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// Of small classes, shares that are rounded in each are not those of the whole.
#[test]
fn sizes_are_those_of_the_split_that_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let row = |at: usize| format!("{},c{}\n", at * at % 17, at % 5);
    let rows: String = (0..35).map(row).collect();
    fs::write(&path, format!("x,kind\n{rows}")).unwrap();
    let proposal = propose(&path, Some("kind")).unwrap();
    let data = crate::data::load(&proposal.recipe.data).unwrap();
    let parts = data.parts(0).unwrap();
    let sizes = [parts.train.len(), parts.validation.len(), parts.test.len()];
    assert_eq!(sizes, [25, 5, 5]);
    let text = proposal.to_string();
    for line in [
        "25 (71.4 %) for training, 5 (14.3 %) for validation, 5 (14.3 %) for test",
        "5 validation examples cannot tell epochs apart",
        "epochs of 2 steps of 16 examples",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn the_last_weights_are_taken_where_epochs_cannot_be_told_apart() {
    let decayed = Schedule::MultiStep(MultiStep { after: vec![9], factor: 0.1 });
    for (validation, schedule, expected, words) in [
        (5000, &Schedule::Constant, Select::Best, "best validation accuracy"),
        (36, &Schedule::Constant, Select::Last, "36 validation examples cannot"),
        (5000, &decayed, Select::Last, "the learning rate has come down"),
        (36, &decayed, Select::Last, "by then, and 36 validation examples"),
    ] {
        let (select, why) = select(validation, schedule);
        assert!(select == expected && why.contains(words), "{select:?} {why}");
    }
    let folder = tempfile::tempdir().unwrap();
    let proposal = propose(&table(folder.path(), 100), Some("kind")).unwrap();
    assert_eq!(proposal.recipe.select, Select::Last);
    let line = "weights     those after the last epoch: the learning rate has come down by then, \
                and 20 validation examples cannot tell epochs apart";
    assert!(proposal.to_string().contains(line), "{proposal}");
    let asked = proposal.with_select(Select::Best);
    assert_eq!(asked.recipe.select, Select::Best);
    assert!(asked.to_string().contains("best validation accuracy, as asked for"), "{asked}");
}

#[test]
fn what_is_said_beforehand_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path(), 100);
    let asked = TableChoices { target: Some("kind".into()), ignore: Vec::new() };
    for (epochs, after, drops) in [
        (30, Some(vec![20, 26]), ", ×0.1 after epochs 20 and 26"),
        (2, Some(vec![1]), ", ×0.1 after epoch 1"),
        (1, None, "SGD with learning rate 0.5"),
    ] {
        let wishes = TrainingChoices {
            backbone: None,
            epochs: NonZeroUsize::new(epochs),
            lr: Some(0.5),
            batch: NonZeroUsize::new(7),
            hidden: NonZeroUsize::new(9),
        };
        let proposal = Proposal::new(&path, &asked, &wishes, &|_, _| {}).unwrap();
        let recipe = &proposal.recipe;
        assert_eq!((recipe.epochs.get(), recipe.batch.get()), (epochs, 7));
        assert_eq!(recipe.optimizer.lr(), 0.5);
        assert_eq!(recipe.model, ModelRecipe::Mlp(MlpRecipe { hidden: 9 }));
        let falls = after.map(|after| Schedule::MultiStep(MultiStep { after, factor: 0.1 }));
        assert_eq!(recipe.schedule, falls.unwrap_or(Schedule::Constant));
        let text = proposal.to_string();
        assert!(
            text.contains(&format!("{} of 9 steps of 7 examples, ", several(epochs, "epoch"))),
            "{text}"
        );
        assert!(text.contains(&format!("{drops}\n")), "{text}");
        let again = Recipe::parse(Path::new("again"), &recipe.to_toml(), None).unwrap();
        assert_eq!(again, *recipe);
    }
}

#[test]
fn a_table_without_a_target_lists_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let error = propose(&table(folder.path(), 9), None).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().ends_with("there are x, y, kind"), "{error}");
}

#[test]
fn graphs_get_the_papers_network() {
    let Some(data) = crate::data::test_folder("graphs_get_the_papers_network") else { return };
    let proposal = propose(&data.join("tu/MUTAG"), None).unwrap();
    let recipe = &proposal.recipe;
    assert_eq!(recipe.model, ModelRecipe::GraphNet(GraphNetRecipe::default()));
    assert_eq!(Recipe::parse(Path::new("again"), &recipe.to_toml(), None).unwrap(), *recipe);
    let text = proposal.to_string();
    for line in [
        "10 to 28 nodes a graph, 17.93 on average",
        "split       anew by each seed: 150 (79.8 %) for training, 19 (10.1 %) for validation, 19 (10.1 %) for test",
        "model       three graph convolutions of 128 features with pooling, for 7 features a node",
        "training    200 epochs of 10 steps of 16 examples, Adam with learning rate 0.0005",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn sentences_get_a_transformer() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["train", "val", "test"] {
        for (language, text) in [("de", "ein Hund\nHund\n"), ("en", "a dog\ndog\n")] {
            fs::write(folder.path().join(format!("{part}.{language}")), text).unwrap();
        }
    }
    let proposal = propose(folder.path(), None).unwrap();
    let recipe = &proposal.recipe;
    assert!(matches!(recipe.model, ModelRecipe::Transformer(_)));
    assert_eq!(recipe.losses.len(), 2);
    assert_eq!(Recipe::parse(Path::new("again"), &recipe.to_toml(), None).unwrap(), *recipe);
    let text = proposal.to_string();
    assert!(text.contains("training    200 epochs of batches of 1024 pieces, Adam"), "{text}");
}

#[test]
fn images_get_a_cnn_by_their_size() {
    let folder = tempfile::tempdir().unwrap();
    for (height, width, expected, size) in [
        (2, 3, ModelRecipe::Mlp(MlpRecipe { hidden: 128 }), None),
        (8, 8, ModelRecipe::Cnn(CnnRecipe { channels: [16, 32] }), None),
        (32, 20, ModelRecipe::Cnn(CnnRecipe { channels: [16, 32] }), None),
        (90, 70, ModelRecipe::Cnn(CnnRecipe { channels: [16, 32] }), NonZeroUsize::new(64)),
    ] {
        let path = folder.path().join(format!("{height}"));
        for name in ["cat/1.png", "dog/1.png"] {
            fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
            image::RgbImage::new(width, height).save(path.join(name)).unwrap();
        }
        let proposal = propose(&path, None).unwrap();
        // Of photos, and not of small images, a word says what would learn more of them.
        assert_eq!(proposal.to_string().contains("--backbone"), height > 32, "{proposal}");
        let recipe = proposal.recipe;
        assert_eq!(recipe.model, expected);
        let DataRecipe::ImageFolder(folder) = recipe.data else { panic!() };
        assert_eq!(folder.size, size);
        assert!(folder.path.resolve().is_absolute());
    }
}

#[test]
fn any_path_makes_a_name() {
    for (path, expected) in
        [("a/wine.csv", "wine"), ("/", "data"), ("/x/ü b.data", "--b"), ("/x/.h.csv", "h")]
    {
        assert_eq!(name_of(Path::new(path)), expected);
    }
}
