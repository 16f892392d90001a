//! [`Graphs`]: graphs with features on their nodes, and the batches that a model takes of them.

use std::sync::Arc;

use tch::Tensor;

use super::{Batch, BatchSource, Batches, Order};
use crate::Result;

/// Some of the graphs of a data set. A selection shares the features and edges with the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Graphs {
    all: Arc<Store>,
    /// Which of them.
    rows: Vec<usize>,
}

/// Graphs, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    /// Features of a node.
    pub width: usize,
    /// How many of them, the first ones, are numbers of any size; the others are 0 or 1.
    pub attributes: usize,
    /// Features, row-major (nodes, width).
    pub features: Vec<f32>,
    /// The nodes of graph g are those from `nodes[g]` up to `nodes[g + 1]`.
    pub nodes: Vec<usize>,
    /// The node that each edge comes from, counted within its graph; edges lie in the order of the
    /// nodes that they go to, and those of a node in the order of where they come from.
    pub sources: Vec<u32>,
    /// The edges that go to node i of all are those from `edges[i]` up to `edges[i + 1]`.
    pub edges: Vec<usize>,
}

impl Store {
    /// How many graphs.
    pub fn len(&self) -> usize {
        self.nodes.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store {
    /// Puts the graphs of `other`, whose nodes have the same features, behind those that there are.
    fn append(&mut self, other: &Store) {
        let (nodes, edges) =
            (self.nodes.last().copied().unwrap_or(0), self.edges.last().copied().unwrap_or(0));
        let behind = |before: usize, ends: &[usize]| -> Vec<usize> {
            ends.iter().skip(1).map(|end| before + end).collect()
        };
        self.nodes.extend(behind(nodes, &other.nodes));
        self.edges.extend(behind(edges, &other.edges));
        self.features.extend_from_slice(&other.features);
        self.sources.extend_from_slice(&other.sources);
    }
}

impl From<Store> for Graphs {
    fn from(store: Store) -> Self {
        Self { rows: (0..store.len()).collect(), all: Arc::new(store) }
    }
}

impl Graphs {
    /// All of `parts`, whose nodes have the same features, one after the other.
    pub fn joined(mut parts: Vec<Graphs>) -> Self {
        if parts.len() == 1 {
            return parts.swap_remove(0);
        }
        let first = parts.first().map(|first| &*first.all);
        let (width, attributes) = first.map_or((0, 0), |first| (first.width, first.attributes));
        let (nodes, edges) = (vec![0], vec![0]);
        let mut all = Store { width, attributes, nodes, edges, ..Store::default() };
        let mut rows = Vec::new();
        for part in &parts {
            let before = all.len();
            rows.extend(part.rows.iter().map(|row| before + row));
            all.append(&part.all);
        }
        Self { rows, all: Arc::new(all) }
    }

    /// How many features a node has.
    pub fn width(&self) -> usize {
        self.all.width
    }

    /// How many of them, the first ones, are numbers of any size; the others are 0 or 1.
    pub fn attributes(&self) -> usize {
        self.all.attributes
    }

    /// The nodes of each graph.
    pub fn node_counts(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().map(|&row| self.all.nodes[row + 1] - self.all.nodes[row])
    }

    /// The edges of each graph; one that leads both ways counts twice.
    pub fn edge_counts(&self) -> impl Iterator<Item = usize> {
        let first = |node: usize| self.all.edges[node];
        self.rows
            .iter()
            .map(move |&row| first(self.all.nodes[row + 1]) - first(self.all.nodes[row]))
    }

    /// How many features, of all nodes together.
    pub fn len(&self) -> usize {
        self.node_counts().sum::<usize>() * self.all.width
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The graphs at `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self { all: self.all.clone(), rows: rows.iter().map(|&row| self.rows[row]).collect() }
    }

    /// Mean and standard deviation of each feature over all nodes.
    pub fn moments(&self) -> Vec<(f64, f64)> {
        let Store { width, features, nodes, .. } = &*self.all;
        let of_graph = |&row: &usize| features[nodes[row] * width..nodes[row + 1] * width].iter();
        let count = self.node_counts().sum::<usize>() as f64;
        let sums = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; *width];
            for row in &self.rows {
                for (at, x) in of_graph(row).enumerate() {
                    sums[at % width] += term(at % width, f64::from(*x));
                }
            }
            sums.iter().map(|sum| sum / count).collect::<Vec<f64>>()
        };
        let mean = sums(&|_, x| x);
        let square = sums(&|feature, x| (x - mean[feature]).powi(2));
        mean.iter().copied().zip(square.into_iter().map(f64::sqrt)).collect()
    }

    /// The graphs at `rows` as one: features f32 (N, width) of their nodes; the node that each edge
    /// comes from, i64 (E), in the order of the nodes that they go to; where the edges of each node
    /// begin, and where they end, i64 (N + 1); where the nodes of each graph begin and end, i64
    /// (G + 1).
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn batch(&self, rows: &[usize]) -> Result<Vec<Tensor>> {
        let Store { width, features, nodes, sources, edges, .. } = &*self.all;
        let (mut x, mut from) = (Vec::new(), Vec::new());
        let (mut ends, mut starts) = (vec![0i64], vec![0i64]);
        for &row in rows {
            let (first, end) = (nodes[self.rows[row]], nodes[self.rows[row] + 1]);
            let before = starts[starts.len() - 1];
            let shift = from.len() as i64 - edges[first] as i64;
            x.extend_from_slice(&features[first * width..end * width]);
            let shifted = |&source: &u32| before + i64::from(source);
            from.extend(sources[edges[first]..edges[end]].iter().map(shifted));
            ends.extend(edges[first + 1..=end].iter().map(|&edge| edge as i64 + shift));
            starts.push(before + (end - first) as i64);
        }
        let all = starts[starts.len() - 1];
        Ok(vec![
            Tensor::f_from_slice(&x)?.f_reshape([all, *width as i64])?,
            Tensor::f_from_slice(&from)?,
            Tensor::f_from_slice(&ends)?,
            Tensor::f_from_slice(&starts)?,
        ])
    }
}

/// Graphs in memory and the class of each.
#[derive(Debug)]
pub struct GraphSource {
    graphs: Graphs,
    labels: Vec<i64>,
}

impl GraphSource {
    /// `labels` has the class of each of `graphs`.
    pub fn new(graphs: Graphs, labels: Vec<i64>) -> Self {
        Self { graphs, labels }
    }
}

impl BatchSource for GraphSource {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
        let rows = order.rows.clone();
        Ok(Box::new((0..rows.len()).step_by(size.max(1)).map(move |first| {
            let rows = &rows[first..rows.len().min(first + size)];
            let labels: Vec<i64> = rows.iter().map(|&row| self.labels[row]).collect();
            Ok(Batch { inputs: self.graphs.batch(rows)?, targets: Tensor::f_from_slice(&labels)? })
        })))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A path of three nodes, one node alone, and two nodes of which the first has an edge to the
    /// second only.
    pub fn three() -> Graphs {
        Graphs::from(Store {
            width: 2,
            attributes: 1,
            features: vec![1., 0., 2., 1., 3., 0., 4., 1., 5., 0., 6., 1.],
            nodes: vec![0, 3, 4, 6],
            sources: vec![1, 0, 2, 1, 0],
            edges: vec![0, 1, 3, 4, 4, 4, 5],
        })
    }

    fn integers(tensor: &Tensor) -> Vec<i64> {
        tensor.try_into().unwrap()
    }

    #[test]
    fn a_batch_is_one_graph_of_several_parts() {
        let graphs = three();
        assert_eq!(graphs.node_counts().collect::<Vec<_>>(), [3, 1, 2]);
        assert_eq!(graphs.edge_counts().collect::<Vec<_>>(), [4, 0, 1]);
        // In another order, out of a selection.
        let [x, from, ends, starts] = &graphs.select(&[2, 1, 0]).batch(&[0, 2, 1]).unwrap()[..]
        else {
            panic!()
        };
        assert_eq!(x.size(), [6, 2]);
        let first: Vec<f32> = x.select(1, 0).try_into().unwrap();
        assert_eq!(first, [5., 6., 1., 2., 3., 4.]);
        assert_eq!(integers(starts), [0, 2, 5, 6]);
        assert_eq!(integers(ends), [0, 0, 1, 2, 4, 5, 5]);
        assert_eq!(integers(from), [0, 3, 2, 4, 3]);
    }

    #[test]
    fn joined_graphs_stay_what_they_are() {
        let (one, two) = (three().select(&[2, 0]), three().select(&[1, 2]));
        let joined = Graphs::joined(vec![one.clone(), two.clone()]);
        assert_eq!(joined.node_counts().collect::<Vec<_>>(), [2, 3, 1, 2]);
        assert_eq!(joined.edge_counts().collect::<Vec<_>>(), [1, 4, 0, 1]);
        assert_eq!((joined.width(), joined.attributes()), (2, 1));
        for (rows, part) in [([0, 1], &one), ([2, 3], &two)] {
            let found = joined.batch(&rows).unwrap();
            let expected = part.batch(&[0, 1]).unwrap();
            assert!(found.iter().zip(&expected).all(|(found, expected)| found == expected));
        }
        assert_eq!(Graphs::joined(vec![one.clone()]), one);
        assert_eq!(Graphs::joined(Vec::new()).len(), 0);
    }

    #[test]
    fn graphs_without_any_edge_make_a_batch() {
        let batch = three().batch(&[1, 1]).unwrap();
        assert_eq!(
            batch.iter().map(Tensor::size).collect::<Vec<_>>(),
            [vec![2, 2], vec![0], vec![3], vec![3]]
        );
    }

    #[test]
    fn moments_are_those_of_the_selected_nodes() {
        // numpy: x = np.array([[4., 1.], [5, 0], [6, 1]]); x.mean(0), x.std(0)
        let found = three().select(&[1, 2]).moments();
        let expected = [(5.0, 0.816496580927726), (2.0 / 3.0, 0.4714045207910317)];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found.0 - expected.0).abs() < 1e-12 && (found.1 - expected.1).abs() < 1e-12);
        }
        assert_eq!((three().len(), three().select(&[0]).len()), (12, 6));
    }

    #[test]
    fn batches_follow_the_order() {
        let source = GraphSource::new(three(), vec![0, 1, 0]);
        let order = Order::new(1, vec![2, 1, 0]);
        let batches: Vec<Batch> = source.batches(&order, 2).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(integers(&batches[0].targets), [0, 1]);
        assert_eq!(batches[1].inputs[0].size(), [3, 2]);
    }
}
