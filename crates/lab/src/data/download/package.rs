//! The data sets that `steepness data get` knows, with where they are and what they must be.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Checksum, Downloader, Remote, Watch, unpack, validate_address};
use crate::data::text::{ParallelRecipe, Text};
use crate::data::tu::Tu;
use crate::data::{DataPath, Inputs};
use crate::{Error, Result, durable};

/// A data set to download.
#[derive(Debug)]
pub struct Package {
    /// As it is typed: "mnist".
    pub name: &'static str,
    /// What it is, with its licence or its source.
    pub about: &'static str,
    /// Its files: name, most bytes, checksum.
    files: &'static [(&'static str, u64, Checksum)],
    /// Folders on the net that hold the files, the best first.
    hosts: &'static [&'static str],
    /// The folder in its one archive.
    top: Option<&'static str>,
    /// Names of its classes, where its files do not have them.
    classes: &'static [&'static str],
    /// What must be in it, where no checksum is published.
    holds: Option<Contents>,
}

/// Numbers that tell a data set from another, or from a part of it.
#[derive(Clone, Copy, Debug)]
enum Contents {
    /// Graphs, nodes and edges, an edge that leads both ways counting twice.
    Graphs([usize; 3]),
    /// Test sentences, German and English.
    Sentences(usize),
}

/// Where the files come from.
#[derive(Clone, Debug)]
pub enum PackageSource {
    /// The canonical hosts, after others that are asked first: folders that hold the same files.
    Hosts(Vec<String>),
    /// A folder that holds them, or the one file that there is.
    Local(PathBuf),
}

/// The checksums of the idx files are those of the files with the published MD5 sums (in comments,
/// as torchvision lists them); those of CIFAR are on the page of the data set; those of
/// Multi30k are of the files in its repository, of which a translation has 29000, 1014 and 1000 lines.
/// Of graphs, the numbers are those that give the published means (Morris et al. 2020); that of IWSLT17
/// is what sacreBLEU lists, and the sentences of IWSLT14's test part are those that fairseq counts.
const PACKAGES: &[Package] = &[
    Package {
        name: "mnist",
        about: "70000 handwritten digits of 28×28 pixels (LeCun et al. 1998), 11 MB",
        files: &[
            (
                "train-images-idx3-ubyte.gz", // MD5 f68b3c2dcbeaaa9fbdd348bbdeb94873
                9_912_422,
                Checksum::Sha256(
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
            ),
            (
                "train-labels-idx1-ubyte.gz", // MD5 d53e105ee54ea40749a09fcbcd1e9432
                28_881,
                Checksum::Sha256(
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                ),
            ),
            (
                "t10k-images-idx3-ubyte.gz", // MD5 9fb629c4189551a2d022fa330f9573f3
                1_648_877,
                Checksum::Sha256(
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
            ),
            (
                "t10k-labels-idx1-ubyte.gz", // MD5 ec29112dd5afa0611ce80d1b7f02629c
                4_542,
                Checksum::Sha256(
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            ),
        ],
        hosts: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
        ],
        top: None,
        classes: &[],
        holds: None,
    },
    Package {
        name: "fashion-mnist",
        about: "70000 images of clothes of 28×28 pixels (Xiao et al. 2017), MIT licence, 31 MB",
        files: &[
            (
                "train-images-idx3-ubyte.gz", // MD5 8d4fb7e6c68d591d4c3dfef9ec88bf0d
                26_421_880,
                Checksum::Sha256(
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
            ),
            (
                "train-labels-idx1-ubyte.gz", // MD5 25c81989df183df01b3e8a0aad5dffbe
                29_515,
                Checksum::Sha256(
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                ),
            ),
            (
                "t10k-images-idx3-ubyte.gz", // MD5 bef4ecab320f06d8554ea6380940ec79
                4_422_102,
                Checksum::Sha256(
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
            ),
            (
                "t10k-labels-idx1-ubyte.gz", // MD5 bb300cfdad3c16e7a12a480ee83cd310
                5_148,
                Checksum::Sha256(
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
            ),
        ],
        hosts: &[
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ],
        top: None,
        classes: &[
            "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
            "boot",
        ],
        holds: None,
    },
    Package {
        name: "cifar-10",
        about: "60000 photographs of 32×32 pixels, 10 classes (Krizhevsky 2009), 170 MB",
        files: &[(
            "cifar-10-binary.tar.gz",
            200_000_000,
            Checksum::Md5("c32a1d4ab5d03f1284b67883e8d87530"),
        )],
        hosts: &["https://www.cs.toronto.edu/~kriz/"],
        top: Some("cifar-10-batches-bin"),
        classes: &[],
        holds: None,
    },
    Package {
        name: "cifar-100",
        about: "60000 photographs of 32×32 pixels, 100 classes (Krizhevsky 2009), 169 MB",
        files: &[(
            "cifar-100-binary.tar.gz",
            200_000_000,
            Checksum::Md5("03b5dce01913d631647c71ecec9e9cb8"),
        )],
        hosts: &["https://www.cs.toronto.edu/~kriz/"],
        top: Some("cifar-100-binary"),
        classes: &[],
        holds: None,
    },
    Package {
        name: "PROTEINS",
        about: "1113 proteins as graphs, enzymes or not (Borgwardt et al. 2005), 0.5 MB",
        files: &[("PROTEINS.zip", 4000000, Checksum::Unpublished)],
        hosts: &["https://www.chrsmrrs.com/graphkerneldatasets/"],
        top: Some("PROTEINS"),
        classes: &[],
        holds: Some(Contents::Graphs([1113, 43_471, 162_088])),
    },
    Package {
        name: "NCI1",
        about: "4110 molecules as graphs, active against lung cancer or not (Wale et al. 2008), 1 MB",
        files: &[("NCI1.zip", 8000000, Checksum::Unpublished)],
        hosts: &["https://www.chrsmrrs.com/graphkerneldatasets/"],
        top: Some("NCI1"),
        classes: &[],
        holds: Some(Contents::Graphs([4110, 122_747, 265_506])),
    },
    Package {
        name: "MUTAG",
        about: "188 molecules as graphs, mutagenic or not (Debnath et al. 1991), 0.1 MB",
        files: &[("MUTAG.zip", 1000000, Checksum::Unpublished)],
        hosts: &["https://www.chrsmrrs.com/graphkerneldatasets/"],
        top: Some("MUTAG"),
        classes: &[],
        holds: Some(Contents::Graphs([188, 3371, 7442])),
    },
    Package {
        name: "multi30k",
        about: "31014 descriptions of photographs, English, German and French (Elliott et al. 2016), \
            for research, 2 MB",
        files: &[
            (
                "train.de.gz",
                637_044,
                Checksum::Sha256(
                    "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
                ),
            ),
            (
                "train.en.gz",
                568_929,
                Checksum::Sha256(
                    "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
                ),
            ),
            (
                "train.fr.gz",
                604_242,
                Checksum::Sha256(
                    "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
                ),
            ),
            (
                "val.de.gz",
                24_681,
                Checksum::Sha256(
                    "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
                ),
            ),
            (
                "val.en.gz",
                21_650,
                Checksum::Sha256(
                    "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
                ),
            ),
            (
                "val.fr.gz",
                23_001,
                Checksum::Sha256(
                    "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
                ),
            ),
            (
                "test_2016_flickr.de.gz",
                22_890,
                Checksum::Sha256(
                    "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
                ),
            ),
            (
                "test_2016_flickr.en.gz",
                21_077,
                Checksum::Sha256(
                    "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
                ),
            ),
            (
                "test_2016_flickr.fr.gz",
                22_310,
                Checksum::Sha256(
                    "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
                ),
            ),
        ],
        hosts: &[
            "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/",
            "https://github.com/multi30k/dataset/raw/master/data/task1/raw/",
        ],
        top: None,
        classes: &[],
        holds: None,
    },
    Package {
        name: "iwslt14-de-en",
        about: "TED talks, German and English, 160 thousand sentences (Cettolo et al. 2014), 20 MB",
        files: &[("de-en.tgz", 100_000_000, Checksum::Unpublished)],
        hosts: &["https://dl.fbaipublicfiles.com/fairseq/data/iwslt14/"],
        top: Some("de-en"),
        classes: &[],
        holds: Some(Contents::Sentences(6750)),
    },
    Package {
        name: "iwslt17-fr-en",
        about: "TED talks, French and English, 233 thousand sentences (Cettolo et al. 2017), 30 MB",
        files: &[("fr-en.tgz", 200_000_000, Checksum::Md5("19927da9de0f40348cad9c0fc61642ac"))],
        hosts: &[
            "https://raw.githubusercontent.com/hlt-mt/WIT3/master/archive/2017-01-trnted/texts/fr/en/",
            "https://wit3.fbk.eu/archive/2017-01-trnted/texts/fr/en/",
        ],
        top: Some("fr-en"),
        classes: &[],
        holds: None,
    },
];

/// All of them.
pub fn packages() -> &'static [Package] {
    PACKAGES
}

/// The one with this name.
///
/// # Errors
/// Lists the names that there are.
pub fn package(name: &str) -> Result<&'static Package> {
    PACKAGES.iter().find(|package| package.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<&str> = PACKAGES.iter().map(|package| package.name).collect();
        // Of names in capitals, too.
        let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let near = steepness::nearest(&name.to_lowercase(), lower.iter().map(String::as_str));
        let meant = names.iter().find(|name| Some(&*name.to_lowercase()) == near);
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        Error::Request(format!(
            "no data set {name:?} to get; there are {}{meant}",
            names.join(", ")
        ))
    })
}

/// A data set on its way into a folder.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Which.
    pub package: &'a Package,
    /// The folder.
    pub out: &'a Path,
    /// Where its files come from.
    pub source: &'a PackageSource,
    /// What brings them.
    pub downloader: &'a Downloader,
    /// Hears how far it is.
    pub watch: Watch<'a>,
}

impl Delivery<'_> {
    /// Puts the data set into the folder, whose files are right from the moment they have their names.
    /// What is there already stays.
    ///
    /// # Errors
    /// An address that is none; what the hosts did; a local file that is missing or is not the right one.
    pub fn get(&self) -> Result<()> {
        if let PackageSource::Hosts(first) = self.source {
            first.iter().try_for_each(|url| validate_address(url))?;
        }
        if self.package.top.is_some_and(|top| self.out.join(top).is_dir()) {
            return Ok(());
        }
        let is_new = !self.out.exists();
        let done = self.put();
        if done.is_err() && is_new {
            // Fails where something is in it that the next call goes on from.
            let _ = fs::remove_dir(self.out);
        }
        done
    }

    fn put(&self) -> Result<()> {
        let Self { package, out, .. } = *self;
        fs::create_dir_all(out).map_err(Error::output(out))?;
        for &(name, at_most, checksum) in package.files {
            let (archive, ours) = self.bring(name, at_most, checksum)?;
            let Some(top) = package.top else { continue };
            let unpacked = unpack(&archive, top, &out.join(top), &|folder| sound(package, folder));
            // What is not right is not to be found again.
            if ours {
                fs::remove_file(&archive).map_err(Error::output(&archive))?;
            }
            unpacked?;
        }
        if !package.classes.is_empty() {
            let names = package.classes.join("\n") + "\n";
            durable::write(&out.join("classes.txt"), names.as_bytes())?;
        }
        Ok(())
    }

    /// Brings one of its files: where it is then, and whether it was put there for this.
    fn bring(&self, name: &str, at_most: u64, checksum: Checksum) -> Result<(PathBuf, bool)> {
        let Self { package, out, source, downloader, watch } = *self;
        match source {
            PackageSource::Hosts(first) => {
                let first = first.iter().map(String::as_str);
                let hosts = first.chain(package.hosts.iter().copied());
                let url = |host: &str| format!("{}/{name}", host.trim_end_matches('/'));
                let urls = hosts.map(url).collect();
                let remote = Remote { name: name.to_owned(), at_most, checksum, urls };
                Ok((downloader.fetch(&remote, out, watch)?, true))
            }
            PackageSource::Local(path) => {
                let path = local(package, path, name)?;
                if let Err(problem) = checksum.verify(&path)? {
                    return Err(Error::malformed(&path, "checksum", problem));
                }
                if package.top.is_none() {
                    let bytes = fs::read(&path).map_err(Error::input(&path))?;
                    durable::write(&out.join(name), &bytes)?;
                }
                Ok((path, false))
            }
        }
    }
}

/// Refuses contents that are not as many as they must be, in the unpacked `folder`.
fn sound(package: &Package, folder: &Path) -> Result<()> {
    let (found, expected) = match package.holds {
        None => return Ok(()),
        Some(Contents::Graphs(expected)) => {
            let say = |[graphs, nodes, edges]: [usize; 3]| {
                format!("{graphs} graphs, {nodes} nodes, {edges} edges")
            };
            let Inputs::Graphs(graphs) = Tu::load(folder, false)?.examples.inputs else {
                return Ok(());
            };
            let nodes: Vec<usize> = graphs.node_counts().collect();
            let found = [nodes.len(), nodes.iter().sum(), graphs.edge_counts().sum()];
            (say(found), say(expected))
        }
        Some(Contents::Sentences(expected)) => {
            let path = DataPath::new(folder.to_string_lossy());
            let text = Text::read(&ParallelRecipe::new(path, "de", "en"))?;
            let say = |sentences: usize| format!("{sentences} test sentences");
            (say(text.test.lines[0].len()), say(expected))
        }
    };
    if found == expected {
        return Ok(());
    }
    let problem = format!("{found}, expected {expected}");
    Err(Error::malformed(Path::new(package.name), "counts", problem))
}

/// The local file that is `name`.
fn local(package: &Package, path: &Path, name: &str) -> Result<PathBuf> {
    if path.is_dir() {
        return Ok(path.join(name));
    }
    if package.files.len() > 1 {
        return Err(Error::Request(format!(
            "{} is {} files: name the folder that holds them, not {}",
            package.name,
            package.files.len(),
            path.display()
        )));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Patience;
    use super::super::archive::tests::{archive, zip};
    use super::*;
    use crate::data::files::test_data;
    use tar::EntryType;

    fn take(package: &Package, from: &Path, out: &Path) -> Result<()> {
        let source = PackageSource::Local(from.to_owned());
        let downloader = &Downloader::new(Patience::default());
        Delivery { package, out, source: &source, downloader, watch: &|_| {} }.get()
    }

    #[test]
    fn names_are_known() {
        assert_eq!(package("mnist").unwrap().files.len(), 4);
        assert_eq!(package("proteins").unwrap().name, "PROTEINS");
        let multi30k = package("multi30k").unwrap();
        let train = multi30k.files.iter().filter(|(name, ..)| name.starts_with("train."));
        assert_eq!((multi30k.files.len(), train.count()), (9, 3));
        let error = package("imagenet").unwrap_err().to_string();
        assert!(error.contains("there are mnist, fashion-mnist, cifar-10, cifar-100"), "{error}");
    }

    /// The pinned checksums are those of the real files, and what is put there can be loaded.
    #[test]
    fn local_files_are_checked_and_copied() {
        let Some(data) = test_data("local_files_are_checked_and_copied") else { return };
        let place = tempfile::tempdir().unwrap();
        for name in ["mnist", "fashion-mnist"] {
            let (package, out) = (package(name).unwrap(), place.path().join(name));
            take(package, &data.join(name), &out).unwrap();
            take(package, &data.join(name), &out).unwrap(); // once more changes nothing
            let largest = package
                .files
                .iter()
                .all(|(file, at_most, _)| fs::metadata(out.join(file)).unwrap().len() == *at_most);
            assert!(largest, "{name}");
        }
        let clothes = crate::data::idx::load(&place.path().join("fashion-mnist")).unwrap().0;
        assert_eq!(clothes.classes[9], "boot");
        let wrong = take(package("mnist").unwrap(), &data.join("fashion-mnist"), place.path());
        let wrong = wrong.unwrap_err().to_string();
        assert!(
            wrong.contains("train-images-idx3-ubyte.gz: checksum: the checksum is 3aed"),
            "{wrong}"
        );
    }

    #[test]
    fn graphs_are_counted() {
        let Some(data) = test_data("graphs_are_counted") else { return };
        let place = tempfile::tempdir().unwrap();
        let (path, out) = (place.path().join("MUTAG.zip"), place.path().join("out"));
        let zipped = |edges: &dyn Fn(String) -> String| {
            let read = |kind: &str| {
                let path = data.join(format!("tu/MUTAG/MUTAG_{kind}.txt"));
                let text = fs::read_to_string(path).unwrap();
                (format!("MUTAG/MUTAG_{kind}.txt"), if kind == "A" { edges(text) } else { text })
            };
            let all = ["A", "graph_indicator", "graph_labels", "node_labels"].map(read);
            let entries: Vec<_> = all.iter().map(|(n, t)| (n.as_str(), t.as_bytes())).collect();
            fs::write(&path, zip(&entries)).unwrap();
        };
        let package = package("mutag").unwrap();
        zipped(&|text| text.lines().skip(1).collect::<Vec<_>>().join("\n"));
        let error = take(package, &path, &out).unwrap_err().to_string();
        assert!(
            error.contains("188 graphs, 3371 nodes, 7441 edges, expected 188 graphs"),
            "{error}"
        );
        assert!(!out.exists());
        zipped(&|text| text);
        take(package, &path, &out).unwrap();
        assert_eq!(Tu::load(&out, false).unwrap().examples.counts(), [63, 125]);
    }

    #[test]
    fn sentences_are_counted() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("de-en.tgz");
        let lines = "ein Hund\n".repeat(30);
        let set = "<seg id=\"1\"> ein Hund </seg>\n".repeat(4);
        let entries: Vec<(&str, EntryType, &[u8])> = [
            ("de-en/train.tags.de-en.de", lines.as_bytes()),
            ("de-en/train.tags.de-en.en", lines.as_bytes()),
            ("de-en/IWSLT14.TED.tst2010.de-en.de.xml", set.as_bytes()),
            ("de-en/IWSLT14.TED.tst2010.de-en.en.xml", set.as_bytes()),
        ]
        .map(|(name, bytes)| (name, EntryType::Regular, bytes))
        .to_vec();
        fs::write(&path, archive(&entries)).unwrap();
        let (iwslt14, out) = (package("iwslt14-de-en").unwrap(), place.path().join("out"));
        let error = take(iwslt14, &path, &out).unwrap_err().to_string();
        assert!(error.contains("4 test sentences, expected 6750 test sentences"), "{error}");
        assert!(!out.exists());
        let smaller = Package { holds: Some(Contents::Sentences(4)), ..*iwslt14 };
        take(&smaller, &path, &out).unwrap();
        assert!(out.join("de-en/train.tags.de-en.en").is_file());
    }

    #[test]
    fn an_archive_is_unpacked_from_where_it_lies() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.tar.gz");
        fs::write(&path, archive(&[("top/test.bin", EntryType::Regular, b"abc")])).unwrap();
        let out = place.path().join("out");
        let files = &[("x.tar.gz", 1000, Checksum::Md5("00"))];
        let package = Package { files, hosts: &[], top: Some("top"), ..PACKAGES[3] };
        let error = take(&package, &path, &out).unwrap_err().to_string();
        assert!(error.contains("x.tar.gz: checksum: the checksum is"), "{error}");
        assert!(!out.exists());
        let sum = super::super::digest::<md5::Md5>(&path).unwrap();
        let files: &'static [_] =
            Box::leak(Box::new([("x.tar.gz", 1000, Checksum::Md5(Box::leak(sum.into())))]));
        let package = Package { files, ..package };
        take(&package, place.path(), &out).unwrap();
        assert_eq!(fs::read(out.join("top/test.bin")).unwrap(), b"abc");
        assert!(path.exists());
        take(&package, Path::new("/nowhere"), &out).unwrap(); // it is there already
        let error = take(&PACKAGES[0], &path, &out).unwrap_err().to_string();
        assert!(error.contains("mnist is 4 files: name the folder"), "{error}");
    }
}
