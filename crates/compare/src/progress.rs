//! Tells people how a comparison goes: one bar for all runs on a terminal; elsewhere one line a
//! finished run, and one an epoch every few seconds. Everything goes to the standard error.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{EpochMetrics, Monitor, Run, Setting};
use crate::{console, plain};

/// Least time between a line and that of an epoch, of which thousands may pass in a minute.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Hears of all runs, from any thread.
pub struct Progress {
    /// Counts examples, and measuring as so many examples as could be trained on in that time.
    bar: ProgressBar,
    finished: Mutex<usize>,
    runs: usize,
    /// Epochs of a run, and examples of an epoch.
    epochs: usize,
    examples: usize,
    /// What measuring a run counts as.
    measuring: u64,
    speed: Mutex<Speed>,
    /// When something was said last.
    said: Mutex<Instant>,
}

/// How fast all runs together go through examples.
struct Speed {
    /// Of late: since when, how many, and what that was a second.
    since: Instant,
    examples: usize,
    found: f64,
    /// In all, what was found done left out.
    began: Instant,
    done: usize,
}

/// How long examples are counted for it.
const WINDOW: Duration = Duration::from_secs(2);

impl Speed {
    fn new() -> Self {
        let now = Instant::now();
        Self { since: now, examples: 0, found: 0.0, began: now, done: 0 }
    }

    /// Examples a second of late, after so many more.
    fn after(&mut self, examples: usize) -> f64 {
        self.examples += examples;
        self.done += examples;
        let passed = self.since.elapsed();
        if passed >= WINDOW {
            self.found = self.examples as f64 / passed.as_secs_f64();
            (self.since, self.examples) = (Instant::now(), 0);
        }
        self.found
    }

    /// How long `examples` take at the mean speed so far, if there is one.
    fn left(&self, examples: u64) -> Option<Duration> {
        let each = self.began.elapsed().as_secs_f64() / self.done as f64;
        Duration::try_from_secs_f64(each * examples as f64).ok()
    }
}

impl Progress {
    /// For `runs` of `epochs` of so many `examples` each, and measuring that takes as long as
    /// `measuring` examples; `visible` when the standard error is a terminal.
    pub fn new(runs: usize, epochs: usize, examples: usize, measuring: u64, visible: bool) -> Self {
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let all = runs as u64 * of_run(epochs, examples, measuring);
        let bar = ProgressBar::with_draw_target(Some(all), target);
        let style = "{bar:32} {percent:>3} %  {elapsed}  {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a valid template"));
        if visible {
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        let speed = Mutex::new(Speed::new());
        let said = Mutex::new(Instant::now());
        Self { bar, finished: Mutex::new(0), runs, epochs, examples, measuring, speed, said }
    }

    /// A line that stays.
    pub fn say(&self, text: &str) {
        if self.bar.is_hidden() {
            *hold(&self.said) = Instant::now();
            console::say(text);
        } else {
            self.bar.println(plain::text(text));
        }
    }

    /// A run was found finished; it needed `epochs`.
    pub fn skipped(&self, epochs: usize) {
        self.bar.inc(of_run(epochs, self.examples, self.measuring));
        *hold(&self.finished) += 1;
    }

    /// A run was trained and measured, which took as long as that.
    pub fn finished(&self, setting: &Setting, run: &Run, took: Duration) {
        // Epochs that patience saved are done, too.
        let saved = self.epochs.saturating_sub(run.epochs.len());
        self.bar.inc((saved * self.examples) as u64);
        let silent = self.counts_runs().then(|| {
            self.bar.inc(1);
            self.count_run()
        });
        let mut finished = hold(&self.finished);
        *finished += 1;
        let found = match (run.has_predictions(), run.own.iter().next()) {
            (true, _) => format!("test accuracy {:.2} %", 100.0 * run.measures.accuracy),
            (false, Some((name, value))) => format!("{name} {value}"),
            (false, None) => "no metric".to_owned(),
        };
        let how = match silent {
            Some(left) if *finished < self.runs => format!("{:.1} s; {left}", took.as_secs_f64()),
            Some(_) => format!("{:.1} s", took.as_secs_f64()),
            None => {
                let seconds: f64 = run.epochs.iter().map(|epoch| epoch.seconds).sum();
                format!("{} epochs in {seconds:.1} s", run.epochs.len())
            }
        };
        let text =
            format!("{}/{}  {setting}, seed {}: {found}, {how}", *finished, self.runs, run.seed);
        if self.bar.is_hidden() {
            self.say(&text);
        }
    }

    /// A run failed, for the reason that is said.
    pub fn failed(&self, problem: &str) {
        self.say(&format!("failed: {problem}"));
        if self.counts_runs() {
            self.bar.inc(1);
            self.count_run();
        }
    }

    /// Whether runs do not tell how far they are.
    fn counts_runs(&self) -> bool {
        self.epochs * self.examples == 0
    }

    /// One run more took its time; returns how long those take that are left.
    fn count_run(&self) -> String {
        hold(&self.speed).done += 1;
        let left = self.left();
        self.bar.set_message(left.clone());
        left
    }

    /// Whether an epoch gets a line: there is no bar, and nothing was said for a while. Then that
    /// begins anew.
    fn is_time(&self) -> bool {
        let mut said = hold(&self.said);
        let due = self.bar.is_hidden() && said.elapsed() >= LINE_EVERY;
        if due {
            *said = Instant::now();
        }
        due
    }

    /// "about 3 minutes left".
    fn left(&self) -> String {
        let examples = self.bar.length().unwrap_or(0).saturating_sub(self.bar.position());
        let left = hold(&self.speed).left(examples);
        left.map_or_else(String::new, |left| format!("about {} left", HumanDuration(left)))
    }

    /// No more is to come.
    pub fn close(&self) {
        self.bar.finish_and_clear();
    }

    /// What one run tells.
    pub fn of<'a>(&'a self, setting: &'a Setting, seed: u64) -> impl Monitor + 'a {
        RunMonitor { progress: self, setting, seed, measured: AtomicU64::new(0) }
    }
}

/// What a run counts as.
fn of_run(epochs: usize, examples: usize, measuring: u64) -> u64 {
    ((epochs * examples) as u64 + measuring).max(1)
}

fn hold<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

struct RunMonitor<'a> {
    progress: &'a Progress,
    setting: &'a Setting,
    seed: u64,
    /// What of [`Progress::measuring`] is counted.
    measured: AtomicU64,
}

impl Monitor for RunMonitor<'_> {
    fn resumed(&self, epochs: usize, examples: usize) {
        self.progress.bar.inc((epochs * self.progress.examples + examples) as u64);
        let how = match (epochs, examples) {
            (0, 0) => "begins again".to_owned(),
            (0, _) => "goes on in its first epoch".to_owned(),
            _ => format!("goes on after epoch {epochs}"),
        };
        self.progress.say(&format!("{}, seed {}: {how}", self.setting, self.seed));
    }

    fn step(&self, examples: usize) {
        let Progress { bar, finished, runs, speed, .. } = self.progress;
        bar.inc(examples as u64);
        let speed = hold(speed).after(examples);
        let (finished, left) = (*hold(finished), self.progress.left());
        bar.set_message(format!("{left}, {finished}/{runs} runs, {speed:.0} examples/s"));
    }

    fn measured(&self, share: f64) {
        let Progress { bar, finished, runs, speed, measuring, .. } = self.progress;
        let now = (share * *measuring as f64) as u64;
        let more = now.saturating_sub(self.measured.fetch_max(now, Ordering::Relaxed));
        bar.inc(more);
        hold(speed).done += more as usize;
        let (finished, left) = (*hold(finished), self.progress.left());
        bar.set_message(format!("{left}, {finished}/{runs} runs, measuring"));
    }

    fn epoch(&self, metrics: &EpochMetrics) {
        if self.progress.is_time() {
            console::say(&format!(
                "{}, seed {}: epoch {}, loss {:.4}, validation accuracy {:.2} %, {:.0} examples/s, {}",
                self.setting,
                self.seed,
                metrics.epoch,
                metrics.train_loss,
                100.0 * metrics.val_accuracy,
                self.progress.examples as f64 / metrics.seconds,
                self.progress.left()
            ));
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
        let mut speed = Speed { since, examples: 300, found: 7.0, began: since, done: 300 };
        let found = speed.after(100);
        assert!((50.0..=100.0).contains(&found), "{found}"); // 400 in four seconds or a little more
        assert_eq!(speed.after(100), found);
    }

    #[test]
    fn epochs_get_a_line_now_and_then() {
        let progress = Progress::new(1, 200, 10, 0, false);
        assert!(!progress.is_time(), "the beginning was said");
        let ago = |time| *hold(&progress.said) = Instant::now().checked_sub(time).unwrap();
        ago(LINE_EVERY);
        assert!(progress.is_time() && !progress.is_time());
        ago(LINE_EVERY);
        progress.say("1/1  finished");
        assert!(!progress.is_time());
    }

    /// Pauses between epochs, in which nothing is counted, make it longer and no more than that.
    #[test]
    fn what_is_left_takes_as_long_as_what_was_done() {
        let began = Instant::now().checked_sub(Duration::from_secs(100)).unwrap();
        let speed = Speed { began, done: 50, ..Speed::new() };
        let left = speed.left(25).unwrap().as_secs_f64();
        assert!((50.0..51.0).contains(&left), "{left}");
        assert_eq!(Speed::new().left(25), None);
    }
}
