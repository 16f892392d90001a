//! Every score of every other data set: the part of the page and the file that show them all.

use super::csv::{line, text};
use super::escape::xml;
use super::number;
use crate::measure::{Ood, OodScore, mean, std};
use crate::{Comparison, Group};
use std::fmt::Write;

/// What the scores are, by their names.
const SCORES: [(&str, &str); 7] = [
    ("energy", "largest logit"),
    ("free_energy", "free energy"),
    ("msp", "largest probability"),
    ("odin", "ODIN"),
    ("mahalanobis", "Mahalanobis"),
    ("knn", "k-th neighbour"),
    ("vim", "ViM"),
];

/// A row a data set and score, a column a loss; `None` where no run has other data.
pub fn html(comparison: &Comparison) -> Option<String> {
    let mut runs = comparison.groups.iter().flat_map(|group| &group.runs);
    let sets = &runs.find(|run| !run.measures.ood.is_empty())?.measures.ood;
    let mut html = String::from(
        "<details><summary>Out-of-distribution detection by every score</summary>\n\
         <div class=\"wide\" tabindex=\"0\">\n<table>\n<thead><tr><th>data, score</th>",
    );
    for group in &comparison.groups {
        let _ =
            write!(html, "<th scope=\"col\"><code>{}</code></th>", xml(&group.setting.to_string()));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for set in sets {
        let distance = set.distance.map_or(String::new(), |it| format!(" ({})", it.name()));
        for (name, title) in SCORES.iter().filter(|(name, _)| score(set, name).is_some()) {
            let _ =
                write!(html, "<tr><th scope=\"row\">{}{distance}, {title}</th>", xml(&set.data));
            for group in &comparison.groups {
                html += &cell(group, &set.data, name);
            }
            html.push_str("</tr>\n");
        }
    }
    let _ = write!(
        html,
        "</tbody>\n</table>\n</div>\n<p class=\"note\">AUROC in % (mean ± standard deviation), and \
         below it FPR95, AUPR with in-distribution and AUPR with out-of-distribution as the positive \
         class, in %. FPR95 counts {} as positive: it is the share of the other data that passes \
         where 95 % of the test examples do. Scores of features (Mahalanobis, k-th neighbour, ViM) \
         and ODIN look at 5000 examples of a part at most.</p>\n</details>\n",
        xml(&sets[0].positive)
    );
    Some(html)
}

/// A row a loss, seed, data set and score; `None` where no run has other data.
pub fn csv(comparison: &Comparison) -> Option<String> {
    let header = "loss,seed,data,distance,examples,positive,score,auroc,fpr95,aupr_in,aupr_out";
    let mut file = format!("{header}\r\n");
    let mut found = false;
    for group in &comparison.groups {
        for run in &group.runs {
            for set in &run.measures.ood {
                for (name, score) in set.scores() {
                    found = true;
                    let cell = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
                    file += &line(&[
                        text(&group.setting.to_string()),
                        run.seed.to_string(),
                        text(&set.data),
                        set.distance.map_or("", |distance| distance.name()).to_owned(),
                        set.examples.to_string(),
                        text(&set.positive),
                        text(name),
                        score.auroc.to_string(),
                        score.fpr95.to_string(),
                        cell(score.aupr_in),
                        cell(score.aupr_out),
                    ]);
                }
            }
        }
    }
    found.then_some(file)
}

fn score<'a>(set: &'a Ood, name: &str) -> Option<&'a OodScore> {
    set.scores().find(|(own, _)| *own == name).map(|(_, score)| score)
}

/// "95.30 ± 2.04" and the other figures below.
fn cell(group: &Group, data: &str, name: &str) -> String {
    let sets = group.runs.iter().filter_map(|run| run.measures.ood.iter().find(|s| s.data == data));
    let scores: Vec<&OodScore> = sets.filter_map(|set| score(set, name)).collect();
    let percent = |of: fn(&OodScore) -> Option<f64>| -> Vec<f64> {
        scores.iter().filter_map(|score| of(score)).map(|share| 100.0 * share).collect()
    };
    let auroc = percent(|score| Some(score.auroc));
    let Some(middle) = mean(&auroc) else { return "<td>–</td>".to_owned() };
    let spread = std(&auroc).map_or(String::new(), |s| format!(" ± {}", number::plain(s, 2)));
    let others: [fn(&OodScore) -> Option<f64>; 3] =
        [|score| Some(score.fpr95), |score| score.aupr_in, |score| score.aupr_out];
    let others =
        others.map(|of| mean(&percent(of)).map_or("–".to_owned(), |v| number::plain(v, 2)));
    format!("<td>{}{spread}<small>{}</small></td>", number::plain(middle, 2), others.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_score_of_every_seed_is_there() {
        let comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        let html = html(&comparison).unwrap();
        // Three scores of logits and one of features.
        assert_eq!(html.matches("<tr><th scope=\"row\">clothes (far), ").count(), 4);
        let csv = csv(&comparison).unwrap();
        assert_eq!(csv.matches("\r\n").count(), 1 + 2 * 3 * 4);
        let first = &comparison.groups[0].runs[0].measures.ood[0];
        let row = format!("ce,1,clothes,far,300,in-distribution,energy,{},", first.energy.auroc);
        assert!(csv.contains(&row), "{csv}");
    }

    #[test]
    fn nothing_of_nothing() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.ood.clear();
        assert_eq!((html(&comparison), csv(&comparison)), (None, None));
    }
}
