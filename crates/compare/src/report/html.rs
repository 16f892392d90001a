//! `report.html`: one file, no network, for light and dark, phone and paper.

use super::chart;
use super::escape::xml;
use super::figure::{self, Figure};
use super::ruling::Ruling;
use super::sheet::{Cell, Head, Sheet, Span, Words};
use super::summary;
use super::table::Table;
use super::tables::{Output, sheets};
use crate::{Comparison, Panel};
use std::fmt::Write;

/// The page's own rules; the charts bring theirs.
const CSS: &str = include_str!("page.css");

/// The whole page.
pub fn render(comparison: &Comparison, table: &Table, figures: &[Figure], recipe: &str) -> String {
    let title = format!("{}: losses compared", comparison.name);
    let figures: String = figures.iter().map(Figure::html).collect();
    let panels: String = comparison.panels.iter().map(panel).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{CSS}{charts}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"data\">{data}</p>\n</header>\n\
         {results}{panels}\
         <h2>Figures</h2>\n{figures}\
         <h2>What made this</h2>\n\
         <details><summary>The resolved recipe</summary>\n<pre>{recipe}</pre>\n</details>\n\
         <p class=\"signature\">{signature}</p>\n</main>\n</body>\n</html>\n",
        title = xml(&title),
        charts = chart::CSS,
        data = xml(&comparison.data),
        results = results(comparison, table, "<h2>Results on the test part</h2>\n"),
        recipe = xml(recipe),
        signature = xml(&table.signature),
    )
}

/// The answer, and behind a `heading` of ours the tables.
fn results(comparison: &Comparison, table: &Table, heading: &str) -> String {
    let tables = sheets(comparison, table, Output::Page).map(|(_, sheet)| self::sheet(&sheet));
    format!(
        "{ruling}<p class=\"summary\">{summary}</p>\n{warnings}{heading}{tables}",
        ruling = table.ruling.as_ref().map_or(String::new(), ruling),
        summary = summary::render(comparison, table),
        warnings = warnings(table),
        tables = tables.collect::<String>(),
    )
}

/// The same losses seen otherwise, with their figures folded away: the page's own are those that matter.
fn panel(panel: &Panel) -> String {
    let Panel { title, comparison, .. } = panel;
    let table = Table::new(comparison);
    let section = results(comparison, &table, "");
    let figures: String = figure::of_panel(panel, &table).iter().map(Figure::html).collect();
    let figures = if figures.is_empty() { figures } else { folded("Figures", &figures) };
    format!("<section class=\"panel\">\n<h2>{}</h2>\n{section}{figures}</section>\n", xml(title))
}

/// The answer in words, what differs beside it, and by which rules.
fn ruling(ruling: &Ruling) -> String {
    let beside = match ruling.beside.is_empty() {
        true => String::new(),
        false => format!("<p class=\"summary\">{}</p>\n", xml(&ruling.beside)),
    };
    let rules = match ruling.rules.is_empty() {
        true => String::new(),
        false => format!("<p class=\"note\">{}</p>\n", xml(&ruling.rules.join(" "))),
    };
    format!("<p class=\"verdict\">{}</p>\n{beside}{rules}", xml(&ruling.answer))
}

/// What is to be known before the numbers are believed.
fn warnings(table: &Table) -> String {
    let paragraph = |warning: &String| {
        format!("<p class=\"warning\"><strong>Warning:</strong> {}.</p>\n", xml(warning))
    };
    table.warnings.iter().map(paragraph).collect()
}

/// A table, its notes and what its columns mean.
fn sheet(sheet: &Sheet) -> String {
    let notes = sheet.notes.iter().map(|paragraph| {
        let sentences: Vec<String> = paragraph.iter().map(words).collect();
        format!("<p class=\"note\">{}</p>\n", sentences.join(" "))
    });
    let meanings = if sheet.explained { meanings(&sheet.head) } else { String::new() };
    match &sheet.folded {
        Some(summary) => folded(summary, &(grid(sheet) + &notes.collect::<String>() + &meanings)),
        None if sheet.explained => {
            let meanings = folded("What the columns mean", &meanings);
            grid(sheet) + &notes.collect::<String>() + &meanings
        }
        None => grid(sheet) + &notes.collect::<String>(),
    }
}

fn folded(summary: &str, what: &str) -> String {
    format!("<details><summary>{}</summary>\n{what}</details>\n", xml(summary))
}

fn grid(sheet: &Sheet) -> String {
    let mut html = String::from("<div class=\"wide\" tabindex=\"0\">\n<table>\n<thead><tr>");
    let _ = write!(html, "<th>{}</th>", words(&sheet.corner));
    for head in &sheet.head {
        let meaning = hint(head.meaning);
        let unit = head.unit.as_ref().map(|unit| format!("<span>{}&nbsp;</span>", xml(unit)));
        let (title, unit) = (words(&head.title), unit.unwrap_or_default());
        let _ = write!(html, "<th scope=\"col\"{meaning}>{title}{unit}</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in &sheet.rows {
        let class = if row.baseline { " class=\"baseline\"" } else { "" };
        let (hint, label) = (hint(row.hint.as_deref()), words(&row.label));
        let _ = write!(html, "<tr{class}><th scope=\"row\"{hint}>{label}</th>");
        html.extend(row.cells.iter().map(cell));
        html.push_str("</tr>\n");
    }
    html + "</tbody>\n</table>\n</div>\n"
}

/// What is shown to who points at it.
fn hint(text: Option<&str>) -> String {
    text.map_or(String::new(), |text| format!(" title=\"{}\"", xml(text)))
}

fn cell(cell: &Cell) -> String {
    let mut html = format!("<td>{}", xml(&cell.value.text()));
    let own = cell.mark.map(|mark| (String::new(), Some(mark)));
    for (text, mark) in own.iter().chain(&cell.below) {
        let _ = match mark {
            Some(mark) => {
                let (text, sign) = (xml(text), mark.sign());
                write!(html, "<small class=\"{}\">{text} {sign}</small>", mark.word())
            }
            None => write!(html, "<small>{}</small>", xml(text)),
        };
    }
    html + "</td>"
}

/// What each column is.
fn meanings(columns: &[Head]) -> String {
    let mut html = String::from("<dl>\n");
    for head in columns {
        let Some(meaning) = head.meaning else { continue };
        let unit = head.unit.iter().filter(|unit| !unit.is_empty());
        let heading: String = unit.fold(head.title.plain(), |title, unit| title + " " + unit);
        let _ = writeln!(html, "<dt>{}</dt><dd>{}</dd>", xml(&heading), xml(meaning));
    }
    html + "</dl>\n"
}

fn words(words: &Words) -> String {
    words.written(|part| match part {
        Span::Text(text) => xml(text),
        Span::Unbroken(text) => xml(text).replace(' ', "&nbsp;"),
        Span::Code(spec) => format!("<code>{}</code>", xml(spec)),
        Span::Ours(text) => (*text).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Mark, sample};

    fn figures(comparison: &Comparison) -> Vec<Figure> {
        figure::all(comparison, &Table::new(comparison))
    }

    fn page(comparison: &Comparison) -> String {
        render(comparison, &Table::new(comparison), &figures(comparison), "a = \"<b>\"")
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
        let order = [
            "class=\"verdict\"",
            "class=\"summary\"",
            "<table>",
            "<figure",
            "<details><summary>The res",
        ];
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
        // Results, the sweep, more measures, verdicts, tests, detection.
        assert_eq!(html.matches("<table>").count(), 6);
        assert!(
            html.contains("<th scope=\"col\">le=0</th>") && html.contains("Accuracy by log end")
        );
    }

    #[test]
    fn panels_are_sections_of_their_own() {
        let html = page(&sample::tuned(sample::comparison(&["ce", "el(le=1)"], 3)));
        assert_balanced(&html);
        let (own, panel) = html.split_once("<section class=\"panel\">").unwrap();
        assert!(own.contains("<th>validation accuracy % ↑</th>"));
        assert!(panel.contains("<h2>At the shared setting, lr=0.01</h2>\n<p class=\"verdict\">"));
        let (panel, rest) = panel.split_once("</section>").unwrap();
        assert!(panel.contains("<table>") && rest.contains("<h2>Figures</h2>"));
        let (_, figures) = panel.split_once("<details><summary>Figures</summary>").unwrap();
        let title = "<h3>Differences to ce, at the shared setting, lr=0.01</h3>";
        assert!(
            figures.starts_with("\n<figure id=\"differences-shared\"") && figures.contains(title)
        );
        // The losses are the same there.
        assert!(!figures.contains("fig3_bonus") && rest.contains("id=\"fig3_bonus\""));
        assert_unique_ids(&html);
    }

    #[test]
    fn figures_are_well_formed_alone() {
        for figure in figures(&sample::comparison(&["ce", "el(le=1)"], 2)) {
            let svg = figure.svg();
            assert_balanced(&svg);
            assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("<desc"));
        }
    }

    #[test]
    fn ids_are_unique() {
        assert_unique_ids(&page(&sample::comparison(&["ce", "el(le=1)"], 2)));
    }

    fn assert_unique_ids(html: &str) {
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
            run.measures.robustness[1].title = hostile.to_owned();
            run.measures.robustness[1].setting = hostile.to_owned();
        }
        let html = page(&comparison);
        assert_balanced(&html);
        assert!(!html.contains("<script") && !html.contains('\0'));
        for figure in figures(&comparison) {
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
            for figure in figures(&comparison) {
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
