//! `--open`: a page in the browser.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What opens a file with the program that is meant for it.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else if cfg!(windows) {
    "explorer"
} else {
    "xdg-open"
};

/// How long it is waited for to say that it cannot.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens `page`, and says why where that is not possible: the page is written all the same.
pub fn page(page: &Path) -> Result<(), String> {
    let said = |why: &str| format!("{} is not opened: {why}", page.display());
    let mut opener = Command::new(OPENER);
    // A page called "-x.html" is no option.
    let absolute = std::path::absolute(page).map_err(|error| said(&error.to_string()))?;
    opener.arg(absolute).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut opener = match opener.spawn() {
        Ok(opener) => opener,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(said(&format!("there is no {OPENER} here")));
        }
        Err(error) => return Err(said(&format!("{OPENER}: {error}"))),
    };
    // A browser that it starts itself may run for as long as it likes.
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        match opener.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Ok(Some(status)) if status.success() || cfg!(windows) => return Ok(()),
            Ok(Some(status)) => return Err(said(&format!("{OPENER} ended with {status}"))),
            Err(error) => return Err(said(&format!("{OPENER}: {error}"))),
        }
    }
    Ok(())
}
