//! [`load`]: text in two languages as a data set.
//!
//! Vocabularies are learned from the training part alone, after what is not learned from has left
//! it: pairs with an empty side, pairs that [`Clean`](super::Clean) drops, and at last those with
//! too many pieces. What is measured is never dropped, but cut to as many pieces; the text that a
//! translation is compared with stays whole.

use std::sync::Arc;

use super::super::{DataSet, Examples, HeldOut, Inputs, Shape, Subset, files};
use super::{
    Corpus, Form, Lines, Pairs, ParallelRecipe, Section, Side, Text, Tokenize, Vocabulary,
    VocabularyKind,
};
use crate::{Error, Result};

/// Reads what `recipe` asks for.
///
/// # Errors
/// As [`Text::read`]; a training part of which nothing is left; a vocabulary without room for the
/// characters of the text.
pub fn load(recipe: &ParallelRecipe) -> Result<DataSet> {
    let path = recipe.path.resolve();
    let forms = recipe.forms()?;
    let Text { train, validation, test } = Text::read(recipe)?;
    let take = recipe.take.map_or((None, None), |take| (take.train, take.test));
    let [train, test] = [(train, take.0), (test, take.1)].map(|(part, count)| taken(part, count));
    let mut left_out = LeftOut::default();
    let (lines, texts) = cleaned(train.lines, recipe, forms, &mut left_out);
    let nothing_left = |left_out: &LeftOut| {
        let problem = format!("no pair is left to learn from ({})", left_out.describe(recipe));
        Err(Error::malformed(&path, &train.name, problem))
    };
    if lines[0].is_empty() {
        return nothing_left(&left_out);
    }
    let vocabularies = vocabularies(recipe, &texts)?;
    let empty = || [0, 1].map(|side| Side::new(vocabularies[side].clone(), forms[side]));
    let most = recipe.max_len.get();
    let mut sides = empty();
    let [source, target] = lines;
    for ((at, source), target) in source.into_iter().enumerate().zip(target) {
        let encode = |side: usize| vocabularies[side].encode(&texts[side][at]);
        let pieces = [encode(0)?, encode(1)?];
        if pieces.iter().any(|pieces| pieces.len() > most) {
            left_out.long += 1;
            continue;
        }
        push(&mut sides, forms, [source, target], &pieces);
    }
    let train = examples(sides, &vocabularies[1]);
    if train.is_empty() {
        return nothing_left(&left_out);
    }
    let mut cut = 0;
    let mut measured = |lines: Lines| -> Result<Examples> {
        let mut sides = empty();
        let [source, target] = lines;
        for (source, target) in source.into_iter().zip(target) {
            let mut pieces = [sides[0].encode(&source)?, sides[1].encode(&target)?];
            cut += usize::from(pieces.iter().any(|pieces| pieces.len() > most));
            pieces.iter_mut().for_each(|pieces| pieces.truncate(most));
            push(&mut sides, forms, [source, target], &pieces);
        }
        Ok(examples(sides, &vocabularies[1]))
    };
    let parts = [measured(validation.lines)?, measured(test.lines)?];
    let name = files::name(&path);
    let description =
        describe(&name, recipe, [&train, &parts[0], &parts[1]], &test.name, &left_out, cut);
    let [validation, test] = parts;
    Ok(DataSet::new(description, train, HeldOut::Given { validation, test }))
}

/// Pairs that are not learned from, by the reason.
#[derive(Default)]
struct LeftOut {
    empty: usize,
    unclean: usize,
    long: usize,
}

impl LeftOut {
    /// "3 with an empty side, 5 by cleaning", or nothing.
    fn describe(&self, recipe: &ParallelRecipe) -> String {
        let reasons = [
            (self.empty, "with an empty side".to_owned()),
            (self.unclean, "by cleaning".to_owned()),
            (self.long, format!("of more than {} pieces", recipe.max_len)),
        ];
        let said = |(count, why): (usize, String)| (count > 0).then(|| format!("{count} {why}"));
        let said: Vec<String> = reasons.into_iter().filter_map(said).collect();
        if said.is_empty() { String::new() } else { format!("left out: {}", said.join(", ")) }
    }
}

/// Of a part as many pairs as are to be taken.
fn taken(part: Section, count: Option<std::num::NonZeroUsize>) -> Section {
    match Subset::rows(count, &vec![0; part.lines[0].len()]) {
        Some(rows) => {
            let pick = |lines: Vec<String>| rows.iter().map(|&row| lines[row].clone()).collect();
            Section { lines: part.lines.map(pick), ..part }
        }
        None => part,
    }
}

/// The pairs to learn from, as lines and in their `forms`.
fn cleaned(
    lines: Lines,
    recipe: &ParallelRecipe,
    forms: [Form; 2],
    left_out: &mut LeftOut,
) -> (Lines, Lines) {
    let (mut kept, mut texts) = (Lines::default(), Lines::default());
    let [source, target] = lines;
    for pair in source.into_iter().zip(target) {
        let pair = [pair.0, pair.1];
        let text = [forms[0].apply(&pair[0]), forms[1].apply(&pair[1])];
        if text.iter().any(|text| text.trim().is_empty()) {
            left_out.empty += 1;
        } else if recipe.clean.is_some_and(|clean| !clean.keeps(&text[0], &text[1])) {
            left_out.unclean += 1;
        } else {
            kept.iter_mut().zip(pair).for_each(|(side, line)| side.push(line));
            texts.iter_mut().zip(text).for_each(|(side, text)| side.push(text));
        }
    }
    (kept, texts)
}

/// Those of source and target.
fn vocabularies(recipe: &ParallelRecipe, texts: &Lines) -> Result<[Arc<Vocabulary>; 2]> {
    let (kind, size) = (recipe.vocabulary.kind, recipe.vocabulary.size);
    let lines = |side: usize| texts[side].iter().map(String::as_str);
    if recipe.vocabulary.joint {
        let both = Arc::new(Vocabulary::train(kind, size, lines(0).chain(lines(1)))?);
        return Ok([both.clone(), both]);
    }
    let of = |side: usize| Vocabulary::train(kind, size, lines(side)).map(Arc::new);
    Ok([of(0)?, of(1)?])
}

/// One pair more.
fn push(sides: &mut [Side; 2], forms: [Form; 2], lines: [String; 2], pieces: &[Vec<u32>; 2]) {
    for (at, line) in lines.into_iter().enumerate() {
        sides[at].push(forms[at].cased(line), &pieces[at]);
    }
}

fn examples([source, target]: [Side; 2], predicted: &Vocabulary) -> Examples {
    let vocabularies = [&source, &target].map(|side| side.vocabulary.len());
    let pairs = Pairs::from(Corpus { source, target });
    Examples {
        labels: vec![0; pairs.len()],
        inputs: Inputs::Pairs(pairs),
        shape: Shape::Pair { vocabularies },
        classes: predicted.pieces().to_vec(),
    }
}

/// "multi30k: 29000 pairs of sentences, de to en, and so on.
fn describe(
    name: &str,
    recipe: &ParallelRecipe,
    parts: [&Examples; 3],
    test: &str,
    left_out: &LeftOut,
    cut: usize,
) -> String {
    let [train, validation, tested] = parts.map(Examples::len);
    let ParallelRecipe { source, target, vocabulary, .. } = recipe;
    let Inputs::Pairs(pairs) = &parts[0].inputs else { unreachable!("text makes pairs") };
    let [a, b] = pairs.vocabularies().map(|vocabulary| vocabulary.len());
    let kind = match vocabulary.kind {
        VocabularyKind::Bpe => "BPE",
        VocabularyKind::Unigram => "unigram",
    };
    let pieces = match vocabulary.joint {
        true => format!("{a} joint {kind} pieces"),
        false => format!("{a} and {b} {kind} pieces"),
    };
    let mut said = vec![
        format!("{name}: {train} pairs of sentences, {source} to {target}"),
        format!("{validation} for validation and {tested} for test ({test})"),
        pieces,
    ];
    said.extend((recipe.tokenize == Tokenize::Moses).then(|| "Moses' words".to_owned()));
    said.extend(recipe.lowercase.then(|| "lower case".to_owned()));
    let left_out = left_out.describe(recipe);
    said.extend((!left_out.is_empty()).then_some(left_out));
    let cut_to = recipe.max_len;
    said.extend((cut > 0).then(|| format!("{cut} that are measured are cut to {cut_to} pieces")));
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::Path;

    use super::super::files::tests::{SMALL, folder, recipe};
    use super::super::{Clean, EOS, VocabularyRecipe};
    use super::*;
    use crate::data::{InputKind, test_folder};

    fn small(path: &Path) -> ParallelRecipe {
        let mut recipe = recipe(path);
        recipe.vocabulary.size = 60;
        recipe
    }

    fn pairs(examples: &Examples) -> &Pairs {
        let Inputs::Pairs(pairs) = &examples.inputs else { panic!() };
        pairs
    }

    fn held_out(data: &DataSet) -> [&Pairs; 2] {
        let HeldOut::Given { validation, test } = &data.held_out else { panic!() };
        [pairs(validation), pairs(test)]
    }

    #[test]
    fn a_folder_becomes_a_data_set() {
        let folder = folder(&SMALL);
        let data = load(&small(folder.path())).unwrap();
        let train = &data.examples;
        assert_eq!(
            (train.len(), train.shape.kind(), &train.labels[..]),
            (3, InputKind::Pairs, &[0, 0, 0][..])
        );
        let [source, target] = pairs(train).sides();
        assert!(Arc::ptr_eq(&source.vocabulary, &target.vocabulary));
        assert_eq!(train.classes, target.vocabulary.pieces());
        assert_eq!(pairs(train).lines(1), ["zwei Hunde", "two dogs"]);
        let pieces = pairs(train).pieces_of(1);
        assert_eq!(
            (source.text(pieces[0]), target.text(pieces[1])),
            ("zwei Hunde".into(), "two dogs".into())
        );
        // What is to be predicted.
        let counts = train.counts();
        assert_eq!((counts.len(), counts[EOS as usize]), (train.classes.len(), 3));
        assert_eq!(counts.iter().sum::<u64>(), pairs(train).targets() as u64);
        assert!(train.moments().is_empty() && train.tensor().is_err() && !train.are_images());
        // An empty side is measured as it is; "ä" and "r" were not learned.
        let [validation, test] = held_out(&data);
        assert_eq!((validation.len(), validation.lines(1)), (2, ["", "a"]));
        assert_eq!(validation.pieces_of(1)[0], &[] as &[u32]);
        assert_eq!(source.text(test.pieces_of(0)[0]), "zwei M<unk>nne<unk>");
        assert_eq!(test.lines(0), ["zwei Männer", "two men"]);
        let parts = data.parts(3).unwrap();
        assert_eq!((parts.train.len(), parts.test.len()), (3, 1));
        assert_eq!(train.source().unwrap().in_order(1000).unwrap().count(), 1);
        let said = format!(
            ": 3 pairs of sentences, de to en; 2 for validation and 1 for test (test_2016_flickr); {} \
             joint BPE pieces, with its own validation and test parts",
            train.classes.len()
        );
        assert!(data.describe().ends_with(&said), "{}", data.describe());
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut files = SMALL;
        files[0].1 = "ein Hund\n \nzwei Hunde\na b c d e f g h\nein ein ein\n";
        files[1].1 = "a dog\ndog\ntwo\na\na a a\n";
        files[4].1 = "ein Hund ein Hund ein Hund";
        let folder = folder(&files);
        let mut recipe = small(folder.path());
        recipe.clean = Some(Clean { max_len: 175, ratio: 2.0 });
        recipe.max_len = NonZeroUsize::new(6).unwrap();
        recipe.vocabulary.joint = false;
        recipe.lowercase = true;
        let data = load(&recipe).unwrap();
        let said = data.describe();
        // A pair without a side, one of eight words for one; nothing of the latter's is a piece.
        assert!(
            said.contains("lower case; left out: 1 with an empty side, 1 by cleaning"),
            "{said}"
        );
        assert!(!pairs(&data.examples).sides()[0].vocabulary.pieces().contains(&"g".to_owned()));
        assert!(said.contains("1 that are measured are cut to 6 pieces"), "{said}");
        let [_, test] = held_out(&data);
        // The text stays, in lower case.
        assert_eq!(test.pieces_of(0)[0].len(), 6);
        assert_eq!(test.lines(0)[0], "ein hund ein hund ein hund");
        recipe.max_len = NonZeroUsize::MIN;
        let error = load(&recipe).unwrap_err();
        assert!(
            error.exit_code() == 2 && error.to_string().contains("train: no pair is left"),
            "{error}"
        );
        recipe.vocabulary.size = 5;
        assert!(load(&recipe).unwrap_err().to_string().contains("vocabulary: size = 5 cannot be"));
    }

    #[test]
    fn lines_of_any_length_are_read() {
        let long = "Hund ".repeat(10_000);
        let german = format!("ein Hund\n{long}\n");
        let mut files = SMALL;
        files[0].1 = &german;
        files[1].1 = "a dog\na dog\n";
        files[2].1 = &german;
        let data = load(&small(folder(&files).path())).unwrap();
        assert_eq!(data.examples.len(), 1);
        let [validation, _] = held_out(&data);
        assert_eq!(validation.lengths().map(|[source, _]| source).max(), Some(1024));
        assert!(
            data.describe().contains("left out: 1 of more than 1024 pieces; 1 that are measured")
        );
    }

    #[test]
    fn multi30k_and_tatoeba_are_read() {
        let Some(folder) = test_folder("multi30k_and_tatoeba_are_read") else { return };
        let mut recipe = recipe(&folder.join("multi30k"));
        recipe.tokenize = Tokenize::Moses;
        recipe.lowercase = true;
        recipe.clean = Some(Clean { max_len: 175, ratio: 1.5 });
        recipe.vocabulary = VocabularyRecipe { kind: VocabularyKind::Bpe, size: 6000, joint: true };
        recipe.take = Some(Subset { train: NonZeroUsize::new(5000), test: None });
        let data = load(&recipe).unwrap();
        let [validation, test] = held_out(&data);
        assert_eq!((validation.len(), test.len()), (1014, 1000));
        assert!((4000..5000).contains(&data.examples.len()), "{}", data.describe());
        assert_eq!(data.examples.classes.len(), 6000);
        let back = (0..test.len()).filter(|&at| {
            let side = test.sides()[1];
            side.text(test.pieces_of(at)[1]) == test.lines(at)[1]
        });
        // The others have odd spaces or quotation marks.
        assert!(back.count() > 900);
        let mut recipe = self::recipe(&folder.join("tatoeba/fra.txt.gz"));
        (recipe.source, recipe.take) = (
            "fr".into(),
            Some(Subset { train: NonZeroUsize::new(3000), test: NonZeroUsize::new(500) }),
        );
        let data = load(&recipe).unwrap();
        assert_eq!((data.examples.len(), held_out(&data)[1].len()), (3000, 500));
    }
}
