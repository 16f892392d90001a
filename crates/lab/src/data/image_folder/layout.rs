//! [`Layout`]: which folders of a data set of images are its parts, and which are classes.

use std::path::{Path, PathBuf};

use super::super::files;
use super::super::parts::Role;
use super::walk::{folders, holds_class_folders, holds_images};
use crate::{Error, Result, plain};

/// Where the class folders of each part lie.
#[derive(Debug, PartialEq)]
pub struct Layout {
    /// The folder of the classes that are learned from.
    pub train: PathBuf,
    pub validation: Option<PathBuf>,
    pub test: Option<PathBuf>,
    /// What there is to say of it, such as a part that is not used.
    pub notes: Vec<String>,
}

impl Layout {
    /// That of the folder `path`.
    ///
    /// # Errors
    /// Parts without folders of classes, and folders of parts where those of classes should be.
    pub fn of(path: &Path) -> Result<Self> {
        let all = folders(path)?;
        let names: Vec<String> = all.iter().map(|folder| files::name(folder)).collect();
        let among = |role: Role| role.among(names.iter().map(String::as_str));
        let others = || all.iter().filter(|folder| Role::of(&files::name(folder)).is_none());
        let [train, validation, test] = [Role::Train, Role::Validation, Role::Test].map(among);
        match train.first() {
            Some(name) if holds_images(&path.join(name)) => {
                // The images of a part lie in folders of their classes, those of a class do not.
                let is_part = holds_class_folders(&path.join(name));
                let has_others = !(validation.is_empty() && test.is_empty());
                if others().any(|folder| holds_images(folder)) && !(is_part && has_others) {
                    return Self::flat(path, &names);
                }
                if !is_part {
                    return Err(no_classes(path, &names));
                }
            }
            Some(_) => {}
            None if !all.is_empty() && others().next().is_none() => {
                return Err(no_classes(path, &names));
            }
            None => return Self::flat(path, &names),
        }
        let mut notes = Vec::new();
        let mut unused: Vec<&str> =
            others().filter_map(|folder| folder.file_name()?.to_str()).collect();
        let validation = first(path, &validation, &mut unused, &mut notes);
        let test = first(path, &test, &mut unused, &mut notes);
        unused.extend(&train[1..]);
        unused.sort_unstable();
        if !unused.is_empty() {
            let s = if unused.len() == 1 { "" } else { "s" };
            notes.push(format!("not used: the folder{s} {}", shown(&unused)));
        }
        Ok(Self { train: path.join(train[0]), validation, test, notes })
    }

    /// Class folders without a part around them.
    fn flat(path: &Path, names: &[String]) -> Result<Self> {
        let has_parts = |name: &&String| {
            let inner = folders(&path.join(name)).unwrap_or_default();
            let roles: Vec<Role> =
                inner.iter().filter_map(|folder| Role::of(&files::name(folder))).collect();
            roles.contains(&Role::Train)
                && (roles.len() > 1 || roles.len() == inner.len())
                && !holds_images(&path.join(name))
        };
        let sets: Vec<&str> = names.iter().filter(has_parts).map(String::as_str).collect();
        if let Some(first) = sets.first() {
            let problem = format!(
                "there are parts such as train in {}: name the folder of one data set, such as {}",
                shown(&sets),
                path.join(first).display()
            );
            return Err(Error::malformed(path, "classes", problem));
        }
        if let [one] = names
            && !holds_images(&path.join(one))
            && folders(&path.join(one))?.len() > 1
        {
            let problem = format!(
                "there is one folder in it, {}: if the folders in that are the classes, name it: {}",
                plain::name(one),
                path.join(one).display()
            );
            return Err(Error::malformed(path, "classes", problem));
        }
        let parts: Vec<&str> =
            names.iter().filter(|name| Role::of(name).is_some()).map(String::as_str).collect();
        let mut notes = Vec::new();
        if !parts.is_empty() {
            let one = if parts.len() == 1 { "is a class here" } else { "are classes here" };
            notes.push(format!("{} {one}, like the folders beside", shown(&parts)));
        }
        Ok(Self { train: path.to_owned(), validation: None, test: None, notes })
    }
}

/// The first of the parts `found` in `path` that has folders of classes; what there is to say of the others.
fn first<'a>(
    path: &Path,
    found: &[&'a str],
    unused: &mut Vec<&'a str>,
    notes: &mut Vec<String>,
) -> Option<PathBuf> {
    let mut taken = None;
    for name in found {
        let part = path.join(name);
        if taken.is_some() {
            unused.push(name);
        } else if folders(&part).is_ok_and(|inner| inner.is_empty()) && holds_images(&part) {
            let name = plain::name(name);
            notes.push(format!("not used: {name}, whose images lie in no folders of classes"));
        } else {
            taken = Some(part);
        }
    }
    taken
}

fn no_classes(path: &Path, names: &[String]) -> Error {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let problem = format!(
        "in it {} {}: parts, expected a folder for each class in each of them, such as train/CLASS/*.jpg",
        if names.len() == 1 { "is" } else { "are" },
        shown(&names)
    );
    Error::malformed(path, "classes", problem)
}

/// Some names, with commas between them.
fn shown(names: &[&str]) -> String {
    let shown = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    let shown = plain::name(&shown).into_owned();
    match names.len() {
        0..=5 => shown,
        more => format!("{shown} and {} more", more - 5),
    }
}
