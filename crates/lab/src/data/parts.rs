//! [`Role`]: what the parts of a data set are called, in folders and in names of files.

/// What a part is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is learned from.
    Train,
    /// It chooses among epochs.
    Validation,
    /// The result is measured on it.
    Test,
}

/// Names of parts, of which the first that is there is taken.
const NAMES: [(&str, Role); 10] = [
    ("train", Role::Train),
    ("training", Role::Train),
    ("val", Role::Validation),
    ("valid", Role::Validation),
    ("validation", Role::Validation),
    ("dev", Role::Validation),
    ("test", Role::Test),
    ("testing", Role::Test),
    ("eval", Role::Test),
    ("evaluation", Role::Test),
];

impl Role {
    /// That of the part called `name`: "Train", "test_set" and "valset" too.
    pub fn of(name: &str) -> Option<Self> {
        place(name).map(|at| NAMES[at].1)
    }

    /// Of `all` the names of parts for this, the one that goes first first.
    pub fn among<'a>(self, all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut found: Vec<&str> = all.filter(|name| Self::of(name) == Some(self)).collect();
        found.sort_by_key(|name| place(name));
        found
    }
}

/// The line of [`NAMES`] that `name` is.
fn place(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    let plain =
        name.strip_suffix("set").map_or(&name[..], |name| name.trim_end_matches(['_', '-', ' ']));
    NAMES.iter().position(|(known, _)| *known == plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_their_usual_names() {
        for (name, role) in [
            ("train", Some(Role::Train)),
            ("Training", Some(Role::Train)),
            ("training_set", Some(Role::Train)),
            ("VALID", Some(Role::Validation)),
            ("dev", Some(Role::Validation)),
            ("testset", Some(Role::Test)),
            ("eval", Some(Role::Test)),
            ("trains", None),
            ("set", None),
            ("", None),
        ] {
            assert_eq!(Role::of(name), role, "{name}");
        }
        let there = ["eval", "dev", "test", "Valid", "cat"];
        assert_eq!(Role::Test.among(there.into_iter()), ["test", "eval"]);
        assert_eq!(Role::Validation.among(there.into_iter()), ["Valid", "dev"]);
    }
}
