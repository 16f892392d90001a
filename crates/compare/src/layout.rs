//! What is called how in the folder of a comparison and in that of a run.

/// The recipe of a comparison, with all losses and seeds that were ever asked for.
pub const MARKER: &str = "comparison.toml";
/// The hash of every file that it is made of.
pub const CONTENT: &str = "data-hashes.json";
/// Held by the process that works in a comparison's folder.
pub const LOCK: &str = "lock";

/// What was trained.
pub const RECIPE: &str = "recipe.toml";
/// The hashes of the data that it learned from.
pub const DATA: &str = "data-hashes.json";
/// What it was made with.
pub const ENVIRONMENT: &str = "environment.json";
/// The names of the classes by their numbers.
pub const CLASSES: &str = "classes.json";
/// How inputs are read.
pub const INPUTS: &str = "inputs.json";
/// A line an epoch.
pub const METRICS: &str = "metrics.jsonl";
/// The weights that were measured.
pub const WEIGHTS: &str = "weights.safetensors";
/// Where out-of-distribution begins.
pub const THRESHOLD: &str = "threshold.json";
/// Of the test part.
pub const LOGITS: &str = "logits.npy";
/// Of the test part.
pub const LABELS: &str = "labels.npy";
/// Maps of test examples.
pub const MAP: &str = "map.npy";
/// What was measured.
pub const MEASURES: &str = "measure.json";
/// Of a command: numbers of its own by their names.
pub const OWN_METRICS: &str = "metrics.json";
/// Of a command: a line an epoch, names and numbers.
pub const OWN_EPOCHS: &str = "metrics.csv";
/// Of the validation part.
pub const VAL_LOGITS: &str = "val_logits.npy";
/// Of the validation part.
pub const VAL_LABELS: &str = "val_labels.npy";
/// Of the test part, a row an example.
pub const FEATURES: &str = "features.npy";
/// Training examples of each class.
pub const TRAIN_COUNTS: &str = "train_counts.npy";
/// A folder with logits of other data sets, `NAME.npy`.
pub const OOD: &str = "ood";
/// A folder with further test sets, `NAME/logits.npy` with `NAME/labels.npy`.
pub const TEST: &str = "test";
/// What was measured on these.
pub const TEST_MEASURES: &str = "measure-tests.json";
/// What a command prints.
pub const LOG: &str = "log.txt";
/// Of a run that a process of its own makes: how it stands, until it is finished.
pub const STATUS: &str = "run-one.json";
/// Likewise: what that process printed.
pub const OUTPUT: &str = "run-one.txt";
/// What makes the pieces of source and target.
pub const VOCABULARIES: [&str; 2] = ["vocabulary.source.json", "vocabulary.target.json"];
/// The test sentences, their translations and their references, a line each.
pub const TRANSLATIONS: [&str; 3] =
    ["test.source.txt", "test.translation.txt", "test.reference.txt"];
/// Sizes and hashes of all of these: written last, where it is the run is finished.
pub const MANIFEST: &str = "manifest.json";

/// Folders in that of a run.
pub const FOLDERS: [&str; 4] = ["checkpoint", "crt", "probe", "attack"];

/// Whether `name` is that of a file which the manifest knows: what a run is made of, and what it found.
pub fn is_result(name: &str) -> bool {
    let one_of = |names: &[&str]| names.contains(&name);
    one_of(&[RECIPE, DATA, ENVIRONMENT, CLASSES, INPUTS, METRICS, WEIGHTS, THRESHOLD])
        || one_of(&[LOGITS, LABELS, MAP, MEASURES, TEST_MEASURES])
        || one_of(&[OWN_METRICS, OWN_EPOCHS, VAL_LOGITS, VAL_LABELS, TRAIN_COUNTS])
        || one_of(&VOCABULARIES)
        || one_of(&TRANSLATIONS)
        || name.starts_with("ood_logits.") && name.ends_with(".npy")
        || of_further(name)
}

/// Where in the folder of a run the test set `name` lies.
pub fn further(name: &str) -> String {
    format!("{TEST}/{name}")
}

/// Whether `name` is that of predictions or labels of a further test set, with its folders.
fn of_further(name: &str) -> bool {
    match name.split('/').collect::<Vec<_>>()[..] {
        [TEST, set, file] => is_plain(set) && [LOGITS, LABELS].contains(&file),
        _ => false,
    }
}

/// Whether a folder may be called so: a name of letters, digits, '-', '_' and '.', without a dot in front.
pub fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(plain)
}
