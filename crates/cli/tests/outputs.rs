//! What a command leaves under the names of the contract and is no file: said by its path, again by the same
//! command, and no matter once the command is mended.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::program::{error_text, run, succeed};

/// Leaves metrics, and then does what `how` says to its folder.
fn write_script(place: &Path, how: &str) {
    let script =
        format!("cd \"$1\"\nrm -rf metrics.json\necho '{{\"f1\": 1}}' > metrics.json\n{how}\n");
    fs::write(place.join("train.sh"), script).unwrap();
}

fn compare(place: &Path) -> Output {
    run(place, &["compare", "--run", "sh train.sh {out}", "--vary", "x=1,2", "--seeds", "1"])
}

#[test]
fn what_is_no_file_is_named_and_the_next_call_is_not_held_up() {
    let place = tempfile::tempdir().unwrap();
    for (how, expected) in [
        ("mkdir logits.npy", "logits.npy, which is a folder and no file"),
        ("rm metrics.json; mkfifo metrics.json", "metrics.json, which is a FIFO and no file"),
        ("ln -s /dev/zero val_labels.npy", "val_labels.npy, which is a device and no file"),
        ("ln -s nowhere classes.json", "classes.json, which is a link that leads nowhere and no"),
        ("mkdir -p measure.json/a", "measure.json, which is a folder and no file"),
        ("mkdir ood; mkfifo ood/x.npy", "ood/x.npy, which is a FIFO and no file"),
        ("echo > test", "test, which is a file and no folder"),
        ("mkdir -p test/rain/logits.npy", "test/rain/logits.npy, which is a folder and no file"),
        ("mkdir manifest.json", "it wrote over manifest.json, whose name is reserved"),
        ("echo '{}' > manifest.json; exit 3", "it ended with exit status 3"),
        ("rm recipe.toml; mkfifo recipe.toml", "it wrote over recipe.toml, whose name is reserved"),
        ("rm log.txt; mkfifo log.txt metrics.csv", "metrics.csv, which is a FIFO and no file"),
    ] {
        write_script(place.path(), how);
        for call in ["first", "second"] {
            let output = compare(place.path());
            let message = error_text(&output);
            assert_eq!(output.status.code(), Some(1), "{how}, {call}: {message}");
            let line = message.lines().find(|line| line.starts_with("failed: x=1, seed 0: "));
            assert!(line.is_some_and(|line| line.contains(expected)), "{how}, {call}: {message}");
            assert!(message.contains("runs that failed: 2 of 2"), "{how}, {call}: {message}");
        }
    }
    write_script(place.path(), "");
    succeed(&compare(place.path()));
}
