//! Tables as people have them, through the whole program.

use std::fs;
use std::path::Path;

use crate::program::{error_text, refused, run, succeed};
use serde_json::Value;

/// Compares with ce alone, and returns what it said of the data and the mean accuracy in percent.
fn learn(place: &Path, file: &str, target: &str, seeds: &str) -> (String, f64) {
    let command = ["compare", "--data", file, "--target", target, "--seeds", seeds];
    let output =
        run(place, &[&command[..], &["--loss", "ce", "--select", "last", "--json"]].concat());
    let json: Value = serde_json::from_str(&succeed(&output)).unwrap();
    let values = json["losses"][0]["metrics"]["accuracy"]["values"].as_array().unwrap();
    let sum: f64 = values.iter().filter_map(Value::as_f64).sum();
    (error_text(&output), sum / values.len() as f64)
}

/// Rows whose class is told by `x`: "a" below 0.5 and "b" above.
fn write(path: &Path, head: &str, rows: usize, row: impl Fn(usize, f64, &str) -> String) {
    let line = |at: usize| {
        let x = (at * 37 % 101) as f64 / 101.0;
        row(at, x, if x < 0.5 { "a" } else { "b" })
    };
    fs::write(path, format!("{head}\n") + &(0..rows).map(line).collect::<String>()).unwrap();
}

/// A country of one row is constant in every training part that does not have it; that ended the job.
#[test]
fn a_rare_category_is_no_reason_to_stop() {
    let place = tempfile::tempdir().unwrap();
    let country = |at: usize| if at == 17 { "NZ" } else { ["US", "PH"][at % 2] };
    write(&place.path().join("t.csv"), "x,country,class", 60, |at, x, class| {
        format!("{x:.3},{},{class}\n", country(at))
    });
    let (_, accuracy) = learn(place.path(), "t.csv", "class", "5");
    assert!(accuracy > 80.0, "{accuracy}");
}

#[test]
fn gaps_dates_and_decimal_commas_are_learned_from() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("t.csv"), "nr;wert;tag;farbe;art", 120, |at, x, class| {
        let value = if at % 9 == 4 { "NA".to_owned() } else { format!("{:.3}", 10.0 * x) };
        let value = value.replace('.', ",");
        let colour = ["rot", "blau", ""][at % 3];
        format!("{at};{value};{:02}.01.2020;{colour};{class}\n", at % 28 + 1)
    });
    let (said, accuracy) = learn(place.path(), "t.csv", "art", "2");
    assert!(accuracy > 80.0, "{accuracy}");
    for line in [
        "nr      left out: it counts the rows",
        "(decimal comma); 13 missing",
        "tag     dates, 2020-01-01 to 2020-01-28, seen in days since the first",
        "farbe   2 categories: blau, rot; 40 missing",
        "values missing, of 120 rows: 13 in wert, 40 in farbe; a number gets the median of the training",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    // The run is asked about rows with gaps and strange categories: each of these is its own.
    let new = "farbe;tag;wert\nrot;01.01.2020;NA\ngrün;02.01.2020;9,5\nblau;03.01.2020;0,5\n";
    fs::write(place.path().join("new.csv"), new).unwrap();
    let asked = ["predict", "runs/t/ce/seed=0", "new.csv"];
    let text = succeed(&run(place.path(), &asked));
    let line = |at: usize| text.lines().nth(at).unwrap();
    assert!(line(1).ends_with("wert is missing"), "{text}");
    assert!(line(2).contains("  b  ") && line(2).ends_with("farbe \"grün\" is new"), "{text}");
    assert!(line(3).contains("  a  ") && !line(3).contains("is new"), "{text}");
    // Far from 0 to 9.9, on the standard error and beside the row.
    fs::write(place.path().join("far.csv"), "farbe;tag;wert\nrot;01.01.2020;-250\n").unwrap();
    let far = run(place.path(), &["predict", "runs/t/ce/seed=0", "far.csv"]);
    let said = error_text(&far);
    assert_eq!(
        said,
        "far from all that was learned, where answers are guesses, however sure: wert in 1 row\n"
    );
    assert!(succeed(&far).contains("wert -250 is far from what was learned"));
    let json = succeed(&run(place.path(), &[&asked[..], &["--json"]].concat()));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["predictions"][0]["notes"][0], "wert is missing");
    assert!(json["predictions"][2].get("notes").is_none(), "{json}");
}

/// How its numbers are written is no part of a table: not of the parts, nor of what is learned.
#[test]
fn decimal_commas_and_points_are_the_same_data() {
    let place = tempfile::tempdir().unwrap();
    let number = |x: f64| format!("{:.2}", 3.0 * x + 10.0);
    for (file, comma) in [("point.csv", false), ("comma.csv", true)] {
        let mark = |text: String| if comma { text.replace('.', ",") } else { text };
        write(&place.path().join(file), "x;y;class", 60, |at, x, class| {
            let class = if at % 11 == 5 { "b" } else { class };
            format!("{};{};{class}\n", mark(number(x)), mark(number((at % 7) as f64)))
        });
    }
    let [point, comma] = ["point", "comma"].map(|name| {
        let (_, accuracy) = learn(place.path(), &format!("{name}.csv"), "class", "2");
        let of_run = |file: &str| {
            fs::read(place.path().join(format!("runs/{name}/ce/seed=1")).join(file)).unwrap()
        };
        (accuracy, of_run("labels.npy"), of_run("logits.npy"))
    });
    assert!(point == comma, "{} {}", point.0, comma.0);
    assert!(point.0 > 70.0, "{}", point.0);
}

/// A recipe says of its data what `--data` says: not on the page alone.
#[test]
fn what_is_left_out_and_filled_in_is_said_of_a_recipe_too() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("t.csv"), "nr,x,same,class", 60, |at, x, class| {
        let x = if at % 9 == 4 { String::new() } else { format!("{x:.3}") };
        format!("{at},{x},7,{class}\n")
    });
    let recipe = "name = \"t\"\nlosses = [\"ce\"]\nseeds = [0]\nepochs = 2\nbatch = 8\nthreads = 1\n\
        select = \"last\"\nschedule = \"constant\"\n[data.table]\npath = \"t.csv\"\n\
        [model.mlp]\nhidden = 8\n[optimizer.sgd]\nlr = 0.05\n\
        [attack]\nepsilons = [0.0]\npgd_steps = 1\npgd_step_size = 0.05\n";
    fs::write(place.path().join("t.toml"), recipe).unwrap();
    let output = run(place.path(), &["compare", "t.toml"]);
    succeed(&output);
    let said = error_text(&output);
    for line in [
        "nr is left out: it counts the rows\n",
        "same is left out: \"7\" in every row\n",
        "values missing, of 60 rows: 7 in x; a number gets the median of the training part",
        "[attack] has no effect: attacks are for images",
    ] {
        assert!(said.matches(line).count() == 1, "{line}\n{said}");
    }
    // What is finished was said then.
    let again = error_text(&run(place.path(), &["compare", "t.toml"]));
    assert!(!again.contains("left out"), "{again}");
    fs::write(place.path().join("t.toml"), recipe.replace("[0.0]", "[0.0, 0.1]")).unwrap();
    let message = refused(&run(place.path(), &["compare", "t.toml", "--out", "other"]));
    assert!(message.contains("[attack]: attacks are for images"), "{message}");
}

#[test]
fn what_is_no_table_of_classes_is_refused_in_words() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("price.csv"), "y,price", 200, |at, x, _| {
        format!("{},{x:.4}\n", at % 7)
    });
    let utf16: Vec<u8> = "x,y\n1,a\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(place.path().join("wide.csv"), [&[0xff, 0xfe][..], &utf16].concat()).unwrap();
    for (file, target, expected) in [
        ("price.csv", "price", "with fractions, in 200 rows are a quantity and no classes"),
        ("wide.csv", "y", "text in UTF-16"),
    ] {
        let command = ["compare", "--data", file, "--target", target];
        let message = refused(&run(place.path(), &command));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn copies_are_said_before_they_flatter() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("t.csv"), "x,y,class", 101, |at, x, class| {
        format!("{x:.3},{},{class}\n", at % 7).repeat(2)
    });
    let text = succeed(&run(place.path(), &["data", "check", "t.csv", "--target", "class"]));
    assert!(text.contains("202 of 202 rows are exact copies of others\n"), "{text}");
    assert!(
        text.contains("copies fall into training and test part alike: with seed 0, "),
        "{text}"
    );
}
