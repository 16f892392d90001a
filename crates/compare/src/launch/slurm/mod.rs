//! [`Slurm`]: the runs of a comparison as one job array, each task of which makes one run by `steepness
//! run-one` on the disk that all machines share; as several where there are more than an array may have.
//!
//! The run's folder is the truth: it is finished where its manifest is, and has failed where its status
//! says so. The scheduler is asked only which tasks are still there, so that a run is not waited for whose
//! task was ended from outside. No accounting (`sacct`) is needed, and nothing of ours has to run on the
//! login node meanwhile: who was killed there goes on waiting for the same tasks ([`Arrays`]).

mod arrays;
mod cluster;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) use cluster::require;

use super::status::{self, Standing, State, Status};
use super::{Call, Submission, accept};
use crate::measure::Overlap;
use crate::process::last_words;
use crate::{
    Error, Forecast, Monitor, Options, Result, RunDir, RunFiles, Runner, Setting, console, durable,
};
use arrays::{Array, Arrays};

/// Where the jobs' own files are, in the comparison's folder.
const FOLDER: &str = "slurm";
/// What is known of the jobs, there.
const JOBS: &str = "jobs.json";
/// How long a file that one machine has written may take to be seen by another.
const SEEN_AFTER: Duration = Duration::from_secs(10);
/// How long a job that was cancelled may take to end.
const ENDING: Duration = Duration::from_secs(120);
/// Runs that are waited for at the same time: tasks begin in the order of the runs.
const WAITING: usize = 64;

/// Has the runs of `runner` made by Slurm.
pub(super) struct Slurm<'a> {
    runner: &'a dyn Runner,
    stop: &'a AtomicBool,
    folder: PathBuf,
    began: Instant,
    state: Mutex<Queue>,
}

/// What is known of the jobs.
struct Queue {
    arrays: Arrays,
    /// Of each array the tasks that are there.
    there: Vec<BTreeSet<usize>>,
    /// Since when a task, of an array, is not there any more.
    gone: HashMap<(usize, usize), Instant>,
    /// Tasks that are still waited for, with the folders of their runs.
    open: BTreeMap<(usize, usize), PathBuf>,
    asked: Instant,
    /// Whether it was said that the scheduler does not answer.
    complained: bool,
}

impl<'a> Slurm<'a> {
    /// Submits an array for those of the `runs` of the comparison in `out` that no task of an earlier
    /// array is about to make.
    ///
    /// # Errors
    /// A system without Slurm, and what it says.
    pub fn submit(
        runner: &'a dyn Runner,
        call: &Call,
        submission: &Submission,
        out: &Path,
        runs: &[(Setting, u64)],
        options: &'a Options<'a>,
    ) -> Result<Self> {
        let out = std::path::absolute(out).map_err(Error::output(out))?;
        let folder = out.join(FOLDER);
        fs::create_dir_all(&folder).map_err(Error::output(&folder))?;
        let mut arrays = Arrays::read(&folder.join(JOBS))?;
        let mut there = still_there(&mut arrays, options.stop)?;
        let is_there = |setting: &Setting, seed: u64| {
            let task = arrays.task(&setting.to_string(), seed);
            let waits = task.is_some_and(|(array, task)| there[array].contains(&task));
            waits && !has_ended(RunDir::new(&out, setting, seed).path())
        };
        let (known, new): (Vec<_>, Vec<_>) =
            runs.iter().partition(|(setting, seed)| is_there(setting, *seed));
        let mut notes = Vec::new();
        if !known.is_empty() {
            let jobs: Vec<&str> = arrays.all.iter().map(|array| &*array.job.id).collect();
            notes.push(format!(
                "{} still with Slurm as job {}",
                counted(known.len(), "run is", "runs are"),
                jobs.join(" and ")
            ));
        }
        if !new.is_empty() {
            let most = options.jobs.or(submission.most.map(Into::into));
            let request =
                Request { folder: &folder, call, out: &out, options: &submission.options, most };
            let before = arrays.all.len();
            let limit = cluster::most_tasks().unwrap_or(usize::MAX);
            if let Err(error) = request.submit_all(&mut arrays, &new, limit) {
                // Whoever is told that it failed waits for none of it.
                cancel(&mut arrays, before);
                return Err(error);
            }
            let submitted = &arrays.all[before..];
            there.extend(submitted.iter().map(|array| (0..array.runs.len()).collect()));
            notes.push(note(submitted, most, limit));
        }
        // Said here: tasks that are done at once leave nothing to wait for.
        console::say(&notes.join("; "));
        let open = runs.iter().filter_map(|(setting, seed)| {
            let task = arrays.task(&setting.to_string(), *seed)?;
            Some((task, RunDir::new(&out, setting, *seed).path().to_owned()))
        });
        let queue = Queue {
            open: open.collect(),
            arrays,
            there,
            gone: HashMap::new(),
            asked: Instant::now(),
            complained: false,
        };
        let (began, state) = (Instant::now(), Mutex::new(queue));
        Ok(Self { runner, stop: options.stop, folder, began, state })
    }

    fn state(&self) -> MutexGuard<'_, Queue> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether the task has been gone for so long that nothing more is to come of it.
    fn is_over(&self, task: (usize, usize)) -> bool {
        // A short queue is looked at often, a long one seldom: others want to be answered, too.
        let every = (self.began.elapsed() / 20).clamp(secs(2), secs(30));
        let mut queue = self.state();
        if queue.asked.elapsed() >= every {
            queue.ask();
        }
        queue.gone.get(&task).is_some_and(|since| since.elapsed() >= SEEN_AFTER)
    }

    /// Why the task has left no result, as far as anybody has said it.
    fn unexplained(&self, (array, task): (usize, usize), status: Option<&Status>) -> Error {
        let job = &self.state().arrays.all[array].job.id;
        let how = match status.map(|status| (&status.state, status.whereabouts())) {
            None => "it never began".to_owned(),
            Some((State::Stopped, place)) => format!("it was told to stop ({place})"),
            Some((_, place)) => format!("it broke off (begun by {place})"),
        };
        let output = self.folder.join(format!("{job}_{task}.txt"));
        Error::Work(format!(
            "task {task} of job {job} is gone from Slurm without a result: {how}; it was cancelled, or \
             killed for its time, its memory or its machine; {}",
            last_words(&output)
        ))
    }

    /// Ends all jobs.
    fn cancel(&self) {
        self.state().cancel();
    }
}

impl Queue {
    /// Asks which tasks are there.
    fn ask(&mut self) {
        self.asked = Instant::now();
        for (at, array) in self.arrays.all.iter().enumerate() {
            if self.there[at].is_empty() {
                continue;
            }
            match array.job.tasks() {
                Ok(now) => {
                    let since = Instant::now();
                    let gone = self.there[at].difference(&now).map(|task| ((at, *task), since));
                    self.gone.extend(gone);
                    // One that was put back comes again.
                    self.gone.retain(|(of, task), _| *of != at || !now.contains(task));
                    self.there[at] = now;
                    self.complained = false;
                }
                Err(error) if !self.complained => {
                    console::say(&format!("warning: {error}; it is asked again"));
                    self.complained = true;
                }
                Err(_) => {}
            }
        }
    }

    /// The run that `task` makes has ended.
    fn close(&mut self, task: (usize, usize)) {
        self.open.remove(&task);
    }

    fn cancel(&mut self) {
        cancel(&mut self.arrays, 0);
    }
}

/// Ends the jobs of `arrays` from the place `first` on, and notes it.
fn cancel(arrays: &mut Arrays, first: usize) {
    for array in arrays.all[first..].iter_mut().filter(|array| !array.cancelled) {
        array.cancelled = true;
        console::say(&match array.job.cancel() {
            Ok(()) => format!("job {} is cancelled", array.job.id),
            Err(error) => format!("warning: job {}: {error}", array.job.id),
        });
    }
    if let Err(error) = arrays.write() {
        console::say(&format!("warning: {error}"));
    }
}

impl Runner for Slurm<'_> {
    fn most_at_once(&self) -> usize {
        // They are waited for, which costs next to nothing.
        WAITING
    }

    fn forecast(&self, _: &Setting, _: u64, _: usize, _: usize) -> Result<Forecast> {
        Ok(Forecast { measuring: 0.0, notes: self.runner.remarks()? })
    }

    fn make(&self, setting: &Setting, seed: u64, dir: &RunDir, _: &dyn Monitor) -> Result<()> {
        let (run, began) = (dir.path(), Instant::now());
        let task = self.state().arrays.task(&setting.to_string(), seed);
        let task = task.ok_or_else(|| {
            Error::Work(
                "it was finished when the job was submitted, and is not any more".to_owned(),
            )
        })?;
        loop {
            // Before the folder is looked at: what a task that is gone has left is there.
            let is_over = self.is_over(task);
            match status::look(run) {
                Standing::Finished => {
                    self.state().close(task);
                    return accept(self.runner, run);
                }
                Standing::Unfinished(Some(Status {
                    state: state @ State::Failed { .. }, ..
                })) => {
                    self.state().close(task);
                    return Err(state.into_error());
                }
                Standing::Unfinished(status) if is_over => {
                    self.state().close(task);
                    return Err(self.unexplained(task, status.as_ref()));
                }
                Standing::Unfinished(_) => {}
            }
            if self.stop.load(Ordering::Relaxed) {
                self.cancel();
                return Err(Error::Interrupted);
            }
            wait((began.elapsed() / 50).clamp(Duration::from_millis(100), secs(5)), self.stop);
        }
    }

    fn validate_partner(&self, files: &RunFiles) -> Result<()> {
        self.runner.validate_partner(files)
    }

    fn overlap(&self, seed: u64) -> Result<Option<Overlap>> {
        self.runner.overlap(seed)
    }
}

/// Whoever leaves before all runs have ended wants none of them any more: the first failure was to stop
/// them, for instance.
impl Drop for Slurm<'_> {
    fn drop(&mut self) {
        let mut queue = self.state();
        // What nobody has looked at yet may be done all the same.
        queue.open.retain(|_, run| is_awaited(run));
        if !queue.open.is_empty() {
            queue.cancel();
        }
    }
}

/// The tasks of the `arrays` that are still there; arrays that are over are taken out, and one that was
/// cancelled is waited for: it still holds its runs.
fn still_there(arrays: &mut Arrays, stop: &AtomicBool) -> Result<Vec<BTreeSet<usize>>> {
    let mut there = Vec::new();
    for array in std::mem::take(&mut arrays.all) {
        let mut tasks = array.job.tasks()?;
        let began = Instant::now();
        if array.cancelled && !tasks.is_empty() {
            console::say(&format!("job {} was cancelled and is about to end", array.job.id));
        }
        while array.cancelled && !tasks.is_empty() {
            if began.elapsed() >= ENDING {
                return Err(Error::Work(format!(
                    "job {} was cancelled, and Slurm has not ended it in {} seconds",
                    array.job.id,
                    ENDING.as_secs()
                )));
            }
            wait(secs(1), stop);
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            tasks = array.job.tasks()?;
        }
        if !tasks.is_empty() {
            there.push(tasks);
            arrays.all.push(array);
        }
    }
    Ok(there)
}

/// Whether there is no result yet, and no word of the task that it is at its end.
fn is_awaited(run: &Path) -> bool {
    match status::look(run) {
        Standing::Finished => false,
        Standing::Unfinished(status) => status.is_none_or(|status| status.state == State::Running),
    }
}

/// Whether a task has said that it is at its end, without a result.
fn has_ended(run: &Path) -> bool {
    match status::look(run) {
        Standing::Unfinished(Some(status)) => status.state != State::Running,
        Standing::Unfinished(None) | Standing::Finished => false,
    }
}

/// What is asked of Slurm.
struct Request<'a> {
    /// Where its files are.
    folder: &'a Path,
    call: &'a Call,
    out: &'a Path,
    /// Of `sbatch`.
    options: &'a [String],
    /// Runs at a time, at most.
    most: Option<usize>,
}

impl Request<'_> {
    /// Submits arrays with a task for each of `runs`, of at most `limit` tasks each, and notes them among
    /// `arrays`. Where only so many may run at a time they wait for each other.
    fn submit_all(
        &self,
        arrays: &mut Arrays,
        runs: &[&(Setting, u64)],
        limit: usize,
    ) -> Result<()> {
        let is_split = runs.len() > limit;
        let refuse = |problem: String| Err(Error::Request(format!("slurm: {problem}")));
        if limit == 0 {
            return refuse("there are no job arrays on this cluster (MaxArraySize = 0)".to_owned());
        }
        let waits =
            |option: &&String| option.starts_with("--dependency") || option.starts_with("-d");
        if is_split
            && self.most.is_some()
            && let Some(option) = self.options.iter().find(waits)
        {
            return refuse(format!(
                "{} runs are several arrays, since one may have {limit} tasks here, and each waits for the \
                 one before it where --jobs says how many run at a time: {option} cannot be given, too",
                runs.len()
            ));
        }
        let mut last = None;
        for runs in runs.chunks(limit) {
            let array = self.submit(runs, last.filter(|_| self.most.is_some()))?;
            last = Some(array.job.id.clone());
            arrays.all.push(array);
            // Nobody would find a job again that is not noted.
            arrays.write()?;
        }
        Ok(())
    }

    /// Submits one array, which begins when the job `after` has ended.
    fn submit(&self, runs: &[&(Setting, u64)], after: Option<String>) -> Result<Array> {
        let Self { folder, call, out, options, most } = *self;
        for (setting, seed) in runs {
            // What a task of an earlier job said.
            status::forget(RunDir::new(out, setting, *seed).path())?;
        }
        let script = folder.join("task.sh");
        durable::write(&script, script_of(call, out, runs).as_bytes())?;
        let most = most.map_or(String::new(), |most| format!("%{most}"));
        // It makes something of what stands behind a percent sign.
        let output = folder.display().to_string().replace('%', "%%");
        let mut arguments = vec![
            "--job-name=steepness".to_owned(),
            format!("--array=0-{}{most}", runs.len() - 1),
            format!("--output={output}/%A_%a.txt"),
        ];
        arguments.extend(after.map(|job| format!("--dependency=afterany:{job}")));
        arguments.extend(options.iter().cloned());
        arguments.push(script.display().to_string());
        let job = cluster::submit(&arguments)?;
        let runs = runs.iter().map(|(setting, seed)| (setting.to_string(), *seed)).collect();
        Ok(Array { job, runs, cancelled: false })
    }
}

/// What was submitted, for people.
fn note(submitted: &[Array], most: Option<usize>, limit: usize) -> String {
    let runs = submitted.iter().map(|array| array.runs.len()).sum();
    let jobs: Vec<&str> = submitted.iter().map(|array| &*array.job.id).collect();
    let jobs = match jobs[..] {
        [job] => format!("job {job}"),
        _ => format!("the jobs {}, since one may have {limit} tasks here", jobs.join(", ")),
    };
    let side = most.map_or(String::new(), |most| format!(", at most {most} at a time"));
    format!("{} submitted to Slurm as {jobs}{side}", counted(runs, "run", "runs"))
}

/// What a task runs: the run of its number.
fn script_of(call: &Call, out: &Path, runs: &[&(Setting, u64)]) -> String {
    let quote = |word: &String| {
        shlex::try_quote(word).map_or_else(|_| word.clone(), std::borrow::Cow::into_owned)
    };
    let line = |(at, (setting, seed)): (usize, &&(Setting, u64))| {
        let words: Vec<String> = call.words(out, setting, *seed).iter().map(quote).collect();
        format!("{at}) exec {} ;;\n", words.join(" "))
    };
    let cases: String = runs.iter().enumerate().map(line).collect();
    format!("#!/bin/sh\ncase $SLURM_ARRAY_TASK_ID in\n{cases}esac\n")
}

/// Sleeps, in short pieces, until it is to stop.
fn wait(time: Duration, stop: &AtomicBool) {
    let began = Instant::now();
    while began.elapsed() < time && !stop.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(100).min(time));
    }
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_makes_the_run_of_its_number() {
        let setting: Setting = "el(le=0.75)".parse::<steepness::Loss>().unwrap().into();
        let runs = [(setting.clone(), 0), (setting, 7)];
        let call = Call {
            program: "/bin/s".into(),
            before: vec![],
            options: vec!["--device=cpu".to_owned()],
        };
        let script = script_of(&call, Path::new("/a b"), &runs.each_ref());
        let expected = "\n1) exec /bin/s run-one '--device=cpu' '/a b' 'el(le=0.75)' 7 ;;\n";
        assert!(script.contains(expected), "{script}");
    }
}
