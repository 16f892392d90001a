//! `steepness man`: the manual, made from what `--help` says.

use std::io;
use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;
use steepness_compare::{Error, Result, console, durable};

/// Print the manual page, with all commands; or write one page for each
///
/// For instance: steepness man | man -l -, or steepness man --out ~/.local/share/man/man1.
#[derive(clap::Args)]
pub struct Args {
    /// Write steepness.1, steepness-compare.1 and so on into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints or writes it for `program`.
///
/// # Errors
/// A folder or file that cannot be written.
pub fn run(args: Args, mut program: Command) -> Result<()> {
    // Gives the commands below their whole names.
    program.build();
    let Some(folder) = args.out else {
        return console::print(&whole(&program).map_err(unrendered)?);
    };
    std::fs::create_dir_all(&folder).map_err(Error::output(&folder))?;
    let mut written = String::new();
    for command in all(&program) {
        let man = Man::new(command.clone());
        let path = folder.join(man.get_filename());
        let mut page = Vec::new();
        man.render(&mut page).map_err(unrendered)?;
        durable::replace(&path, &page)?;
        written += &format!("{}\n", path.display());
    }
    console::print(&written)
}

fn unrendered(error: io::Error) -> Error {
    Error::failed("the manual page: ", error)
}

/// `command` and all below it that people call.
fn all(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|below| below.get_name() != "help");
    [command].into_iter().chain(below.flat_map(all)).collect()
}

/// One page: the program's, and a section for each command, with subsections.
fn whole(program: &Command) -> io::Result<String> {
    let mut page = Vec::new();
    let man = Man::new(program.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    for command in all(program).into_iter().skip(1).filter(|c| !c.has_subcommands()) {
        let man = Man::new(command.clone());
        let mut section = Vec::new();
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        man.render_options_section(&mut section)?;
        let name = command.get_bin_name().unwrap_or(command.get_name()).to_uppercase();
        let section = String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ");
        page += &format!(".SH \"{name}\"\n{}", section.replacen(".SH SYNOPSIS", ".SS SYNOPSIS", 1));
    }
    Ok(page)
}
