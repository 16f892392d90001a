//! [`Text`]: the lines of text in two languages as they lie in its files.
//!
//! A folder holds `train.de`, `train.en`, `val.de` and so on, as Multi30k and what comes out of
//! Moses' scripts do: line i of one file is the translation of line i of the other. A single file
//! holds an English sentence, a tab and its translation a line, as selections of Tatoeba do. See
//! [`iwslt`] for a folder as IWSLT publishes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::parts::Role;
use super::super::{Fractions, files};
use super::lines::{Lines, Section, Text, aligned, lines};
use super::{ParallelRecipe, iwslt};
use crate::random::Stream;
use crate::{Error, Result};

/// How the names of the files of a test part begin, if they are not called as [`Role`] has it.
const TEST: &str = "test";

impl Text {
    /// Reads what `recipe` asks for.
    ///
    /// # Errors
    /// A part that is missing or cannot be told from another; with file and line: text that is not
    /// UTF-8, files of unequal numbers of lines, a line without a tab; a part without any line.
    pub fn read(recipe: &ParallelRecipe) -> Result<Self> {
        let path = recipe.path.resolve();
        let languages = [recipe.source.as_str(), recipe.target.as_str()];
        let text = match (path.is_dir(), iwslt::home(&path, Some(languages))?) {
            (_, Some((folder, pair))) => iwslt::read(&folder, &pair, recipe)?,
            (true, None) => Self::of_folder(&path, recipe)?,
            (false, None) => Self::of_file(&path, recipe)?,
        };
        for part in [&text.train, &text.validation, &text.test] {
            if part.lines[0].is_empty() {
                return Err(Error::malformed(&path, &part.name, "there is no sentence in it"));
            }
        }
        Ok(text)
    }

    /// The folder in which the files lie that [`Text::read`] reads, and these; of a single file it is
    /// the file itself.
    ///
    /// # Errors
    /// A part that is missing or cannot be told from another.
    pub(in super::super) fn files(recipe: &ParallelRecipe) -> Result<(PathBuf, Vec<PathBuf>)> {
        let path = recipe.path.resolve();
        let languages = [recipe.source.as_str(), recipe.target.as_str()];
        if let Some((folder, pair)) = iwslt::home(&path, Some(languages))? {
            let files = iwslt::files(&folder, &pair, recipe)?;
            return Ok((folder, files));
        }
        if !path.is_dir() {
            return Ok((path.clone(), vec![path]));
        }
        let parts = Self::parts_of_folder(&path, recipe)?;
        let of_part = |part: &String| languages.map(|language| file(&path, part, language));
        let files = parts.iter().flat_map(of_part).collect();
        Ok((path, files))
    }

    fn of_folder(path: &Path, recipe: &ParallelRecipe) -> Result<Self> {
        let languages = [recipe.source.as_str(), recipe.target.as_str()];
        let part = |name: String| -> Result<Section> {
            let lines = aligned(languages.map(|language| file(path, &name, language)), &lines)?;
            Ok(Section { name, lines })
        };
        let [train, validation, test] = Self::parts_of_folder(path, recipe)?;
        Ok(Self { train: part(train)?, validation: part(validation)?, test: part(test)? })
    }

    /// What the files of training, validation and test part are called, without the language.
    fn parts_of_folder(path: &Path, recipe: &ParallelRecipe) -> Result<[String; 3]> {
        let languages = [recipe.source.as_str(), recipe.target.as_str()];
        let there = stems(path, languages)?;
        let missing = |what: &str| {
            let [source, target] = languages;
            let found = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            Error::Request(format!(
                "{}: no {what} in the languages {source} and {target}; parts in both: {found}",
                path.display()
            ))
        };
        let train = Role::Train.among(there.iter().map(String::as_str));
        let Some(train) = train.first() else {
            return Err(missing(&format!("train.{} and train.{}", languages[0], languages[1])));
        };
        let one = |stems: Vec<&String>, what: &str, hint: &str| match &stems[..] {
            [] => Err(missing(what)),
            [stem] => Ok((*stem).clone()),
            several => {
                let names: Vec<&str> = several.iter().map(|stem| stem.as_str()).collect();
                let names = names.join(", ");
                Err(Error::Request(format!("{}: there are {names}: {hint}", path.display())))
            }
        };
        let is_validation = |stem: &&String| Role::of(stem) == Some(Role::Validation);
        let validation = one(
            there.iter().filter(is_validation).collect(),
            "validation part (val, valid, validation or dev)",
            "only one validation part can be meant",
        )?;
        let is_test = |stem: &&String| match &recipe.test {
            Some(test) => *stem == test,
            None => is_test_set(stem),
        };
        let what = recipe
            .test
            .as_ref()
            .map_or("test part (test…)".to_owned(), |test| format!("test = {test:?}"));
        let tests = there.iter().filter(is_test).collect();
        let test = one(tests, &what, "test = \"NAME\" says which test set is meant")?;
        Ok([(*train).to_owned(), validation, test])
    }

    /// The English sentences are split, so that none is learned from in one pair and measured in
    /// another.
    fn of_file(path: &Path, recipe: &ParallelRecipe) -> Result<Self> {
        let english_first = match (recipe.source.as_str(), recipe.target.as_str()) {
            ("en", _) => true,
            (_, "en") => false,
            (source, target) => {
                return Err(Error::Request(format!(
                    "{} holds English sentences and their translations: either source = {source:?} \
                     or target = {target:?} has to be \"en\"",
                    path.display()
                )));
            }
        };
        if recipe.test.is_some() {
            return Err(Error::Request(format!(
                "{} is one file, of which shares are held out: `test` names files in a folder",
                path.display()
            )));
        }
        let lines = columns(path)?;
        let parts = by_sentence(&lines[0], recipe.shares());
        let [english, translations] = &lines;
        let sides = if english_first { [english, translations] } else { [translations, english] };
        let part = |name: &str, rows: &[usize]| Section {
            name: name.to_owned(),
            lines: sides.map(|side| rows.iter().map(|&row| side[row].clone()).collect()),
        };
        let [train, validation, test] = &parts;
        Ok(Self {
            train: part("training part", train),
            validation: part("validation part", validation),
            test: part("test part", test),
        })
    }
}

/// Whether the files called `stem` are a test part.
fn is_test_set(stem: &str) -> bool {
    stem.starts_with(TEST) || Role::of(stem) == Some(Role::Test)
}

/// What the files in the folder `path` are called that are there in both `languages`, by name.
fn stems(path: &Path, languages: [&str; 2]) -> Result<Vec<String>> {
    let names: Vec<String> = files::entries(path)?.iter().map(|entry| files::name(entry)).collect();
    let of = |language: &str| -> Vec<&str> {
        let end = format!(".{language}");
        let names = names.iter().map(|name| name.strip_suffix(".gz").unwrap_or(name));
        let mut stems: Vec<&str> =
            names.filter_map(|name| name.strip_suffix(end.as_str())).collect();
        stems.dedup();
        stems
    };
    let [source, target] = languages.map(of);
    Ok(source.into_iter().filter(|stem| target.contains(stem)).map(str::to_owned).collect())
}

/// The languages, by codes of two letters, in which the folder `path` has a training part, and
/// another part that is there in two of them.
pub(in super::super) fn languages(path: &Path) -> Result<Vec<String>> {
    if let Some((_, pair)) = iwslt::home(path, None)? {
        return Ok(pair.split('-').map(str::to_owned).collect());
    }
    let mut found = Vec::new();
    for entry in files::entries(path)? {
        let name = files::name(&entry);
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (stem, code) = name.split_once('.').unwrap_or_default();
        let code = if Role::of(stem) == Some(Role::Train) { code } else { "" };
        let is_code = code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_lowercase());
        if is_code && !found.iter().any(|known| known == code) {
            found.push(code.to_owned());
        }
    }
    match &found[..] {
        [first, second, ..] if stems(path, [first, second])?.len() > 1 => Ok(found),
        _ => Ok(Vec::new()),
    }
}

/// The names of the parts of `recipe`'s folder that are test sets, in the order of the names.
pub(in super::super) fn test_sets(recipe: &ParallelRecipe) -> Result<Vec<String>> {
    let mut stems = stems(&recipe.path.resolve(), [&recipe.source, &recipe.target])?;
    stems.retain(|stem| is_test_set(stem));
    Ok(stems)
}

/// The names of the parts of `recipe`'s folder that are neither learned from nor measured, whatever
/// the recipe says.
pub(in super::super) fn unused(recipe: &ParallelRecipe) -> Result<Vec<String>> {
    let path = recipe.path.resolve();
    if iwslt::home(&path, None)?.is_some() {
        return Ok(Vec::new());
    }
    let mut stems = stems(&path, [&recipe.source, &recipe.target])?;
    let train = Role::Train.among(stems.iter().map(String::as_str)).first().map(|s| s.to_string());
    stems.retain(|stem| match Role::of(stem) {
        Some(Role::Train) => Some(stem) != train.as_ref(),
        Some(_) => false,
        None => !is_test_set(stem),
    });
    Ok(stems)
}

/// The file of the part `stem` in one language, which may be packed.
fn file(folder: &Path, stem: &str, language: &str) -> PathBuf {
    let plain = folder.join(format!("{stem}.{language}"));
    if plain.exists() { plain } else { folder.join(format!("{stem}.{language}.gz")) }
}

/// The first two columns of a file.
fn columns(path: &Path) -> Result<Lines> {
    let mut columns = [Vec::new(), Vec::new()];
    for (at, line) in lines(path)?.iter().enumerate() {
        let mut values = line.split('\t');
        let (Some(first), Some(second)) = (values.next(), values.next()) else {
            let problem = "no tab between a sentence and its translation";
            return Err(Error::malformed(path, format!("line {}", at + 1), problem));
        };
        columns[0].push(first.trim().to_owned());
        columns[1].push(second.trim().to_owned());
    }
    Ok(columns)
}

/// The rows for training, validation and test: all rows of a sentence are in one part.
fn by_sentence(sentences: &[String], shares: Fractions) -> [Vec<usize>; 3] {
    let mut numbers = HashMap::new();
    let number = |sentence| {
        let next = numbers.len();
        *numbers.entry(sentence).or_insert(next)
    };
    let of_row: Vec<usize> = sentences.iter().map(number).collect();
    let count = numbers.len();
    let share = |share: f64| (share * count as f64).round() as usize;
    let (test, validation) = (share(shares.test), share(shares.validation));
    let mut part_of = vec![0; count];
    for (place, sentence) in Stream::new(0, "parallel").permutation(count).into_iter().enumerate() {
        if place < test + validation {
            part_of[sentence] = if place < test { 2 } else { 1 };
        }
    }
    let mut parts = [const { Vec::new() }; 3];
    of_row.iter().enumerate().for_each(|(row, &sentence)| parts[part_of[sentence]].push(row));
    parts
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::DataPath;
    use super::super::super::files::gzip;
    use super::*;
    use std::fs;

    /// A folder with these files.
    pub fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    /// Three pairs to learn from, two for validation and one for test.
    pub const SMALL: [(&str, &str); 6] = [
        ("train.de", "ein Hund\nzwei Hunde\nein Mann\n"),
        ("train.en", "a dog\ntwo dogs\na man\n"),
        ("val.de", "ein Hund\n\n"),
        ("val.en", "a dog\na\n"),
        ("test_2016_flickr.de", "zwei Männer"),
        ("test_2016_flickr.en", "two men"),
    ];

    pub fn recipe(path: &Path) -> ParallelRecipe {
        ParallelRecipe::new(DataPath::new(path.to_str().unwrap()), "de", "en")
    }

    fn read(path: &Path) -> Result<Text> {
        Text::read(&recipe(path))
    }

    fn complaint(files: &[(&str, &str)]) -> String {
        let error = read(folder(files).path()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn a_folder_is_read_line_by_line() {
        let found = folder(&SMALL);
        let text = read(found.path()).unwrap();
        assert_eq!(text.train.lines[0], ["ein Hund", "zwei Hunde", "ein Mann"]);
        assert_eq!(text.train.lines[1], ["a dog", "two dogs", "a man"]);
        // An empty line is a line; a line feed at the end begins none.
        assert_eq!(text.validation.lines, [["ein Hund", ""], ["a dog", "a"]]);
        assert_eq!(
            (text.test.name.as_str(), &*text.test.lines[0]),
            ("test_2016_flickr", &["zwei Männer".to_owned()][..])
        );
        // The other way round, packed, with the line ends of Windows and a mark at the beginning.
        let mut other = recipe(found.path());
        (other.source, other.target) = (other.target, other.source);
        assert_eq!(Text::read(&other).unwrap().train.lines[0], text.train.lines[1]);
        fs::remove_file(found.path().join("train.de")).unwrap();
        let packed = gzip("\u{feff}ein Hund\r\nzwei Hunde\r\nein Mann\r\n".as_bytes());
        fs::write(found.path().join("train.de.gz"), packed).unwrap();
        assert_eq!(read(found.path()).unwrap(), text);
    }

    #[test]
    fn lines_end_at_line_feeds_alone() {
        let mut files = SMALL;
        files[0].1 = "ein\u{2028}Hund\u{85}\nzwei\rHunde\nein\u{b}Mann";
        let text = read(folder(&files).path()).unwrap();
        assert_eq!(text.train.lines[0], ["ein\u{2028}Hund\u{85}", "zwei\rHunde", "ein\u{b}Mann"]);
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        let with = |at: usize, text: &'static str| {
            let mut files = SMALL;
            files[at].1 = text;
            complaint(&files)
        };
        let found = with(1, "a dog\ntwo dogs");
        assert!(
            found.ends_with("train.en: line 3: missing: it has 2 lines, train.de has 3"),
            "{found}"
        );
        assert!(
            with(0, "x").ends_with("train.de: line 2: missing: it has 1 lines, train.en has 3")
        );
        let folder = folder(&SMALL);
        fs::write(folder.path().join("val.en"), b"a dog\nth\xffe\n").unwrap();
        let found = read(folder.path()).unwrap_err().to_string();
        assert!(found.contains("val.en: line 2, byte 2: not text in UTF-8"), "{found}");
        assert!(complaint(&SMALL[2..]).contains(
            "no train.de and train.en in the languages de and en; parts in both: test_2016_flickr, val"
        ));
        assert!(complaint(&SMALL[..1]).ends_with("parts in both: none"));
        assert!(complaint(&SMALL[..2]).contains("no validation part (val, valid"));
        assert!(complaint(&SMALL[..4]).contains("no test part (test…)"));
        let two = [&SMALL[..], &[("valid.de", "a"), ("valid.en", "a")]].concat();
        assert!(complaint(&two).contains("there are val, valid: only one validation part"));
        let empty = [&SMALL[..4], &[("test.de", ""), ("test.en", "")]].concat();
        assert!(complaint(&empty).ends_with("test: there is no sentence in it"));
        assert!(read(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn one_of_several_test_sets_is_named() {
        let files =
            [&SMALL[..], &[("test_2017.de", "b"), ("test_2017.en", "c"), ("test_x.de", "d")]];
        let folder = folder(&files.concat());
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with(
                "there are test_2016_flickr, test_2017: test = \"NAME\" says which test set is meant"
            ),
            "{error}"
        );
        let mut recipe = recipe(folder.path());
        recipe.test = Some("test_2017".to_owned());
        assert_eq!(Text::read(&recipe).unwrap().test.lines, [["b"], ["c"]]);
        recipe.test = Some("test_x".to_owned());
        let error = Text::read(&recipe).unwrap_err().to_string();
        assert!(error.contains("no test = \"test_x\" in the languages de and en"), "{error}");
    }

    #[test]
    fn an_english_sentence_is_in_one_part_only() {
        let line = |at: usize| format!("sentence {}\tSatz {at}\tCC-BY\n", at % 40);
        let text: String = (0..100).map(line).collect();
        let folder =
            folder(&[("deu.txt", &text), ("bad.txt", "a\tb\nno tab\n"), ("empty.txt", "")]);
        let of = |name: &str, source: &str, target: &str| {
            let path = DataPath::new(folder.path().join(name).to_str().unwrap());
            let mut recipe = ParallelRecipe::new(path, source, target);
            recipe.shares = Some(Fractions { validation: 0.1, test: 0.2 });
            recipe
        };
        let text = Text::read(&of("deu.txt", "de", "en")).unwrap();
        let parts = [&text.train, &text.validation, &text.test];
        assert_eq!(parts.iter().map(|part| part.lines[0].len()).sum::<usize>(), 100);
        let english = |part: &Section| -> std::collections::BTreeSet<String> {
            part.lines[1].iter().cloned().collect()
        };
        let [train, validation, test] = parts.map(english);
        assert_eq!([train.len(), validation.len(), test.len()], [28, 4, 8]);
        assert!(train.is_disjoint(&test) && train.is_disjoint(&validation));
        assert!(validation.is_disjoint(&test));
        // Pairs stay together, in either direction, and the third column is none of theirs.
        for part in parts {
            for (german, english) in part.lines[0].iter().zip(&part.lines[1]) {
                let number: usize = german.strip_prefix("Satz ").unwrap().parse().unwrap();
                assert_eq!(*english, format!("sentence {}", number % 40));
            }
        }
        let back = Text::read(&of("deu.txt", "en", "de")).unwrap();
        assert_eq!(
            (&back.test.lines[0], &back.test.lines[1]),
            (&text.test.lines[1], &text.test.lines[0])
        );
        let error = |recipe: &ParallelRecipe| Text::read(recipe).unwrap_err().to_string();
        let bad = error(&of("bad.txt", "de", "en"));
        assert!(bad.ends_with("bad.txt: line 2: no tab between a sentence and its translation"));
        assert!(error(&of("deu.txt", "de", "fr")).contains("has to be \"en\""));
        assert!(error(&of("empty.txt", "de", "en")).contains("there is no sentence in it"));
        let mut named = of("deu.txt", "de", "en");
        named.test = Some("test".to_owned());
        assert!(error(&named).contains("is one file, of which shares are held out"));
    }
}
