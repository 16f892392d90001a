//! The talks of IWSLT as they are published, prepared as fairseq's `prepare-iwslt14.sh` does it.
//!
//! A folder holds `train.tags.de-en.de` and `.en`, whose lines are sentences but for some that speak of a
//! talk, and `IWSLT14.TED.tst2010.de-en.de.xml` and so on, whose sentences are segments. Of the training
//! pairs that cleaning leaves every 23rd is the validation part, and all sets together are the test part.
//! Where the recipe names one of the sets, that is the test part, and the others are the validation part.

use std::path::{Path, PathBuf};

use super::super::files;
use super::lines::{Lines, Section, Text, aligned, lines};
use super::{Form, ParallelRecipe};
use crate::{Error, Result, plain};

/// One training pair in so many is for validation.
const EVERY: usize = 23;

/// What lines of a training file are titles and descriptions, which are sentences, too.
const KEPT: [&str; 2] = ["title", "description"];

/// The folder with the talks, which is `path` or lies in it, and its pair of languages as the names of its
/// files have it. Of several those in the languages `wanted` are meant.
///
/// # Errors
/// Several that may be meant.
pub(super) fn home(path: &Path, wanted: Option<[&str; 2]>) -> Result<Option<(PathBuf, String)>> {
    let mut found = all(path);
    let is_wanted = |pair: &str| wanted.is_some_and(|codes| is_pair(pair, codes));
    if found.iter().any(|(_, pair)| is_wanted(pair)) {
        found.retain(|(_, pair)| is_wanted(pair));
    }
    match &found[..] {
        [] | [_] => Ok(found.pop()),
        several => {
            let names = several.iter().map(|(folder, pair)| {
                format!("{pair} in {}", plain::name(&folder.to_string_lossy()))
            });
            Err(Error::Request(format!(
                "{}: there are talks of several pairs of languages: {}; name the folder of one",
                path.display(),
                names.collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

/// Every folder with talks, and the pair of languages.
fn all(path: &Path) -> Vec<(PathBuf, String)> {
    let pairs = |folder: &Path| -> Vec<(PathBuf, String)> {
        let entries = files::entries(folder).unwrap_or_default();
        let pair = |entry: &PathBuf| {
            let name = files::name(entry);
            Some(name.strip_prefix("train.tags.")?.split_once('.')?.0.to_owned())
        };
        let mut pairs: Vec<String> = entries.iter().filter_map(pair).collect();
        pairs.dedup();
        pairs.into_iter().map(|pair| (folder.to_owned(), pair)).collect()
    };
    let found = pairs(path);
    if !found.is_empty() {
        return found;
    }
    let entries = files::entries(path).unwrap_or_default();
    entries.iter().filter(|entry| entry.is_dir()).flat_map(|folder| pairs(folder)).collect()
}

/// Whether `pair` is that of the languages `codes`, in either order.
fn is_pair(pair: &str, [a, b]: [&str; 2]) -> bool {
    pair == format!("{a}-{b}") || pair == format!("{b}-{a}")
}

/// Reads the folder `path` with the files of the pair of languages `pair`.
///
/// # Errors
/// As [`Text::read`]; another pair of languages than the recipe's.
pub(super) fn read(path: &Path, pair: &str, recipe: &ParallelRecipe) -> Result<Text> {
    let codes = [recipe.source.as_str(), recipe.target.as_str()];
    let [a, b] = codes;
    if !is_pair(pair, codes) {
        let problem = format!("the talks are {pair}, asked for are {a} and {b}");
        return Err(Error::malformed(path, "languages", problem));
    }
    let train = aligned(train_files(path, pair, codes), &|path| {
        Ok(lines(path)?.iter().filter_map(|line| sentence(line)).collect())
    })?;
    let mut sets = Vec::new();
    for set in sets_of(path, pair, codes[0])? {
        let files = set_files(path, &set, pair, codes);
        sets.push((set, aligned(files, &segments)?));
    }
    if sets.is_empty() {
        let problem = format!("there is no IWSLT….{pair}.{}.xml", codes[0]);
        return Err(Error::malformed(path, "test part", problem));
    }
    let all = |sets: &[(String, Lines)]| {
        let names: Vec<&str> = sets.iter().map(|(name, _)| name.as_str()).collect();
        let side = |at: usize| sets.iter().flat_map(|(_, lines)| lines[at].clone()).collect();
        Section { name: names.join(", "), lines: [side(0), side(1)] }
    };
    let Some(wanted) = &recipe.test else {
        let (train, validation) = every(train, recipe, recipe.forms()?);
        return Ok(Text { train, validation, test: all(&sets) });
    };
    let (test, others): (Vec<_>, Vec<_>) =
        sets.into_iter().partition(|(name, _)| name.ends_with(&format!(".{wanted}")));
    if test.is_empty() || others.is_empty() {
        let names: Vec<&str> = test.iter().chain(&others).map(|(name, _)| name.as_str()).collect();
        return Err(Error::Request(format!(
            "{}: test = {wanted:?} has to name one of several sets; there are {}",
            path.display(),
            names.join(", ")
        )));
    }
    let train = Section { name: "train".to_owned(), lines: train };
    Ok(Text { train, validation: all(&others), test: all(&test) })
}

/// The files that [`read`] reads.
///
/// # Errors
/// A folder that cannot be read.
pub(super) fn files(path: &Path, pair: &str, recipe: &ParallelRecipe) -> Result<Vec<PathBuf>> {
    let codes = [recipe.source.as_str(), recipe.target.as_str()];
    let mut files = Vec::from(train_files(path, pair, codes));
    for set in sets_of(path, pair, codes[0])? {
        files.extend(set_files(path, &set, pair, codes));
    }
    Ok(files)
}

fn train_files(path: &Path, pair: &str, codes: [&str; 2]) -> [PathBuf; 2] {
    codes.map(|code| path.join(format!("train.tags.{pair}.{code}")))
}

fn set_files(path: &Path, set: &str, pair: &str, codes: [&str; 2]) -> [PathBuf; 2] {
    codes.map(|code| path.join(format!("{set}.{pair}.{code}.xml")))
}

/// The sets in `path`, by the beginnings of their names, in the order of their ends: dev2010, dev2012,
/// tst2010 and so on.
fn sets_of(path: &Path, pair: &str, code: &str) -> Result<Vec<String>> {
    let end = format!(".{pair}.{code}.xml");
    let names = files::entries(path)?.iter().map(|entry| files::name(entry)).collect::<Vec<_>>();
    let of = |name: &String| {
        let set = name.strip_suffix(&end)?;
        set.starts_with("IWSLT").then(|| set.to_owned())
    };
    let mut sets: Vec<String> = names.iter().filter_map(of).collect();
    let last = |set: &str| set.rsplit('.').next().unwrap_or_default().to_owned();
    sets.sort_by_key(|set| last(set));
    Ok(sets)
}

/// What is a sentence of a line of a training file.
fn sentence(line: &str) -> Option<String> {
    let line = line.trim();
    let Some(tagged) = line.strip_prefix('<') else { return Some(line.to_owned()) };
    for tag in KEPT {
        if let Some(rest) = tagged.strip_prefix(&format!("{tag}>")) {
            return Some(rest.trim_end_matches(&format!("</{tag}>")).trim().to_owned());
        }
    }
    // The address of a talk, its speaker, its keywords and who translated it; but "<3" is no tag.
    match tagged.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
        true => None,
        false => Some(line.to_owned()),
    }
}

/// The segments of the file `path`.
fn segments(path: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (at, line) in lines(path)?.iter().enumerate() {
        let Some(rest) = line.trim().strip_prefix("<seg id") else { continue };
        let text = rest.split_once('>').and_then(|(_, rest)| rest.split_once("</seg>"));
        let Some((text, _)) = text else {
            let problem = "a segment does not end where it begins: expected <seg id=\"1\">…</seg>";
            return Err(Error::malformed(path, format!("line {}", at + 1), problem));
        };
        found.push(unescaped(text.trim()).replace('’', "'"));
    }
    Ok(found)
}

/// The characters that XML cannot have as they are.
fn unescaped(text: &str) -> String {
    let names = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    names.iter().fold(text.to_owned(), |text, (name, character)| text.replace(name, character))
}

/// The training pairs that cleaning leaves, without every 23rd, and these.
fn every(train: Lines, recipe: &ParallelRecipe, forms: [Form; 2]) -> (Section, Section) {
    let (mut rest, mut held_out) = (Lines::default(), Lines::default());
    let [source, target] = train;
    let stays = |source: &str, target: &str| {
        let (source, target) = (forms[0].apply(source), forms[1].apply(target));
        recipe.clean.is_none_or(|clean| clean.keeps(&source, &target))
    };
    let kept = source.into_iter().zip(target).filter(|(source, target)| stays(source, target));
    for (at, (source, target)) in kept.enumerate() {
        let part = if (at + 1).is_multiple_of(EVERY) { &mut held_out } else { &mut rest };
        part[0].push(source);
        part[1].push(target);
    }
    let part = |name: &str, lines| Section { name: name.to_owned(), lines };
    (part("train", rest), part("every 23rd training pair", held_out))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::super::DataPath;
    use super::super::{Clean, Tokenize};
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        for (code, title) in [("de", "Über Hunde"), ("en", "On dogs")] {
            // The third of the 50 sentences is left out by cleaning.
            let long =
                |at: usize| if at == 3 && code == "de" { " sehr".repeat(9) } else { String::new() };
            let sentences: String =
                (1..50).map(|at| format!("{code} {at}{} .\n", long(at))).collect();
            write(
                &format!("train.tags.de-en.{code}"),
                format!(
                    "<url>http://x</url>\n<speaker>A</speaker>\n<title>{title}</title>\n{sentences}\
                     </doc>\n"
                ),
            );
            for (set, sentence) in [
                ("TEDX.dev2012", "zwei &amp; so"),
                ("TED.tst2010", "it’s"),
                ("TED.dev2010", "eins"),
            ] {
                write(
                    &format!("IWSLT14.{set}.de-en.{code}.xml"),
                    format!(
                        "<mteval>\n<doc docid=\"1\">\n<seg id=\"1\"> {code} {sentence} </seg>\n</doc>\n"
                    ),
                );
            }
        }
        folder
    }

    fn recipe(path: &Path) -> ParallelRecipe {
        let mut recipe = ParallelRecipe::new(DataPath::new(path.to_str().unwrap()), "de", "en");
        recipe.clean = Some(Clean { max_len: 175, ratio: 1.5 });
        recipe.tokenize = Tokenize::Moses;
        recipe
    }

    #[test]
    fn talks_are_prepared_as_by_fairseq() {
        let folder = folder();
        let text = Text::read(&recipe(folder.path())).unwrap();
        // 50 pairs with the title, one of which cleaning drops: the 23rd and the 46th of 49.
        assert_eq!(text.train.lines[0].len(), 47);
        assert_eq!(text.train.lines[0][0], "Über Hunde");
        assert_eq!(text.validation.lines[1], ["en 23 .", "en 46 ."]);
        assert_eq!(text.test.lines[0], ["de eins", "de zwei & so", "de it's"]);
        // The other direction has the same files.
        let mut back = recipe(folder.path());
        (back.source, back.target) = ("en".to_owned(), "de".to_owned());
        assert_eq!(Text::read(&back).unwrap().test.lines[0][0], "en eins");
        // So has the folder that it was unpacked in.
        let around = tempfile::tempdir().unwrap();
        fs::create_dir(around.path().join("de-en")).unwrap();
        for entry in files::entries(folder.path()).unwrap() {
            fs::copy(&entry, around.path().join("de-en").join(files::name(&entry))).unwrap();
        }
        assert_eq!(Text::read(&recipe(around.path())).unwrap().train.lines[0].len(), 47);
        assert_eq!(super::super::languages(around.path()).unwrap(), ["de", "en"]);
        fs::create_dir(around.path().join("fr-en")).unwrap();
        fs::write(around.path().join("fr-en/train.tags.fr-en.fr"), "").unwrap();
        assert_eq!(Text::read(&recipe(around.path())).unwrap().train.lines[0].len(), 47);
        let several = super::super::languages(around.path()).unwrap_err().to_string();
        assert!(several.contains("several pairs of languages: de-en in "), "{several}");
        back.target = "fr".to_owned();
        let other = Text::read(&back).unwrap_err().to_string();
        assert!(other.contains("the talks are de-en, asked for are en and fr"), "{other}");
        let mut named = recipe(folder.path());
        named.test = Some("tst2010".to_owned());
        let text = Text::read(&named).unwrap();
        assert_eq!((text.validation.lines[0].len(), text.test.lines[0].len()), (2, 1));
        assert_eq!(text.train.lines[0].len(), 50);
    }

    #[test]
    fn what_is_broken_is_named() {
        let folder = folder();
        let path = folder.path().join("IWSLT14.TED.tst2010.de-en.en.xml");
        let message = |text: &str| {
            fs::write(&path, text).unwrap();
            Text::read(&recipe(folder.path())).unwrap_err().to_string()
        };
        let open = message("<doc>\n<seg id=\"1\"> it is\n");
        assert!(open.contains("tst2010.de-en.en.xml: line 2: a segment does not end"), "{open}");
        let fewer = message("<doc>\n</doc>\n");
        assert!(fewer.contains("it has 0") && fewer.contains("has 1"), "{fewer}");
        fs::remove_file(&path).unwrap();
        let gone = Text::read(&recipe(folder.path())).unwrap_err();
        assert!(gone.to_string().contains("tst2010.de-en.en.xml"), "{gone}");
        fs::remove_file(folder.path().join("IWSLT14.TED.tst2010.de-en.de.xml")).unwrap();
        let mut other = recipe(folder.path());
        other.test = Some("tst2099".to_owned());
        let error = Text::read(&other).unwrap_err().to_string();
        assert!(error.contains("IWSLT14.TED.dev2010, IWSLT14.TEDX.dev2012"), "{error}");
    }
}
