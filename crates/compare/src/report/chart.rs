//! Panels of an SVG figure: axes, lines, bands, step histograms, dots, labels, cells.
//!
//! Our own few hundred lines in place of a plotting crate, because a figure has to be legible on
//! light and dark: colours are CSS classes that follow `prefers-color-scheme`, and plotting crates
//! write fixed colours. No custom properties: converters such as librsvg do not know them.
//!
//! The palette is Okabe and Ito's (colour-blind safe), darkened or lightened for contrast with the
//! background; every series also has a dash pattern of its own.

use super::axis::Axis;
use super::csv;
use super::escape::xml;
use std::fmt::Write;

/// Width of a panel, in user units.
pub const WIDTH: f64 = 420.0;
const TOP: f64 = 30.0;
const RIGHT: f64 = 14.0;
/// Left of the plot, at least: tick labels and the axis label.
const LEFT: f64 = 58.0;
/// Of that, what is not for the names of a category axis.
const BESIDE_NAMES: f64 = 28.0;
const PLOT_HEIGHT: f64 = 210.0;
/// Below the plot: tick labels and the axis label.
const BOTTOM: f64 = 46.0;
/// Height that a character of a slanted name of a category axis needs.
const SLANTED: f64 = 4.8;
/// Width of one that stands upright.
const UPRIGHT: f64 = 6.6;

/// Number of colours; series beyond repeat them with another dash pattern.
const COLOURS: usize = 6;
const DASHES: [&str; 5] = ["", "7 3", "2 2.5", "9 3 2 3", "14 4"];

/// The rules that every figure needs, in a page once or in each stand-alone file.
pub const CSS: &str = "\
.chart{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
.chart text{fill:#24292f}
.chart .mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.chart .title{font-size:13px;font-weight:600}
.chart .heading{font-size:15px;font-weight:600}
.chart .tick{fill:#57606a;font-size:11px}
.chart .paper{fill:#fff}
.chart .grid{stroke:#e4e7eb;stroke-width:1}
.chart .axis{stroke:#8c959f;stroke-width:1}
.chart .guide{fill:none;stroke:#8c959f;stroke-width:1.3;stroke-dasharray:4 4}
.chart .line{fill:none;stroke:currentColor;stroke-width:1.8;stroke-linejoin:round}
.chart .area{fill:currentColor;fill-opacity:.13;stroke:none}
.chart .dot{fill:currentColor;fill-opacity:.85;stroke:none}
.chart .cell{fill:currentColor;stroke:none}
.chart text.label{fill:currentColor;font-size:8.5px}
.c0{color:#24292f}.c1{color:#d55e00}.c2{color:#0072b2}.c3{color:#00825f}.c4{color:#b3508c}.c5{color:#a67300}
@media screen and (prefers-color-scheme:dark){
.chart text{fill:#e6e9ee}
.chart .tick{fill:#a5adb8}
.chart .paper{fill:#14171c}
.chart .grid{stroke:#2a3038}
.chart .axis,.chart .guide{stroke:#7d8793}
.c0{color:#e6e9ee}.c1{color:#ff8b3d}.c2{color:#56b4e9}.c3{color:#2fc79a}.c4{color:#e79ac6}.c5{color:#f0c64a}
}
";

/// One pair of axes and what is drawn in it.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Above the plot.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// From back to front.
    pub marks: Vec<Mark>,
}

/// One drawn thing, in the colour of a series.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Index of the series: colour and dash pattern follow from it.
    pub series: usize,
    /// What is drawn.
    pub shape: Shape,
}

/// Points whose coordinates have no place on an axis are left out, and break a line.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Points joined by straight lines.
    Line(Vec<(f64, f64)>),
    /// (x, low, high), filled in between.
    Band(Vec<(f64, f64, f64)>),
    /// A step histogram: one height for each pair of neighbouring edges.
    Steps {
        /// One more than the heights.
        edges: Vec<f64>,
        /// Heights.
        heights: Vec<f64>,
    },
    /// (x, y, radius in user units).
    Dots(Vec<(f64, f64, f64)>),
    /// (x, y, label): a short text in place of a dot.
    Labels(Vec<(f64, f64, String)>),
    /// Squares of one unit around places.
    Cells {
        /// (x, y, value)
        cells: Vec<(f64, f64, f64)>,
        /// The value from which on a square has its full colour.
        full: f64,
    },
    /// A dashed vertical line in the series' colour.
    Vertical(f64),
    /// A neutral dashed line, for reference.
    Guide(Vec<(f64, f64)>),
}

impl Shape {
    /// Its name in data files.
    pub fn name(&self) -> &'static str {
        match self {
            Shape::Line(_) => "line",
            Shape::Band(_) => "band",
            Shape::Steps { .. } => "steps",
            Shape::Dots(_) => "dots",
            Shape::Labels(_) => "labels",
            Shape::Cells { .. } => "cells",
            Shape::Vertical(_) => "vertical",
            Shape::Guide(_) => "guide",
        }
    }

    /// Its points as CSV cells: x, y, high, value; what is not finite is empty.
    pub fn rows(&self) -> Vec<[String; 4]> {
        let cell = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
        let row = |x: f64, y: f64| [cell(x), cell(y), String::new(), String::new()];
        match self {
            Shape::Line(points) | Shape::Guide(points) => {
                points.iter().map(|&(x, y)| row(x, y)).collect()
            }
            Shape::Band(points) => points
                .iter()
                .map(|&(x, low, high)| [cell(x), cell(low), cell(high), String::new()])
                .collect(),
            Shape::Steps { edges, heights } => edges
                .windows(2)
                .zip(heights)
                .map(|(edge, height)| [cell(edge[0]), cell(*height), cell(edge[1]), String::new()])
                .collect(),
            Shape::Dots(points) => points.iter().map(|&(x, y, _)| row(x, y)).collect(),
            Shape::Labels(labels) => labels
                .iter()
                .map(|(x, y, label)| [cell(*x), cell(*y), String::new(), csv::text(label)])
                .collect(),
            Shape::Cells { cells, .. } => cells
                .iter()
                .map(|&(x, y, value)| [cell(x), cell(y), String::new(), cell(value)])
                .collect(),
            Shape::Vertical(x) => vec![[cell(*x), String::new(), String::new(), String::new()]],
        }
    }
}

impl Panel {
    /// Height with its labels, in user units.
    pub fn height(&self) -> f64 {
        let slanted =
            if self.slanted() { 26.0 + SLANTED * self.longest_name() as f64 } else { 0.0 };
        TOP + PLOT_HEIGHT + f64::max(BOTTOM, slanted)
    }

    fn longest_name(&self) -> usize {
        longest(&self.x)
    }

    /// Where the plot begins: names on the vertical axis have room beside its label.
    fn left(&self) -> f64 {
        f64::max(LEFT, BESIDE_NAMES + UPRIGHT * longest(&self.y) as f64)
    }

    /// Whether the names of the horizontal axis have no room side by side.
    fn slanted(&self) -> bool {
        let names = self.x.names.as_ref().map_or(0, Vec::len);
        UPRIGHT * (names * (1 + self.longest_name())) as f64 > WIDTH - self.left() - RIGHT
    }

    /// The panel's elements, without an `<svg>` around them; `id` is unique in the document.
    pub fn draw(&self, id: &str) -> String {
        let left = self.left();
        let frame = Frame { panel: self, left, width: WIDTH - left - RIGHT };
        let mut svg = String::new();
        frame.axes(&mut svg);
        let (width, height) = (frame.width, PLOT_HEIGHT);
        let _ = write!(
            svg,
            r#"<clipPath id="{id}-clip"><rect x="{left}" y="{}" width="{width}" height="{}"/></clipPath>"#,
            TOP - 2.0,
            height + 4.0
        );
        let _ = write!(svg, r#"<g clip-path="url(#{id}-clip)">"#);
        for mark in &self.marks {
            let _ = write!(svg, r#"<g class="c{}">"#, mark.series % COLOURS);
            frame.mark(&mut svg, mark);
            svg.push_str("</g>");
        }
        svg.push_str("</g>");
        svg
    }
}

/// Characters of the longest name on `axis`.
fn longest(axis: &Axis) -> usize {
    axis.names.iter().flatten().map(|(_, name)| name.chars().count()).max().unwrap_or(0)
}

/// `stroke-dasharray` of a series, as an attribute or nothing.
fn dash(series: usize) -> String {
    match DASHES[series % DASHES.len()] {
        "" => String::new(),
        pattern => format!(r#" stroke-dasharray="{pattern}""#),
    }
}

/// The line sample of a legend, `width` wide, its middle at height `y`.
pub fn sample(series: usize, x: f64, y: f64, width: f64) -> String {
    format!(
        r#"<g class="c{}"><path class="line" d="M{x} {y}h{width}"{}/></g>"#,
        series % COLOURS,
        dash(series)
    )
}

/// A panel laid out: turns values into positions.
struct Frame<'a> {
    panel: &'a Panel,
    left: f64,
    width: f64,
}

impl Frame<'_> {
    fn x(&self, value: f64) -> Option<f64> {
        self.panel.x.position(value).map(|at| self.left + at.clamp(-20.0, 20.0) * self.width)
    }

    fn y(&self, value: f64) -> Option<f64> {
        self.panel.y.position(value).map(|at| self.floor() - at.clamp(-20.0, 20.0) * PLOT_HEIGHT)
    }

    fn point(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        self.x(x).zip(self.y(y))
    }

    fn floor(&self) -> f64 {
        TOP + PLOT_HEIGHT
    }

    fn axes(&self, svg: &mut String) {
        let (left, right, floor) = (self.left, self.left + self.width, self.floor());
        let middle = left + self.width / 2.0;
        let _ = write!(
            svg,
            r#"<text class="title" x="{middle}" y="18" text-anchor="middle">{}</text>"#,
            xml(&self.panel.title)
        );
        for (value, label) in self.panel.y.ticks() {
            let Some(y) = self.y(value) else { continue };
            let label = xml(&label);
            let _ = write!(
                svg,
                r#"<path class="grid" d="M{left} {y:.1}H{right}"/><text class="tick" x="{}" y="{:.1}" text-anchor="end">{label}</text>"#,
                left - 6.0,
                y + 3.8
            );
        }
        let slanted = self.panel.slanted();
        for (value, label) in self.panel.x.ticks() {
            let Some(x) = self.x(value) else { continue };
            let _ = write!(svg, r#"<path class="axis" d="M{x:.1} {floor}v4"/>"#);
            let label = xml(&label);
            let _ = if slanted {
                let y = floor + 14.0;
                write!(
                    svg,
                    r#"<text class="tick" x="{x:.1}" y="{y}" text-anchor="end" transform="rotate(-40 {x:.1} {y})">{label}</text>"#
                )
            } else {
                let y = floor + 17.0;
                write!(
                    svg,
                    r#"<text class="tick" x="{x:.1}" y="{y}" text-anchor="middle">{label}</text>"#
                )
            };
        }
        let _ = write!(
            svg,
            r#"<path class="axis" d="M{left} {floor}H{right}"/><text x="{middle}" y="{}" text-anchor="middle">{}</text><text text-anchor="middle" transform="translate(14 {}) rotate(-90)">{}</text>"#,
            self.panel.height() - 10.0,
            xml(&self.panel.x.label),
            TOP + PLOT_HEIGHT / 2.0,
            xml(&self.panel.y.label),
        );
    }

    fn mark(&self, svg: &mut String, mark: &Mark) {
        let dash = dash(mark.series);
        match &mark.shape {
            Shape::Line(points) => {
                let d = self.path(points);
                let _ = write!(svg, r#"<path class="line" d="{d}"{dash}/>"#);
            }
            Shape::Guide(points) => {
                let _ = write!(svg, r#"<path class="guide" d="{}"/>"#, self.path(points));
            }
            Shape::Band(points) => {
                let upper = points.iter().map(|&(x, _, high)| self.point((x, high)));
                let lower = points.iter().rev().map(|&(x, low, _)| self.point((x, low)));
                let corners: Vec<_> = upper.chain(lower).flatten().collect();
                let _ = write!(svg, r#"<path class="area" d="{}"/>"#, closed(&corners));
            }
            Shape::Steps { edges, heights } => {
                let outline = self.outline(edges, heights);
                let _ = write!(
                    svg,
                    r#"<path class="area" d="{}"/><path class="line" d="{}"{dash}/>"#,
                    closed(&outline),
                    open(&outline)
                );
            }
            Shape::Dots(points) => {
                for &(x, y, radius) in points {
                    let Some((x, y)) = self.point((x, y)) else { continue };
                    let _ = write!(
                        svg,
                        r#"<circle class="dot" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}"/>"#
                    );
                }
            }
            Shape::Labels(labels) => {
                for (x, y, label) in labels {
                    let Some((x, y)) = self.point((*x, *y)) else { continue };
                    let _ = write!(
                        svg,
                        r#"<text class="label" x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                        y + 3.0,
                        xml(label)
                    );
                }
            }
            Shape::Cells { cells, full } => {
                for &(x, y, value) in cells {
                    let corners =
                        self.point((x - 0.5, y + 0.5)).zip(self.point((x + 0.5, y - 0.5)));
                    let Some(((left, one), (right, other))) = corners else { continue };
                    let _ = write!(
                        svg,
                        r#"<rect class="cell" x="{left:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill-opacity="{:.3}"/>"#,
                        one.min(other),
                        (right - left).abs(),
                        (other - one).abs(),
                        if value.is_finite() { (value / full).clamp(0.0, 1.0) } else { 0.0 }
                    );
                }
            }
            Shape::Vertical(x) => {
                let Some(x) = self.x(*x) else { return };
                let _ = write!(
                    svg,
                    r#"<path class="line" d="M{x:.1} {TOP}v{PLOT_HEIGHT}" stroke-dasharray="3 4" style="stroke-width:1.2"/>"#
                );
            }
        }
    }

    /// A path with a gap wherever a point has no place.
    fn path(&self, points: &[(f64, f64)]) -> String {
        points
            .split(|point| self.point(*point).is_none())
            .map(|run| open(&run.iter().filter_map(|point| self.point(*point)).collect::<Vec<_>>()))
            .collect()
    }

    /// The top of a histogram, from the floor to the floor; what has no height lies on the floor.
    fn outline(&self, edges: &[f64], heights: &[f64]) -> Vec<(f64, f64)> {
        let floor = self.floor();
        let height = |at: usize| self.y(heights[at]).map_or(floor, |y| y.min(floor));
        let mut outline = Vec::with_capacity(2 * heights.len() + 2);
        for (at, edge) in edges.windows(2).enumerate().take(heights.len()) {
            let Some((left, right)) = self.x(edge[0]).zip(self.x(edge[1])) else { continue };
            if outline.is_empty() {
                outline.push((left, floor));
            }
            outline.extend([(left, height(at)), (right, height(at))]);
        }
        if let Some(&(right, _)) = outline.last() {
            outline.push((right, floor));
        }
        outline
    }
}

fn open(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        let _ = write!(d, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
    }
    d
}

fn closed(points: &[(f64, f64)]) -> String {
    let d = open(points);
    if d.is_empty() { d } else { d + "Z" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(marks: Vec<Mark>) -> Panel {
        let axis = || Axis::linear("a < b", 0.0, 10.0);
        Panel { title: "<b>".to_owned(), x: axis(), y: axis(), marks }
    }

    #[test]
    fn a_line_breaks_where_a_value_is_missing() {
        let line = vec![(0.0, 0.0), (1.0, f64::NAN), (2.0, 1.0), (3.0, 1.0)];
        let svg = panel(vec![Mark { series: 1, shape: Shape::Line(line) }]).draw("a");
        let d = svg.split(r#"class="line" d=""#).nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(d.matches('M').count(), 2, "{d}");
        assert!(!svg.contains("NaN") && !svg.contains("<b>") && svg.contains("a &lt; b"));
    }

    #[test]
    fn labels_are_text_and_cells_are_squares_around_their_place() {
        let shapes = [
            Shape::Labels(vec![(5.0, 5.0, "<3>".to_owned()), (f64::NAN, 1.0, "gone".to_owned())]),
            Shape::Cells { cells: vec![(5.0, 5.0, 0.5), (1.0, 1.0, f64::NAN)], full: 2.0 },
        ];
        let marks = shapes.map(|shape| Mark { series: 0, shape });
        let svg = panel(marks.to_vec()).draw("a");
        assert!(svg.contains("&lt;3&gt;") && !svg.contains("gone") && !svg.contains("NaN"));
        let unit = (WIDTH - LEFT - RIGHT) / 10.0;
        let left = LEFT + 4.5 * unit;
        let cell = format!(r#"<rect class="cell" x="{left:.1}" y="{:.1}""#, TOP + 4.5 * 21.0);
        assert!(svg.contains(&cell), "{cell} {svg}");
        assert!(svg.contains(&format!(r#"width="{unit:.1}""#)) && svg.contains(r#"="0.250""#));
    }

    /// The names end left of the plot; its label, turned, takes what is left of 20.
    #[test]
    fn names_on_the_left_have_room_beside_the_label() {
        let mut panel = panel(Vec::new());
        assert_eq!(panel.left(), LEFT);
        panel.y.names = Some(vec![(1.0, "Iris-vers…".to_owned())]);
        let left = panel.left();
        assert!(left - 6.0 - 10.0 * UPRIGHT > 20.0, "{left}");
        let svg = panel.draw("a");
        assert!(svg.contains(&format!(r#"x="{}" y=""#, left - 6.0)), "{svg}");
        assert!(svg.contains(&format!(r#"M{left} "#)), "{svg}");
    }

    #[test]
    fn a_histogram_stands_on_the_floor() {
        let shape = Shape::Steps { edges: vec![0.0, 5.0, 10.0], heights: vec![10.0, f64::NAN] };
        let svg = panel(vec![Mark { series: 0, shape }]).draw("a");
        let d = svg.split(r#"class="line" d=""#).nth(1).unwrap().split('"').next().unwrap();
        let (floor, top) = (TOP + PLOT_HEIGHT, TOP);
        let (left, right) = (LEFT, WIDTH - RIGHT);
        let middle = (left + right) / 2.0;
        assert_eq!(
            d,
            format!(
                "M{left:.1} {floor:.1}L{left:.1} {top:.1}L{middle:.1} {top:.1}L{middle:.1} {floor:.1}\
                 L{right:.1} {floor:.1}L{right:.1} {floor:.1}"
            )
        );
    }

    #[test]
    fn no_two_of_thirty_series_look_the_same() {
        let looks: std::collections::HashSet<_> =
            (0..30).map(|series| (series % COLOURS, dash(series))).collect();
        assert_eq!(looks.len(), 30);
    }

    #[test]
    fn far_values_keep_coordinates_small() {
        let line = vec![(0.0, 1e300), (10.0, -1e300)];
        let svg = panel(vec![Mark { series: 0, shape: Shape::Line(line) }]).draw("a");
        assert!(svg.len() < 5000, "{}", svg.len());
    }
}
