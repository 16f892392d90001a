//! Which nodes stay.

use super::Topology;

/// The ⌈`ratio` · n⌉ nodes of each graph with the highest of `scores`, ascending; of equals, the
/// earlier ones.
pub fn select(scores: &[f32], topology: &Topology, ratio: f64) -> Vec<u32> {
    let mut kept = Vec::with_capacity(scores.len());
    for graph in topology.graphs() {
        // In f32, as PyTorch Geometric counts.
        let many = ((ratio as f32 * graph.len() as f32).ceil() as usize).min(graph.len());
        let mut nodes: Vec<u32> = graph.map(|node| node as u32).collect();
        let score = |node: &u32| scores[*node as usize];
        nodes.sort_by(|a, b| score(b).total_cmp(&score(a)));
        nodes.truncate(many);
        nodes.sort_unstable();
        kept.append(&mut nodes);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::graph_tests::three;

    #[test]
    fn the_best_of_each_graph_stay() {
        let topology = Topology::new(6, &three().batch(&[0, 1, 2]).unwrap()[1..]).unwrap();
        let scores = [0.1, 0.3, 0.2, -9.0, 0.5, 0.5];
        assert_eq!(select(&scores, &topology, 0.5), [1, 2, 3, 4]);
        assert_eq!(select(&scores, &topology, 0.01), [1, 3, 4]);
        assert_eq!(select(&scores, &topology, 1.0), [0, 1, 2, 3, 4, 5]);
    }
}
