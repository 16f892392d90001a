//! Our loops beside the same composed of libtorch's operations, forward and backward.

use tch::{Device, Kind};

use super::aggregate::{self, Weighing, aggregate};
use super::attend::{self, attend};
use super::gate::{self, gate};
use super::readout::{self, readout};
use super::*;
use crate::data::graph_tests::three;
use crate::random::Stream;

/// Some graphs, among them one without edges and one of one node.
fn topology() -> Arc<Topology> {
    let batch = three().batch(&[0, 1, 2, 0, 0]).unwrap();
    Arc::new(Topology::new(12, &batch[1..]).unwrap())
}

/// Numbers that are no two alike.
fn leaf(purpose: &str, size: &[i64]) -> Tensor {
    let count = size.iter().product::<i64>() as u64;
    let values: Vec<f32> = (0..count).map(|at| Stream::new(3, purpose).normal(at) as f32).collect();
    Tensor::from_slice(&values).reshape(size).set_requires_grad(true)
}

/// The gradients of a sum with all weights different.
fn gradients(result: &Tensor, leaves: &[&Tensor]) -> Vec<Tensor> {
    let weights = leaf("upstream", &result.size()).detach();
    (result * weights).sum(None::<Kind>).backward();
    let gradient = |leaf: &&Tensor| {
        let gradient = leaf.grad().copy();
        let _ = leaf.grad().zero_();
        gradient
    };
    leaves.iter().map(gradient).collect()
}

fn same(ours: &Tensor, theirs: &Tensor, leaves: &[&Tensor]) {
    let close = |a: &Tensor, b: &Tensor| {
        assert_eq!(a.size(), b.size());
        let difference = (a - b).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    };
    close(ours, theirs);
    let (ours, theirs) = (gradients(ours, leaves), gradients(theirs, leaves));
    ours.iter().zip(&theirs).for_each(|(a, b)| close(a, b));
}

#[test]
fn neighbours_are_added_up() {
    let topology = topology();
    for width in [1, 3, 20] {
        let (x, bias) = (leaf("x", &[12, width]), leaf("bias", &[width]));
        for weighing in [Weighing::Normalised, Weighing::Sum] {
            for (bias, rectify) in [(None, false), (Some(&bias), false), (Some(&bias), true)] {
                let ours = aggregate(&x, &topology, weighing, bias, rectify).unwrap();
                let theirs = aggregate::composed(&x, &topology, weighing, bias, rectify).unwrap();
                let leaves: Vec<&Tensor> = [&x].into_iter().chain(bias).collect();
                same(&ours, &theirs, &leaves);
            }
        }
    }
    // Features that need no gradient, under a bias that does.
    let (x, bias) = (leaf("x", &[12, 3]).detach(), leaf("bias", &[3]));
    let ours = aggregate(&x, &topology, Weighing::Sum, Some(&bias), true).unwrap();
    let theirs = aggregate::composed(&x, &topology, Weighing::Sum, Some(&bias), true).unwrap();
    same(&ours, &theirs, &[&bias]);
}

#[test]
fn nodes_attend() {
    let topology = topology();
    for heads in [1, 3] {
        let (x, a, b) =
            (leaf("x", &[12, heads * 5]), leaf("a", &[12, heads]), leaf("b", &[12, heads]));
        let ours = attend(&x, &a, &b, &topology).unwrap();
        let theirs = attend::composed(&x, &a, &b, &topology).unwrap();
        same(&ours, &theirs, &[&x, &a, &b]);
    }
}

#[test]
fn nodes_that_stay_are_gated() {
    let topology = topology();
    let (x, scores) = (leaf("x", &[12, 20]), leaf("scores", &[12]));
    let (ours, left) = gate(&x, &scores, &topology, 0.5).unwrap();
    assert_eq!((left.nodes(), left.graphs().len()), (2 + 1 + 1 + 2 + 2, 5));
    let values = crate::autograd::Values::of::<f32>(&scores).unwrap();
    let kept = super::select::select(values.slice(), &topology, 0.5);
    same(&ours, &gate::composed(&x, &scores, &kept).unwrap(), &[&x, &scores]);
}

#[test]
fn graphs_say_their_largest_and_their_mean() {
    let topology = topology();
    let x = leaf("x", &[12, 20]);
    same(&readout(&x, &topology).unwrap(), &readout::composed(&x, &topology).unwrap(), &[&x]);
    // Equal maxima share the gradient.
    let rounded = x.detach().sign().set_requires_grad(true);
    let ours = readout(&rounded, &topology).unwrap();
    same(&ours, &readout::composed(&rounded, &topology).unwrap(), &[&rounded]);
}

#[test]
fn a_batch_without_edges_is_one_like_any_other() {
    let batch = three().batch(&[1, 1]).unwrap();
    let topology = Arc::new(Topology::new(2, &batch[1..]).unwrap());
    let (x, bias) = (leaf("x", &[2, 4]), leaf("bias", &[4]));
    // 1/√1 · x · 1/√1.
    let alone = aggregate(&x, &topology, Weighing::Normalised, None, false).unwrap();
    assert_eq!(alone, x.detach());
    let nothing = aggregate(&x, &topology, Weighing::Sum, Some(&bias), false).unwrap();
    assert_eq!(nothing, bias.detach().expand([2, 4], false));
    let scores = leaf("scores", &[2]);
    assert_eq!(gate(&x, &scores, &topology, 0.5).unwrap().1.nodes(), 2);
    let both = readout(&x, &topology).unwrap();
    assert_eq!(both, Tensor::cat(&[&x, &x], 1));
    let empty = Tensor::zeros([2, 1], (Kind::Float, Device::Cpu));
    let attended = attend(&x, &empty, &empty, &topology).unwrap();
    assert_eq!(attended, x.detach());
}
