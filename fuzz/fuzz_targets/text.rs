//! Sentences and their translations: a folder of files by language, one of talks, or one file. The
//! first byte says which; the rest replaces files of the folder, or is the file.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, Set, refused};
use steepness_lab::data::DataPath;
use steepness_lab::data::text::{Moses, ParallelRecipe, Text};

static FOLDER: LazyLock<Set> = LazyLock::new(|| {
    Set::new(
        "text",
        &[
            ("train.de", "ein Hund\neine Katze\n".as_bytes()),
            ("train.en", b"a dog\na cat\n"),
            ("val.de", b"ein Haus\n"),
            ("val.en", b"a house\n"),
            ("test.de", b"ein Baum\n"),
            ("test.en", b"a tree\n"),
        ],
    )
});
const TALKS: &[u8] = b"<url>x</url>\n<title>T</title>\none\ntwo\n";
const SET: &[u8] = b"<doc>\n<seg id=\"1\"> one </seg>\n</doc>\n";
static IWSLT: LazyLock<Set> = LazyLock::new(|| {
    Set::new(
        "iwslt",
        &[
            ("train.tags.de-en.de", TALKS),
            ("train.tags.de-en.en", TALKS),
            ("IWSLT14.TED.dev2010.de-en.de.xml", SET),
            ("IWSLT14.TED.dev2010.de-en.en.xml", SET),
        ],
    )
});
static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("pairs"));

fuzz_target!(|data: &[u8]| {
    let Some((&how, data)) = data.split_first() else { return };
    match how % 3 {
        0 => FOLDER.with(data, read),
        1 => IWSLT.with(data, read),
        _ => read(&PLACE.put("pairs.tsv", data)),
    }
});

fn read(path: &Path) {
    let path = DataPath::new(path.to_str().expect("plain"));
    match Text::read(&ParallelRecipe::new(path, "de", "en")) {
        Ok(text) => {
            let moses = Moses::of("de").expect("known");
            for part in [&text.train, &text.validation, &text.test] {
                let [source, target] = &part.lines;
                assert!(source.len() == target.len() && !source.is_empty());
                for line in source.iter().take(4) {
                    let _ = moses.detokenize(&moses.tokenize(line));
                }
            }
        }
        Err(error) => refused(&error),
    }
}
