//! A folder of graphs, of which the input replaces some files. What is learned from is what is asked
//! about when the same folder is predicted.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Set, refused};
use steepness_lab::data::Inputs;
use steepness_lab::data::tu::{self, Tu};

static SET: LazyLock<Set> = LazyLock::new(|| {
    Set::new(
        "tu",
        &[
            ("DS_A.txt", b"2, 1\n1, 2\n3, 2\n2, 3\n5, 6\n"),
            ("DS_graph_indicator.txt", b"1\n1\n1\n2\n3\n3\n4\n4\n"),
            ("DS_graph_labels.txt", b"7\n-1\n7\n-1\n"),
            ("DS_node_labels.txt", b"3\n9\n3\n9\n3\n9\n3\n3\n"),
            ("DS_node_attributes.txt", b"1.0, 5e-1\n2,0\n3,0\n4,0\n5,0\n6,0\n7,0\n8,0\n"),
            ("DS_edge_labels.txt", b"0\n0\n1\n1\n0\n"),
        ],
    )
});

fuzz_target!(|data: &[u8]| {
    SET.with(data, |folder| {
        for attributes in [false, true] {
            match Tu::load(folder, attributes) {
                Ok(tu) => {
                    let again = tu::read(folder, &tu.features).expect("it was just read");
                    assert!(Inputs::Graphs(again) == tu.examples.inputs);
                }
                Err(error) => refused(&error),
            }
        }
    });
});
