//! What a run is: its recipe and the content of its data. What is not what it was is refused by name,
//! and made anew when that is asked for.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use std::process::Output;

use crate::program::{error_text, run, succeed, write_graphs, write_images, write_table};

const RECIPE: &str = "name = \"new\"\nlosses = [\"ce\"]\nseeds = [0]\nepochs = 4\nbatch = 8\n\
    threads = 1\nselect = \"last\"\nschedule = \"constant\"\n[model.mlp]\nhidden = 8\n\
    [optimizer.sgd]\nlr = 0.05\nmomentum = 0.9\n";
const RINGS: &str = "[data.table]\npath = \"rings.csv\"\ntarget = \"ring\"\n";

/// The message of what has to be refused, after what was said of the data.
fn refused(output: &Output) -> String {
    let message = error_text(output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    let last = message.lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("error: ") && output.stdout.is_empty(), "{message}");
    last
}

fn write_recipe(place: &Path, data: &str) {
    fs::write(place.join("recipe.toml"), format!("{RECIPE}{data}")).unwrap();
}

fn written(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// The last byte but one of a file becomes another one.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() - 2;
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// The fault: runs on the old and on the new data stood in one table, whose differences were nothing.
#[test]
fn changed_data_are_another_run() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write_table(&at("rings.csv"), 80);
    let command = ["compare", "--data", "rings.csv", "--target", "ring", "--seeds", "1"];
    let with = |more: &[&str]| run(place.path(), &[&command[..], more].concat());
    succeed(&with(&["--loss", "ce"]));
    let of_first = at("runs/rings/ce/seed=0/measure.json");
    let first = written(&of_first);
    // Another row in the file, as long as the others.
    let text = fs::read_to_string(at("rings.csv")).unwrap();
    let (head, last) = text.trim_end().rsplit_once('\n').unwrap();
    let changed = format!("{head}\n{}\n", last.replace("far", "nea"));
    fs::write(at("rings.csv"), changed.replace("nea\n", "near\n")).unwrap();
    let message = refused(&with(&["--loss", "ce", "--loss", "el(le=0.5)"]));
    assert!(message.contains("runs/rings was made with other data: data has changed"), "{message}");
    assert!(message.contains("rings.csv") && message.contains("--fresh"), "{message}");
    assert!(!at("runs/rings/el_le=0.5").exists());
    let output = with(&["--loss", "ce", "--loss", "el(le=0.5)", "--fresh"]);
    succeed(&output);
    let said = error_text(&output);
    assert!(said.contains("set aside in runs/rings/replaced/1: 1 that"), "{said}");
    assert!(at("runs/rings/replaced/1/ce/seed=0/measure.json").exists());
    assert_ne!(written(&of_first), first);
    // The file as it was: again another one. As it was at last: nothing is made again.
    let second = written(&of_first);
    succeed(&with(&["--loss", "ce", "--fresh"]));
    assert_eq!(written(&of_first), second);
    fs::write(at("rings.csv"), text).unwrap();
    refused(&with(&["--loss", "ce"]));
}

#[cfg(unix)]
#[test]
fn another_spelling_of_the_path_is_the_same_run() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write_table(&at("rings.csv"), 80);
    std::os::unix::fs::symlink(at("rings.csv"), at("link.csv")).unwrap();
    write_recipe(place.path(), RINGS);
    let out = ["--out", "out"];
    let table = succeed(&run(place.path(), &[&["compare", "recipe.toml"], &out[..]].concat()));
    let measured = written(&at("out/ce/seed=0/measure.json"));
    let absolute = at("rings.csv");
    for path in ["./rings.csv", "link.csv", absolute.to_str().unwrap()] {
        let command = ["compare", "recipe.toml", "--data", path, "--out", "out"];
        let again = succeed(&run(place.path(), &command));
        let numbers = |text: &str| text.split("page ").next().unwrap().to_owned();
        assert_eq!(numbers(&again), numbers(&table), "{path}");
        assert_eq!(written(&at("out/ce/seed=0/measure.json")), measured, "{path}");
    }
    // The same recipe in another folder leads to the same file by another path.
    fs::create_dir(at("deep")).unwrap();
    let text = format!("{RECIPE}{}", RINGS.replace("rings.csv", "../rings.csv"));
    fs::write(at("deep/recipe.toml"), text).unwrap();
    succeed(&run(place.path(), &["compare", "deep/recipe.toml", "--out", "out"]));
    assert_eq!(written(&at("out/ce/seed=0/measure.json")), measured);
}

#[test]
fn images_and_graphs_are_known_by_what_is_in_them() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write_images(&at("lights"));
    write_graphs(&at("rings"));
    let of_images = "[data.image-folder]\npath = \"lights\"\nsize = 9\n";
    write_recipe(place.path(), of_images);
    let compare = ["compare", "recipe.toml", "--out"];
    let images = || run(place.path(), &[&compare[..], &["images"]].concat());
    succeed(&images());
    succeed(&images());
    fs::copy(at("lights/dark/0.png"), at("lights/dark/2.png")).unwrap();
    fs::copy(at("lights/dark/0.png"), at("lights/dark/new.png")).unwrap();
    let message = refused(&images());
    assert!(message.contains("(1 changed: dark/2.png; 1 new: dark/new.png)"), "{message}");
    let of_graphs = RECIPE.replace("[model.mlp]\nhidden = 8", "[model.graph-net]")
        + "[data.tu]\npath = \"rings\"\n";
    fs::write(at("graphs.toml"), of_graphs).unwrap();
    let graphs = || run(place.path(), &["compare", "graphs.toml", "--out", "graphs"]);
    succeed(&graphs());
    let labels = fs::read_to_string(at("rings/R_graph_labels.txt")).unwrap();
    fs::write(at("rings/R_graph_labels.txt"), labels.replacen('0', "1", 1)).unwrap();
    let message = refused(&graphs());
    assert!(message.contains("(1 changed: R_graph_labels.txt)"), "{message}");
}

#[test]
fn damage_is_named_wherever_a_run_is_read() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write_table(&at("rings.csv"), 80);
    write_recipe(place.path(), RINGS);
    let compare = |more: &[&str]| {
        run(place.path(), &[&["compare", "recipe.toml", "--out", "out"], more].concat())
    };
    succeed(&compare(&["--seeds", "2"]));
    let run_folder = "out/ce/seed=0";
    let of_run = |name: &str| at(run_folder).join(name);
    let whole = |name: &str| fs::read(of_run(name)).unwrap();
    // A digit of the accuracy, another run's measures, a line less, a wrong number on the map.
    let measured = whole("measure.json");
    let text = String::from_utf8(measured.clone()).unwrap();
    let digit = text.replacen("\"accuracy\": 0.", "\"accuracy\": 9.", 1);
    let digit = if digit == text {
        text.replacen("\"accuracy\": 1.", "\"accuracy\": 9.", 1)
    } else {
        digit
    };
    assert_ne!(digit, text);
    let lines = String::from_utf8(whole("metrics.jsonl")).unwrap();
    let fewer = lines.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>();
    let mut map = whole("map.npy");
    let end = map.len();
    map[end - 40..end - 32].copy_from_slice(&1e15f64.to_le_bytes());
    for (name, bytes) in [
        ("measure.json", digit.into_bytes()),
        ("measure.json", fs::read(at("out/ce/seed=1/measure.json")).unwrap()),
        ("metrics.jsonl", fewer.into_bytes()),
        ("map.npy", map),
        ("recipe.toml", b"loss = ".to_vec()),
    ] {
        let before = whole(name);
        fs::write(of_run(name), bytes).unwrap();
        for output in [compare(&[]), run(place.path(), &["report", "out"])] {
            let message = refused(&output);
            let said = format!("out/ce/seed=0/{name}: ");
            assert!(message.contains(&said), "{name}: {message}");
            assert!(message.contains("(the file is damaged)"), "{message}");
        }
        let listed = succeed(&run(place.path(), &["runs", "out"]));
        assert!(
            listed.contains("1 of 2 runs finished") && listed.contains("damaged ("),
            "{listed}"
        );
        fs::write(of_run(name), before).unwrap();
        succeed(&compare(&[]));
    }
    // Weights are used by nobody but predict, attack and translate: these read them whole.
    damage(&of_run("weights.safetensors"));
    let message = refused(&run(place.path(), &["predict", run_folder, "rings.csv"]));
    assert!(message.contains("out/ce/seed=0/weights.safetensors: whole file: "), "{message}");
    let sound = written(&at("out/ce/seed=1/measure.json"));
    succeed(&compare(&["--seeds", "2", "--fresh"]));
    succeed(&run(place.path(), &["predict", run_folder, "rings.csv"]));
    assert_eq!(written(&at("out/ce/seed=1/measure.json")), sound, "it was not damaged");
    assert!(at("out/replaced/1/ce/seed=0").exists() && !at("out/replaced/1/ce/seed=1").exists());
}

#[test]
fn hostile_files_of_a_run_are_refused_before_anything_is_built() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write_table(&at("rings.csv"), 80);
    write_recipe(place.path(), RINGS);
    succeed(&run(place.path(), &["compare", "recipe.toml", "--out", "out"]));
    let run_folder = at("out/ce/seed=0");
    // As an earlier version left it, which kept no manifest.
    fs::remove_file(run_folder.join("manifest.json")).unwrap();
    fs::remove_file(run_folder.join("data-hashes.json")).unwrap();
    for (command, expected) in [
        (&["predict", "out/ce/seed=0", "rings.csv"][..], "out/ce/seed=0 has no manifest"),
        (&["report", "out"], "the files of 1 of its runs are as they were written"),
    ] {
        let output = run(place.path(), command);
        succeed(&output);
        assert!(error_text(&output).contains(expected), "{}", error_text(&output));
    }
    let listed = succeed(&run(place.path(), &["runs", "out"]));
    assert!(listed.contains("finished, not verified (an earlier version kept no"), "{listed}");
    for (name, old, new, expected) in [
        ("inputs.json", "5,", "0,", "0×1×1"),
        ("inputs.json", "5,", "4294967296,", "4294967296×1×1"),
        (
            "recipe.toml",
            "threads = 1",
            "threads = 4294967295",
            "threads = 4294967295 is above 1024",
        ),
        ("recipe.toml", "hidden = 8", "hidden = 1000000", "values, where"),
        ("classes.json", "\"near\"", "\"near\", \"more\"", "should be f32"),
    ] {
        let path = run_folder.join(name);
        let whole = fs::read_to_string(&path).unwrap();
        assert!(whole.contains(old), "{name}: {whole}");
        fs::write(&path, whole.replacen(old, new, 1)).unwrap();
        let message = refused(&run(place.path(), &["predict", "out/ce/seed=0", "rings.csv"]));
        assert!(message.contains(expected), "{message}");
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn seeds_that_a_recipe_cannot_hold_are_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    for (seed, works) in [("9223372036854775807,", true), ("9223372036854775808,", false)] {
        write_table(&place.path().join("rings.csv"), 80);
        write_recipe(place.path(), RINGS);
        let compare = ["compare", "recipe.toml", "--seeds", seed];
        for _ in 0..2 {
            let output = run(place.path(), &compare);
            if works {
                succeed(&output);
            } else {
                assert_eq!(output.status.code(), Some(2));
                assert!(error_text(&output).contains("the largest that a recipe can hold"));
            }
        }
    }
    let message = refused(&run(
        place.path(),
        &["compare", "recipe.toml", "--out", "x", "--patience", "18446744073709551615"],
    ));
    assert!(message.contains("a recipe cannot hold this"), "{message}");
    assert!(!place.path().join("x").exists());
}
