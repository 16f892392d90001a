//! [`Setting`]: what is trained alike with every seed, a row of the table.

use std::fmt;
use std::path::Path;

use steepness::Loss;

/// A row of the table: a loss, with a learning rate of its own where that is swept.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The loss.
    pub loss: Loss,
    /// The learning rate in place of the recipe's.
    pub lr: Option<f64>,
    /// The comparison that it comes from, where several stand side by side.
    pub folder: Option<String>,
}

impl From<Loss> for Setting {
    fn from(loss: Loss) -> Self {
        Self { loss, lr: None, folder: None }
    }
}

/// "el(le=0.5)", "el(le=0.5), lr=0.025", "ce (digits)".
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.loss.fmt(f)?;
        self.lr.map_or(Ok(()), |lr| write!(f, ", lr={lr}"))?;
        self.folder.as_ref().map_or(Ok(()), |folder| write!(f, " ({folder})"))
    }
}

/// The learning rate in the name of the folder that the run's, `path`, is in, if it was swept.
pub fn swept_lr(path: &Path) -> Option<f64> {
    let folder = path.canonicalize().ok()?;
    folder.parent()?.file_name()?.to_str()?.strip_prefix("lr=")?.parse().ok()
}
