//! The network beside PyTorch Geometric's layers: the same weights and graphs give the same logits and
//! gradients, whatever the convolution and the pooling.
//!
//! Weights and inputs are functions of their names and places, as in [`super::super::golden`], and of
//! each gradient its sum with such weights is kept. The lines that gave the numbers, in f64:
//!
//! ```python
//! # pip install torch==2.11.0 torch_geometric==2.8.1
//! import math, numpy as np, torch
//! from torch import nn
//! from torch_geometric.nn import (GATConv, GCNConv, GraphConv, SAGPooling, TopKPooling,
//!                                 global_max_pool, global_mean_pool)
//!
//! def fnv1a(text):
//!     h = 0xCBF29CE484222325
//!     for b in text.encode(): h = ((h ^ b) * 0x100000001B3) % 2**64
//!     return h
//!
//! def uniform(name, shape):                                     # splitmix64
//!     u64 = np.uint64
//!     z = (np.arange(math.prod(shape), dtype=u64) + u64(fnv1a(name))) * u64(0x9E3779B97F4A7C15)
//!     z = (z ^ (z >> u64(30))) * u64(0xBF58476D1CE4E5B9)
//!     z = (z ^ (z >> u64(27))) * u64(0x94D049BB133111EB)
//!     return (((z ^ (z >> u64(31))) >> u64(11)) * 2.0**-53).reshape(shape)
//!
//! def value(name, shape):
//!     u = uniform(name, shape)
//!     if len(shape) > 1: u = (2*u - 1) * math.sqrt(6 / math.prod(shape[1:]))
//!     else: u = u + 0.5 if name.endswith(("weight", "running_var")) else u - 0.5
//!     return torch.from_numpy(u.astype(np.float32))
//!
//! class Net(nn.Module):
//!     def __init__(self, conv, pool, n=16):
//!         super().__init__()
//!         for k, i in (1, 3), (2, n), (3, n):
//!             gat = dict(heads=4) if conv is GATConv else {}
//!             setattr(self, f"conv{k}", conv(i, n // 4 if gat else n, **gat))
//!             setattr(self, f"pool{k}", SAGPooling(n, 0.5, GNN=conv) if pool == "sag" else TopKPooling(n, 0.5))
//!         self.lin1, self.lin2, self.lin3 = nn.Linear(2*n, n), nn.Linear(n, n // 2), nn.Linear(n // 2, 3)
//!     def forward(self, x, edges, batch):
//!         said = 0
//!         for k in 1, 2, 3:
//!             x = getattr(self, f"conv{k}")(x, edges).relu()
//!             x, edges, _, batch, *_ = getattr(self, f"pool{k}")(x, edges, batch=batch)
//!             said = said + torch.cat([global_max_pool(x, batch), global_mean_pool(x, batch)], 1)
//!         return self.lin3(self.lin2(self.lin1(said).relu()).relu())
//!
//! sizes, edges, batch, first = [5, 1, 3, 7, 2, 4], [], [], 0
//! for g, n in enumerate(sizes):
//!     batch += [g] * n
//!     for i in range(n if g != 4 else 0):                       # graph 4 has no edges
//!         for j in (i + 1, i + 3):
//!             if j < n: edges += [(first + i, first + j), (first + j, first + i)]
//!     if g == 3: edges += [(first, first + 2)]                  # in one direction only
//!     first += n
//! edges, batch = torch.tensor(edges).T, torch.tensor(batch)
//!
//! for conv in GCNConv, GraphConv, GATConv:
//!     for pool in "sag", "top-k":
//!         net = Net(conv, pool).double()
//!         with torch.no_grad():
//!             for name, p in net.named_parameters():
//!                 # SAGPooling of this version multiplies the score with the sign of a number.
//!                 p.copy_(torch.ones(1, 1) if p.shape == (1, 1) and "select" in name else value(name, p.shape))
//!         x = torch.from_numpy(uniform("input", (len(batch), 3)).astype(np.float32)).double()
//!         z = net(x, edges, batch)
//!         (z * torch.from_numpy(uniform("upstream", z.shape))).sum().backward()
//!         print(conv.__name__, pool, "logits", [round(float(v), 6) for v in z.flatten()])
//!         for name, p in net.named_parameters():
//!             if "select" not in name or pool != "sag":
//!                 probe = torch.from_numpy(uniform("probe/" + name, p.shape))
//!                 print(f'    ("{name}", {float((p.grad * probe).sum()):.6f}),')
//! ```

use super::*;
use crate::data::graph_tests::three;
use crate::data::{Examples, Graphs, Inputs, Store};
use crate::models::golden::{uniform, value};
use crate::models::{ModelRecipe, Precision, build};

/// Six graphs, among them one of one node, one without edges and one with an edge in one direction.
fn graphs() -> Graphs {
    let sizes = [5usize, 1, 3, 7, 2, 4];
    let (mut sources, mut edges, mut nodes) = (Vec::new(), vec![0], vec![0]);
    for (graph, size) in sizes.into_iter().enumerate() {
        for to in 0..size {
            let linked = |from: usize| graph != 4 && matches!(to.abs_diff(from), 1 | 3);
            let extra = |from: usize| graph == 3 && (from, to) == (0, 2);
            let all = (0..size).filter(|&from| linked(from) || extra(from));
            sources.extend(all.map(|from| from as u32));
            edges.push(sources.len());
        }
        nodes.push(nodes[graph] + size);
    }
    let features = uniform("input", 22 * 3).into_iter().map(|u| u as f32).collect();
    Graphs::from(Store { width: 3, attributes: 0, features, nodes, sources, edges })
}

fn examples(graphs: Graphs, classes: usize) -> Examples {
    let count = graphs.node_counts().count();
    Examples {
        shape: Shape::Graph { features: graphs.width(), attributes: graphs.attributes() },
        inputs: Inputs::Graphs(graphs),
        labels: (0..count).map(|at| (at % classes) as i64).collect(),
        classes: (0..classes).map(|class| class.to_string()).collect(),
    }
}

fn network(toml: &str, train: &Examples) -> Box<dyn Model> {
    let recipe: ModelRecipe = toml::from_str(toml).unwrap();
    build(&recipe, &train.spec(), 0).unwrap()
}

/// `logits` of the six graphs, three each, and of the gradient of each parameter a sum.
fn compare(toml: &str, logits: [f64; 18], gradients: &[(&str, f64)]) {
    let train = examples(graphs(), 3);
    let model = network(toml, &train);
    let named = model.weights().named().map(|(name, t)| (name.to_owned(), value(name, &t.size())));
    model.weights().restore(&named.collect::<Vec<_>>()).unwrap();
    let found =
        model.forward(&graphs().batch(&[0, 1, 2, 3, 4, 5]).unwrap(), Mode::Evaluate).unwrap();
    let weights = |name: &str, size: &[i64]| {
        let values = uniform(name, size.iter().product::<i64>() as usize);
        let values: Vec<f32> = values.into_iter().map(|u| u as f32).collect();
        Tensor::from_slice(&values).reshape(size)
    };
    (&found * weights("upstream", &[6, 3])).sum(None::<tch::Kind>).backward();
    for (at, expected) in logits.into_iter().enumerate() {
        let found = found.double_value(&[at as i64 / 3, at as i64 % 3]);
        assert!((found - expected).abs() < 1e-5, "{toml}, logit {at}: {found}, {expected}");
    }
    assert_eq!(model.weights().parameters().len(), gradients.len());
    for &(name, expected) in gradients {
        let (_, parameter) = model.weights().named().find(|(other, _)| *other == name).unwrap();
        let gradient = parameter.grad();
        let found = (&gradient * weights(&format!("probe/{name}"), &gradient.size()))
            .sum(tch::Kind::Double)
            .double_value(&[]);
        let tolerance = 1e-5 * gradient.abs().sum(None::<tch::Kind>).double_value(&[]).max(1.0);
        assert!((found - expected).abs() < tolerance, "{toml}, {name}: {found}, {expected}");
    }
}

#[test]
fn gcn_with_sag() {
    compare(
        "graph-net = { conv = 'gcn', pool = 'sag', hidden = 16 }",
        [
            0.356397, 0.082193, -0.11965, 0.869302, 0.084411, 0.272558, 0.184012, 0.090625,
            -0.083798, 0.395463, 0.0532, -0.008114, 0.209617, 0.098215, -0.08909, 0.300393,
            0.080344, -0.089126,
        ],
        &[
            ("conv1.bias", 0.000713),
            ("conv1.lin.weight", 0.937282),
            ("pool1.gnn.bias", -0.638034),
            ("pool1.gnn.lin.weight", -4.431795),
            ("conv2.bias", 0.421660),
            ("conv2.lin.weight", -1.900642),
            ("pool2.gnn.bias", -0.106616),
            ("pool2.gnn.lin.weight", -1.257821),
            ("conv3.bias", 0.303767),
            ("conv3.lin.weight", -0.491451),
            ("pool3.gnn.bias", -0.043261),
            ("pool3.gnn.lin.weight", -0.314590),
            ("lin1.weight", -7.626666),
            ("lin1.bias", 0.727290),
            ("lin2.weight", 4.146933),
            ("lin2.bias", 1.235261),
            ("lin3.weight", 6.249445),
            ("lin3.bias", 1.562536),
        ],
    );
}

#[test]
fn gcn_with_top_k() {
    compare(
        "graph-net = { conv = 'gcn', pool = 'top-k', hidden = 16 }",
        [
            0.75198, -0.340397, 2.175474, 0.859418, -0.367551, 2.518763, 0.877349, -0.271583,
            2.313134, 1.00309, -0.311105, 2.564025, 0.680306, -0.125878, 1.5283, 0.660987,
            -0.304711, 1.420443,
        ],
        &[
            ("conv1.bias", 7.698117),
            ("conv1.lin.weight", 18.377585),
            ("pool1.select.weight", 22.566305),
            ("conv2.bias", 1.083446),
            ("conv2.lin.weight", 3.683952),
            ("pool2.select.weight", 20.482698),
            ("conv3.bias", -1.662011),
            ("conv3.lin.weight", 0.043040),
            ("pool3.select.weight", 1.052316),
            ("lin1.weight", 38.619263),
            ("lin1.bias", 4.687435),
            ("lin2.weight", 14.350480),
            ("lin2.bias", 2.991102),
            ("lin3.weight", 23.306365),
            ("lin3.bias", 1.562536),
        ],
    );
}

#[test]
fn graph_conv_with_sag() {
    compare(
        "graph-net = { conv = 'graph-conv', pool = 'sag', hidden = 16 }",
        [
            0.814014, 0.07406, 0.69713, 0.448252, 0.182466, -0.199223, 0.234814, 0.15293, 1.078408,
            0.260055, 0.653952, 2.874153, 0.137389, 0.013302, -0.115772, -0.091315, 0.092463,
            1.043259,
        ],
        &[
            ("conv1.lin_rel.weight", 7.406094),
            ("conv1.lin_rel.bias", 0.641267),
            ("conv1.lin_root.weight", -2.091410),
            ("pool1.gnn.lin_rel.weight", 34.220361),
            ("pool1.gnn.lin_rel.bias", 2.524185),
            ("pool1.gnn.lin_root.weight", 6.345792),
            ("conv2.lin_rel.weight", -19.908684),
            ("conv2.lin_rel.bias", 4.969401),
            ("conv2.lin_root.weight", -9.162603),
            ("pool2.gnn.lin_rel.weight", 3.272857),
            ("pool2.gnn.lin_rel.bias", 2.581956),
            ("pool2.gnn.lin_root.weight", 6.636182),
            ("conv3.lin_rel.weight", 0.000000),
            ("conv3.lin_rel.bias", 0.516006),
            ("conv3.lin_root.weight", 1.867843),
            ("pool3.gnn.lin_rel.weight", 0.000000),
            ("pool3.gnn.lin_rel.bias", -0.381213),
            ("pool3.gnn.lin_root.weight", -0.713095),
            ("lin1.weight", -5.666101),
            ("lin1.bias", 3.229878),
            ("lin2.weight", 10.822669),
            ("lin2.bias", 1.601273),
            ("lin3.weight", 11.463953),
            ("lin3.bias", 1.562536),
        ],
    );
}

#[test]
fn graph_conv_with_top_k() {
    compare(
        "graph-net = { conv = 'graph-conv', pool = 'top-k', hidden = 16 }",
        [
            1.717147, -0.601412, 2.444596, 0.246043, 0.010361, 0.035745, 2.068646, -0.796277,
            3.428264, 3.487911, -2.555612, 11.435717, 0.379009, 0.068764, 0.069963, 1.55137,
            -0.856956, 3.351818,
        ],
        &[
            ("conv1.lin_rel.weight", 21.674775),
            ("conv1.lin_rel.bias", 4.488942),
            ("conv1.lin_root.weight", 8.015874),
            ("pool1.select.weight", 6.248481),
            ("conv2.lin_rel.weight", -9.276915),
            ("conv2.lin_rel.bias", 1.295711),
            ("conv2.lin_root.weight", 1.329477),
            ("pool2.select.weight", 24.086796),
            ("conv3.lin_rel.weight", 0.000000),
            ("conv3.lin_rel.bias", 1.165499),
            ("conv3.lin_root.weight", 9.773933),
            ("pool3.select.weight", 2.644417),
            ("lin1.weight", 94.761760),
            ("lin1.bias", 4.165536),
            ("lin2.weight", 18.921821),
            ("lin2.bias", 2.272072),
            ("lin3.weight", 30.406562),
            ("lin3.bias", 1.562536),
        ],
    );
}

#[test]
fn gat_with_sag() {
    compare(
        "graph-net = { conv = 'gat', pool = 'sag', hidden = 16, heads = 4 }",
        [
            0.483018, 0.091077, -0.0119, 0.869302, 0.084411, 0.272558, 0.187329, 0.092354,
            -0.080179, 0.486987, 0.017899, 0.033912, 0.209617, 0.098215, -0.08909, 0.31083,
            0.084246, -0.086699,
        ],
        &[
            ("conv1.att_src", -0.020662),
            ("conv1.att_dst", 0.087715),
            ("conv1.bias", 0.512745),
            ("conv1.lin.weight", 2.813760),
            ("pool1.gnn.att_src", -0.014875),
            ("pool1.gnn.att_dst", -0.000000),
            ("pool1.gnn.bias", -1.445892),
            ("pool1.gnn.lin.weight", -10.376932),
            ("conv2.att_src", -0.000138),
            ("conv2.att_dst", -0.000000),
            ("conv2.bias", 0.385150),
            ("conv2.lin.weight", -0.842856),
            ("pool2.gnn.att_src", -0.000005),
            ("pool2.gnn.att_dst", 0.000000),
            ("pool2.gnn.bias", -0.056834),
            ("pool2.gnn.lin.weight", -0.995210),
            ("conv3.att_src", -0.000002),
            ("conv3.att_dst", 0.000000),
            ("conv3.bias", 0.535462),
            ("conv3.lin.weight", -0.769282),
            ("pool3.gnn.att_src", 0.000000),
            ("pool3.gnn.att_dst", 0.000000),
            ("pool3.gnn.bias", -0.061343),
            ("pool3.gnn.lin.weight", -0.460498),
            ("lin1.weight", -16.590683),
            ("lin1.bias", 2.051613),
            ("lin2.weight", 5.251209),
            ("lin2.bias", 1.350136),
            ("lin3.weight", 6.854508),
            ("lin3.bias", 1.562536),
        ],
    );
}

#[test]
fn gat_with_top_k() {
    compare(
        "graph-net = { conv = 'gat', pool = 'top-k', hidden = 16, heads = 4 }",
        [
            0.826124, -0.333174, 2.578772, 0.859418, -0.367551, 2.518763, 0.780237, -0.27661,
            1.994752, 0.876959, -0.31823, 2.059815, 0.680306, -0.125878, 1.5283, 0.625877,
            -0.287859, 1.223592,
        ],
        &[
            ("conv1.att_src", 0.125024),
            ("conv1.att_dst", -0.015457),
            ("conv1.bias", 7.555403),
            ("conv1.lin.weight", 18.192946),
            ("pool1.select.weight", 22.737136),
            ("conv2.att_src", 0.000057),
            ("conv2.att_dst", 0.000000),
            ("conv2.bias", 1.053997),
            ("conv2.lin.weight", 3.519532),
            ("pool2.select.weight", 20.169702),
            ("conv3.att_src", -0.000002),
            ("conv3.att_dst", 0.000000),
            ("conv3.bias", -1.646409),
            ("conv3.lin.weight", 0.236494),
            ("pool3.select.weight", 1.101010),
            ("lin1.weight", 40.079928),
            ("lin1.bias", 4.718876),
            ("lin2.weight", 14.456818),
            ("lin2.bias", 2.991102),
            ("lin3.weight", 23.197592),
            ("lin3.bias", 1.562536),
        ],
    );
}

/// Those of the paper's code (docs/derivations.md §10).
#[test]
fn it_has_as_many_parameters_as_published() {
    let sized = |width: usize| {
        let features = vec![1.0; 2 * width];
        let (nodes, sources, edges) = (vec![0, 1, 2], vec![], vec![0; 3]);
        Graphs::from(Store { width, attributes: 0, features, nodes, sources, edges })
    };
    for (width, expected) in [(3, 75_205), (37, 79_557)] {
        let model = network("[graph-net]", &examples(sized(width), 2));
        let count: usize = model.weights().parameters().map(Tensor::numel).sum();
        assert_eq!(count, expected, "{width} features");
    }
}

/// What a graph gets does not depend on those beside it, nor on the order of its nodes.
#[test]
fn a_graph_is_seen_alone() {
    let train = examples(graphs(), 3);
    let model = network("[graph-net]", &train);
    let logits = |rows: &[usize]| {
        let batch = graphs().batch(rows).unwrap();
        tch::no_grad(|| model.forward(&batch, Mode::Evaluate)).unwrap()
    };
    let (all, alone) = (logits(&[0, 1, 2, 3, 4, 5]), logits(&[3]));
    let difference = (all.get(3) - alone.get(0)).abs().max().double_value(&[]);
    assert!(difference < 1e-6, "{difference}");
    let other = (all.get(3) - all.get(0)).abs().max().double_value(&[]);
    assert!(other > 1e-4, "{other}");
}

#[test]
fn only_numbers_on_the_nodes_are_scaled() {
    let model = network("[graph-net]", &examples(three(), 3));
    let buffers: Vec<_> =
        model.weights().named().filter(|(name, _)| name.starts_with("scale")).collect();
    let read = |at: usize| Vec::<f32>::try_from(buffers[at].1).unwrap();
    // numpy: np.arange(1., 7).mean(), np.arange(1., 7).std()
    assert_eq!((read(0), read(1)), (vec![3.5, 0.0], vec![1.7078252, 1.0]));
    assert!(
        network("[graph-net]", &examples(graphs(), 3))
            .weights()
            .named()
            .all(|(name, _)| !name.starts_with("scale"))
    );
}

#[test]
fn senseless_settings_are_refused() {
    let train = examples(graphs(), 3);
    for (toml, expected) in [
        ("graph-net = { ratio = 0.0 }", "ratio = 0 must lie in (0, 1]"),
        ("graph-net = { dropout = 1.0 }", "dropout = 1 must lie in [0, 1)"),
        ("graph-net = { heads = 2 }", "heads = 2 are for conv = \"gat\""),
        ("graph-net = { conv = 'gat', heads = 3 }", "128 features cannot be shared among 3 heads"),
        ("graph-net = { hidden = 1 }", "hidden = 1 must be at least 2"),
        ("mlp = { hidden = 4 }", "the data are graphs, which model.graph-net takes"),
    ] {
        let recipe: ModelRecipe = toml::from_str(toml).unwrap();
        let error = build(&recipe, &train.spec(), 0).err().unwrap();
        assert!(error.exit_code() == 2 && error.to_string().contains(expected), "{error}");
    }
    let recipe: ModelRecipe = toml::from_str("[graph-net]").unwrap();
    let images = crate::models::tests::images([1, 8, 8], 2);
    let error = build(&recipe, &images.spec(), 0).err().unwrap().to_string();
    assert_eq!(error, "model.graph-net takes graphs, and the data are none");
}

/// In bf16 the products are rounded to 8 bits of mantissa, and nothing else is.
#[test]
fn products_may_be_computed_in_bf16() {
    let train = examples(graphs(), 3);
    for conv in ["gcn", "graph-conv", "gat"] {
        let model = network(&format!("graph-net = {{ conv = '{conv}', dropout = 0.0 }}"), &train);
        let logits = |precision| {
            let mode = Mode::Train { seed: 0, pass: 0, precision };
            model.forward(&graphs().batch(&[3]).unwrap(), mode).unwrap()
        };
        let (exact, rounded) = (logits(Precision::F32), logits(Precision::Bf16));
        let difference = (&exact - &rounded).abs().max().double_value(&[]);
        assert!(difference > 0.0 && difference < 0.2, "{conv}: {difference}");
        rounded.sum(None::<tch::Kind>).backward();
        assert!(
            model.weights().parameters().all(|weight| weight.grad().kind() == tch::Kind::Float)
        );
    }
}
