//! The program as the tests run it, and data of several kinds for it.
#![cfg_attr(
    not(all(target_os = "linux", feature = "lab")),
    allow(dead_code, reason = "some of the tests that use it are left out")
)]

#[cfg(target_os = "linux")]
pub mod cluster;
pub mod place;
#[cfg(unix)]
pub mod signals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_steepness");

/// `steepness` with `arguments`, to be started in `folder`.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).args(arguments);
    command
}

/// What it says and how it ends.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    output(&mut command(folder, arguments))
}

/// The same of any command.
pub fn output(command: &mut Command) -> Output {
    let _turn = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    command.output().unwrap()
}

/// Shared by the tests that are running: those that look at the clock need the machine for themselves.
static MACHINE: RwLock<()> = RwLock::new(());

/// As long as this is held, no other test begins to [`run`] the program, nor may who holds it.
pub fn quiet() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// The standard output of what has to succeed.
pub fn succeed(output: &Output) -> String {
    assert!(output.status.success(), "{}", error_text(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The message of what has to be refused: one line, exit code 2.
pub fn refused(output: &Output) -> String {
    let message = error_text(output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    assert!(output.stdout.is_empty());
    message
}

/// The standard error.
pub fn error_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The folder that `STEEPNESS_TEST_DATA` names; a line says so where there is none.
pub fn test_data(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("STEEPNESS_TEST_DATA").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        eprintln!("skipped: {test}: STEEPNESS_TEST_DATA is not set");
    }
    folder.map(PathBuf::from)
}

/// A recipe for the digits that is named tiny, TOML: `head` are its losses, seeds and so on, `tables` its
/// model and what else there is.
pub fn tiny(head: &str, tables: &str) -> String {
    format!(
        "name = \"tiny\"\nthreads = 1\n{head}\n\
         [data.digits]\nvalidation = 0.2\ntest = 0.2\n\
         [optimizer.sgd]\nlr = 0.02\nmomentum = 0.9\n{tables}"
    )
}

/// Dark and bright images of several sizes in a folder a class, 30 of each.
#[cfg(feature = "lab")]
pub fn write_images(folder: &Path) {
    use steepness_lab::image;
    for id in 0..60u32 {
        let (class, light) = if id % 2 == 0 { ("dark", 40) } else { ("bright", 180) };
        let pixel = |x, y| {
            let noise = (x * 7 + y * 5 + id) as u8 % 32;
            image::Rgb([light + noise, light, light + noise / 2])
        };
        let path = folder.join(format!("{class}/{id}.{}", if id < 20 { "png" } else { "jpg" }));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_fn(8 + id % 3, 8 + id % 5, pixel).save(&path).unwrap();
    }
}

/// Points on two rings of which the outer one is class "far", with a colour that says nothing and a
/// name for each row.
pub fn write_table(path: &Path, rows: usize) {
    let row = |at: usize| {
        let (angle, far) = (at as f64 * 0.7, at % 2 == 1);
        let (radius, class) = if far { (2.0, "far") } else { (1.0, "near") };
        let colour = ["red", "green", "blue"][at / 2 % 3];
        format!("n{at},{:.4},{:.4},{colour},{class}\n", radius * angle.cos(), radius * angle.sin())
    };
    let text = "name,x,y,colour,ring\n".to_owned() + &(0..rows).map(row).collect::<String>();
    fs::write(path, text).unwrap();
}

/// Paths, class 0, and rings, class 1, of 4 to 9 nodes in a folder: 60 of each.
pub fn write_graphs(folder: &Path) {
    let (mut edges, mut graph_of, mut labels) = (String::new(), String::new(), String::new());
    let mut first = 1;
    for graph in 0..120 {
        let (nodes, ring) = (4 + graph / 2 % 6, graph % 2);
        for node in 0..nodes - 1 + ring {
            let (from, to) = (first + node, first + (node + 1) % nodes);
            edges += &format!("{from}, {to}\n{to}, {from}\n");
        }
        graph_of += &format!("{}\n", graph + 1).repeat(nodes);
        labels += &format!("{ring}\n");
        first += nodes;
    }
    fs::create_dir_all(folder).unwrap();
    for (kind, text) in [("A", edges), ("graph_indicator", graph_of), ("graph_labels", labels)] {
        fs::write(folder.join(format!("R_{kind}.txt")), text).unwrap();
    }
}
