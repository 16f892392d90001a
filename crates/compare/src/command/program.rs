//! The program that a command begins with: found before anything is made, since without it nothing can be.

use std::path::{Path, PathBuf};

use super::recipe::Run;
use super::words::placeholders;
use crate::{Error, Result};

/// Refuses a command of which there is no program, as far as that can be told.
///
/// # Errors
/// Says what is missing.
pub fn validate(run: &Run) -> Result<()> {
    let Some(word) = run.command.first().filter(|word| placeholders(word).is_empty()) else {
        return Ok(());
    };
    let candidates: Vec<PathBuf> = match word.contains('/') {
        true => vec![path(run, word)],
        false => {
            let folders = run.env.get("PATH").map(Into::into).or_else(|| std::env::var_os("PATH"));
            let folders = folders.unwrap_or_default();
            std::env::split_paths(&folders).map(|folder| folder.join(word)).collect()
        }
    };
    let found = candidates.iter().filter(|path| path.is_file());
    let problem = match (found.clone().any(|path| is_executable(path)), found.count()) {
        (true, _) => return Ok(()),
        (false, 0) => "there is no such program",
        (false, _) => "it is not executable",
    };
    let directory = run.directory.display();
    Err(Error::Request(format!("cannot run {word} in {directory}: {problem}")))
}

/// Where `word`, which has a slash, leads: from where the command runs, whatever the system makes of it.
pub fn path(run: &Run, word: &str) -> PathBuf {
    run.directory.join(word)
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|about| about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_there_and_executable() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train.py"), "").unwrap();
        let check = |word: &str| {
            let command = vec![word.to_owned()];
            let run = Run { command, directory: folder.path().to_owned(), ..Run::default() };
            super::validate(&run).map_err(|error| error.to_string())
        };
        assert_eq!((check("sh"), check("/bin/sh"), check("{a}")), (Ok(()), Ok(()), Ok(())));
        assert!(check("no-such-program").unwrap_err().ends_with(": there is no such program"));
        assert!(check("./no").unwrap_err().ends_with(": there is no such program"));
        assert!(check("./train.py").unwrap_err().ends_with(": it is not executable"));
    }
}
