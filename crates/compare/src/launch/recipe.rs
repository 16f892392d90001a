//! `[launch]` of a recipe: where its runs are made, which decides nothing about them.
//!
//! ```toml
//! [launch.slurm]
//! options = ["--partition=gpu", "--gres=gpu:1", "--time=6:00:00"]     # of sbatch
//! most = 20                                                           # at a time
//! ```

use std::num::NonZeroUsize;

use serde::Deserialize;

use crate::{Error, Result};

/// `[launch]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchRecipe {
    /// By Slurm.
    #[serde(default)]
    pub slurm: Option<Submission>,
}

/// `[launch.slurm]`: how its job is submitted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Options of `sbatch`.
    #[serde(default)]
    pub options: Vec<String>,
    /// Runs at a time, at most.
    #[serde(default)]
    pub most: Option<NonZeroUsize>,
}

/// Options that would make another job of it, with what to do instead.
const OURS: [(&str, &str); 6] = [
    ("--array", "there is one task a run, and --jobs says how many run at a time"),
    ("-a", "there is one task a run, and --jobs says how many run at a time"),
    ("--wrap", "each task is a `steepness run-one`"),
    ("--wait", "the runs are waited for by their folders"),
    ("-W", "the runs are waited for by their folders"),
    ("--test-only", "then there would be no job to wait for"),
];

impl Submission {
    /// Refuses options that are not the user's to choose.
    ///
    /// # Errors
    /// Says why.
    pub fn validate(&self) -> Result<()> {
        for option in &self.options {
            let name = option.split('=').next().unwrap_or_default();
            let is = |(ours, _): &&(&str, &str)| {
                *ours == name || !ours.starts_with("--") && name.starts_with(ours) && name != "--"
            };
            if let Some((_, why)) = OURS.iter().find(is) {
                return Err(Error::Request(format!("slurm: {option} is not to be given: {why}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_ours_are_refused() {
        let of = |option: &str| {
            let options = vec!["--partition=gpu".to_owned(), option.to_owned()];
            Submission { options, most: None }.validate()
        };
        for fine in ["--gres=gpu:1", "--account=a", "-A", "-n1", "--waitfor"] {
            of(fine).unwrap();
        }
        for wrong in ["--array=0-3", "-a0-3", "-a", "--wrap=ls", "-W", "--wait", "--test-only"] {
            let error = of(wrong).unwrap_err();
            assert!(error.to_string().contains(wrong) && error.exit_code() == 2, "{error}");
        }
    }
}
