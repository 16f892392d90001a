//! `steepness predict`: a finished run is asked about new examples.

use std::fs;
use std::path::Path;

use crate::program::{error_text, refused, run, succeed, write_images, write_table};
use serde_json::Value;

/// Trains with ce on `data`, TOML, in `place`: to the end, so that the classes are well apart.
fn train(place: &Path, data: &str) {
    let recipe = format!(
        "name = \"new\"\nlosses = [\"ce\"]\nseeds = [0]\nepochs = 60\nbatch = 8\nthreads = 1\n\
         select = \"last\"\nschedule = \"constant\"\n{data}\n[model.mlp]\nhidden = 32\n\
         [optimizer.sgd]\nlr = 0.05\nmomentum = 0.9\n\
         [attack]\nepsilons = [0.0]\npgd_steps = 1\npgd_step_size = 0.05\n"
    );
    fs::write(place.join("recipe.toml"), recipe).unwrap();
    succeed(&run(place, &["compare", "recipe.toml"]));
}

const RUN: &str = "runs/new/ce/seed=0";
const RINGS: &str = "[data.table]\npath = \"rings.csv\"\ntarget = \"ring\"";

#[test]
fn images_get_classes_energies_and_a_flag() {
    let place = tempfile::tempdir().unwrap();
    write_images(&place.path().join("lights"));
    train(place.path(), "[data.image-folder]\npath = \"lights\"\nsize = 9");
    // The images go; the run alone has to do.
    fs::rename(place.path().join("lights"), place.path().join("new")).unwrap();
    let of_run = ["predict", RUN, "new/dark/0.png", "new/bright/21.jpg"];
    let text = succeed(&run(place.path(), &of_run));
    let words = |at: usize| text.lines().nth(at).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(words(0), ["input", "class", "%", "2.", "%", "energy"], "{text}");
    assert_eq!((words(1)[0], words(1)[1], words(1)[3]), ("new/dark/0.png", "dark", "bright"));
    assert_eq!((words(2)[0], words(2)[1]), ("new/bright/21.jpg", "bright"));
    assert!(text.lines().last().unwrap().starts_with("Out of distribution: free energy above"));

    let one = [&of_run[..], &["--json", "--top", "1"]].concat();
    let json: Value = serde_json::from_str(&succeed(&run(place.path(), &one))).unwrap();
    let found = json["predictions"].as_array().unwrap();
    assert_eq!(found[0]["classes"].as_array().unwrap().len(), 1);
    assert!(found[0]["classes"][0]["probability"].as_f64().unwrap() > 0.9, "{json}");
    for prediction in found {
        let above = prediction["energy"].as_f64() > json["threshold"]["energy"].as_f64();
        assert_eq!(prediction["out_of_distribution"], above);
    }
    let kept = json["threshold"]["kept"].as_f64().unwrap();
    assert!((0.95..=1.0).contains(&kept), "{json}");
}

#[test]
fn a_folder_stands_for_its_images() {
    let place = tempfile::tempdir().unwrap();
    write_images(&place.path().join("lights"));
    train(place.path(), "[data.image-folder]\npath = \"lights\"\nsize = 9");
    let at = |name: &str| place.path().join(name);
    fs::create_dir_all(at("new/deep")).unwrap();
    for (from, to) in
        [("dark/0.png", "b.png"), ("bright/1.png", "a.PNG"), ("dark/22.jpg", "deep/c.jpg")]
    {
        fs::copy(at("lights").join(from), at("new").join(to)).unwrap();
    }
    fs::write(at("new/broken.png"), "no image").unwrap();
    fs::write(at("new/notes.txt"), "x").unwrap();
    let output = run(place.path(), &["predict", RUN, "new", "lights/dark/0.png"]);
    let said = error_text(&output);
    assert!(said.contains("not read: new/broken.png: image: none of JPEG"), "{said}");
    assert!(said.contains("not read: 1 file: 1 .txt (new/notes.txt)"), "{said}");
    let text = succeed(&output);
    let first = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        [words[0].to_owned(), words[1].to_owned()]
    };
    let found: Vec<[String; 2]> = text.lines().skip(1).take(4).map(first).collect();
    let expected = [
        ["new/a.PNG", "bright"],
        ["new/b.png", "dark"],
        ["new/deep/c.jpg", "dark"],
        ["lights/dark/0.png", "dark"],
    ];
    assert_eq!(found, expected, "{text}");
    let json = succeed(&run(place.path(), &["predict", RUN, "new", "--json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["not_read"].as_array().unwrap().len(), 2);
    // What is named itself has to be right, and of a folder something.
    for (input, expected) in
        [("new/broken.png", "none of JPEG"), ("runs", "the folder has no images that are read")]
    {
        let message = refused(&run(place.path(), &["predict", RUN, input]));
        assert!(message.contains(expected), "{message}");
    }
    fs::create_dir(at("bad")).unwrap();
    fs::rename(at("new/broken.png"), at("bad/broken.png")).unwrap();
    let message = refused(&run(place.path(), &["predict", RUN, "bad"]));
    assert!(message.contains("none of the 1 images can be read"), "{message}");
}

/// What brings the images of the run to one size does so with new ones.
#[test]
fn images_of_several_sizes_are_seen_as_those_that_were_measured() {
    let place = tempfile::tempdir().unwrap();
    write_images(&place.path().join("lights"));
    train(
        place.path(),
        "[data.image-folder]\npath = \"lights\"\n\
         [augment]\nrandom_resized_crop = { size = 8 }\nevaluate = { resize = 9, crop = 8 }",
    );
    let of_run = ["predict", RUN, "lights/dark/0.png", "lights/bright/21.jpg"];
    let text = succeed(&run(place.path(), &of_run));
    let class = |at: usize| text.lines().nth(at).unwrap().split_whitespace().nth(1).unwrap();
    assert_eq!([class(1), class(2)], ["dark", "bright"], "{text}");
}

#[test]
fn rows_of_a_table_are_asked_for_by_its_file() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 400);
    train(place.path(), RINGS);
    // Neither the class nor the name of the row; the last one lies between the rings.
    let new = "colour,y,x\nred,0,1\nblue,2,0\ngreen,0,1.5\n";
    fs::write(place.path().join("new.csv"), new).unwrap();
    let of_run = ["predict", RUN, "new.csv", "--json"];
    let json: Value = serde_json::from_str(&succeed(&run(place.path(), &of_run))).unwrap();
    let found = json["predictions"].as_array().unwrap();
    let classes: Vec<_> = found.iter().map(|row| &row["classes"][0]["class"]).collect();
    assert_eq!(classes[..2], ["near", "far"]);
    assert_eq!(found[2]["name"], "new.csv:4");
    assert_eq!(found[2]["out_of_distribution"], true, "{json}");
    // The training rows themselves are no strangers.
    let all = ["predict", RUN, "rings.csv", "new.csv", "--json"];
    let json: Value = serde_json::from_str(&succeed(&run(place.path(), &all))).unwrap();
    let found = json["predictions"].as_array().unwrap();
    assert!(found.len() == 403 && found[402]["name"] == "new.csv:4");
    let found = &found[..400];
    let strangers = found.iter().filter(|row| row["out_of_distribution"] == true).count();
    assert!(found.len() == 400 && strangers < 60, "{strangers}");
}

#[test]
fn what_cannot_be_predicted_is_refused() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 60);
    train(place.path(), RINGS);
    let seed = place.path().join(RUN);
    let copy = |name: &str, left_out: &str| {
        let to = place.path().join(name);
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(&seed).unwrap() {
            let from = entry.unwrap().path();
            if from.is_file() && !from.ends_with(left_out) {
                fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
            }
        }
        to
    };
    copy("unfinished", "measure.json");
    copy("old", "weights.safetensors");
    let damaged = copy("damaged", "weights.safetensors").join("weights.safetensors");
    fs::write(damaged, "torn").unwrap();
    fs::write(place.path().join("z.csv"), "x,y,colour\n1,2,red\n3,far,red\n").unwrap();
    fs::write(place.path().join("y.csv"), "x,colour\n1,red\n").unwrap();
    for (of_run, input, expected) in [
        ("nowhere", "rings.csv", "nowhere is no finished run: there is no such folder"),
        ("runs/new", "rings.csv", "it holds a comparison; name one of its runs"),
        ("runs/new/ce", "rings.csv", "there is no recipe.toml in it"),
        ("unfinished", "rings.csv", "`steepness compare` has to end first"),
        ("old", "rings.csv", "kept no weights.safetensors"),
        ("damaged", "rings.csv", "damaged/weights.safetensors: whole file: "),
        (RUN, "gone.csv", "cannot read gone.csv"),
        (RUN, "z.csv", "z.csv: line 3, column 2 (y): \"far\" is no number"),
        (RUN, "y.csv", "there is no column \"y\"; there are x, colour"),
    ] {
        let message = refused(&run(place.path(), &["predict", of_run, input]));
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(run(place.path(), &["predict", RUN]).status.code(), Some(2));
}
