//! Which files a recipe's data are read from.
//!
//! Each format says so itself, with the code that reads them; what it leaves out would not count as
//! part of a run.

use super::OodRecipe;
use super::image_folder::without_classes;
use crate::Result;
use crate::compare::Origin;

impl OodRecipe {
    /// As [`DataRecipe::origins`](super::DataRecipe::origins), of what [`OodRecipe::load`] reads.
    ///
    /// # Errors
    /// As there.
    pub fn origins(&self) -> Result<Vec<Origin>> {
        let mut origins = match self.without_classes() {
            Some(recipe) => {
                let path = recipe.path.resolve();
                let files = without_classes(&path)?.files;
                vec![Origin::folder(path.clone(), path, files)]
            }
            None => self.data.origins()?,
        };
        for origin in &mut origins {
            origin.key = origin.key.replacen("data", &format!("ood {}", self.name), 1);
        }
        Ok(origins)
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::tests::write;
    use super::super::{DataRecipe, idx, inaturalist, load, npy};
    use crate::compare::Content;
    use std::fs;
    use std::path::{Path, PathBuf};

    /// Annotated images, some of which nobody annotated.
    fn inaturalist() -> tempfile::TempDir {
        let (train, test) = (inaturalist::tests::TRAIN, "train_val2018/Aves/1/v.jpg");
        let val = train.replace("train_val2018/Aves/1/x.jpg", test);
        let folder = inaturalist::tests::folder(train, Some(&val));
        for name in ["Aves/1/x.jpg", "Aves/1/z.jpg", "Aves/1/v.jpg", "Plantae/2/y.jpg", "w.jpg"] {
            write(&folder.path().join("train_val2018").join(name), name.len() as u8);
        }
        folder
    }

    fn of_folder(kind: &str, folder: &Path) -> DataRecipe {
        let text = format!("{kind} = {{ path = {folder:?} }}");
        toml::from_str::<DataRecipe>(&text).unwrap()
    }

    /// A change of any file that is read is seen by its name, and what is not read counts for nothing.
    #[test]
    fn every_file_of_mnist_and_inaturalist_counts() {
        let idx = idx::tests::folder(&[]);
        fs::write(idx.path().join("classes.txt"), "cat\ndog\n").unwrap();
        let photos = inaturalist();
        let of_photos = ["train2018.json", "val2018.json"].map(str::to_owned).into_iter();
        let images = ["Aves/1/v", "Aves/1/x", "Aves/1/z", "Plantae/2/y"];
        let of_photos = of_photos.chain(images.map(|name| format!("train_val2018/{name}.jpg")));
        let of_idx = [
            "classes.txt",
            "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte",
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
        ];
        for (kind, folder, names) in [
            ("idx", idx.path(), of_idx.map(str::to_owned).to_vec()),
            ("inaturalist", photos.path(), of_photos.collect()),
        ] {
            let recipe = of_folder(kind, folder);
            let content = || Content::of(&recipe.origins().unwrap(), None).unwrap();
            let before = content();
            let origins = recipe.origins().unwrap();
            let files = origins.iter().flat_map(|origin| &origin.files);
            let mut found: Vec<PathBuf> =
                files.map(|file| file.strip_prefix(folder).unwrap().to_owned()).collect();
            let mut expected: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
            found.sort_unstable();
            // Both annotations name what only one of them has labels for.
            found.dedup();
            expected.sort_unstable();
            assert_eq!(found, expected, "{kind}");
            load(&recipe).unwrap();
            for name in &names {
                let path = folder.join(name);
                let whole = fs::read(&path).unwrap();
                // Behind the end of JSON: what it says stays the same, and the file does not.
                fs::write(&path, [&whole[..], b" "].concat()).unwrap();
                let said = before.differences(&content()).join("");
                assert!(said.ends_with(&format!("(1 changed: {name})")), "{kind}: {said}");
                fs::write(&path, whole).unwrap();
            }
            fs::write(folder.join("README"), "not read").unwrap();
            write(&folder.join("train_val2018/w.jpg"), 200);
            assert!(before.is_same(&content()), "{kind}");
        }
    }

    /// The files that a format names are all that it reads: a copy of them is the same data.
    #[test]
    fn a_copy_of_the_named_files_is_the_same_data() {
        let images = tempfile::tempdir().unwrap();
        for name in ["train/a/1.png", "train/b/deep/1.png", "val/a/2.png", "test/b/1.png"] {
            write(&images.path().join(name), name.len() as u8);
        }
        fs::write(images.path().join("notes.txt"), "not read").unwrap();
        let text = tempfile::tempdir().unwrap();
        for name in ["train.de", "train.en", "val.de", "val.en", "test.de", "test.en", "train.fr"] {
            fs::write(text.path().join(name), "ein Hund\nzwei Hunde\n").unwrap();
        }
        let graphs = super::super::tu::tests::folder(&[]);
        let (idx, photos) = (idx::tests::folder(&[]), inaturalist());
        let csv = tempfile::tempdir().unwrap();
        let rows = "3,a\n1,b\n4,a\n1,b\n5,a\n";
        fs::write(csv.path().join("t.csv"), format!("x,y\n{rows}")).unwrap();
        fs::write(csv.path().join("u.csv"), format!("x,y\n{rows}")).unwrap();
        let arrays = tempfile::tempdir().unwrap();
        npy::write_matrix(&arrays.path().join("train_x.npy"), &[1f32, 2.0, 3.0, 4.0], 1).unwrap();
        npy::write_vector(&arrays.path().join("train_y.npy"), &[0i64, 1, 0, 1]).unwrap();
        fs::write(arrays.path().join("notes.txt"), "not read").unwrap();
        let of_table = |folder: &Path| {
            let [path, test] = ["t.csv", "u.csv"].map(|name| folder.join(name));
            let text = format!("table = {{ path = {path:?}, test_path = {test:?} }}");
            toml::from_str::<DataRecipe>(&text).unwrap()
        };
        let [images, graphs, text] = [images.path(), graphs.path(), text.path()];
        let mut cases = vec![("image-folder", images), ("tu", graphs), ("parallel", text)];
        cases.extend([("idx", idx.path()), ("inaturalist", photos.path())]);
        cases.push(("arrays", arrays.path()));
        let real = super::super::test_folder("a_copy_of_the_named_files_is_the_same_data");
        let real: Vec<(&str, PathBuf)> = real
            .iter()
            .flat_map(|data| {
                [
                    ("cifar10", "cifar-10-subset"),
                    ("cifar100", "cifar-100-subset"),
                    ("tu", "tu/MUTAG"),
                ]
                .map(|(kind, name)| (kind, data.join(name)))
            })
            .collect();
        cases.extend(real.iter().map(|(kind, path)| (*kind, path.as_path())));
        cases.push(("table", csv.path()));
        for (kind, base) in cases {
            let of = |folder: &Path| {
                if kind == "table" { of_table(folder) } else { of_folder(kind, folder) }
            };
            let recipe = of(base);
            let copy = tempfile::tempdir().unwrap();
            let origins = recipe.origins().unwrap();
            for file in origins.iter().flat_map(|origin| &origin.files) {
                let to = copy.path().join(file.strip_prefix(base).unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(file, to).unwrap();
            }
            let copied = of(copy.path());
            let content =
                |recipe: &DataRecipe| Content::of(&recipe.origins().unwrap(), None).unwrap();
            assert!(content(&recipe).is_same(&content(&copied)), "{recipe:?}");
            let [there, here] = [&recipe, &copied].map(|recipe| load(recipe).unwrap());
            assert_eq!(there.examples, here.examples, "{recipe:?}");
            assert_eq!(format!("{:?}", there.held_out), format!("{:?}", here.held_out));
        }
    }
}
