//! `steepness bleu`: translations are scored.

use std::fs;

use crate::program::{refused, run, succeed};
use serde_json::Value;

/// ```python
/// sacrebleu.corpus_bleu(hypotheses, [references])   # 2.6.0
/// ```
#[test]
fn a_score_a_signature_and_a_comparison() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    write("ref", "The cat sat on the mat.\nIt is 3.5 metres long.\n\n");
    write("hyp", "The cat sat on a mat.\r\nIt is 3.5 metres long.\r\n\r\n");
    write("base", "A cat is on the mat.\nIt was 3.5 metre.\n\n");
    let command = ["bleu", "--hyp", "hyp", "--ref", "ref"];
    let text = succeed(&run(place.path(), &command));
    assert_eq!(
        text,
        "BLEU       73.24\n\
         precisions 92.3 / 81.8 / 66.7 / 57.1, brevity penalty 1.000, 13 words for 13\n\
         signature  nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0\n"
    );
    let json = |more: &[&str]| -> Value {
        let command = [&command[..], &["--json"], more].concat();
        serde_json::from_str(&succeed(&run(place.path(), &command))).unwrap()
    };
    assert!((json(&[])["score"].as_f64().unwrap() - 73.238_527_3).abs() < 1e-6);
    let compared = json(&["--baseline", "base"]);
    assert!(compared["baseline"]["p"].as_f64().unwrap() < 1.0, "{compared}");
    // The same translations once more are no evidence of anything.
    assert_eq!(json(&["--baseline", "hyp"])["baseline"]["p"], 1.0);
    assert!(json(&["--chrf", "2"])["signature"].as_str().unwrap().contains("|nw:2|"));
    assert_eq!(json(&["--tokenize", "none"])["hypothesis_length"], 11);

    write("short", "one line\n");
    write("broken", "ok\nsecond\n\u{0}\n");
    fs::write(place.path().join("broken"), b"ok\nsecond\n\xff\n").unwrap();
    let wrong = |hyp: &str| refused(&run(place.path(), &["bleu", "--hyp", hyp, "--ref", "ref"]));
    assert!(wrong("short").contains("short has 1 lines, ref has 3"));
    assert!(wrong("broken").contains("broken: line 3: it is not UTF-8"));
    assert!(wrong("nowhere").contains("nowhere"));
}
