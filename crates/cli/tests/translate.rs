//! Translation from end to end: `compare` on sentence pairs, and `translate` with what it trained.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::program::{command, error_text, refused, run, succeed};
use serde_json::Value;

const WORDS: [(&str, &str); 6] = [
    ("ein", "a"),
    ("Hund", "dog"),
    ("Katze", "cat"),
    ("läuft", "runs"),
    ("schläft", "sleeps"),
    ("heute", "today"),
];

/// Sentences of two to five words, whose translation has the words in the opposite order.
fn sentences(count: usize, first: usize) -> [String; 2] {
    let mut text = [String::new(), String::new()];
    for sentence in first..first + count {
        let (mut code, length) = (sentence * 7919 + 11, 2 + sentence % 4);
        let mut chosen = Vec::new();
        for _ in 0..length {
            code = code
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            chosen.push(WORDS[(code >> 33) % WORDS.len()]);
        }
        text[0] += &(chosen.iter().map(|word| word.0).collect::<Vec<_>>().join(" ") + " .\n");
        text[1] += &(chosen.iter().rev().map(|word| word.1).collect::<Vec<_>>().join(" ") + " .\n");
    }
    text
}

const RECIPE: &str = r#"
name = "words"
losses = ["ce + smooth(0.1)", "el(le=0.5) + smooth(0.1)"]
seeds = [0, 1]
epochs = 40
batch = 256
threads = 1
select = "last"
schedule = "constant"
[data.parallel]
path = "text"
source = "de"
target = "en"
vocabulary = { kind = "bpe", size = 60, joint = true }
[model.transformer]
width = 32
hidden = 64
heads = 2
encoder_layers = 1
decoder_layers = 1
dropout = 0.0
embeddings = "all"
[optimizer.adam]
lr = 0.003
betas = [0.9, 0.98]
eps = 1e-8
weight_decay = 0.0
[update]
average = 2
[search]
max_len_b = 20
"#;

const RUN: &str = "runs/words/el_le=0.5+smooth_0.1/seed=1";

/// A folder with the recipe and its text.
fn with_text() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let text = place.path().join("text");
    fs::create_dir(&text).unwrap();
    for (part, count, first) in [("train", 600, 0), ("val", 20, 1000), ("test", 20, 2000)] {
        for (language, lines) in ["de", "en"].iter().zip(sentences(count, first)) {
            fs::write(text.join(format!("{part}.{language}")), lines).unwrap();
        }
    }
    fs::write(place.path().join("recipe.toml"), RECIPE).unwrap();
    place
}

/// What `translate` makes of `text` that comes in.
fn piped(place: &Path, arguments: &[&str], text: &[u8]) -> std::process::Output {
    let mut child = command(place, &[&["translate", RUN], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn sentences_are_learned_compared_and_translated() {
    let place = with_text();
    let at = place.path();
    let table = succeed(&run(at, &["compare", "recipe.toml"]));
    assert!(table.contains("BLEU"), "{table}");
    let measured = fs::read_to_string(at.join(RUN).join("measure.json")).unwrap();
    let measured: Value = serde_json::from_str(&measured).unwrap();
    let bleu = measured["translation"]["bleu"].as_f64().unwrap();
    assert!(bleu > 60.0, "{bleu}");
    assert_eq!(measured["translation"]["sentences"], 20);

    // The score is that of the files beside it.
    let file = |name: &str| format!("{RUN}/test.{name}.txt");
    let (hypothesis, reference) = (file("translation"), file("reference"));
    let scored = run(at, &["bleu", "--hyp", &hypothesis, "--ref", &reference, "--json"]);
    let scored: Value = serde_json::from_str(&succeed(&scored)).unwrap();
    assert_eq!(scored["score"].as_f64().unwrap(), bleu);

    // The text goes; the run alone has to do, and gives the same lines.
    fs::rename(at.join("text"), at.join("moved")).unwrap();
    let source = file("source");
    let beam = ["translate", RUN, &source];
    let again = succeed(&run(at, &beam));
    assert_eq!(again, fs::read_to_string(at.join(&hypothesis)).unwrap());

    // Line by line: an empty line stays one, and what is unknown does no harm.
    let text = "Katze läuft .\n\nHund 東京 .\n";
    let lines = succeed(&piped(at, &["--beam", "1"], text.as_bytes()));
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert_eq!(lines.lines().nth(1), Some(""));
    let json = succeed(&piped(at, &["--nbest", "3", "--json"], b"Katze schl\xc3\xa4ft .\n"));
    let json: Value = serde_json::from_str(&json).unwrap();
    let scores: Vec<f64> = json["translations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|translation| translation["score"].as_f64().unwrap())
        .collect();
    assert!(scores.len() == 3 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");

    // No line is too long, but not all of it is read.
    let long = piped(at, &["--beam", "1"], ("Hund ".repeat(10_000) + "\n").as_bytes());
    assert_eq!(succeed(&long).lines().count(), 1);
    let warning = error_text(&long);
    assert!(warning.contains("standard input: line 1: too long"), "{warning}");

    // What is wrong is said, with its place.
    let broken = refused(&piped(at, &[], b"Hund\n\xff\xfe\n"));
    assert!(broken.contains("standard input: line 2: it is not UTF-8"), "{broken}");
    let nbest = refused(&piped(at, &["--beam", "2", "--nbest", "3"], b"Hund\n"));
    assert!(nbest.contains("nbest = 3 must lie in 1..=2"), "{nbest}");
    let predicted = refused(&run(at, &["predict", RUN, "recipe.toml"]));
    assert!(predicted.contains("steepness translate"), "{predicted}");
    let other = at.join("runs/words/ce+smooth_0.1/seed=0/classes.json");
    let classes: Vec<String> = serde_json::from_str(&fs::read_to_string(&other).unwrap()).unwrap();
    fs::write(at.join(RUN).join("classes.json"), serde_json::to_string(&classes[1..]).unwrap())
        .unwrap();
    let changed = refused(&piped(at, &[], b"Hund\n"));
    assert!(changed.contains("classes.json: whole file: "), "{changed}");
    // As an earlier version left it, which kept no manifest.
    fs::remove_file(at.join(RUN).join("manifest.json")).unwrap();
    fs::remove_file(at.join(RUN).join("data-hashes.json")).unwrap();
    let unfit = refused(&piped(at, &[], b"Hund\n"));
    assert!(unfit.contains("pieces, and its weights are for"), "{unfit}");
}

#[test]
fn text_that_cannot_be_learned_from_is_refused() {
    let place = with_text();
    let at = place.path();
    let refuse = |name: &str, text: &[u8]| {
        let path = at.join("text").join(name);
        let before = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let message = refused(&run(at, &["compare", "recipe.toml"]));
        fs::write(&path, before).unwrap();
        assert!(message.contains(name.split('.').next().unwrap()), "{message}");
        message
    };
    let short = refuse("val.en", b"a dog .\n");
    assert!(short.contains("20") && short.contains('1'), "{short}");
    let broken = refuse("train.de", b"ein Hund .\n\xc3\x28\n");
    assert!(broken.contains("line 2") && broken.contains("UTF-8"), "{broken}");
    let no_network = RECIPE.replace("[model.transformer]", "[model.mlp]\nhidden = 8\n[old]");
    fs::write(at.join("recipe.toml"), no_network).unwrap();
    assert_eq!(run(at, &["compare", "recipe.toml"]).status.code(), Some(2));
}
