//! Sentences and their translations; [`text`](crate::data::text) reads them.

use std::path::Path;

use super::card::{Card, DataFormat, DataSettings, Watch, written};
use super::inspection::part;
use super::{DataRecipe, Format};
use crate::compare::Origin;
use crate::data::text::{self, ParallelRecipe, Section, Text, languages, test_sets, unused};
use crate::data::{DataPath, DataSet, Fractions, InputKind, Inspection, Size, TableChoices};
use crate::{Error, Result, plain};

impl DataSettings for ParallelRecipe {
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
        vec![("data", &mut self.path)]
    }

    fn shares(&self) -> Fractions {
        self.shares()
    }
}

/// The format.
pub(super) struct Parallel;

impl DataFormat for Parallel {
    type Recipe = ParallelRecipe;

    const TITLE: &'static str = "sentences and their translations";
    const KIND: InputKind = InputKind::Pairs;
    const CARD: Option<Card> = Some(Card {
        sign: Some("train.de and train.en (translations)"),
        is_in: |folder| Ok(!languages(folder)?.is_empty()),
        // It looks into every folder, of which those of images are full.
        last: true,
        ..Card::new(inspect)
    });

    fn load(recipe: &ParallelRecipe) -> Result<DataSet> {
        text::load(recipe)
    }

    fn origins(recipe: &ParallelRecipe) -> Result<Vec<Origin>> {
        let (folder, files) = Text::files(recipe)?;
        Ok(vec![Origin::folder(recipe.path.resolve(), folder, files)])
    }
}

/// Reads all that is in the folder `path`: from the first language that is not English into
/// English, or from the first one into the second.
fn inspect(path: &Path, _: &TableChoices, _: &Watch<'_>) -> Result<Inspection> {
    let written = written(path)?;
    let all = languages(path)?;
    let target = all.iter().find(|code| *code == "en").or(all.get(1));
    let source = all.iter().find(|code| Some(*code) != target);
    let (Some(source), Some(target)) = (source, target) else {
        return Err(Error::malformed(path, "languages", "there are not two of them"));
    };
    let mut recipe = ParallelRecipe::new(written, source, target);
    let mut notes = vec![format!("languages: {}", all.join(", "))];
    let tests = test_sets(&recipe)?;
    if let [first, _, ..] = &tests[..] {
        notes.push(format!("test sets: {}", tests.join(", ")));
        recipe.test = Some(first.clone());
    }
    let unused = unused(&recipe)?;
    if !unused.is_empty() {
        notes.push(format!("not used: {}", plain::name(&unused.join(", "))));
    }
    let Text { train, validation, test } = Text::read(&recipe)?;
    notes.extend(train.lines.iter().zip([source, target]).map(|(lines, code)| words(lines, code)));
    notes.extend(empty(&train));
    let of = |name, lines: &Section| part(name, vec![lines.lines[0].len() as u64]);
    Ok(Inspection {
        path: String::new(),
        format: Format::Parallel,
        notes,
        classes: Vec::new(),
        parts: vec![of("training", &train), of("validation", &validation), of("test", &test)],
        size: Size::flat(1),
        channels: Vec::new(),
        columns: Vec::new(),
        many_medium_few: [0; 3],
        recipe: Some(DataRecipe::Parallel(recipe)),
    })
}

/// "de: 11.12 words a training sentence, 44 at most".
fn words(lines: &[String], code: &str) -> String {
    let counts = || lines.iter().map(|line| line.split_whitespace().count());
    let mean = counts().sum::<usize>() as f64 / lines.len() as f64;
    format!("{code}: {mean:.2} words a training sentence, {} at most", counts().max().unwrap_or(0))
}

/// How many pairs lack a side, if any do.
fn empty(part: &Section) -> Option<String> {
    let [source, target] = &part.lines;
    let lacks = |(a, b): &(&String, &String)| a.trim().is_empty() || b.trim().is_empty();
    let count = source.iter().zip(target).filter(lacks).count();
    (count > 0).then(|| format!("{count} training pairs have an empty side: they are left out"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::{inspect, load, test_folder};

    #[test]
    fn a_folder_of_translations_is_described() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("train.fr", "un chien\n\nun grand homme\n"),
            ("train.en", "a dog\na\na tall man\n"),
            ("val.fr", "un homme\n"),
            ("val.en", "a man\n"),
            ("test_b.fr", "un\n"),
            ("test_b.en", "a\n"),
            ("test_a.fr", "un\nun\n"),
            ("test_a.en", "a\na\n"),
            ("more.fr", "un\n"),
            ("more.en", "a\n"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let found = inspect(folder.path(), &TableChoices::default(), &|_, _| {}).unwrap();
        let text = found.to_string();
        for line in [
            ": sentences and their translations\n",
            "languages: en, fr\ntest sets: test_a, test_b\nnot used: more\n",
            "fr: 1.67 words a training sentence, 3 at most\nen: 2.00 words",
            "1 training pairs have an empty side",
            "training    3 pairs of sentences\nvalidation  1 pairs of sentences\ntest        2 pairs",
            "source = \"fr\"\ntarget = \"en\"\ntest = \"test_a\"\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("classes") && !text.contains("channel"), "{text}");
        assert_eq!(load(&found.recipe.unwrap()).unwrap().examples.len(), 2);
    }

    #[test]
    fn multi30k_is_described() {
        let Some(folder) = test_folder("multi30k_is_described") else { return };
        let found =
            inspect(&folder.join("multi30k"), &TableChoices::default(), &|_, _| {}).unwrap();
        assert_eq!(found.notes[0], "languages: de, en, fr");
        let counts: Vec<usize> = found.parts.iter().map(|part| part.examples).collect();
        assert_eq!(counts, [29000, 1014, 1000]);
        let Some(DataRecipe::Parallel(recipe)) = found.recipe else { panic!() };
        assert_eq!((&*recipe.source, &*recipe.target, recipe.test), ("de", "en", None));
    }
}
