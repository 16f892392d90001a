//! Against sacreBLEU, whose numbers `reference.py` has written into `reference.json`: 20 systems, with
//! empty lines, lines of one token, Unicode punctuation, several references and one line in all.

use super::*;
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn lines(json: &Value) -> Vec<String> {
    json.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

fn close(found: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{what}: {found}, {expected}"
    );
}

#[test]
fn scores_and_signatures_are_those_of_sacrebleu() {
    let reference = reference();
    let mut compared = 0;
    for (at, system) in reference["systems"].as_array().unwrap().iter().enumerate() {
        let hypotheses = lines(&system["hypotheses"]);
        let references: Vec<_> =
            system["references"].as_array().unwrap().iter().map(lines).collect();
        let score = |metric: &dyn Metric| {
            metric.score(&total(&segments(metric, &hypotheses, &references).unwrap()))
        };
        let mut expected = system["bleu"].as_array().unwrap().iter();
        for tokenizer in ["13a", "intl", "char", "none"] {
            for smoothing in [Smoothing::Exp, Smoothing::Floor, Smoothing::None] {
                for lowercase in [false, true] {
                    let tokenizer = tokenizer.parse().unwrap();
                    let bleu = Bleu { tokenizer, smoothing, lowercase };
                    let expected = expected.next().unwrap();
                    let signature = bleu.signature(references.len());
                    close(score(&bleu), &expected[0], 1e-13, &format!("{at}, {signature}"));
                    assert_eq!(signature, expected[1].as_str().unwrap());
                    compared += 1;
                }
            }
        }
        let mut expected = system["chrf"].as_array().unwrap().iter();
        for words in [0, 2] {
            for lowercase in [false, true] {
                let chrf = Chrf { words, lowercase };
                let expected = expected.next().unwrap();
                let signature = chrf.signature(references.len());
                close(score(&chrf), &expected[0], 1e-13, &format!("{at}, {signature}"));
                assert_eq!(signature, expected[1].as_str().unwrap());
            }
        }
    }
    assert_eq!(compared, 20 * 24);
}

/// sacreBLEU resamples in f32, hence the tolerance; the p-values are the same.
#[test]
fn the_paired_bootstrap_is_that_of_sacrebleu() {
    let paired = &reference()["paired"];
    let references = [lines(&paired["reference"])];
    let [baseline, system] = [0, 1].map(|at| lines(&paired["pair"][at]));
    for (name, metric) in
        [("BLEU", &Bleu::default() as &dyn Metric), ("chrF2", &Chrf::default() as &dyn Metric)]
    {
        let counts = |lines: &[String]| segments(metric, lines, &references).unwrap();
        let (baseline, system) = (counts(&baseline), counts(&system));
        let found = paired_bootstrap(metric, &baseline, &system);
        let expected = &paired["expected"][name];
        for (at, interval) in [found.baseline, found.system].iter().enumerate() {
            close(interval.mean, &expected[at][1], 1e-5, name);
            close(interval.half_width, &expected[at][2], 1e-4, name);
        }
        close(found.p, &expected[1][3], 1e-12, name);
        assert_eq!(interval(metric, &system), found.system);
    }
}

/// Where sacreBLEU says 1/1001: a difference of zero, and one that no resample changes.
#[test]
fn no_difference_is_no_evidence() {
    let references = [lines(&reference()["paired"]["reference"])];
    let lines = lines(&reference()["paired"]["pair"][0]);
    for metric in [&Bleu::default() as &dyn Metric, &Chrf::default()] {
        let same = segments(metric, &lines, &references).unwrap();
        assert_eq!(paired_bootstrap(metric, &same, &same).p, 1.0);
        let one = |text: &str| segments(metric, &[text.to_owned()], &[vec!["a b c d".to_owned()]]);
        let (baseline, system) = (one("a b x d").unwrap(), one("a b c d").unwrap());
        assert_eq!(paired_bootstrap(metric, &baseline, &system).p, 1.0);
    }
}

#[test]
fn what_cannot_be_scored_is_refused() {
    let line = |text: &str| vec![text.to_owned()];
    let error = |hypotheses: &[String], references: &[Vec<String>]| {
        segments(&Bleu::default(), hypotheses, references).unwrap_err().to_string()
    };
    assert_eq!(error(&[], &[Vec::new()]), "there are no lines to score");
    assert_eq!(error(&line("a"), &[]), "at least one reference is needed");
    assert_eq!(error(&line("a"), &[line("a"), vec![]]), "1 hypotheses, but 0 lines in reference 2");
    assert!("zh".parse::<Tokenizer>().unwrap_err().starts_with("there are 13a, intl"));
    let parts = Bleu::default().details(&Bleu::default().counts("a b c d", &["a b c d e"]));
    assert_eq!((parts.hypothesis_length, parts.reference_length), (4, 5));
    assert_eq!(parts.precisions, [100.0; 4]);
    assert!((parts.score - 100.0 * (-0.25f64).exp()).abs() < 1e-12);
}
