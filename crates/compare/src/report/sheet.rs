//! [`Sheet`]: a table as it is shown: a head, rows, notes.
//!
//! Its card in [`super::tables`] says once what is in it. How a head, a mark or a note looks in a
//! terminal, in Markdown, on the page, in a CSV file and in JSON is the business of the renderer of
//! that form, which knows no table by its name.

use super::table::Mark;

/// A table, ready to be written in any form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// What the page folds it away under; it stands open without.
    pub folded: Option<String>,
    /// What the rows are, above their labels.
    pub corner: Words,
    /// The columns.
    pub head: Vec<Head>,
    /// Each with one cell a column.
    pub rows: Vec<Row>,
    /// What there is to be said below: paragraphs of sentences.
    pub notes: Vec<Vec<Words>>,
    /// Whether the page says below what each column means.
    pub explained: bool,
}

/// The head of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// What is in it.
    pub title: Words,
    /// Unit and direction: below the title, or behind it where there is one line.
    pub unit: Option<String>,
    /// What it means, in one sentence.
    pub meaning: Option<&'static str>,
    /// Whether its cells may have marks, so that there is room for one.
    pub marked: bool,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// What it is about.
    pub label: Words,
    /// More about the label, for who points at it.
    pub hint: Option<String>,
    /// Whether it is what the other rows are to be seen against.
    pub baseline: bool,
    /// One a column.
    pub cells: Vec<Cell>,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What it says.
    pub value: Value,
    /// How it differs.
    pub mark: Option<Mark>,
    /// Smaller lines below, which only the page has room for.
    pub below: Vec<(String, Option<Mark>)>,
}

/// What a cell says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words, or nothing.
    Text(String),
    /// How many.
    Count(u64),
    /// A number in full precision, where there is one.
    Number(Option<f64>),
    /// A number as people read it, "98.61 ± 0.25", and as programs do.
    Rounded(String, Option<f64>),
}

impl Default for Value {
    fn default() -> Self {
        Value::Text(String::new())
    }
}

impl Value {
    /// For people.
    pub fn text(&self) -> String {
        match self {
            Value::Text(text) | Value::Rounded(text, _) => text.clone(),
            Value::Count(count) => count.to_string(),
            Value::Number(value) => value.map_or(String::new(), |value| value.to_string()),
        }
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Cell { value, ..Cell::default() }
    }
}

/// A line of text, in parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words(pub Vec<Span>);

/// A part of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    /// Text from anywhere.
    Text(String),
    /// Text that is not broken at its spaces.
    Unbroken(String),
    /// The spec of a loss or a setting.
    Code(String),
    /// Our own words: the page needs to escape nothing in them.
    Ours(&'static str),
}

impl Span {
    /// As it is.
    pub fn plain(&self) -> &str {
        match self {
            Span::Text(text) | Span::Unbroken(text) | Span::Code(text) => text,
            Span::Ours(text) => text,
        }
    }
}

impl Words {
    /// A single part of text.
    pub fn text(text: impl Into<String>) -> Self {
        Words(vec![Span::Text(text.into())])
    }

    /// A single spec.
    pub fn code(spec: impl Into<String>) -> Self {
        Words(vec![Span::Code(spec.into())])
    }

    /// Without what tells the parts from each other.
    pub fn plain(&self) -> String {
        self.0.iter().map(Span::plain).collect()
    }

    /// Each part as `write` has it.
    pub fn written(&self, write: impl Fn(&Span) -> String) -> String {
        self.0.iter().map(write).collect()
    }
}

impl Head {
    /// A title, and nothing else.
    pub fn new(title: Words) -> Self {
        Head { title, ..Head::default() }
    }
}

impl Row {
    /// A label and what stands beside it.
    pub fn new(label: Words, cells: Vec<Cell>) -> Self {
        Row { label, cells, ..Row::default() }
    }
}
