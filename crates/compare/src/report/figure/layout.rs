//! [`Figure`]: panels, a legend and a caption, as a stand-alone SVG file or as part of a page.

use crate::report::chart::{self, Mark, Panel};
use crate::report::csv;
use crate::report::escape::xml;
use std::fmt::Write;

/// In every SVG file of ours, so that a later run knows which files it may overwrite.
pub const GENERATOR: &str = "<!-- Drawn by steepness, which overwrites this file. -->";

const MARGIN: f64 = 14.0;
/// Height of the figure's title, and of one line of the legend.
const TITLE: f64 = 30.0;
const LEGEND_LINE: f64 = 22.0;
/// Width of a legend's line sample with its gaps, and of one of its (monospaced) characters.
const SAMPLE: f64 = 46.0;
const CHARACTER: f64 = 7.3;

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// File name without its extension.
    pub name: String,
    /// What it is.
    pub title: String,
    /// What is shown, over which seeds, and how to read it.
    pub caption: String,
    /// (series, label).
    pub legend: Vec<(usize, String)>,
    /// Side by side.
    pub panels: Vec<Panel>,
}

impl Figure {
    /// The file's name.
    pub fn file_name(&self) -> String {
        format!("{}.svg", self.name)
    }

    /// The same of a panel that is called `key` in the names of files, and `title` after "At" or "On".
    #[must_use]
    pub fn of_panel(self, key: &str, title: &str) -> Self {
        let mut letters = title.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let title: String = first.into_iter().chain(letters).collect();
        Self {
            name: format!("{}-{key}", self.name),
            title: format!("{}, {title}", self.title),
            ..self
        }
    }

    /// The data of the drawing as a CSV file: a row a point, whatever its shape. `series` is the
    /// legend's name; `high` and `value` are empty where the shape has no such number (a band goes
    /// from y to high, a histogram's bin from x to high with the height y, a cell and a label have a
    /// value of their own).
    pub fn csv(&self) -> String {
        let mut file = csv::line(
            ["panel", "series", "shape", "x", "y", "high", "value"].map(str::to_owned).as_ref(),
        );
        for panel in &self.panels {
            for Mark { series, shape } in &panel.marks {
                let name = self.legend.iter().find(|(own, _)| own == series);
                let name = name.map_or(String::new(), |(_, name)| csv::text(name));
                for [x, y, high, value] in shape.rows() {
                    let kind = shape.name().to_owned();
                    let cells = [csv::text(&panel.title), name.clone(), kind, x, y, high, value];
                    file += &csv::line(&cells);
                }
            }
        }
        file
    }

    /// Panels a row: up to three, but four as two and two.
    fn columns(&self) -> usize {
        match self.panels.len() {
            4 => 2,
            panels => panels.clamp(1, 3),
        }
    }

    /// A stand-alone SVG file, legible on light and dark.
    pub fn svg(&self) -> String {
        let columns = self.columns();
        let width = 2.0 * MARGIN + chart::WIDTH * columns as f64;
        let mut body = String::new();
        let mut y = MARGIN;
        let _ = write!(
            body,
            r#"<text class="heading" x="{MARGIN}" y="{}">{}</text>"#,
            y + 16.0,
            xml(&self.title)
        );
        y += TITLE;
        y = self.draw_legend(&mut body, y, width);
        for (row, panels) in self.panels.chunks(columns).enumerate() {
            for (column, panel) in panels.iter().enumerate() {
                let x = MARGIN + chart::WIDTH * column as f64;
                let id = format!("{}-{}", self.name, row * columns + column);
                let _ =
                    write!(body, r#"<g transform="translate({x} {y})">{}</g>"#, panel.draw(&id));
            }
            y += panels.iter().map(Panel::height).fold(0.0, f64::max);
        }
        let height = y + MARGIN;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{GENERATOR}\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"title desc\">\n\
             <title id=\"title\">{title}</title>\n<desc id=\"desc\">{caption}</desc>\n\
             <style>\n{css}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{body}\n</svg>\n",
            title = xml(&self.title),
            caption = xml(&self.caption),
            css = xml(chart::CSS),
        )
    }

    /// A `<figure>` for a page that holds the charts' CSS: each panel an SVG of its own, so that
    /// panels stand side by side on a desk and below each other on a phone.
    pub fn html(&self) -> String {
        let mut html = format!(
            "<figure id=\"{}\" class=\"n{}\">\n<h3>{}</h3>\n",
            self.name,
            self.columns(),
            xml(&self.title)
        );
        if !self.legend.is_empty() {
            html.push_str("<ul class=\"legend\">");
            for (series, label) in &self.legend {
                let _ = write!(
                    html,
                    "<li><svg class=\"chart\" width=\"34\" height=\"10\" aria-hidden=\"true\">{}\
                     </svg><code>{}</code></li>",
                    chart::sample(*series, 0.0, 5.0, 34.0),
                    xml(label)
                );
            }
            html.push_str("</ul>\n");
        }
        html.push_str("<div class=\"panels\">\n");
        for (at, panel) in self.panels.iter().enumerate() {
            let id = format!("{}-{at}", self.name);
            let _ = writeln!(
                html,
                "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" \
                 aria-labelledby=\"{id}-title\"><title id=\"{id}-title\">{}: {} ({} against {})\
                 </title>{}</svg>",
                chart::WIDTH,
                panel.height(),
                xml(&self.title),
                xml(&panel.title),
                xml(&panel.y.label),
                xml(&panel.x.label),
                panel.draw(&id),
            );
        }
        let _ =
            write!(html, "</div>\n<figcaption>{}</figcaption>\n</figure>\n", xml(&self.caption));
        html
    }

    /// Draws the legend from height `y` on, in as many lines as it needs; the height below it.
    fn draw_legend(&self, body: &mut String, y: f64, width: f64) -> f64 {
        if self.legend.is_empty() {
            return y;
        }
        let (mut x, mut y) = (MARGIN, y);
        for (series, label) in &self.legend {
            let needed = SAMPLE + CHARACTER * label.chars().count() as f64 + 18.0;
            if x > MARGIN && x + needed > width - MARGIN {
                (x, y) = (MARGIN, y + LEGEND_LINE);
            }
            let _ = write!(
                body,
                r#"{}<text class="mono" x="{}" y="{}">{}</text>"#,
                chart::sample(*series, x, y + 8.0, SAMPLE - 10.0),
                x + SAMPLE - 4.0,
                y + 12.0,
                xml(label)
            );
            x += needed;
        }
        y + LEGEND_LINE + 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::axis::Axis;
    use crate::report::chart::Shape;

    #[test]
    fn every_point_of_a_figure_is_a_row_of_its_data() {
        let axis = || Axis::linear("a", 0.0, 1.0);
        let steps = Shape::Steps { edges: vec![0.0, 0.5, 1.0], heights: vec![2.0, 0.25] };
        let marks = [
            Shape::Line(vec![(0.5, f64::NAN)]),
            Shape::Band(vec![(0.5, 1.0, 2.0)]),
            steps,
            Shape::Labels(vec![(0.1, 0.2, "=x,".to_owned())]),
            Shape::Cells { cells: vec![(1.0, 2.0, 0.5)], full: 1.0 },
            Shape::Vertical(0.75),
        ];
        let panel = Panel {
            title: "one, two".to_owned(),
            x: axis(),
            y: axis(),
            marks: marks.into_iter().map(|shape| Mark { series: 3, shape }).collect(),
        };
        let figure = Figure {
            name: "f".to_owned(),
            title: String::new(),
            caption: String::new(),
            legend: vec![(3, "ce".to_owned())],
            panels: vec![panel],
        };
        let expected = [
            "panel,series,shape,x,y,high,value",
            "\"one, two\",ce,line,0.5,,,",
            "\"one, two\",ce,band,0.5,1,2,",
            "\"one, two\",ce,steps,0,2,0.5,",
            "\"one, two\",ce,steps,0.5,0.25,1,",
            "\"one, two\",ce,labels,0.1,0.2,,\"'=x,\"",
            "\"one, two\",ce,cells,1,2,,0.5",
            "\"one, two\",ce,vertical,0.75,,,",
        ];
        assert_eq!(figure.csv().split_terminator("\r\n").collect::<Vec<_>>(), expected);
    }
}
