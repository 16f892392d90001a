//! [`ImageList`]: labelled image files, and the examples that they are.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use super::decode::{Image, decode};
use super::examples::counts;
use super::image_files::{ImageFiles, ImageStatistics, Sums};
use super::{Examples, Inputs, Shape};
use crate::compare::cores;
use crate::{Error, Result};

/// More bytes of pixels stay in their files, to be decoded whenever they are used.
const MOST_IN_MEMORY: usize = 1 << 30;

/// Images are not scaled to more pixels a side.
pub(super) const MOST_SIDE: usize = 4096;

/// Looks for no more broken images than these.
const MOST_BROKEN: usize = 100;

/// Broken images that are named.
const MOST_NAMED: usize = 10;

/// Labelled image files.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageList {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The class of each, from 0.
    pub labels: Vec<i64>,
    /// Names of the classes.
    pub classes: Vec<String>,
}

impl ImageList {
    /// How many images.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// The images at `rows`.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            files: rows.iter().map(|&row| self.files[row].clone()).collect(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            classes: self.classes.clone(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many images each class has.
    pub fn counts(&self) -> Vec<u64> {
        counts(&self.labels, self.classes.len())
    }

    /// Decodes all images (see [`decode`] for `side`), on all cores, and hands each to `take` with
    /// its place in the list, in any order. `watch` hears how many are done.
    ///
    /// # Errors
    /// The first image, as the list goes, that is found broken, with the names of the others.
    pub fn decode_all(
        &self,
        side: Option<usize>,
        take: &(dyn Fn(usize, Image) -> Result<()> + Sync),
        watch: &(dyn Fn(usize) + Sync),
    ) -> Result<()> {
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let failures: Mutex<Vec<(usize, Error)>> = Mutex::default();
        let hold = || failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = self.files.get(at) else { return };
                if let Err(error) = decode(path, side).and_then(|image| take(at, image)) {
                    let mut failures = hold();
                    failures.push((at, error));
                    if failures.len() >= MOST_BROKEN {
                        next.store(self.len(), Ordering::Relaxed);
                        return;
                    }
                }
                watch(done.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..cores().min(self.len()) {
                scope.spawn(work);
            }
        });
        let failures = failures.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.broken(failures)
    }

    /// One error for all images that are broken, so that they can be taken away at once.
    fn broken(&self, mut failures: Vec<(usize, Error)>) -> Result<()> {
        failures.sort_by_key(|(at, _)| *at);
        let mut failures = failures.into_iter();
        let Some((_, first)) = failures.next() else { return Ok(()) };
        let others: Vec<usize> = failures.map(|(at, _)| at).collect();
        if others.is_empty() {
            return Err(first);
        }
        let folder = first.as_measure().and_then(|found| found.path()?.parent());
        let name = |at: &usize| {
            let other = &self.files[*at];
            let inside = folder.and_then(|folder| other.strip_prefix(folder).ok());
            inside.unwrap_or(other).display().to_string()
        };
        let mut named: Vec<String> = others.iter().take(MOST_NAMED).map(name).collect();
        if others.len() > MOST_NAMED {
            named.push(format!("{} more", others.len() - MOST_NAMED));
        }
        let least = if others.len() + 1 < MOST_BROKEN { "" } else { "at least " };
        let (count, named) = (others.len(), named.join(", "));
        Err(first.remarked(&format!("and {least}{count} more cannot be read: {named}")))
    }

    /// The images as examples: bytes in memory, or their files if that would be more than 1 GiB.
    /// Either way each is decoded once here, so that what is broken is found now. Grey images have
    /// one channel if all of them are grey, or if `shape` says so.
    ///
    /// `side` as in [`decode`]; `shape` (channels, height, width) is that of the part that they go
    /// with, if there is one. Images of several sizes stay in their files, and their shape is 0×0
    /// pixels: before a model sees them, augmentation has to bring them to one.
    ///
    /// # Errors
    /// Broken images, and colours where `shape` has none.
    pub fn examples(&self, side: Option<usize>, shape: Option<[usize; 3]>) -> Result<Examples> {
        Ok(self.read(side, shape)?.0)
    }

    /// The same, and how many of the images have transparent pixels.
    ///
    /// # Errors
    /// As [`examples`](Self::examples).
    pub fn read(
        &self,
        side: Option<usize>,
        shape: Option<[usize; 3]>,
    ) -> Result<(Examples, usize)> {
        self.read_within(MOST_IN_MEMORY, side, shape)
    }

    fn read_within(
        &self,
        most: usize,
        side: Option<usize>,
        shape: Option<[usize; 3]>,
    ) -> Result<(Examples, usize)> {
        let first = self.files.first().ok_or_else(|| Error::Request("no images".to_owned()))?;
        let [height, width] = match shape {
            Some([_, height, width]) => [height, width],
            None => match decode(first, side) {
                Ok(image) => [image.height, image.width],
                // There may be more of them.
                Err(error) => {
                    return self.decode_all(side, &|_, _| Ok(()), &|_| {}).and(Err(error));
                }
            },
        };
        let fits = self.len().saturating_mul(3 * height * width) <= most;
        let (colour, several) = (AtomicUsize::new(usize::MAX), AtomicBool::new(false));
        let transparent = AtomicUsize::new(0);
        let seen: Vec<OnceLock<(ImageStatistics, Vec<u8>)>> =
            self.files.iter().map(|_| OnceLock::new()).collect();
        let take = |at: usize, image: Image| {
            let known =
                ImageStatistics { size: [image.height, image.width], sums: Sums::of(&image) };
            if known.size != [height, width] {
                several.store(true, Ordering::Relaxed);
            }
            transparent.fetch_add(usize::from(image.transparent), Ordering::Relaxed);
            if !image.grey {
                colour.fetch_min(at, Ordering::Relaxed);
            }
            let kept = fits && !several.load(Ordering::Relaxed);
            let _first = seen[at].set((known, if kept { image.pixels } else { Vec::new() }));
            Ok(())
        };
        self.decode_all(side, &take, &|_| {})?;
        let coloured = self.files.get(colour.into_inner());
        let channels = match (shape, coloured) {
            (Some([1, ..]), Some(path)) => {
                let problem = "it has colours, the training images have none";
                return Err(Error::malformed(path, "image", problem));
            }
            (Some([channels, ..]), _) => channels,
            (None, Some(_)) => 3,
            (None, None) => 1,
        };
        let several = several.into_inner();
        let shape = if several { [channels, 0, 0] } else { [channels, height, width] };
        let seen = seen.into_iter().filter_map(OnceLock::into_inner);
        let inputs = if fits && !several {
            let kept = |(_, pixels): (ImageStatistics, Vec<u8>)| {
                pixels.into_iter().take(shape.iter().product())
            };
            Inputs::bytes(seen.flat_map(kept).collect())
        } else {
            let seen = seen.map(|(known, _)| known).collect();
            Inputs::Files(ImageFiles::new(self.files.clone(), shape, side, seen))
        };
        let (labels, classes) = (self.labels.clone(), self.classes.clone());
        let shape = Shape::Image(shape);
        Ok((Examples { inputs, shape, labels, classes }, transparent.into_inner()))
    }
}

/// What there is to say of `count` of `images` images that have transparent pixels.
pub(super) fn transparency(count: usize, images: usize) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "{count} of {images} images have transparent pixels: transparency is dropped, and what \
             colour a pixel has behind it is taken"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::decode::tests::write;
    use super::super::{Batch, Order};
    use super::*;
    use image::{GrayImage, RgbImage};
    use std::fs;
    use std::path::Path;

    fn list(files: Vec<PathBuf>) -> ImageList {
        let labels = (0..files.len() as i64).map(|at| at % 2).collect();
        ImageList { files, labels, classes: vec!["a".to_owned(), "b".to_owned()] }
    }

    #[test]
    fn images_of_one_size_become_examples() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("a.png"), 1);
        write(&at("b.png"), 2);
        let examples = list(vec![at("a.png"), at("b.png")]).examples(None, None).unwrap();
        assert_eq!((examples.shape, examples.len()), (Shape::Image([3, 2, 3]), 2));
        let Inputs::Pixels { values, .. } = &examples.inputs else { panic!() };
        assert_eq!((values.len(), values[0], values[18]), (36, 1, 2));
        GrayImage::new(3, 2).save(at("grey.png")).unwrap();
        let grey = list(vec![at("grey.png"); 2]);
        assert_eq!(grey.examples(None, None).unwrap().shape, Shape::Image([1, 2, 3]));
        assert_eq!(grey.examples(None, Some([3, 2, 3])).unwrap().shape, Shape::Image([3, 2, 3]));
        let complaint = |files: &[&str], shape| {
            let files = files.iter().map(|name| at(name)).collect();
            list(files).examples(None, shape).unwrap_err().to_string()
        };
        let colours = complaint(&["grey.png", "a.png"], Some([1, 2, 3]));
        assert!(colours.contains("a.png: image: it has colours"), "{colours}");
        GrayImage::new(2, 2).save(at("small.png")).unwrap();
        let several = list(vec![at("a.png"), at("small.png")]).examples(None, None).unwrap();
        assert_eq!(
            (several.shape, several.inputs.len()),
            (Shape::Image([3, 0, 0]), 3 * (2 * 3 + 2 * 2))
        );
        assert!(several.tensor().unwrap_err().to_string().contains("several sizes"));
        let sides = list(vec![at("a.png"), at("small.png")]).examples(Some(2), None).unwrap();
        assert_eq!(sides.shape, Shape::Image([3, 2, 2]));
    }

    #[test]
    fn transparent_images_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, alpha) in [("clear.png", 9), ("full.png", 255)] {
            image::RgbaImage::from_pixel(3, 2, image::Rgba([1, 2, 3, alpha]))
                .save(at(name))
                .unwrap();
        }
        let (examples, count) =
            list(vec![at("clear.png"), at("full.png")]).read(None, None).unwrap();
        assert_eq!((examples.shape, count), (Shape::Image([3, 2, 3]), 1));
        let note = transparency(count, examples.len()).unwrap();
        assert!(note.starts_with("1 of 2 images have transparent pixels"), "{note}");
        assert_eq!(transparency(0, 2), None);
    }

    #[test]
    fn the_first_broken_image_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("whole.jpg"), 3);
        fs::write(at("text.png"), "hello").unwrap();
        fs::write(at("empty.jpg"), "").unwrap();
        let all = list(vec![at("whole.jpg"), at("text.png"), at("empty.jpg")]);
        let error = all.decode_all(None, &|_, _| Ok(()), &|_| {}).unwrap_err().to_string();
        assert!(error.contains("text.png: image: none of JPEG, PNG, WebP"), "{error}");
        assert!(error.ends_with("PNM (and 1 more cannot be read: empty.jpg)"), "{error}");
        let many = list([&vec![at("text.png"); 11][..], &[at("whole.jpg")]].concat());
        let several = many.examples(None, None).unwrap_err().to_string();
        assert!(several.contains("(and 10 more cannot be read: text.png, "), "{several}");
        let many = list(vec![at("empty.jpg"); 300]);
        let many = many.decode_all(None, &|_, _| Ok(()), &|_| {}).unwrap_err().to_string();
        assert!(many.contains("(and at least ") && many.contains(" more)"), "{many}");
        assert_eq!(all.examples(None, None).unwrap_err().to_string(), error);
    }

    /// Nine images of different pixels.
    fn nine(folder: &Path) -> ImageList {
        let file = |n: u8| {
            let path = folder.join(format!("{n}.png"));
            RgbImage::from_fn(5, 4, |x, y| image::Rgb([n * 9, (x * 50) as u8, (y * 60) as u8 + n]))
                .save(&path)
                .unwrap();
            path
        };
        list((0..9).map(file).collect())
    }

    fn read(batches: super::super::Batches) -> Vec<(Vec<f32>, Vec<i64>)> {
        let read = |batch: Batch| {
            let x = batch.inputs[0].flatten(0, -1);
            (x.try_into().unwrap(), (&batch.targets).try_into().unwrap())
        };
        batches.map(|batch| read(batch.unwrap())).collect()
    }

    /// Where the pixels are is nobody's business: batches, moments and parts are the same.
    #[test]
    fn files_and_memory_give_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let images = nine(folder.path());
        for side in [None, Some(3)] {
            let memory = images.examples(side, None).unwrap();
            let files = images.read_within(0, side, None).unwrap().0;
            assert!(matches!(&files.inputs, Inputs::Files(_)));
            assert_eq!((files.shape, &files.labels), (memory.shape, &memory.labels));
            let rows = [8, 1, 3, 4, 0, 5, 7];
            let (memory, files) = (memory.select(&rows), files.select(&rows));
            assert_eq!((memory.inputs.len(), files.len()), (files.inputs.len(), 7));
            for (a, b) in memory.moments().iter().zip(files.moments()) {
                assert!((a.0 - b.0).abs() < 1e-7 && (a.1 - b.1).abs() < 1e-7, "{a:?} {b:?}");
            }
            let order = Order::new(2, vec![6, 0, 2, 3, 5]);
            let batches = |examples: &Examples| {
                let source = examples.source().unwrap();
                read(source.batches(&order, 2).unwrap())
            };
            let found = batches(&files);
            assert_eq!(found, batches(&memory));
            assert_eq!(found.iter().map(|batch| batch.1.len()).collect::<Vec<_>>(), [2, 2, 1]);
            assert_eq!(memory.tensor().unwrap(), files.tensor().unwrap());
        }
    }

    #[test]
    fn a_file_that_changes_under_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = nine(folder.path()).read_within(0, None, None).unwrap().0;
        write(&folder.path().join("4.png"), 1);
        let source = files.source().unwrap();
        let mut batches = source.in_order(2).unwrap();
        assert!(batches.next().unwrap().is_ok() && batches.next().unwrap().is_ok());
        let error = batches.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("4.png: image: 2×3 pixels, they were 4×5 before"), "{error}");
    }
}
