//! Tells people how a comparison goes: one bar for all runs on a terminal; elsewhere one line an epoch
//! and one a finished run. Everything goes to the standard error.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{EpochMetrics, Run, Setting};
use crate::train::Monitor;

/// Epochs that measuring a run counts as in the bar: roughly what it takes.
const MEASURING: usize = 8;

/// Hears of all runs, from any thread.
pub struct Progress {
    /// Counts examples.
    bar: ProgressBar,
    finished: Mutex<usize>,
    runs: usize,
    /// Epochs of a run, and examples of an epoch.
    epochs: usize,
    examples: usize,
    speed: Mutex<Speed>,
}

/// Examples a second that all runs together have gone through of late.
struct Speed {
    since: Instant,
    examples: usize,
    found: f64,
}

/// How long examples are counted for it.
const WINDOW: Duration = Duration::from_secs(2);

impl Speed {
    /// It, after so many examples more.
    fn after(&mut self, examples: usize) -> f64 {
        self.examples += examples;
        let passed = self.since.elapsed();
        if passed >= WINDOW {
            self.found = self.examples as f64 / passed.as_secs_f64();
            (self.since, self.examples) = (Instant::now(), 0);
        }
        self.found
    }
}

impl Progress {
    /// For `runs` of `epochs` of so many `examples` each; `visible` when the standard error is a
    /// terminal.
    pub fn new(runs: usize, epochs: usize, examples: usize, visible: bool) -> Self {
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(
            Some((runs * (epochs + MEASURING) * examples) as u64),
            target,
        );
        let style = "{bar:32} {percent:>3} %  {elapsed}, about {eta} left  {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a valid template"));
        if visible {
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        let speed = Speed { since: Instant::now(), examples: 0, found: 0.0 };
        Self { bar, finished: Mutex::new(0), runs, epochs, examples, speed: Mutex::new(speed) }
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
        self.bar.inc(((epochs + MEASURING) * self.examples) as u64);
        self.bar.reset_eta();
        *hold(&self.finished) += 1;
    }

    /// A run was trained and measured.
    pub fn finished(&self, setting: &Setting, run: &Run) {
        // Epochs that patience saved are done, too.
        let saved = self.epochs.saturating_sub(run.epochs.len());
        self.bar.inc(((MEASURING + saved) * self.examples) as u64);
        let mut finished = hold(&self.finished);
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
    }

    /// No more is to come.
    pub fn close(&self) {
        self.bar.finish_and_clear();
    }

    /// What one run tells.
    pub fn of<'a>(&'a self, setting: &'a Setting, seed: u64) -> impl Monitor + 'a {
        RunMonitor { progress: self, setting, seed }
    }
}

fn hold<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

struct RunMonitor<'a> {
    progress: &'a Progress,
    setting: &'a Setting,
    seed: u64,
}

impl Monitor for RunMonitor<'_> {
    fn resumed(&self, epochs: usize, examples: usize) {
        self.progress.bar.inc((epochs * self.progress.examples + examples) as u64);
        self.progress.bar.reset_eta();
        self.progress
            .say(&format!("{}, seed {}: goes on after epoch {epochs}", self.setting, self.seed));
    }

    fn step(&self, examples: usize) {
        let Progress { bar, finished, runs, speed, .. } = self.progress;
        bar.inc(examples as u64);
        let speed = hold(speed).after(examples);
        bar.set_message(format!("{}/{runs} runs, {speed:.0} examples/s", *hold(finished)));
    }

    fn epoch(&self, metrics: &EpochMetrics) {
        let Progress { bar, examples, .. } = self.progress;
        if bar.is_hidden() {
            eprintln!(
                "{}, seed {}: epoch {}, loss {:.4}, validation accuracy {:.2} %, {:.0} examples/s, \
                 about {} left",
                self.setting,
                self.seed,
                metrics.epoch,
                metrics.train_loss,
                100.0 * metrics.val_accuracy,
                *examples as f64 / metrics.seconds,
                HumanDuration(bar.eta())
            );
        }
    }

    fn warning(&self, text: &str) {
        self.progress.say(&format!("warning: {}, seed {}: {text}", self.setting, self.seed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_that_of_a_window() {
        let since = Instant::now().checked_sub(2 * WINDOW).unwrap();
        let mut speed = Speed { since, examples: 300, found: 7.0 };
        let found = speed.after(100);
        assert!((50.0..=100.0).contains(&found), "{found}"); // 400 in four seconds or a little more
        assert_eq!(speed.after(100), found);
    }
}
