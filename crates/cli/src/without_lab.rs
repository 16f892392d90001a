//! In place of the commands that need the laboratory, where the program was built without it: they are
//! listed, and whoever calls one is told what is missing.

use steepness_compare::{Error, Result};

/// A module of that name, as the command itself is one.
macro_rules! command {
    ($name:ident, $about:literal) => {
        #[doc = concat!("`steepness ", stringify!($name), "`, which is not there.")]
        pub mod $name {
            use std::ffi::OsString;

            #[doc = $about]
            ///
            /// It needs the laboratory, and this program was built without it: cargo build -p steepness-cli
            /// builds all of it.
            #[derive(clap::Args)]
            pub struct Args {
                /// Whatever was typed
                #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
                typed: Vec<OsString>,
            }

            /// Says what is missing.
            ///
            /// # Errors
            /// That.
            pub fn run(_: Args) -> super::Result<()> {
                super::missing(stringify!($name))
            }
        }
    };
}

command!(attack, "(not in this program) Attack finished runs on images");
command!(data, "(not in this program) Look at data, and fetch some");
command!(predict, "(not in this program) Ask a finished run about new inputs");
command!(translate, "(not in this program) Translate with a finished run");

fn missing(command: &str) -> Result<()> {
    Err(Error::Request(format!(
        "`{command}` needs the laboratory: this program was built without it (cargo build -p steepness-cli)"
    )))
}
