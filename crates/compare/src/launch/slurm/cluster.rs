//! What is asked of Slurm: `sbatch`, `squeue` and `scancel`, in their own words where they refuse.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::process::{Command, Output};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A job, as `sbatch` names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Its number.
    pub id: String,
    /// The cluster, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
}

/// Refuses a machine without Slurm.
///
/// # Errors
/// Says that there is none.
pub fn require() -> Result<()> {
    match Command::new("sbatch").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(missing("sbatch")),
        // Whatever else is wrong is said where a job is submitted.
        _ => Ok(()),
    }
}

fn missing(program: &str) -> Error {
    Error::Request(format!(
        "there is no {program} on this machine: runs are submitted to Slurm where its commands are, which \
         is a login node of the cluster; --here makes them on this machine, --list prints a command for each"
    ))
}

/// Submits the job that `sbatch` has these `arguments` for.
///
/// # Errors
/// What it says.
pub fn submit(arguments: &[String]) -> Result<Job> {
    let said = said(Command::new("sbatch").arg("--parsable").args(arguments))?;
    // Options of the user's may have it say more; the job comes last.
    let line = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let (id, cluster) = match line.split_once(';') {
        Some((id, cluster)) => (id, Some(cluster.to_owned())),
        None => (line, None),
    };
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::Work(format!("sbatch did not say which job it made, but {said:?}")));
    }
    Ok(Job { id: id.to_owned(), cluster })
}

/// How many tasks an array may have; `None` where Slurm does not say it.
pub fn most_tasks() -> Option<usize> {
    said(Command::new("scontrol").args(["show", "config"]))
        .ok()
        .and_then(|said| most_tasks_of(&said))
}

/// Of the lines `MaxArraySize = 1001` and `SchedulerParameters = max_array_tasks=500,bf_continue`.
fn most_tasks_of(configuration: &str) -> Option<usize> {
    let value = |name: &str| {
        let pairs = configuration.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name)
    };
    // Numbers of tasks end below it, and begin with 0.
    let size = value("MaxArraySize").and_then(|(_, size)| size.parse().ok());
    let tasks = value("SchedulerParameters").and_then(|(_, parameters)| {
        let mut parameters = parameters.split(',');
        parameters.find_map(|one| one.trim().strip_prefix("max_array_tasks=")?.parse().ok())
    });
    size.into_iter().chain(tasks).min()
}

impl Job {
    /// The numbers of its tasks that wait, run or are being ended.
    ///
    /// # Errors
    /// Where Slurm does not know at the moment.
    pub fn tasks(&self) -> Result<BTreeSet<usize>> {
        let mut command = self.command("squeue");
        command.args(["--noheader", "--all", "--array", "--format=%i", "--jobs", &self.id]);
        match said(&mut command) {
            Ok(said) => Ok(tasks(&self.id, &said)),
            // It forgets a job some minutes after its end.
            Err(error) if error.to_string().contains("Invalid job id") => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        }
    }

    /// Ends it: its tasks get SIGTERM, and SIGKILL a while later.
    ///
    /// # Errors
    /// What `scancel` says.
    pub fn cancel(&self) -> Result<()> {
        said(self.command("scancel").arg(&self.id)).map(drop)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if let Some(cluster) = &self.cluster {
            command.arg(format!("--clusters={cluster}"));
        }
        // What its user likes to see is not all that there is.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SQUEUE_") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Of the lines `12_0`, `12_7` that `squeue` prints of the job 12.
fn tasks(job: &str, said: &str) -> BTreeSet<usize> {
    let task = |line: &str| line.trim().strip_prefix(job)?.strip_prefix('_')?.parse().ok();
    said.lines().filter_map(task).collect()
}

/// What `command` prints.
fn said(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } =
        command.output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => missing(&name),
            _ => Error::failed(format!("cannot run {name}: "), error),
        })?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let problem = match lines.is_empty() {
        true => format!("{name} ended with {status}"),
        // Most of its lines begin with its name.
        false if lines[0].starts_with(&format!("{name}: ")) => lines.join("; "),
        false => format!("{name}: {}", lines.join("; ")),
    };
    Err(Error::Request(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_those_of_the_job() {
        let said = "CLUSTER: test\n12_0\n12_7 \n 12_11\n1_2\n121_3\n12_[4-6]\n12\n";
        assert_eq!(tasks("12", said), BTreeSet::from([0, 7, 11]));
        assert_eq!(tasks("12", ""), BTreeSet::new());
    }

    #[test]
    fn the_size_of_an_array_is_that_of_the_configuration() {
        let said = "Configuration data as of 2026-01-01\nMaxArraySize            = 1001\n\
                    MaxJobCount             = 10000\n";
        assert_eq!(most_tasks_of(said), Some(1001));
        let tasks = "SchedulerParameters     = bf_continue,max_array_tasks=20\n";
        assert_eq!(most_tasks_of(&(said.to_owned() + tasks)), Some(20));
        assert_eq!((most_tasks_of(tasks), most_tasks_of("")), (Some(20), None));
    }

    #[test]
    fn it_is_said_what_a_command_says() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo 12; echo no such partition >&2; echo >&2; exit 3"]);
        let error = said(&mut shell).unwrap_err();
        assert_eq!((error.to_string(), error.exit_code()), ("sh: no such partition".to_owned(), 2));
        assert_eq!(said(Command::new("echo").arg("12;a")).unwrap(), "12;a\n");
        let error = said(&mut Command::new("no-such-program")).unwrap_err();
        let expected = "there is no no-such-program on this machine";
        assert!(error.to_string().starts_with(expected) && error.exit_code() == 2, "{error}");
    }
}
