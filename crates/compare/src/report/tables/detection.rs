//! Every score of every other data set: means for the page, and each run's for programs.

use super::{Card, Output, none};
use crate::measure::{Ood, OodScore, mean, std};
use crate::report::number;
use crate::report::sheet::{Cell, Head, Row, Sheet, Value, Words};
use crate::{Comparison, Group};

/// A row a data set and score, a column a loss.
pub const CARD: Card =
    Card { key: "detection", forms: &[Output::Page], sheet: |comparison, _, _| means(comparison) };

/// `ood.csv`: a row a loss, seed, data set and score.
pub const SCORES: Card =
    Card { key: "ood", forms: &[Output::Csv], sheet: |comparison, _, _| scores(comparison) };

/// What the scores are, by their names.
const NAMES: [(&str, &str); 7] = [
    ("energy", "largest logit"),
    ("free_energy", "free energy"),
    ("msp", "largest probability"),
    ("odin", "ODIN"),
    ("mahalanobis", "Mahalanobis"),
    ("knn", "k-th neighbour"),
    ("vim", "ViM"),
];

fn means(comparison: &Comparison) -> Option<Sheet> {
    let mut runs = comparison.groups.iter().flat_map(|group| &group.runs);
    let sets = &runs.find(|run| !run.measures.ood.is_empty())?.measures.ood;
    let rows = sets.iter().flat_map(|set| {
        let distance = set.distance.map_or(String::new(), |it| format!(" ({})", it.name()));
        let named = NAMES.iter().filter(|(name, _)| score(set, name).is_some());
        named.map(move |(name, title)| {
            let label = Words::text(format!("{}{distance}, {title}", set.data));
            let cells = comparison.groups.iter().map(|group| cell(group, &set.data, name));
            Row::new(label, cells.collect())
        })
    });
    let note = format!(
        "AUROC in % (mean ± standard deviation), and below it FPR95, AUPR with in-distribution and AUPR \
         with out-of-distribution as the positive class, in %. FPR95 counts {} as positive: it is the \
         share of the other data that passes where 95 % of the test examples do. Scores of features \
         (Mahalanobis, k-th neighbour, ViM) and ODIN look at 5000 examples of a part at most.",
        sets[0].positive
    );
    let head = |group: &Group| Head::new(Words::code(group.setting.to_string()));
    Some(Sheet {
        folded: Some("Out-of-distribution detection by every score".to_owned()),
        corner: Words::text("data, score"),
        head: comparison.groups.iter().map(head).collect(),
        rows: rows.collect(),
        notes: vec![vec![Words::text(note)]],
        explained: false,
    })
}

fn scores(comparison: &Comparison) -> Option<Sheet> {
    let head = ["seed", "data", "distance", "examples", "positive", "score", "auroc", "fpr95"]
        .into_iter()
        .chain(["aupr_in", "aupr_out"]);
    let mut rows = Vec::new();
    for group in &comparison.groups {
        for run in &group.runs {
            for set in &run.measures.ood {
                for (name, score) in set.scores() {
                    let text = |text: &str| Value::Text(text.to_owned());
                    let cells = [
                        Value::Count(run.seed),
                        text(&set.data),
                        text(set.distance.map_or("", |distance| distance.name())),
                        Value::Count(set.examples as u64),
                        text(&set.positive),
                        text(name),
                        Value::Number(Some(score.auroc)),
                        Value::Number(Some(score.fpr95)),
                        Value::Number(score.aupr_in),
                        Value::Number(score.aupr_out),
                    ];
                    let label = Words::code(group.setting.to_string());
                    rows.push(Row::new(label, cells.map(Cell::from).into()));
                }
            }
        }
    }
    (!rows.is_empty()).then(|| Sheet {
        corner: Words::text("loss"),
        head: head.map(|title| Head::new(Words::text(title))).collect(),
        rows,
        ..Sheet::default()
    })
}

fn score<'a>(set: &'a Ood, name: &str) -> Option<&'a OodScore> {
    set.scores().find(|(own, _)| *own == name).map(|(_, score)| score)
}

/// "95.30 ± 2.04" and the other figures below.
fn cell(group: &Group, data: &str, name: &str) -> Cell {
    let sets = group.runs.iter().filter_map(|run| run.measures.ood.iter().find(|s| s.data == data));
    let scores: Vec<&OodScore> = sets.filter_map(|set| score(set, name)).collect();
    let percent = |of: fn(&OodScore) -> Option<f64>| -> Vec<f64> {
        scores.iter().filter_map(|score| of(score)).map(|share| 100.0 * share).collect()
    };
    let auroc = percent(|score| Some(score.auroc));
    let Some(middle) = mean(&auroc) else { return Value::Rounded(none(), None).into() };
    let spread = std(&auroc).map_or(String::new(), |s| format!(" ± {}", number::plain(s, 2)));
    let others: [fn(&OodScore) -> Option<f64>; 3] =
        [|score| Some(score.fpr95), |score| score.aupr_in, |score| score.aupr_out];
    let others = others.map(|of| mean(&percent(of)).map_or_else(none, |v| number::plain(v, 2)));
    Cell {
        value: Value::Rounded(number::plain(middle, 2) + &spread, Some(middle)),
        mark: None,
        below: vec![(others.join(" · "), None)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_score_of_every_seed_is_there() {
        let comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        let rows = means(&comparison).unwrap().rows;
        // Three scores of logits and one of features.
        assert_eq!(rows.len(), 4);
        assert!(rows.iter().all(|row| row.label.plain().starts_with("clothes (far), ")));
        let sheet = scores(&comparison).unwrap();
        assert_eq!(sheet.rows.len(), 2 * 3 * 4);
        let first = &comparison.groups[0].runs[0].measures.ood[0];
        let csv = crate::report::csv::sheet(&sheet);
        let row = format!("ce,1,clothes,far,300,in-distribution,energy,{},", first.energy.auroc);
        assert!(csv.contains(&row), "{csv}");
    }

    #[test]
    fn nothing_of_nothing() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.ood.clear();
        assert_eq!((means(&comparison), scores(&comparison)), (None, None));
    }
}
