//! [`results_in`]: folders that hold what was found, with figures and tables in them, and are no data.

use std::path::Path;

use super::layout::{CLASSES, MARKER, RECIPE};
use super::tidy;

/// A folder of comparisons, one of a loss and one of a learning rate lie above a run.
const MOST_DEPTH: usize = 4;

/// What the folder `path` is and what to type, where it is a comparison, a run, or holds nothing but
/// such folders.
pub fn results_in(path: &Path) -> Option<String> {
    let typed = path.display();
    match kind(path, MOST_DEPTH)? {
        FolderKind::Comparison => Some(format!(
            "the folder of a comparison: `steepness report {typed}` writes its report again"
        )),
        FolderKind::Run => Some(format!(
            "the folder of a run: `steepness predict {typed} INPUT...` asks it about new inputs, and \
             `steepness report` takes the folder of its comparison"
        )),
        FolderKind::Several => {
            Some(format!("a folder of runs and comparisons: `steepness runs {typed}` lists them"))
        }
    }
}

/// What lies in a folder.
enum FolderKind {
    Comparison,
    Run,
    Several,
}

fn kind(path: &Path, depth: usize) -> Option<FolderKind> {
    let has = |name: &str| path.join(name).is_file();
    if has(MARKER) {
        return Some(FolderKind::Comparison);
    }
    if has(RECIPE) && has(CLASSES) {
        return Some(FolderKind::Run);
    }
    // What cannot be looked into holds nothing for us.
    let folders = tidy::folders(path).ok().filter(|folders| !folders.is_empty() && depth > 0)?;
    folders.iter().all(|folder| kind(folder, depth - 1).is_some()).then_some(FolderKind::Several)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn results_are_told_from_data() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        for name in [
            "runs/digits/comparison.toml",
            "runs/digits/figures/loss.svg",
            "runs/digits/ce/lr=0.1/seed=0/recipe.toml",
            "runs/digits/ce/lr=0.1/seed=0/classes.json",
            "photos/cat/1.png",
            "photos/results/comparison.toml",
            "mine/recipe.toml",
        ] {
            write(name);
        }
        let said = |name: &str| results_in(&folder.path().join(name)).unwrap_or_default();
        assert!(said("runs/digits").contains("`steepness report "), "{}", said("runs/digits"));
        assert!(said("runs/digits/ce/lr=0.1/seed=0").contains("`steepness predict "));
        for several in ["runs", "runs/digits/ce", "runs/digits/ce/lr=0.1"] {
            assert!(said(several).contains("`steepness runs "), "{several}: {}", said(several));
        }
        // Data beside results are data.
        for data in ["photos", "photos/cat", "mine", "runs/digits/figures", "", "nowhere"] {
            assert_eq!(said(data), "", "{data}");
        }
    }
}
