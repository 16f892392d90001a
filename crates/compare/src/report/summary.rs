//! The paragraph in front of the page: only what the intervals support.

use super::attacked::mean_curves;
use super::escape::xml;
use super::metric::is_of_attack;
use super::number;
use super::table::{Column, Difference, Table};
use crate::measure::mean;
use crate::report::masking::masking;
use crate::{Comparison, Group};

/// Share of examples with a gradient of exactly zero that is worth a warning.
const BLIND: f64 = 0.01;

/// What a sentence is about, and the columns it speaks of.
const TOPICS: [(&str, &[&str]); 7] = [
    ("Translation", &["bleu"]),
    ("Uneven classes", &["balanced_accuracy", "auroc", "average_precision"]),
    ("Accuracy", &["accuracy"]),
    ("Margin", &["margin"]),
    ("Calibration", &["ece", "nll"]),
    ("Out-of-distribution detection", &["ood_auroc"]),
    ("Robustness", &["fgsm_accuracy", "pgd_linf_accuracy"]),
];

/// What the headline is about without being asked for.
const USUAL: [&str; 3] = ["Translation", "Uneven classes", "Accuracy"];

/// The paragraph, as HTML without its `<p>`.
pub fn render(comparison: &Comparison, table: &Table) -> String {
    let first = code(&table.losses[0]);
    let losses = table.losses.len();
    let seeds = match table.seeds.len() {
        1 => "one seed".to_owned(),
        n => format!("the same {n} seeds"),
    };
    if losses == 1 {
        return format!("One loss, {first}, with {seeds}: there is nothing to compare it with.");
    }
    let what = if table.swept.is_some() { "settings" } else { "losses" };
    let mut text = format!("{losses} {what}, trained on the same data with {seeds}. ");
    if table.seeds.len() == 1 {
        text += &format!(
            "A single seed cannot tell a difference to {first} from chance, so none is claimed."
        );
    } else {
        text += &format!(
            "Stated below are differences to {first}, paired by seed, and only those whose 95 % \
             interval excludes 0. "
        );
        for (topic, columns) in topics(table) {
            let parts: Vec<_> = columns.iter().map(|column| sentence(table, column)).collect();
            text += &format!("<strong>{topic}:</strong> {}. ", parts.join("; "));
        }
        text += &chance(table);
    }
    text + &blind(comparison) + &masked(comparison)
}

/// What there is to speak of, and the columns: a headline that was asked for comes first.
fn topics(table: &Table) -> Vec<(&'static str, Vec<&Column>)> {
    let about = |keys: &[&str]| -> Vec<&Column> {
        table.columns.iter().filter(|column| keys.contains(&column.metric.key)).collect()
    };
    let mut topics: Vec<_> = TOPICS
        .iter()
        .map(|(topic, keys)| (*topic, about(keys)))
        .filter(|(_, columns)| !columns.is_empty())
        .collect();
    let Some(first) = table.columns.first() else { return topics };
    let headline = |(_, columns): &(&str, Vec<&Column>)| {
        columns.iter().any(|column| column.metric.key == first.metric.key)
    };
    match topics.iter().position(headline) {
        Some(at) if !USUAL.contains(&topics[at].0) => topics[..=at].rotate_right(1),
        Some(_) => {}
        None => topics.insert(0, ("Headline", vec![first])),
    }
    topics
}

/// "accuracy higher with el(le=1) (+0.35 points [+0.10, +0.60])", "margin higher with every other
/// loss (+1.20 to +9.80)", or that there is nothing to say. Intervals are spelled out for accuracy and
/// for what comes first, the table has the others.
fn sentence(table: &Table, column: &Column) -> String {
    let attacked = is_of_attack(column.metric);
    let title = format!("{}{}", if attacked { "accuracy under " } else { "" }, xml(&column.title));
    let marked: Vec<(&String, &Difference)> = table
        .losses
        .iter()
        .zip(&column.cells)
        .filter_map(|(loss, cell)| Some((loss, cell.difference.as_ref()?)))
        .filter(|(_, difference)| difference.mark.is_some())
        .collect();
    let parts: Vec<String> = [("higher", true), ("lower", false)]
        .into_iter()
        .filter_map(|(word, higher)| {
            let side = marked.iter().filter(|(_, d)| (d.mean > 0.0) == higher);
            let side: Vec<_> = side.copied().collect();
            (!side.is_empty()).then(|| format!("{word} with {}", named(table, column, &side)))
        })
        .collect();
    if parts.is_empty() {
        format!("no difference in {title} excludes 0")
    } else {
        format!("{title} {}", parts.join(" and "))
    }
}

/// The losses with their differences; in one where it is every loss there is.
fn named(table: &Table, column: &Column, losses: &[(&String, &Difference)]) -> String {
    let decimals = column.metric.decimals;
    let unit = if column.metric.unit == "%" { " points" } else { "" };
    let signed = |value: f64| number::signed(value, decimals);
    let headline = table.columns.first().is_some_and(|c| c.metric.key == column.metric.key);
    let spelled = headline || ["accuracy", "bleu"].contains(&column.metric.key);
    if !spelled && losses.len() > 1 && losses.len() == table.losses.len() - 1 {
        let means = losses.iter().map(|(_, difference)| difference.mean);
        let least = means.clone().fold(f64::INFINITY, f64::min);
        let greatest = means.fold(f64::NEG_INFINITY, f64::max);
        return format!("every other loss ({} to {}{unit})", signed(least), signed(greatest));
    }
    let each = losses.iter().map(|(loss, difference)| {
        let interval = difference.interval.filter(|_| spelled);
        let interval =
            interval.map_or(String::new(), |i| format!(" {}", number::interval(i, decimals)));
        format!("{} ({}{unit}{interval})", code(loss), signed(difference.mean))
    });
    each.collect::<Vec<_>>().join(", ")
}

/// How many intervals there are, and how many would exclude 0 by chance.
fn chance(table: &Table) -> String {
    let judged = || {
        let differences = table.columns.iter().flat_map(|column| &column.cells);
        differences.filter_map(|cell| cell.difference.as_ref()).filter(|d| d.interval.is_some())
    };
    if judged().next().is_none() {
        return "No difference in the table has an interval.".to_owned();
    }
    let marked = judged().filter(|d| d.mark.is_some()).count();
    format!(
        "In the table {marked} of {} intervals exclude 0; about one in twenty would even if \
         the losses did not differ.",
        judged().count()
    )
}

/// A warning where gradient attacks had no gradient to follow.
fn blind(comparison: &Comparison) -> String {
    let shares = comparison.groups.iter().filter_map(|group| {
        let curves = group.runs.iter().flat_map(|run| &run.measures.robustness);
        let share = mean(&curves.map(|curve| curve.zero_gradient).collect::<Vec<_>>())?;
        (share > BLIND).then(|| {
            format!(
                "{}\u{a0}% with {}",
                number::plain(100.0 * share, 1),
                code(&group.setting.to_string())
            )
        })
    });
    let shares: Vec<_> = shares.collect();
    if shares.is_empty() {
        return String::new();
    }
    format!(
        " Read robustness with care: the attacked gradient was exactly zero on {} of the \
         examples, where these attacks are blind.",
        shares.join(", ")
    )
}

/// A warning where an attack without the gradient of cross entropy beats those that follow it.
fn masked(comparison: &Comparison) -> String {
    let of_group = |group: &Group| -> Vec<String> {
        let runs: Vec<_> = group.runs.iter().map(|run| &run.measures.robustness[..]).collect();
        let warnings = masking(&mean_curves(&runs)).into_iter();
        let name = code(&group.setting.to_string());
        warnings.map(|warning| format!(" Under {name}, {}.", xml(&warning))).collect()
    };
    comparison.groups.iter().flat_map(of_group).collect()
}

fn code(spec: &str) -> String {
    format!("<code>{}</code>", xml(spec))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn summary(comparison: &Comparison) -> String {
        render(comparison, &Table::new(comparison))
    }

    #[test]
    fn what_does_not_differ_has_no_intervals_to_count() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        let [first, second] = &mut comparison.groups[..] else { panic!() };
        for (run, first) in second.runs.iter_mut().zip(&first.runs) {
            run.measures = first.measures.clone();
        }
        let text = summary(&comparison);
        assert!(text.contains("No difference in the table has an interval."), "{text}");
    }

    #[test]
    fn claims_exactly_what_is_marked() {
        let mut comparison = sample::comparison(&["ce", "el(le=0.5)", "el(le=1)"], 3);
        for (at, group) in comparison.groups.iter_mut().enumerate() {
            for (run, wiggle) in group.runs.iter_mut().zip([0.0, 0.01, -0.01]) {
                // Only the last loss differs by more than the seeds do.
                // By how much differs a little, too: without any spread nothing is claimed.
                let more = (0.05 + wiggle / 10.0) * (at / 2) as f64;
                run.measures.accuracy = 0.9 + wiggle * (at % 2) as f64 + more;
                run.measures.margin.mean = 1.0 + wiggle * at as f64;
            }
        }
        let text = summary(&comparison);
        assert!(
            text.contains("accuracy higher with <code>el(le=1)</code> (+5.00 points"),
            "{text}"
        );
        assert!(!text.contains("accuracy higher with <code>el(le=0.5)"), "{text}");
        assert!(text.contains("no difference in margin excludes 0"), "{text}");
    }

    #[test]
    fn one_seed_claims_nothing() {
        let text = summary(&sample::comparison(&["ce", "el(le=1)"], 1));
        assert!(text.contains("none is claimed") && !text.contains("higher"), "{text}");
    }

    #[test]
    fn one_loss_is_not_compared() {
        assert!(summary(&sample::comparison(&["ce"], 3)).contains("nothing to compare"));
    }

    #[test]
    fn blind_attacks_are_reported() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        assert!(summary(&comparison).contains("3.0\u{a0}% with <code>el(le=1)</code>"));
        for curve in
            &mut comparison.groups[1].runs.iter_mut().flat_map(|run| &mut run.measures.robustness)
        {
            curve.zero_gradient = 0.0;
        }
        assert!(!summary(&comparison).contains("blind"));
    }

    #[test]
    fn masking_is_reported() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        assert!(!summary(&comparison).contains("masking"));
        for run in &mut comparison.groups[1].runs {
            let mut square = run.measures.robustness[1].clone();
            (square.attack, square.objective) = ("square-linf".to_owned(), "none".to_owned());
            square.points.iter_mut().skip(1).for_each(|point| point.1 *= 0.5);
            run.measures.robustness.push(square);
        }
        let text = summary(&comparison);
        assert!(text.contains("Under <code>el(le=1)</code>, gradient masking: with ε"), "{text}");
    }
}
