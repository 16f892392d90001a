//! [`Setting`]: what is trained alike with every seed, a row of the table.

use std::fmt;
use std::path::Path;

use steepness::Loss;

/// A row of the table: a loss, with a learning rate of its own where that is swept, or with options of
/// the user's command.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The loss.
    pub loss: Loss,
    /// Whether nothing is said of the loss: what is compared are the options alone.
    pub without_loss: bool,
    /// The learning rate in place of the recipe's.
    pub lr: Option<f64>,
    /// What else is varied, name and value, of a command that the user wrote.
    pub options: Vec<(String, String)>,
    /// The comparison that it comes from, where several stand side by side.
    pub folder: Option<String>,
}

impl From<Loss> for Setting {
    fn from(loss: Loss) -> Self {
        Self { loss, without_loss: false, lr: None, options: Vec::new(), folder: None }
    }
}

impl Setting {
    /// That of a comparison in which the loss has no part.
    pub fn without_loss() -> Self {
        let loss: Loss = "ce".parse().expect("cross entropy is a loss");
        Self { without_loss: true, ..loss.into() }
    }
}

/// "el(le=0.5)", "el(le=0.5), lr=0.025", "optimizer=adam", "ce (digits)".
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let loss = (!self.without_loss).then(|| self.loss.to_string());
        let lr = self.lr.map(|lr| format!("lr={lr}"));
        let options = self.options.iter().map(|(name, value)| format!("{name}={value}"));
        let parts: Vec<String> = loss.into_iter().chain(lr).chain(options).collect();
        f.write_str(&parts.join(", "))?;
        self.folder.as_ref().map_or(Ok(()), |folder| write!(f, " ({folder})"))
    }
}

/// The learning rate in the name of the folder that the run's, `path`, is in, if it was swept.
pub fn swept_lr(path: &Path) -> Option<f64> {
    let folder = path.canonicalize().ok()?;
    folder.parent()?.file_name()?.to_str()?.strip_prefix("lr=")?.parse().ok()
}
