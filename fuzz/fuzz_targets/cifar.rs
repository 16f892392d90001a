//! A folder of CIFAR's binary files. Its first byte says how the input is read: as CIFAR-10 or as
//! CIFAR-100 with either kind of labels; and whether the pixels are spared: then the input's bytes
//! are labels, and the records are made of them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, parts, refused};
use steepness_lab::data::cifar::{Cifar, Labels};

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("cifar"));
const PIXELS: usize = 3 * 32 * 32;

fuzz_target!(|data: &[u8]| {
    let Some((&how, data)) = data.split_first() else { return };
    let (cifar, each) = match how % 3 {
        0 => (Cifar::Ten, 1),
        1 => (Cifar::Hundred(Labels::Fine), 2),
        _ => (Cifar::Hundred(Labels::Coarse), 2),
    };
    let folder = ["ten", "hundred", "hundred"][usize::from(how % 3)];
    let files: [&str; 3] = match cifar {
        Cifar::Ten => ["data_batch_1.bin", "test_batch.bin", "batches.meta.txt"],
        Cifar::Hundred(_) => ["train.bin", "test.bin", "fine_label_names.txt"],
    };
    let given = parts(data);
    for (at, name) in files.iter().enumerate() {
        let path = format!("{folder}/{name}");
        match given.get(at) {
            Some(labels) if how & 4 == 0 && at < 2 => {
                let mut records = Vec::new();
                for label in labels.chunks_exact(each).take(64) {
                    records.extend_from_slice(label);
                    records.resize(records.len() + PIXELS, label[0]);
                }
                PLACE.put(&path, &records);
            }
            Some(bytes) => {
                PLACE.put(&path, bytes);
            }
            None => {
                let _ = std::fs::remove_file(PLACE.path(&path)); // it need not be there
            }
        }
    }
    match cifar.load(&PLACE.path(folder)) {
        Ok((train, test)) => {
            for part in [train, test] {
                assert_eq!(part.inputs.len(), part.len() * PIXELS);
                let classes = part.classes.len() as i64;
                assert!(part.labels.iter().all(|label| (0..classes).contains(label)));
            }
        }
        Err(error) => refused(&error),
    }
});
