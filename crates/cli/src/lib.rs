//! The program `steepness`: arguments in, exit code out. All the work is in the libraries.
//!
//! A library, since the Python package has the same program.
//!
//! Exit codes: 0 done, 1 the work failed, 2 the request was wrong, 130 interrupted.

// What is printed goes through `steepness_compare::console`.
#![warn(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro)]

mod bleu;
mod command;
#[cfg_attr(not(feature = "lab"), path = "compare_without_lab.rs")]
mod compare;
mod completions;
mod curves;
mod folder;
#[cfg_attr(
    not(feature = "lab"),
    expect(dead_code, reason = "only the laboratory has words of its own at an end")
)]
mod interrupt;
mod invoked;
mod launch;
mod lines;
mod loss;
mod man;
mod measure;
#[cfg_attr(
    not(feature = "lab"),
    allow(dead_code, reason = "some kinds of numbers are of the laboratory's commands")
)]
mod numbers;
mod open;
mod option_values;
mod reader;
mod report;
mod run_one;
mod runs;
mod seeds;
mod shared;
mod tune;
mod typed;
mod with_files;

#[cfg(feature = "lab")]
mod attack;
#[cfg(feature = "lab")]
mod data;
#[cfg(feature = "lab")]
mod data_args;
#[cfg(feature = "lab")]
mod lab_args;
#[cfg(feature = "lab")]
mod predict;
#[cfg(feature = "lab")]
mod progress;
#[cfg(feature = "lab")]
mod translate;
#[cfg(not(feature = "lab"))]
mod without_lab;

use std::ffi::OsString;
use std::io;

use clap::{CommandFactory, Parser, Subcommand};
use steepness_compare::console;

#[cfg(not(feature = "lab"))]
use without_lab::{attack, data, predict, translate};

/// Would another loss help my classifier? Compares losses on the same data and seeds.
#[derive(Parser)]
#[command(name = "steepness", version, max_term_width = 100)]
struct Arguments {
    /// Say nothing but errors and the result
    #[arg(long, short, global = true)]
    quiet: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Attack(attack::Args),
    Bleu(bleu::Args),
    Compare(Box<compare::Args>),
    Completions(completions::Args),
    Curves(curves::Args),
    Data(data::Args),
    Loss(loss::Args),
    Man(man::Args),
    Measure(measure::Args),
    Predict(predict::Args),
    Report(report::Args),
    RunOne(run_one::Args),
    Runs(runs::Args),
    Translate(translate::Args),
}

/// Does what the `words` of a command line say, the first of which is the program's name, and returns
/// the exit code. It is to be called once: it takes the process's signals.
pub fn main_from(words: Vec<OsString>) -> u8 {
    main_within(Vec::new(), words)
}

/// The same where an interpreter has loaded us: with the words that have it do so again, such as `python -m
/// steepness`; none, where the program's name is that of a file that does.
pub fn main_within(interpreter: Vec<String>, words: Vec<OsString>) -> u8 {
    #[cfg(feature = "lab")]
    steepness_lab::keep_freed_memory();
    invoked::remember(words, interpreter);
    let done = match Arguments::try_parse_from(invoked::words()) {
        Ok(arguments) => run(arguments),
        Err(error) if error.use_stderr() => {
            // Without colours, so that what was typed cannot bring its own.
            console::complain(error.render().to_string().trim_end());
            return 2;
        }
        Err(help) => help.print().map_err(Into::into),
    };
    match done {
        Ok(()) => 0,
        Err(error) if is_broken_pipe(&error) => 0,
        Err(error) => {
            console::complain(&format!("error: {error:#}"));
            let code = exit_code(&error);
            if code == interrupt::CODE {
                interrupt::leave();
            }
            code
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.quiet {
        console::be_quiet();
    }
    interrupt::listen()?;
    if !matches!(arguments.command, Command::Completions(_) | Command::Man(_)) {
        folder::ensure_exists()?;
    }
    match arguments.command {
        Command::Attack(args) => attack::run(args)?,
        Command::Bleu(args) => bleu::run(args)?,
        Command::Compare(args) => compare::run(*args)?,
        Command::Completions(args) => completions::run(args, Arguments::command())?,
        Command::Curves(args) => curves::run(args)?,
        Command::Data(args) => data::run(args)?,
        Command::Loss(args) => loss::run(args)?,
        Command::Man(args) => man::run(args, Arguments::command())?,
        Command::Measure(args) => measure::run(args)?,
        Command::Predict(args) => predict::run(args)?,
        Command::Report(args) => report::run(args)?,
        Command::RunOne(args) => run_one::run(args)?,
        Command::Runs(args) => runs::run(args)?,
        Command::Translate(args) => translate::run(args)?,
    }
    Ok(())
}

/// The reader of our output has had enough, as in `steepness … | head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is))
}

fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(own_code).unwrap_or(1)
}

/// Of an error of ours.
fn own_code(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    use steepness_compare::{Error, measure};
    #[cfg(feature = "lab")]
    if let Some(error) = cause.downcast_ref::<steepness_lab::Error>() {
        return Some(error.exit_code());
    }
    let loss = cause.downcast_ref::<steepness::Error>().map(|_| 2);
    loss.or_else(|| cause.downcast_ref::<Error>().map(Error::exit_code))
        .or_else(|| cause.downcast_ref::<measure::Error>().map(measure::Error::exit_code))
}
