use super::super::graphs::tests::three;
use super::*;
use proptest::prelude::*;
use std::fs;

/// Four graphs of two classes as a folder with the files `DS_*.txt`: a path of three nodes, one
/// node alone, two nodes with an edge in one direction, two nodes without an edge. `edits` replace
/// files, or leave them out where they are empty.
pub fn folder(edits: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut contents = vec![
        ("A", "2, 1\n1, 2\n3, 2\n2, 3\n5, 6\n"),
        ("graph_indicator", "1\n1\n1\n2\n3\n3\n4\n4\n"),
        ("graph_labels", "7\n-1\n7\n-1\n"),
        ("node_labels", "3\n9\n3\n9\n3\n9\n3\n3\n"),
        ("node_attributes", "1.0, 5e-1\n2,0\n3,0\n4,0\n5,0\n6,0\n7,0\n8,0\n"),
    ];
    for &edit in edits {
        contents.retain(|(kind, _)| *kind != edit.0);
        contents.extend((!edit.1.is_empty()).then_some(edit));
    }
    for (kind, text) in contents {
        fs::write(folder.path().join(format!("DS_{kind}.txt")), text).unwrap();
    }
    folder
}

fn graphs(tu: &Tu) -> &Graphs {
    let Inputs::Graphs(graphs) = &tu.examples.inputs else { panic!() };
    graphs
}

fn features(tu: &Tu) -> Vec<f32> {
    graphs(tu).batch(&[0, 1, 2, 3]).unwrap()[0].flatten(0, -1).try_into().unwrap()
}

#[test]
fn labels_become_zeros_and_ones_and_classes_are_in_the_order_of_the_numbers() {
    let tu = Tu::load(folder(&[]).path(), false).unwrap();
    assert_eq!(tu.examples.classes, ["-1", "7"]);
    assert_eq!(tu.examples.labels, [1, 0, 1, 0]);
    assert_eq!(tu.features.labels, [vec![3, 9]]);
    assert_eq!(tu.examples.shape, Shape::Graph { features: 2, attributes: 0 });
    assert_eq!(features(&tu), [1., 0., 0., 1., 1., 0., 0., 1., 1., 0., 0., 1., 1., 0., 1., 0.]);
    assert_eq!(tu.unused, ["node attributes"]);
    // The edges are those of the graphs that the tests of batches have.
    let (ours, theirs) = (graphs(&tu).select(&[0, 1, 2]), three());
    let structure = |graphs: &Graphs| graphs.batch(&[0, 1, 2]).unwrap().split_off(1);
    assert_eq!(structure(&ours), structure(&theirs));
}

#[test]
fn what_is_missing_is_made_up_for() {
    // Numbers alone, without being asked for.
    let tu = Tu::load(folder(&[("node_labels", "")]).path(), false).unwrap();
    assert_eq!((tu.features.attributes, features(&tu)[..4].to_vec()), (2, vec![1., 0.5, 2., 0.]));
    // Both.
    let tu = Tu::load(folder(&[]).path(), true).unwrap();
    assert_eq!(features(&tu)[..8], [1., 0.5, 1., 0., 2., 0., 0., 1.]);
    assert_eq!(tu.features.names(), ["attribute 1", "attribute 2", "label 3", "label 9"]);
    // Neither: how many neighbours there are.
    let bare = [("node_labels", ""), ("node_attributes", "")];
    let tu = Tu::load(folder(&bare).path(), false).unwrap();
    assert_eq!(tu.features.degrees, 3);
    assert_eq!(features(&tu)[..9], [0., 1., 0., 0., 0., 1., 0., 1., 0.]);
    // No edges at all.
    let tu = Tu::load(folder(&[("A", "\n")]).path(), false).unwrap();
    assert_eq!(graphs(&tu).edge_counts().collect::<Vec<_>>(), [0; 4]);
    // Edges that are there twice, loops, and files that nothing uses.
    let more = [("A", "1,2\n1,2\n2,2\n"), ("edge_labels", "0\n0\n1\n")];
    let tu = Tu::load(folder(&more).path(), false).unwrap();
    assert_eq!(graphs(&tu).edge_counts().collect::<Vec<_>>(), [1, 0, 0, 0]);
    assert_eq!(tu.unused, ["node attributes", "edge labels"]);
}

#[test]
fn graphs_may_be_named_in_any_order() {
    let mixed = [
        ("graph_indicator", "4\n1\n3\n1\n2\n3\n1\n4\n"),
        ("A", "4,2\n2,4\n7,4\n4,7\n3,6\n"),
        ("node_labels", "3\n3\n3\n9\n9\n9\n3\n3\n"),
    ];
    let (mixed, sorted) = (folder(&mixed), folder(&[]));
    let [mixed, sorted] = [&mixed, &sorted].map(|f| Tu::load(f.path(), false).unwrap());
    assert_eq!(graphs(&mixed), graphs(&sorted));
}

#[test]
fn a_folder_in_the_folder_will_do() {
    let (outer, inner) = (tempfile::tempdir().unwrap(), folder(&[]));
    fs::rename(inner.path(), outer.path().join("DS")).unwrap();
    assert_eq!(Tu::load(outer.path(), false).unwrap().examples.len(), 4);
    assert!(is_there(outer.path()) && !is_there(&outer.path().join("DS").join("none")));
}

#[test]
fn one_of_several_sets_is_not_chosen_by_chance() {
    let both = folder(&[]);
    for (kind, text) in [("graph_indicator", "1\n2\n"), ("graph_labels", "1\n2\n"), ("A", "")] {
        fs::write(both.path().join(format!("AB_{kind}.txt")), text).unwrap();
    }
    let error = Tu::load(both.path(), false).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let error = error.to_string();
    assert!(
        error.contains("several sets of graphs in it: AB, DS; name the file of one: "),
        "{error}"
    );
    assert!(error.ends_with("/AB_graph_indicator.txt") && is_there(both.path()), "{error}");
    let one = Tu::load(&both.path().join("DS_graph_indicator.txt"), false).unwrap();
    assert_eq!(graphs(&one), graphs(&Tu::load(folder(&[]).path(), false).unwrap()));
}

/// A few bytes that unpack to very many lines, and labels that make more features than fit.
#[test]
fn what_does_not_fit_into_memory_is_refused_before() {
    let lines = "\n".repeat(1 << 22) + "9\n";
    let packed = folder(&[]);
    let path = packed.path().join("DS_node_labels.txt");
    fs::write(&path, files::gzip(lines.as_bytes())).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 1 << 14);
    let error = Tu::load(packed.path(), false).unwrap_err().to_string();
    assert!(error.contains("DS_node_labels.txt: line 1: it is empty"), "{error}");
    // Empty lines at the end are no lines.
    let all = "3\n".repeat(8) + &lines[..1 << 22];
    fs::write(&path, files::gzip(all.as_bytes())).unwrap();
    assert_eq!(Tu::load(packed.path(), false).unwrap().features.labels, [vec![3]]);
    fs::write(&path, files::gzip("3".repeat(1 << 21).as_bytes())).unwrap();
    let error = Tu::load(packed.path(), false).unwrap_err().to_string();
    assert!(error.contains("line 1: longer than 1048576 bytes"), "{error}");
    let nodes = 1 << 15;
    let ones = "1\n".repeat(nodes - 1) + "2\n";
    let numbered: String = (0..nodes).map(|node| format!("{node}\n")).collect();
    let many = folder(&[
        ("graph_indicator", &ones),
        ("graph_labels", "1\n2\n"),
        ("node_labels", &numbered),
        ("node_attributes", ""),
    ]);
    let error = Tu::load(many.path(), false).unwrap_err().to_string();
    assert!(error.contains("32768 features for each of 32768 nodes are too many"), "{error}");
}

#[test]
fn other_graphs_are_read_with_the_same_features() {
    let tu = Tu::load(folder(&[]).path(), true).unwrap();
    let json = serde_json::to_string(&tu.features).unwrap();
    let known: NodeFeatures = serde_json::from_str(&json).unwrap();
    let new = [
        ("graph_labels", ""),
        ("graph_indicator", "1\n1\n"),
        ("A", "1,2\n"),
        ("node_labels", "9\n9\n"),
        ("node_attributes", "1,2\n3,4\n"),
    ];
    let new_folder = folder(&new);
    let graphs = read(new_folder.path(), &known).unwrap();
    let x: Vec<f32> = graphs.batch(&[0]).unwrap()[0].flatten(0, -1).try_into().unwrap();
    assert_eq!(x, [1., 2., 0., 1., 3., 4., 0., 1.]);
    for (kind, text, expected) in [
        ("node_labels", "9\n4\n", "DS_node_labels.txt: line 2: the label 4 is not among"),
        ("node_labels", "", "DS_node_labels.txt: line 1: 0 values, expected 1"),
        ("node_attributes", "1\n2\n", "DS_node_attributes.txt: line 1: 1 values, expected 2"),
    ] {
        let edits: Vec<_> =
            new.into_iter().filter(|edit| edit.0 != kind).chain([(kind, text)]).collect();
        let error = read(folder(&edits).path(), &known).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    for (kind, text, expected) in [
        ("A", "1,2\n9,1\n", "DS_A.txt: line 2: 9 is not one of the 8 nodes, counted from 1"),
        ("A", "0,1\n", "DS_A.txt: line 1: 0 is not one of the 8 nodes"),
        ("A", "1,2\n-3,1\n", "DS_A.txt: line 2: \"-3\" is no number of its kind"),
        ("A", "1,2,3\n", "DS_A.txt: line 1: \"1,2,3\" is not two nodes"),
        ("A", "1,2\n\n2,1\n", "DS_A.txt: line 2: it is empty"),
        (
            "A",
            "1,2\n3,4\n",
            "DS_A.txt: line 2: an edge from node 3 in graph 1 to node 4 in graph 2",
        ),
        ("A", "", "DS_A.txt"),
        ("graph_labels", "", "DS_graph_labels.txt"),
        ("graph_labels", "1\n2\nx\n1\n", "DS_graph_labels.txt: line 3: \"x\" is no whole number"),
        (
            "graph_labels",
            "1\n2\n1\n",
            "DS_graph_indicator.txt: line 7: 4 is not one of the 3 graphs",
        ),
        (
            "graph_labels",
            "1\n2\n1\n2\n2\n",
            "DS_graph_indicator.txt: graphs: no line names graph 5",
        ),
        ("graph_labels", "1\n1\n1\n1\n", "all 4 training examples are of one class, \"1\""),
        ("graph_indicator", "1\n1\n1\n2\n3\n3\n0\n4\n", "line 7: 0 is not one of the 4 graphs"),
        ("graph_indicator", "1\n1\n1\n3\n3\n3\n4\n4\n", "graphs: no line names graph 2"),
        ("graph_indicator", "1\n", "graphs: no line names graph 2"),
        ("node_labels", "3\n9\n", "DS_node_labels.txt: lines: 2 lines for 8 nodes"),
        ("node_labels", "3\n9,1\n3\n9\n3\n9\n3\n3\n", "line 2: 2 values, expected 1"),
        ("node_attributes", "1\n2\nnan\n4\n5\n6\n7\n8\n", "line 3: a number that is not finite"),
        ("node_attributes", "1\n", "DS_node_attributes.txt: lines: 1 lines for 8 nodes"),
        ("edge_labels", "1\n", "DS_edge_labels.txt: lines: 1 lines for 5 edges"),
    ] {
        let folder = folder(&[(kind, text)]);
        let error = Tu::load(folder.path(), false).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
    let none = folder(&[("node_attributes", "")]);
    let error = Tu::load(none.path(), true).unwrap_err().to_string();
    assert!(error.contains("DS_node_attributes.txt"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = Tu::load(empty.path(), false).unwrap_err().to_string();
    assert!(error.contains("there is no file *_graph_indicator.txt"), "{error}");
}

proptest! {
    #[test]
    fn hostile_text_never_panics(
        kind in 0usize..5, text in "[0-9,\\. \n\r-]{0,40}", attributes in any::<bool>(),
    ) {
        let kind = ["A", "graph_indicator", "graph_labels", "node_labels", "node_attributes"][kind];
        let folder = folder(&[(kind, &text)]);
        if let Err(error) = Tu::load(folder.path(), attributes) {
            prop_assert_eq!(error.exit_code(), 2);
        }
    }
}

/// Published: 39.06 nodes and 72.82 edges a graph of PROTEINS, 29.87 and 32.30 of NCI1, 17.93 and
/// 19.79 of MUTAG (Morris et al. 2020, table of the collection); an edge leads both ways.
#[test]
fn the_real_sets_are_what_everybody_knows() {
    let Some(data) = files::test_data("the_real_sets_are_what_everybody_knows") else { return };
    for (name, counts, width, nodes, edges) in [
        ("PROTEINS", [663, 450], 3, 39.06, 72.82),
        ("NCI1", [2053, 2057], 37, 29.87, 32.30),
        ("MUTAG", [63, 125], 7, 17.93, 19.79),
    ] {
        let tu = Tu::load(&data.join("tu").join(name), false).unwrap();
        assert_eq!((tu.examples.counts(), tu.features.width()), (counts.to_vec(), width));
        let mean = |sum: usize| (100.0 * sum as f64 / tu.examples.len() as f64).round() / 100.0;
        let found = graphs(&tu);
        assert_eq!(mean(found.node_counts().sum()), nodes);
        assert_eq!(mean(found.edge_counts().sum::<usize>() / 2), edges);
    }
}
