//! [`ArrayName`]: what an array holds, by its name.

use crate::data::parts::Role;

/// What an array holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Rows of numbers.
    Inputs,
    /// The label of each row.
    Labels,
    /// The part of each row.
    Split,
    /// The group of each row.
    Group,
}

/// What an array holds, and of which part; without one, of all rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayName {
    pub what: What,
    pub part: Option<Role>,
}

impl ArrayName {
    /// What the array called `name` holds: "x", "train_x", and "X_train" as others write it.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(what) = What::of(name) {
            return Some(Self { what, part: None });
        }
        let ends = [name.split_once(['_', '-', '.']), name.rsplit_once(['_', '-', '.'])];
        ends.into_iter().flatten().find_map(|(first, last)| {
            let (part, what) = match (Role::of(first), What::of(last)) {
                (Some(part), Some(what)) => (part, what),
                _ => (Role::of(last)?, What::of(first)?),
            };
            // What is of one part needs no split.
            (what != What::Split).then_some(Self { what, part: Some(part) })
        })
    }
}

impl What {
    fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "x" => Some(What::Inputs),
            "y" => Some(What::Labels),
            "split" => Some(What::Split),
            "group" | "groups" => Some(What::Group),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_known_by_their_usual_names() {
        let of = |name: &str| ArrayName::parse(name).map(|name| (name.what, name.part));
        for (name, expected) in [
            ("x", (What::Inputs, None)),
            ("Y", (What::Labels, None)),
            ("split", (What::Split, None)),
            ("groups", (What::Group, None)),
            ("train_x", (What::Inputs, Some(Role::Train))),
            ("X_train", (What::Inputs, Some(Role::Train))),
            ("valid-y", (What::Labels, Some(Role::Validation))),
            ("dev_group", (What::Group, Some(Role::Validation))),
            ("test_set_y", (What::Labels, Some(Role::Test))),
            ("y_test_set", (What::Labels, Some(Role::Test))),
        ] {
            assert_eq!(of(name), Some(expected), "{name}");
        }
        for name in ["", "_", "xx", "train", "x_y", "train_test", "train_split", "x_train_y", "a_x"]
        {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
