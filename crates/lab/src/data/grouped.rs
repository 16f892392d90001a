//! Splits by groups: all examples of a group fall into the same part. What a model has seen of a patient, a
//! speaker or a scene helps it with the next example of the same, and a test part with one would measure
//! that.

use std::cmp::Reverse;

use super::split::{Fractions, Split, validate_share, whole};
use crate::random::Stream;
use crate::words::several;
use crate::{Error, Result, Validate};

/// Splits examples of the classes `labels` by the shares, at random for each `seed`; `groups` says the group of
/// each, from 0. Parts come as close to the shares, of each class, as groups let them.
///
/// # Errors
/// Shares that are not in (0, 1) or leave nothing to train on, and fewer than three groups.
pub fn split(labels: &[i64], groups: &[usize], shares: Fractions, seed: u64) -> Result<Split> {
    shares.validate()?;
    let Fractions { validation, test } = shares;
    let split = deal(labels, groups, [1.0 - validation - test, validation, test], seed)?;
    whole(split, shares)
}

/// Holds out a share for validation, of data with a test part of their own.
///
/// # Errors
/// A share that is not in (0, 1), and fewer than two groups.
pub fn hold_out(labels: &[i64], groups: &[usize], validation: f64, seed: u64) -> Result<Split> {
    validate_share(validation)?;
    deal(labels, groups, [1.0 - validation, validation, 0.0], seed)
}

/// Deals out the groups, large ones first and at random among those of about the same size, each to the part
/// that lacks most of what the group has.
fn deal(labels: &[i64], groups: &[usize], shares: [f64; 3], seed: u64) -> Result<Split> {
    let mut rows: Vec<Vec<usize>> =
        vec![Vec::new(); groups.iter().max().map_or(0, |last| last + 1)];
    groups.iter().enumerate().for_each(|(row, &group)| rows[group].push(row));
    rows.retain(|rows| !rows.is_empty());
    let asked = shares.iter().filter(|share| **share > 0.0).count();
    if rows.len() < asked {
        let groups = several(rows.len(), "group");
        let problem = format!("{groups} cannot be shared out among {asked} parts");
        return Err(Error::Request(problem));
    }
    let classes = labels.iter().max().map_or(0, |&last| last as usize + 1);
    let mut counts = vec![0.0; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1.0);
    // How many more examples of each class each part is to get.
    let mut lacks = shares.map(|share| counts.iter().map(|n| share * n).collect::<Vec<f64>>());
    let mut parts: [Vec<usize>; 3] = Default::default();
    let mut order = Stream::new(seed, "split groups").permutation(rows.len());
    order.sort_by_key(|&group| Reverse(rows[group].len().ilog2()));
    for (dealt, &group) in order.iter().enumerate() {
        let own = &rows[group];
        let open: Vec<usize> = (0..3).filter(|&part| shares[part] > 0.0).collect();
        let empty: Vec<usize> = open.iter().copied().filter(|&p| parts[p].is_empty()).collect();
        // The last groups go to parts that would stay empty.
        let may = if order.len() - dealt <= empty.len() { empty } else { open };
        let lack = |part: usize| -> f64 {
            let of_row = |row: &usize| {
                let class = labels[*row] as usize;
                lacks[part][class] / counts[class]
            };
            own.iter().map(of_row).sum()
        };
        // Of equals the first.
        let better = |best: usize, part: usize| if lack(part) > lack(best) { part } else { best };
        let part = may.into_iter().reduce(better).unwrap_or(0);
        own.iter().for_each(|&row| lacks[part][labels[row] as usize] -= 1.0);
        parts[part].extend(own);
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    let [train, validation, test] = parts;
    Ok(Split { train, validation, test })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Fractions = Fractions { validation: 0.1, test: 0.2 };

    /// 60 groups of 4 to 8 examples, of a class or of two.
    fn examples() -> (Vec<i64>, Vec<usize>) {
        let rows = (0..60).flat_map(|group| (0..4 + group % 5).map(move |row| (group, row)));
        rows.map(|(group, row)| (((group + row / 4) % 3) as i64, group)).unzip()
    }

    #[test]
    fn groups_stay_whole_and_classes_keep_their_shares() {
        let (labels, groups) = examples();
        for seed in 0..20 {
            let found = split(&labels, &groups, SHARES, seed).unwrap();
            let mut all = [&found.train[..], &found.validation, &found.test].concat();
            all.sort_unstable();
            assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            let of = |part: &[usize]| part.iter().map(|&row| groups[row]).collect::<Vec<_>>();
            let [train, validation, test] =
                [&found.train, &found.validation, &found.test].map(|part| of(part));
            for group in 0..60 {
                let in_parts = [&train, &validation, &test].map(|part| part.contains(&group));
                assert_eq!(in_parts.iter().filter(|is_in| **is_in).count(), 1, "{seed} {group}");
            }
            for (part, share) in [(&found.train, 0.7), (&found.validation, 0.1), (&found.test, 0.2)]
            {
                for class in 0..3 {
                    let of_class = |row: usize| f64::from(u8::from(labels[row] == class));
                    let all: f64 = (0..labels.len()).map(of_class).sum();
                    let here: f64 = part.iter().map(|&row| of_class(row)).sum();
                    // A group more or less.
                    assert!((here - share * all).abs() <= 8.0, "{seed}: {here} of {all}");
                }
            }
        }
        let split = |seed| split(&labels, &groups, SHARES, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1).test, split(2).test);
    }

    #[test]
    fn no_part_stays_empty_where_there_are_groups_enough() {
        // One has nearly all, and two one example each.
        let groups: Vec<usize> = (0..100).map(|row: usize| row.saturating_sub(97)).collect();
        let labels = vec![0; 100];
        let found = split(&labels, &groups, SHARES, 3).unwrap();
        assert_eq!([found.train.len(), found.validation.len(), found.test.len()], [98, 1, 1]);
        let held = hold_out(&labels, &groups, 0.5, 3).unwrap();
        assert_eq!((held.train.len() + held.validation.len(), held.test.len()), (100, 0));
        let error = split(&[0; 4], &[0, 1, 1, 0], SHARES, 0).unwrap_err().to_string();
        assert_eq!(error, "2 groups cannot be shared out among 3 parts");
        let error = hold_out(&[0; 4], &[0; 4], 0.1, 0).unwrap_err().to_string();
        assert_eq!(error, "1 group cannot be shared out among 2 parts");
        assert!(hold_out(&[0; 4], &[0, 0, 1, 1], 1.0, 0).is_err());
        assert!(split(&[], &[], SHARES, 0).is_err());
    }
}
