//! Which nodes are whose neighbours.

use tch::{Device, Tensor};

use crate::autograd::Values;
use crate::{Error, Result};

/// The edges of several graphs whose nodes lie one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// The node that each edge comes from; edges lie in the order of the nodes that they go to.
    sources: Vec<u32>,
    /// The edges to node i are those from `ends[i]` up to `ends[i + 1]`.
    ends: Vec<u32>,
    /// The nodes of graph g are those from `starts[g]` up to `starts[g + 1]`.
    starts: Vec<u32>,
    /// 1/√(1 + edges to it) of each node.
    roots: Vec<f32>,
}

impl Topology {
    /// From what a batch of graphs holds behind the features of its `nodes`: sources i64 (E), ends i64
    /// (N + 1) and starts i64 (G + 1), as the fields say.
    ///
    /// # Errors
    /// Tensors that are no such thing, and more than 2³² nodes or edges.
    pub fn new(nodes: usize, tensors: &[Tensor]) -> Result<Self> {
        let refuse = |what: &str| Err(Error::Work(format!("a batch of graphs whose {what}")));
        let [sources, ends, starts] = tensors else {
            return refuse("tensors are not features, sources, ends and starts");
        };
        let small = |tensor: &Tensor| -> Result<Vec<u32>> {
            let values = Values::of::<i64>(tensor)?;
            let small = |&value: &i64| u32::try_from(value).ok();
            let all: Option<Vec<u32>> = values.slice::<i64>().iter().map(small).collect();
            all.ok_or_else(|| Error::Work("a batch of graphs with an index below 0".to_owned()))
        };
        let (sources, ends, starts) = (small(sources)?, small(ends)?, small(starts)?);
        let ascends = |places: &[u32], from: usize, to: usize| {
            let inner = places.windows(2).all(|pair| pair[0] <= pair[1]);
            inner && places.first() == Some(&0) && places.len() > from && {
                places.last().is_some_and(|&last| last as usize == to)
            }
        };
        if !ascends(&ends, nodes, sources.len()) || ends.len() != nodes + 1 {
            return refuse("edges do not belong to its nodes");
        }
        if !ascends(&starts, 0, nodes) {
            return refuse("nodes do not belong to its graphs");
        }
        if sources.iter().any(|&source| source as usize >= nodes) {
            return refuse("edges come from nodes that are not there");
        }
        Ok(Self::with(sources, ends, starts))
    }

    fn with(sources: Vec<u32>, ends: Vec<u32>, starts: Vec<u32>) -> Self {
        let root = |pair: &[u32]| ((1 + pair[1] - pair[0]) as f32).sqrt().recip();
        let roots = ends.windows(2).map(root).collect();
        Self { sources, ends, starts, roots }
    }

    /// How many nodes.
    pub fn nodes(&self) -> usize {
        self.roots.len()
    }

    /// How many edges.
    pub fn edges(&self) -> usize {
        self.sources.len()
    }

    /// The nodes of each graph.
    pub fn graphs(&self) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> {
        self.starts.windows(2).map(|pair| pair[0] as usize..pair[1] as usize)
    }

    /// The nodes that edges to `node` come from.
    pub fn to(&self, node: usize) -> &[u32] {
        &self.sources[self.edges_to(node)]
    }

    /// The places of these edges among all.
    pub fn edges_to(&self, node: usize) -> std::ops::Range<usize> {
        self.ends[node] as usize..self.ends[node + 1] as usize
    }

    /// 1/√(1 + edges to it) of each node.
    pub fn roots(&self) -> &[f32] {
        &self.roots
    }

    /// What is left where only the nodes `kept`, ascending, stay.
    pub fn induced(&self, kept: &[u32]) -> Self {
        let mut place = vec![u32::MAX; self.nodes()];
        kept.iter().zip(0..).for_each(|(&node, new)| place[node as usize] = new);
        let (mut sources, mut ends) = (Vec::with_capacity(self.edges() / 2), vec![0]);
        for &node in kept {
            let left = self.to(node as usize).iter().map(|&source| place[source as usize]);
            sources.extend(left.filter(|&new| new != u32::MAX));
            ends.push(sources.len() as u32);
        }
        let before = |&start: &u32| kept.partition_point(|&node| node < start) as u32;
        Self::with(sources, ends, self.starts.iter().map(before).collect())
    }

    /// Where each edge comes from and goes to, i64 (E) each, on `device`.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn pairs(&self, device: Device) -> Result<[Tensor; 2]> {
        let from: Vec<i64> = self.sources.iter().map(|&source| source.into()).collect();
        let to = (0..self.nodes()).flat_map(|node| self.to(node).iter().map(move |_| node as i64));
        let tensor =
            |all: &[i64]| -> Result<Tensor> { Ok(Tensor::f_from_slice(all)?.f_to(device)?) };
        Ok([tensor(&from)?, tensor(&to.collect::<Vec<_>>())?])
    }

    /// The graph of each node, i64 (N), on `device`.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn graph_of(&self, device: Device) -> Result<Tensor> {
        let of = self.graphs().zip(0i64..).flat_map(|(nodes, graph)| nodes.map(move |_| graph));
        Ok(Tensor::f_from_slice(&of.collect::<Vec<_>>())?.f_to(device)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::graph_tests::three;

    fn topology() -> Topology {
        let batch = three().batch(&[0, 1, 2]).unwrap();
        Topology::new(6, &batch[1..]).unwrap()
    }

    #[test]
    fn a_batch_says_who_is_next_to_whom() {
        let topology = topology();
        assert_eq!((topology.nodes(), topology.edges()), (6, 5));
        assert_eq!(topology.graphs().collect::<Vec<_>>(), [0..3, 3..4, 4..6]);
        assert_eq!(
            (0..6).map(|node| topology.to(node).to_vec()).collect::<Vec<_>>(),
            [vec![1], vec![0, 2], vec![1], vec![], vec![], vec![4]]
        );
        let root = |n: f32| n.sqrt().recip();
        assert_eq!(topology.roots(), [2., 3., 2., 1., 1., 2.].map(root));
        let [from, to] = topology.pairs(Device::Cpu).unwrap();
        assert_eq!(Vec::<i64>::try_from(from).unwrap(), [1, 0, 2, 1, 4]);
        assert_eq!(Vec::<i64>::try_from(to).unwrap(), [0, 1, 1, 2, 5]);
        let of: Vec<i64> = topology.graph_of(Device::Cpu).unwrap().try_into().unwrap();
        assert_eq!(of, [0, 0, 0, 1, 2, 2]);
    }

    #[test]
    fn what_stays_keeps_its_edges() {
        let left = topology().induced(&[0, 2, 3, 4, 5]);
        assert_eq!(left.graphs().collect::<Vec<_>>(), [0..2, 2..3, 3..5]);
        assert_eq!((left.edges(), left.to(4)), (1, &[3][..]));
        let left = topology().induced(&[1, 2]);
        assert_eq!(left.graphs().collect::<Vec<_>>(), [0..2, 2..2, 2..2]);
        assert_eq!((left.to(0), left.to(1)), (&[1][..], &[0][..]));
        assert_eq!(topology().induced(&[]).nodes(), 0);
    }

    #[test]
    fn tensors_that_are_no_graphs_are_refused() {
        let good = || -> [Vec<i64>; 3] { [vec![1, 0], vec![0, 1, 2], vec![0, 2]] };
        let complain = |[sources, ends, starts]: [Vec<i64>; 3]| {
            let tensors = [sources, ends, starts].map(|all| Tensor::from_slice(&all));
            Topology::new(2, &tensors).unwrap_err().to_string()
        };
        let edit = |which: usize, to: &[i64]| {
            let mut all = good();
            all[which] = to.to_vec();
            all
        };
        assert!(Topology::new(2, &good().map(|all| Tensor::from_slice(&all))).is_ok());
        assert!(complain(edit(0, &[1, 2])).contains("come from nodes that are not there"));
        assert!(complain(edit(0, &[1, -1])).contains("an index below 0"));
        assert!(complain(edit(0, &[1])).contains("edges do not belong to its nodes"));
        assert!(complain(edit(1, &[0, 2])).contains("edges do not belong to its nodes"));
        assert!(complain(edit(1, &[0, 3, 2])).contains("edges do not belong to its nodes"));
        assert!(complain(edit(1, &[])).contains("edges do not belong to its nodes"));
        assert!(complain(edit(2, &[0, 1])).contains("nodes do not belong to its graphs"));
        assert!(Topology::new(2, &[]).unwrap_err().to_string().contains("are not features"));
    }
}
