//! `steepness data`: what is in a folder or a file, and the usual data sets from the net.

use std::path::{Path, PathBuf};

use steepness_lab::data::download::{
    self, Delivery, Downloader, News, Package, PackageSource, Patience,
};
use steepness_lab::data::{TableChoices, inspect};
use steepness_lab::{Error, Result, console};

use crate::progress::Progress;

/// Look at data before training on them, or get the usual data sets
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(CheckArgs),
    Get(GetArgs),
}

/// Say what is at a path: format, classes, counts, mean and standard deviation
///
/// Reads everything, so that what is broken is found now: images that cannot be decoded, files that
/// are cut off, classes without examples, values that are missing. Known are MNIST and its like
/// (idx), CIFAR-10 and CIFAR-100 (binary), folders of images (train/CLASS/*.jpg), iNaturalist 2018,
/// graphs (NAME_A.txt, NAME_graph_indicator.txt and so on), sentences and their translations (train.de
/// and train.en), arrays of numpy (train_x.npy and train_y.npy, or x and y in an .npz) and tables (CSV, JSON Lines).
#[derive(clap::Args)]
struct CheckArgs {
    /// The folder, or the file of a table
    path: PathBuf,

    /// The column of a table that holds the class: its name or its number; the last without it
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    target: Option<String>,

    /// A column of a table to leave out
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    ignore: Vec<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Get a data set: mnist, fashion-mnist, cifar-10, cifar-100, PROTEINS, NCI1, MUTAG, multi30k,
/// iwslt14-de-en or iwslt17-fr-en
///
/// Broken downloads go on where they stopped; nothing is taken whose checksum is not the published
/// one. Of graphs none is published: there the numbers of graphs, nodes and edges must be. A host that
/// cannot be reached or does not have the file is given up at once, one that sends less than 1 KB/s
/// over 30 seconds when it did so twice, one that breaks off or is overloaded after three attempts.
#[derive(clap::Args)]
struct GetArgs {
    /// Its name; without it, the data sets that there are
    name: Option<String>,

    /// A folder that holds the files already, or the one file that there is: nothing is downloaded
    #[arg(long, value_name = "PATH", requires = "name", conflicts_with = "mirrors")]
    from: Option<PathBuf>,

    /// Ask this host first: the address of a folder with the same files, http:// or https://
    #[arg(long = "mirror", value_name = "URL")]
    mirrors: Vec<String>,

    /// Folder for the data; data/NAME without it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// What is no data set, what is broken in it, and what the hosts did.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Check(args) => {
            let target = args.target.as_deref().map(Into::into);
            let ignore = args.ignore.iter().map(|name| name.as_str().into()).collect();
            check(&args.path, &TableChoices { target, ignore }, args.json)
        }
        Command::Get(args) => get(args),
    }
}

fn check(path: &Path, asked: &TableChoices, json: bool) -> Result<()> {
    let progress = Progress::new();
    let watch = |done, of| progress.show(&format!("{done} of {of} images"));
    let found = inspect(path, asked, &watch);
    progress.clear();
    let found = found?;
    let text = match json {
        true => serde_json::to_string(&found).map_err(|e| Error::failed("", e))? + "\n",
        false => found.to_string(),
    };
    Ok(console::print(&text)?)
}

fn get(args: GetArgs) -> Result<()> {
    let Some(name) = args.name else {
        let line = |package: &Package| format!("{:<15}{}\n", package.name, package.about);
        return Ok(console::print(&download::packages().iter().map(line).collect::<String>())?);
    };
    let package = download::package(&name)?;
    let out = args.out.unwrap_or_else(|| Path::new("data").join(package.name));
    let source = args.from.map_or(PackageSource::Hosts(args.mirrors), PackageSource::Local);
    let downloader = Downloader::new(Patience::default());
    let progress = Progress::new();
    let watch = |news: News| match news {
        News::Bytes(name, bytes) => {
            progress.show(&format!("{name}: {:.1} MB", bytes as f64 / 1e6));
        }
        News::GivenUp(url, problem) => {
            progress.clear();
            console::say(&format!("{url}: {problem}: another host is asked"));
        }
    };
    let (source, downloader) = (&source, &downloader);
    let done = Delivery { package, out: &out, source, downloader, watch: &watch }.get();
    progress.clear();
    done?;
    check(&out, &TableChoices::default(), false)
}
