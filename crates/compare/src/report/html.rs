//! `report.html`: one file, no network, for light and dark, phone and paper.

use super::chart;
use super::detection;
use super::escape::xml;
use super::figure::Figure;
use super::significance::{ALPHA, POWER};
use super::swept::Swept;
use super::table::{Cell, Column, Table};
use super::{number, summary, text};
use crate::Comparison;
use crate::measure::Overlap;
use std::fmt::Write;

/// The page's own rules; the charts bring theirs.
const CSS: &str = include_str!("page.css");

/// The whole page.
pub fn render(comparison: &Comparison, table: &Table, figures: &[Figure], recipe: &str) -> String {
    let title = format!("{}: losses compared", comparison.name);
    let figures: String = figures.iter().map(Figure::html).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{CSS}{charts}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"data\">{data}</p>\n</header>\n\
         <p class=\"summary\">{summary}</p>\n{warnings}\
         <h2>Results on the test part</h2>\n{swept}{table}{more}{tests}{detection}\
         <h2>Figures</h2>\n{figures}\
         <h2>What made this</h2>\n\
         <details><summary>The resolved recipe</summary>\n<pre>{recipe}</pre>\n</details>\n\
         <p class=\"signature\">{signature}</p>\n</main>\n</body>\n</html>\n",
        title = xml(&title),
        charts = chart::CSS,
        data = xml(&comparison.data),
        summary = summary::render(comparison, table),
        warnings = warnings(table),
        swept = table.swept.as_ref().map_or(String::new(), swept),
        table = rendered(table),
        more = more(table),
        tests = tests(table),
        detection = detection::html(comparison).unwrap_or_default(),
        recipe = xml(recipe),
        signature = xml(&table.signature),
    )
}

/// What is to be known before the numbers are believed.
fn warnings(table: &Table) -> String {
    let paragraph = |warning: &String| {
        format!("<p class=\"warning\"><strong>Warning:</strong> {}.</p>\n", xml(warning))
    };
    table.warnings.iter().map(paragraph).collect()
}

/// A row a loss, a column a swept value.
fn swept(swept: &Swept) -> String {
    let mut html = String::from("<div class=\"wide\" tabindex=\"0\">\n<table>\n<thead><tr>");
    let _ = write!(html, "<th>{}</th>", xml(&swept.title).replace(' ', "&nbsp;"));
    for value in &swept.values {
        let _ = write!(html, "<th scope=\"col\">{}</th>", xml(&swept.heading(*value)));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for line in &swept.lines {
        let _ = write!(html, "<tr><th scope=\"row\"><code>{}</code></th>", xml(&line.loss));
        for point in &line.points {
            let _ = write!(html, "<td>{}</td>", text::point(point, swept.decimals));
        }
        html.push_str("</tr>\n");
    }
    let _ = write!(
        html,
        "</tbody>\n</table>\n</div>\n<p class=\"note\">Test {} against what was swept; below, every \
         setting in full.</p>\n",
        xml(&swept.metric)
    );
    html
}

/// A row a loss, a column a metric, and below what the majority class is worth where that says
/// something.
fn grid(table: &Table, columns: &[Column]) -> String {
    let mut html =
        String::from("<div class=\"wide\" tabindex=\"0\">\n<table>\n<thead><tr><th>loss</th>");
    for column in columns {
        let metric = column.metric;
        let below = format!("{} {}", metric.unit, metric.direction.arrow());
        let _ = write!(
            html,
            "<th scope=\"col\" title=\"{}\">{}<span>{}&nbsp;</span></th>",
            xml(metric.meaning),
            xml(&column.title),
            below.trim()
        );
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (row, loss) in table.losses.iter().enumerate() {
        let _ = write!(html, "<tr><th scope=\"row\"><code>{}</code></th>", xml(loss));
        for column in columns {
            html += &cell(&column.cells[row], column, table.seeds.len());
        }
        html.push_str("</tr>\n");
    }
    let says = |column: &Column| {
        table.majority.as_ref().is_some_and(|m| m.value(column.metric.key).is_some())
    };
    if let Some(majority) = table.majority.as_ref().filter(|_| columns.iter().any(says)) {
        let _ = write!(
            html,
            "<tr class=\"baseline\"><th scope=\"row\" title=\"always {}\">{}</th>",
            xml(&majority.class),
            majority.label()
        );
        for column in columns {
            let _ = write!(html, "<td>{}</td>", text::baseline(table, column));
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody>\n</table>\n</div>\n"
}

/// What each column is.
fn meanings(columns: &[Column]) -> String {
    let mut html = String::from("<dl>\n");
    for column in columns {
        let heading = xml(&column.heading());
        let _ = writeln!(html, "<dt>{heading}</dt><dd>{}</dd>", xml(column.metric.meaning));
    }
    html + "</dl>\n"
}

/// The metrics that the table leaves out.
fn more(table: &Table) -> String {
    if table.more.is_empty() {
        return String::new();
    }
    format!(
        "<details><summary>More measures: calibration before and after temperature scaling, means \
         over classes, margins, features</summary>\n{}{}</details>\n",
        grid(table, &table.more),
        meanings(&table.more)
    )
}

/// A row a metric and loss: what tests say of its difference to the first.
fn tests(table: &Table) -> String {
    let mut rows = String::new();
    for column in table.columns.iter().chain(&table.more) {
        for (loss, cell) in table.losses.iter().zip(&column.cells) {
            let Some(difference) = &cell.difference else { continue };
            let Some(test) = &difference.significance else { continue };
            let none = || "–".to_owned();
            let _ = writeln!(
                rows,
                "<tr><th scope=\"row\">{}, <code>{}</code></th><td>{}</td><td>{:.4}</td>\
                 <td>{:.4}</td>{}<td>{}</td><td>{}</td></tr>",
                xml(&column.heading()),
                xml(loss),
                number::signed(difference.mean, column.metric.decimals),
                test.p,
                test.holm,
                test.signs.map_or(String::new(), |signs| format!("<td>{signs:.4}</td>")),
                test.effect.map_or_else(none, |effect| number::signed(effect, 2)),
                test.seeds.map_or_else(none, |seeds| seeds.to_string()),
            );
        }
    }
    if rows.is_empty() {
        return rows;
    }
    // With test parts that overlap there is no test of signs.
    let signs = table.overlap == Overlap::None;
    let (head, note) =
        if signs { ("<th scope=\"col\">p, signs</th>", SIGNS) } else { ("", NO_SIGNS) };
    format!(
        "<details><summary>Tests of the differences, and how many seeds they would need</summary>\n\
         <div class=\"wide\" tabindex=\"0\">\n<table>\n<thead><tr><th>metric, loss</th>\
         <th scope=\"col\">difference</th><th scope=\"col\">p</th>\
         <th scope=\"col\">p, Holm</th>{head}\
         <th scope=\"col\">effect</th><th scope=\"col\">seeds needed</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</div>\n<p class=\"note\">p: two-sided paired t test \
         over seeds, of the same standard error as the intervals. Holm: the same corrected for having \
         compared every loss with {first} by that metric; the metrics are not corrected for each \
         other. {note} Effect: Hedges's g, the difference in its own standard deviations. Seeds \
         needed: with so many the same t test at {alpha} % finds an effect of that size with a \
         probability of {power} %; never: no number of seeds does, but more examples may.</p>\n\
         </details>\n",
        first = xml(&table.losses[0]),
        alpha = 100.0 * ALPHA,
        power = 100.0 * POWER,
    )
}

const SIGNS: &str = "Signs: sign-flip permutation test, never below 2/2ⁿ with n seeds.";
const NO_SIGNS: &str = "There is no permutation test: it takes the seeds for independent, and these \
                        share test examples.";

fn rendered(table: &Table) -> String {
    let mut html = grid(table, &table.columns);
    let spread = match table.seeds.len() {
        1 => "One seed: no deviation.".to_owned(),
        n => format!("First line: mean ± standard deviation over {n} seeds."),
    };
    let second = if table.losses.len() > 1 {
        format!(" Below: {}", lower_first(&text::legend(table).join(" ")))
    } else {
        String::new()
    };
    let majority = table.majority.as_ref().map(|majority| {
        let uneven = if majority.uneven { format!(" {}", majority.rule()) } else { String::new() };
        format!(" Majority class: what it is worth to say \"{}\" always.{uneven}", majority.class)
    });
    let epochs = table.epochs.as_ref().map(|epochs| format!(" {}", epochs.sentence()));
    let _ = write!(
        html,
        "<p class=\"note\">{}{}{}{}</p>\n<p class=\"note\">{}</p>\n",
        xml(&spread),
        xml(&second),
        xml(&majority.unwrap_or_default()),
        xml(&epochs.unwrap_or_default()),
        xml(&table.signature)
    );
    let _ = write!(
        html,
        "<details><summary>What the columns mean</summary>\n{}</details>\n",
        meanings(&table.columns)
    );
    html
}

fn cell(cell: &Cell, column: &Column, seeds: usize) -> String {
    let decimals = column.metric.decimals;
    let mut html = format!("<td>{}", text::mean(cell, decimals));
    if let Some(difference) = &cell.difference {
        let amount = number::signed(difference.mean, decimals);
        let _ = match difference.mark {
            Some(mark) => {
                write!(html, "<small class=\"{}\">{amount} {}</small>", mark.word(), mark.sign())
            }
            None => write!(html, "<small>{amount}</small>"),
        };
        if let Some(interval) = difference.interval {
            let _ = write!(html, "<small>{}</small>", number::interval(interval, decimals));
        }
        if difference.n < seeds {
            let _ = write!(html, "<small>n = {}</small>", difference.n);
        }
    }
    html + "</td>"
}

fn lower_first(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Mark, figure, sample};

    fn page(comparison: &Comparison) -> String {
        render(comparison, &Table::new(comparison), &figure::all(comparison), "a = \"<b>\"")
    }

    /// Every element that is opened is closed in its turn, attributes are quoted, and text holds
    /// no stray `<`.
    fn assert_balanced(text: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            rest = &rest[at..];
            if rest.starts_with("<!") || rest.starts_with("<?") {
                rest = &rest[rest.find('>').expect("an end")..];
                continue;
            }
            let end = rest.find('>').expect("a tag ends");
            let tag = &rest[1..end];
            assert!(!tag.contains('<'), "<{tag}>");
            assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "</{name}>");
            } else if !tag.ends_with('/') && name != "meta" {
                open.push(name);
            }
            rest = &rest[end..];
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn is_well_formed_and_needs_no_network() {
        let html = page(&sample::comparison(&["ce", "el(le=0.5)", "el(le=1)"], 3));
        assert_balanced(&html);
        for word in ["src=", "href=", "url(http", "@import", "<script"] {
            assert!(!html.contains(word), "{word}");
        }
        let order = ["class=\"summary\"", "<table>", "<figure", "<details><summary>The res"];
        let places: Vec<_> = order.iter().map(|part| html.find(part).unwrap()).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(html.contains("a = &quot;&lt;b&gt;&quot;"));
    }

    #[test]
    fn a_sweep_has_a_table_and_a_figure_of_its_own() {
        let mut comparison = sample::comparison(&["ce", "el(le=0)", "el(le=1)"], 2);
        comparison.sweep = Some(crate::Sweep::Le(vec![0.0, 1.0]));
        let html = page(&comparison);
        assert_balanced(&html);
        // Results, the sweep, more measures, tests, detection.
        assert_eq!(html.matches("<table>").count(), 5);
        assert!(
            html.contains("<th scope=\"col\">le=0</th>") && html.contains("Accuracy by log end")
        );
    }

    #[test]
    fn figures_are_well_formed_alone() {
        for figure in figure::all(&sample::comparison(&["ce", "el(le=1)"], 2)) {
            let svg = figure.svg();
            assert_balanced(&svg);
            assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("<desc"));
        }
    }

    #[test]
    fn ids_are_unique() {
        let html = page(&sample::comparison(&["ce", "el(le=1)"], 2));
        let mut ids: Vec<_> =
            html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert!(all > 20 && ids.len() == all);
    }

    #[test]
    fn hostile_names_stay_text() {
        let hostile = "</title><script>alert(\"1\")</script>'&\u{0}";
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        comparison.name = hostile.to_owned();
        comparison.data = hostile.to_owned();
        comparison.classes = vec![hostile.to_owned(); 10];
        comparison.signature.selection = hostile.to_owned();
        comparison.signature.libraries = vec![hostile.to_owned()];
        for run in comparison.groups.iter_mut().flat_map(|group| &mut group.runs) {
            run.measures.ood[0].data = hostile.to_owned();
            run.measures.robustness[1].attack = hostile.to_owned();
            run.measures.robustness[1].setting = hostile.to_owned();
        }
        let html = page(&comparison);
        assert_balanced(&html);
        assert!(!html.contains("<script") && !html.contains('\0'));
        for figure in figure::all(&comparison) {
            let svg = figure.svg();
            assert_balanced(&svg);
            assert!(!svg.contains("<script") && !svg.contains('\0'));
        }
    }

    #[test]
    fn values_that_are_not_finite_break_nothing() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
            let run = &mut comparison.groups[1].runs[0];
            for epoch in &mut run.epochs {
                (epoch.val_nll, epoch.val_accuracy) = (value, value);
            }
            let measures = &mut run.measures;
            (measures.accuracy, measures.nll, measures.ece) = (value, value, value);
            (measures.margin.mean, measures.energy_mean) = (value, value);
            measures.margin.histogram.low = value;
            measures.energy_profile[3].as_mut().unwrap()[2] = value;
            measures.reliability[14].accuracy = value;
            measures.steepness[19].gradient = value;
            let ood = &mut measures.ood[0];
            ood.energy.auroc = value;
            ood.energy.outside.high = value;
            measures.robustness[0].points[2].1 = value;
            assert_balanced(&page(&comparison));
            for figure in figure::all(&comparison) {
                for attribute in figure.svg().split('"').skip(1).step_by(2) {
                    let numeric = attribute.starts_with('M') || attribute.starts_with("translate");
                    let odd = attribute.contains("NaN") || attribute.contains("inf");
                    assert!(!numeric || !odd, "{}: {attribute}", figure.name);
                }
            }
        }
    }

    #[test]
    fn marks_have_classes_of_their_own() {
        for mark in [Mark::Better, Mark::Worse, Mark::Differs] {
            assert!(CSS.contains(&format!(".{}{{", mark.word())));
        }
    }
}
