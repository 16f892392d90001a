//! `--seeds`.

use steepness_compare::validate_seeds;

/// Seeds as they are typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seeds(pub Vec<u64>);

/// More are surely a mistake.
const MOST_SEEDS: u64 = 10_000;

/// `5` is the seeds 0 to 4; `1,2,7` is a list, and so is `7,`.
pub fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let number = |word: &str| word.trim().parse::<u64>();
    let seeds: Vec<u64> = if text.contains(',') {
        let words = text.strip_suffix(',').unwrap_or(text).split(',');
        let seed = |word: &str| {
            number(word).map_err(|_| format!("each in the list is a whole number, not {word:?}"))
        };
        words.map(seed).collect::<Result<_, _>>()?
    } else {
        let count = number(text).ok().filter(|count| (1..=MOST_SEEDS).contains(count));
        let count = count.ok_or_else(|| {
            format!("it is a whole number from 1 to {MOST_SEEDS}, or a list, as 1,2,7 or 7, is")
        })?;
        (0..count).collect()
    };
    validate_seeds(&seeds).map_err(|error| error.to_string())?;
    Ok(Seeds(seeds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_count_or_a_list() {
        let seeds = |text: &str| parse_seeds(text).map(|seeds| seeds.0);
        assert_eq!(seeds("3").unwrap(), [0, 1, 2]);
        assert_eq!(seeds("1,2,7").unwrap(), [1, 2, 7]);
        assert_eq!(seeds("7,").unwrap(), [7]);
        let large = "9223372036854775808,";
        for wrong in ["", "0", "-1", "x", "1,,2", ",", "1,2,1", "99999999", "1.5", large] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }
}
