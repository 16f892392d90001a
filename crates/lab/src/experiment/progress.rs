//! Tells people how a comparison goes: one bar for all runs on a terminal, one line a finished run
//! elsewhere. Everything goes to the standard error.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{EpochMetrics, Run, Setting};
use crate::train::Monitor;

/// Epochs that measuring a run counts as in the bar: roughly what it takes.
const MEASURING: usize = 8;

/// Hears of all runs, from any thread.
pub struct Progress {
    bar: ProgressBar,
    finished: Mutex<usize>,
    runs: usize,
    epochs: usize,
}

impl Progress {
    /// For `runs` of `epochs` each; `visible` when the standard error is a terminal.
    pub fn new(runs: usize, epochs: usize, visible: bool) -> Self {
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some((runs * (epochs + MEASURING)) as u64), target);
        let style = "{bar:32} {percent:>3} %  {elapsed} of about {duration}  {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a valid template"));
        if visible {
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        Self { bar, finished: Mutex::new(0), runs, epochs }
    }

    /// A line that stays.
    pub fn say(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    /// A run was found finished; it needed `epochs`.
    pub fn skipped(&self, epochs: usize) {
        self.bar.inc((epochs + MEASURING) as u64);
        self.bar.reset_eta();
        *self.count() += 1;
    }

    /// A run was trained and measured.
    pub fn finished(&self, setting: &Setting, run: &Run) {
        // Those that patience saved are done, too.
        self.bar.inc((MEASURING + self.epochs.saturating_sub(run.epochs.len())) as u64);
        let mut finished = self.count();
        *finished += 1;
        let seconds: f64 = run.epochs.iter().map(|epoch| epoch.seconds).sum();
        let text = format!(
            "{}/{}  {setting}, seed {}: test accuracy {:.2} %, {} epochs in {seconds:.1} s",
            *finished,
            self.runs,
            run.seed,
            100.0 * run.measures.accuracy,
            run.epochs.len()
        );
        if self.bar.is_hidden() {
            eprintln!("{text}");
        }
        self.bar.set_message(format!("{}/{} runs", *finished, self.runs));
    }

    /// No more is to come.
    pub fn close(&self) {
        self.bar.finish_and_clear();
    }

    /// What one run tells.
    pub fn of<'a>(&'a self, setting: &'a Setting, seed: u64) -> impl Monitor + 'a {
        RunMonitor { progress: self, setting, seed }
    }

    fn count(&self) -> std::sync::MutexGuard<'_, usize> {
        self.finished.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

struct RunMonitor<'a> {
    progress: &'a Progress,
    setting: &'a Setting,
    seed: u64,
}

impl Monitor for RunMonitor<'_> {
    fn resumed(&self, epochs: usize) {
        self.progress.bar.inc(epochs as u64);
        self.progress.bar.reset_eta();
        self.progress
            .say(&format!("{}, seed {}: goes on after epoch {epochs}", self.setting, self.seed));
    }

    fn epoch(&self, _metrics: &EpochMetrics) {
        self.progress.bar.inc(1);
    }

    fn warning(&self, text: &str) {
        self.progress.say(&format!("warning: {}, seed {}: {text}", self.setting, self.seed));
    }
}
