//! `NAME=VALUES`: an option and the values that it is to have, of `--vary` and `--tune`.

use std::str::FromStr;

use steepness_compare::command::is_name;

/// `optimizer=sgd,adam`.
#[derive(Clone, Debug)]
pub struct OptionValues {
    /// The option.
    pub name: String,
    /// Its values as they are typed.
    pub values: Vec<String>,
}

impl FromStr for OptionValues {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, values) = parse_pair(text)?;
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        match values.iter().any(String::is_empty) {
            true => Err(format!("{text:?} has an empty value")),
            false => Ok(Self { name, values }),
        }
    }
}

/// `NAME=VALUE`.
pub fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| is_name(name));
    let (name, value) = pair.ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_in_words() {
        let varied: OptionValues = "lr=0.1, 0.2".parse().unwrap();
        assert_eq!((varied.name.as_str(), varied.values), ("lr", vec!["0.1".into(), "0.2".into()]));
        for wrong in ["lr", "=1", "a b=1", "lr=1,", "lr="] {
            assert!(wrong.parse::<OptionValues>().is_err(), "{wrong}");
        }
    }
}
