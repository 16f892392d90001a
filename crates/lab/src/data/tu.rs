//! The text format of the TU Dortmund collection of graph data sets (Morris et al. 2020, "TUDataset"):
//! `DS_A.txt` with an edge a line, `DS_graph_indicator.txt` with the graph of each node,
//! `DS_graph_labels.txt` with the class of each graph, and what else there is of `DS_node_labels.txt`,
//! `DS_node_attributes.txt`, `DS_edge_labels.txt`, `DS_edge_attributes.txt`. Nodes and graphs are
//! counted from 1.
//!
//! As PyTorch Geometric does, an edge that is there twice counts once, and one from a node to itself
//! is left out.

mod lines;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::examples::learnable;
use super::graphs::{Graphs, Store};
use super::{Examples, Inputs, Shape, files};
use crate::{Error, Result, plain};
use lines::{Rows, as_many_as, at_line, below, expected, numbers};

/// More nodes, edges and numbers on nodes than any data set of the collection has (5 million, 25
/// million, 300 million): a file of a few bytes may unpack to any number of lines.
const MOST_NODES: usize = 1 << 24;
const MOST_EDGES: usize = 1 << 26;
const MOST_NUMBERS: usize = 1 << 29;

/// More classes are no classes.
const MOST_CLASSES: usize = 1 << 16;

/// More features of a node no file has.
const MOST_WIDTH: usize = 1 << 20;

/// Degrees from this one on are the same feature.
const MOST_DEGREE: usize = 64;

/// How every file that says which node belongs to which graph ends.
pub const INDICATOR: &str = "_graph_indicator.txt";

/// What the features of a node are made of: numbers as they are, then a 0 or 1 for each label that
/// there is; where there are neither, for each number of neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFeatures {
    /// How many numbers, from `DS_node_attributes.txt`.
    pub attributes: usize,
    /// The labels of each column of `DS_node_labels.txt`, ascending.
    pub labels: Vec<Vec<i64>>,
    /// How many numbers of neighbours are told apart; the last stands for all that are larger.
    pub degrees: usize,
}

impl NodeFeatures {
    /// How many features a node has.
    pub fn width(&self) -> usize {
        self.attributes + self.labels.iter().map(Vec::len).sum::<usize>() + self.degrees
    }

    /// The same of what comes from a file, if it can be counted.
    pub(super) fn sound_width(&self) -> Option<usize> {
        let labels = self.labels.iter().try_fold(0usize, |sum, of| sum.checked_add(of.len()))?;
        let width = self.attributes.checked_add(labels)?.checked_add(self.degrees)?;
        (width <= MOST_WIDTH && self.degrees <= MOST_DEGREE + 1).then_some(width)
    }

    /// That of graphs whose nodes have them.
    pub fn shape(&self) -> Shape {
        Shape::Graph { features: self.width(), attributes: self.attributes }
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<String> {
        let attributes = (1..=self.attributes).map(|at| format!("attribute {at}"));
        let several = self.labels.len() > 1;
        let labels = self.labels.iter().enumerate().flat_map(|(column, labels)| {
            let of = if several { format!("label {} = ", column + 1) } else { "label ".to_owned() };
            labels.iter().map(move |label| format!("{of}{label}"))
        });
        let degrees = (0..self.degrees).map(|degree| format!("{degree} neighbours"));
        attributes.chain(labels).chain(degrees).collect()
    }
}

/// A data set in memory.
#[derive(Clone, Debug)]
pub struct Tu {
    /// The graphs and their classes.
    pub examples: Examples,
    /// What the features of their nodes are.
    pub features: NodeFeatures,
    /// What there is beyond that, and not used.
    pub unused: Vec<&'static str>,
}

/// The files of a data set.
struct Files {
    folder: PathBuf,
    /// What their names begin with.
    name: String,
}

impl Tu {
    /// Reads the data set in the folder `path`, or in the one folder of its that holds one, or the one of
    /// several whose indicator file `path` is. Numbers on the nodes are features if there are no
    /// labels, or if `attributes` asks for them.
    ///
    /// # Errors
    /// Names the file and the line; several data sets in the folder; more than the collection has.
    pub fn load(path: &Path, attributes: bool) -> Result<Self> {
        let files = Files::find(path)?;
        let labels_path = files.path("graph_labels");
        let labels = lines::column(&labels_path, MOST_NODES)?;
        let mut names = labels.clone();
        names.sort_unstable();
        names.dedup();
        if names.len() > MOST_CLASSES {
            let problem = format!("{} different ones are too many", names.len());
            return Err(Error::malformed(&labels_path, "classes", problem));
        }
        let class = |label: &i64| names.partition_point(|name| name < label) as i64;
        let classes: Vec<i64> = labels.iter().map(class).collect();
        let names: Vec<String> = names.iter().map(i64::to_string).collect();
        learnable(&labels_path, &classes, &names)?;
        let raw = Raw::read(&files, Some(labels.len()))?;
        let features = raw.features(&files, attributes)?;
        let mut unused = Vec::new();
        if raw.attributes.is_some() && features.attributes == 0 {
            unused.push("node attributes");
        }
        for (kind, what) in [("edge_labels", "edge labels"), ("edge_attributes", "edge attributes")]
        {
            if let Some(path) = files.optional(kind)? {
                let lines = lines::each(&path, usize::MAX, &mut |_, _| Ok(()))?;
                as_many_as(&path, lines, raw.lines, "edges")?;
                unused.push(what);
            }
        }
        let graphs = raw.into_graphs(&files, &features)?;
        let shape = features.shape();
        let inputs = Inputs::Graphs(graphs);
        let examples = Examples { inputs, shape, labels: classes, classes: names };
        Ok(Self { examples, features, unused })
    }

    /// The folder in which the files lie that [`Tu::load`] reads, and these.
    ///
    /// # Errors
    /// A folder without graphs.
    pub(super) fn files(path: &Path) -> Result<(PathBuf, Vec<PathBuf>)> {
        let files = Files::find(path)?;
        let mut all: Vec<PathBuf> =
            ["A", "graph_indicator", "graph_labels"].map(|kind| files.path(kind)).into();
        for kind in ["node_labels", "node_attributes", "edge_labels", "edge_attributes"] {
            all.extend(files.optional(kind)?);
        }
        Ok((files.folder, all))
    }
}

/// Graphs in the folder `path` whose nodes have the `features` of another data set; they need no
/// classes.
///
/// # Errors
/// Names the file and the line, such as that of a label which is not among the features.
pub fn read(path: &Path, features: &NodeFeatures) -> Result<Graphs> {
    let files = Files::find(path)?;
    Raw::read(&files, None)?.into_graphs(&files, features)
}

impl Files {
    fn find(path: &Path) -> Result<Self> {
        let mut found = Self::all(path)?;
        match found.len() {
            0 => Err(Error::Request(format!("{}: there is no file *{INDICATOR}", path.display()))),
            1 => Ok(found.swap_remove(0)),
            _ => {
                let names: Vec<&str> = found.iter().take(5).map(|set| set.name.as_str()).collect();
                let more = match found.len() - names.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                Err(Error::Request(format!(
                    "{}: there are several sets of graphs in it: {}{more}; name the file of one: {}",
                    path.display(),
                    plain::name(&names.join(", ")),
                    found[0].path("graph_indicator").display()
                )))
            }
        }
    }

    /// Those in the folder `path` and in its folders, or the one whose indicator it is.
    fn all(path: &Path) -> Result<Vec<Self>> {
        let of = |file: &Path| {
            let name = files::name(file).strip_suffix(INDICATOR)?.to_owned();
            Some(Self { folder: file.parent()?.to_owned(), name })
        };
        if !path.is_dir() {
            return Ok(of(path).into_iter().collect());
        }
        let entries = files::entries(path)?;
        let mut found: Vec<Self> = entries.iter().filter_map(|entry| of(entry)).collect();
        for folder in entries.iter().filter(|entry| entry.is_dir()) {
            // What may not be looked into holds nothing for us.
            let inner = files::entries(folder).unwrap_or_default();
            found.extend(inner.iter().filter_map(|entry| of(entry)));
        }
        Ok(found)
    }

    fn path(&self, kind: &str) -> PathBuf {
        self.folder.join(format!("{}_{kind}.txt", self.name))
    }

    /// The path of a file that need not be there, if it is.
    fn optional(&self, kind: &str) -> Result<Option<PathBuf>> {
        let path = self.path(kind);
        Ok(path.try_exists().map_err(Error::input(&path))?.then_some(path))
    }
}

/// Whether a data set lies in the folder `path` or in one of its folders.
pub fn is_there(path: &Path) -> bool {
    Files::all(path).is_ok_and(|found| !found.is_empty())
}

/// What the files say, node by node in the order of the graphs.
struct Raw {
    /// Where the nodes of each graph begin and end.
    nodes: Vec<usize>,
    /// The line of each node, from 0.
    line_of: Vec<usize>,
    edges: Edges,
    /// Edges as the file has them.
    lines: usize,
    /// The labels of each node, by lines.
    labels: Option<Rows<i64>>,
    /// The numbers of each node, by lines.
    attributes: Option<Rows<f32>>,
}

/// The nodes that lead to each node, ascending and each once.
struct Edges {
    /// Those that lead to node i are at `ends[i]` to `ends[i + 1]`.
    ends: Vec<usize>,
    sources: Vec<u32>,
}

impl Raw {
    /// `graphs` of them, or as many as the indicator names.
    fn read(files: &Files, graphs: Option<usize>) -> Result<Self> {
        let path = files.path("graph_indicator");
        let graph_of = lines::indices(&path, MOST_NODES, graphs, "graphs")?;
        let graphs = graphs.unwrap_or(graph_of.iter().max().map_or(0, |last| last + 1));
        let mut counts = vec![0usize; graphs];
        graph_of.iter().for_each(|&graph| counts[graph] += 1);
        if let Some(empty) = counts.iter().position(|&count| count == 0) {
            let problem = format!("no line names graph {}: it has no nodes", empty + 1);
            return Err(Error::malformed(&path, "graphs", problem));
        }
        let nodes = ends(counts);
        // The file may name graphs in any order: what counts is the order of lines within each.
        let mut next = nodes.clone();
        let mut place = Vec::with_capacity(graph_of.len());
        let mut line_of = vec![0; graph_of.len()];
        for (line, &graph) in graph_of.iter().enumerate() {
            line_of[next[graph]] = line;
            place.push(next[graph]);
            next[graph] += 1;
        }
        let (edges, lines) = edges(&files.path("A"), &graph_of, &place)?;
        let count = graph_of.len();
        let labels = optional_rows(files, "node_labels", count)?;
        let attributes: Option<Rows<f32>> = optional_rows(files, "node_attributes", count)?;
        let infinite = |rows: &Rows<f32>| rows.values().iter().position(|x| !x.is_finite());
        if let Some((rows, at)) = attributes.as_ref().and_then(|rows| Some((rows, infinite(rows)?)))
        {
            let path = files.path("node_attributes");
            return Err(at_line(&path, at / rows.width, "a number that is not finite"));
        }
        Ok(Self { nodes, line_of, edges, lines, labels, attributes })
    }

    /// What can be made of the nodes.
    fn features(&self, files: &Files, attributes: bool) -> Result<NodeFeatures> {
        if attributes && self.attributes.is_none() {
            let missing = std::io::ErrorKind::NotFound.into();
            return Err(Error::input(&files.path("node_attributes"))(missing));
        }
        let numbers = self.attributes.as_ref().map_or(0, |rows| rows.width);
        let distinct = |rows: &Rows<i64>, column: usize| {
            let mut labels: Vec<i64> = rows.column(column).copied().collect();
            labels.sort_unstable();
            labels.dedup();
            labels
        };
        let labels: Vec<Vec<i64>> = self.labels.as_ref().map_or(Vec::new(), |rows| {
            (0..rows.width).map(|column| distinct(rows, column)).collect()
        });
        let features = NodeFeatures {
            attributes: if attributes || labels.is_empty() { numbers } else { 0 },
            labels,
            degrees: 0,
        };
        if features.width() > 0 {
            return Ok(features);
        }
        let most = self.edges.degrees().max().unwrap_or(0);
        Ok(NodeFeatures { degrees: most.min(MOST_DEGREE) + 1, ..features })
    }

    /// The graphs with `features` on their nodes.
    fn into_graphs(self, files: &Files, features: &NodeFeatures) -> Result<Graphs> {
        let (width, count) = (features.width(), self.line_of.len());
        if width.saturating_mul(count) > MOST_NUMBERS {
            let problem =
                format!("{width} features for each of {count} nodes are too many numbers");
            let kind = if features.labels.is_empty() { "graph_indicator" } else { "node_labels" };
            return Err(Error::malformed(&files.path(kind), "nodes", problem));
        }
        let mut values = vec![0f32; count * width];
        for (node, values) in values.chunks_exact_mut(width.max(1)).enumerate() {
            self.fill(node, values, files, features)?;
        }
        let Edges { ends, mut sources } = self.edges;
        for nodes in self.nodes.windows(2) {
            let of_graph = &mut sources[ends[nodes[0]]..ends[nodes[1]]];
            of_graph.iter_mut().for_each(|source| *source -= nodes[0] as u32);
        }
        Ok(Graphs::from(Store {
            width,
            attributes: features.attributes,
            features: values,
            nodes: self.nodes,
            sources,
            edges: ends,
        }))
    }

    /// The features of `node` into `values`, which are 0.
    fn fill(
        &self,
        node: usize,
        values: &mut [f32],
        files: &Files,
        features: &NodeFeatures,
    ) -> Result<()> {
        let line = self.line_of[node];
        let mut at = features.attributes;
        if at > 0 {
            let row = self.attributes.as_ref().map_or(&[][..], |rows| rows.row(line));
            expected(&files.path("node_attributes"), line, row.len(), at)?;
            values[..at].copy_from_slice(row);
        }
        if !features.labels.is_empty() {
            let path = files.path("node_labels");
            let row = self.labels.as_ref().map_or(&[][..], |rows| rows.row(line));
            expected(&path, line, row.len(), features.labels.len())?;
            for (label, known) in row.iter().zip(&features.labels) {
                let place = known.binary_search(label).map_err(|_| {
                    let problem = format!("the label {label} is not among those of the training");
                    at_line(&path, line, problem)
                })?;
                values[at + place] = 1.0;
                at += known.len();
            }
        }
        if features.degrees > 0 {
            let degree = self.edges.ends[node + 1] - self.edges.ends[node];
            values[at + degree.min(features.degrees - 1)] = 1.0;
        }
        Ok(())
    }
}

impl Edges {
    /// How many nodes lead to each node.
    fn degrees(&self) -> impl Iterator<Item = usize> {
        self.ends.windows(2).map(|ends| ends[1] - ends[0])
    }
}

/// Where parts of these sizes end, after a 0.
fn ends(counts: Vec<usize>) -> Vec<usize> {
    let mut ends = Vec::with_capacity(counts.len() + 1);
    ends.push(0);
    for count in counts {
        ends.push(ends[ends.len() - 1] + count);
    }
    ends
}

/// The edges, and the number of lines; `graph_of` and `place` go by the lines of the indicator.
fn edges(path: &Path, graph_of: &[usize], place: &[usize]) -> Result<(Edges, usize)> {
    // To which node, and from which.
    let (mut pairs, mut row): (Vec<[u32; 2]>, Vec<usize>) = (Vec::new(), Vec::new());
    let lines = lines::each(path, MOST_EDGES, &mut |line, text| {
        row.clear();
        numbers(path, line, text, &mut row)?;
        let &[from, to] = &row[..] else {
            return Err(at_line(path, line, format!("{text:?} is not two nodes \"from, to\"")));
        };
        for node in [from, to] {
            below(path, line, node, graph_of.len(), "nodes")?;
        }
        let (from, to) = (from - 1, to - 1);
        if graph_of[from] != graph_of[to] {
            let problem = format!(
                "an edge from node {} in graph {} to node {} in graph {}",
                from + 1,
                graph_of[from] + 1,
                to + 1,
                graph_of[to] + 1
            );
            return Err(at_line(path, line, problem));
        }
        if from != to {
            pairs.push([place[to] as u32, place[from] as u32]); // below MOST_NODES
        }
        Ok(())
    })?;
    pairs.sort_unstable();
    pairs.dedup();
    let mut degrees = vec![0; graph_of.len()];
    pairs.iter().for_each(|[to, _]| degrees[*to as usize] += 1);
    let sources = pairs.into_iter().map(|[_, from]| from).collect();
    Ok((Edges { ends: ends(degrees), sources }, lines))
}

/// Rows of numbers, one for each of `count` nodes; `None` without the file.
fn optional_rows<T: std::str::FromStr>(
    files: &Files,
    kind: &str,
    count: usize,
) -> Result<Option<Rows<T>>> {
    files.optional(kind)?.map(|path| lines::rows(&path, count)).transpose()
}

#[cfg(test)]
pub(crate) mod tests;
