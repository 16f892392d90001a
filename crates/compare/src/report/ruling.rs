//! [`Ruling`]: the answer in words. Is another loss better than the first, by enough to matter, or can these seeds
//! not tell?
//!
//! It follows from the table's first metric alone. Where all runs were tested on the same examples and
//! their predictions are there, its interval is over seeds and test examples, else over seeds. What is to
//! be known of that stands under it, so that nobody has to believe it.

use super::column::{Column, Difference};
use super::number;
use super::significance::{ALPHA, POWER, Seeds};
use crate::measure::{Direction, Estimate, Overlap, Side, Verdict, verdicts};
use crate::{Comparison, ExampleDifferences};

/// What a comparison says of its first metric.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// What to do, in a sentence or two.
    pub answer: String,
    /// What else differs, in the other metrics of the table; empty where nothing does.
    pub beside: String,
    /// By which rules, a sentence each.
    pub rules: Vec<String>,
    /// What differences are worth having, in the metric's unit; 0 where nobody said.
    pub worth: f64,
    /// Each setting after the first.
    pub judged: Vec<SettingVerdict>,
}

/// One setting against the first one.
#[derive(Clone, Debug)]
pub struct SettingVerdict {
    /// What it is called.
    pub loss: String,
    /// Its difference, which the verdict is about.
    pub estimate: Option<Estimate>,
    /// The verdict; `None` where nothing is known of the spread.
    pub verdict: Option<Verdict>,
    /// For an open one, how many seeds would settle it; `None` where that is unknown.
    pub seeds: Option<Seeds>,
}

/// What the answer is made of.
struct Question<'a> {
    first: &'a str,
    column: &'a Column,
    seeds: usize,
    worth: f64,
    judged: &'a [SettingVerdict],
}

impl Ruling {
    /// That of a table with these `losses` and `columns`; `None` where there is nothing to compare.
    pub fn new(comparison: &Comparison, losses: &[String], columns: &[Column]) -> Option<Self> {
        let (first, others) = losses.split_first().filter(|(_, others)| !others.is_empty())?;
        let column = columns.first()?;
        let (seeds, worth) = (comparison.signature.seeds.len(), comparison.worth.unwrap_or(0.0));
        let mut judged = judge(others, column, worth);
        let known = judged.iter().filter(|judged| judged.estimate.is_some()).count();
        judged.iter_mut().for_each(|judged| judged.seeds = judged.needed(worth, known));
        let question = Question { first, column, seeds, worth, judged: &judged };
        Some(Self {
            answer: question.answer(),
            beside: beside(others, &columns[1..]),
            rules: if seeds > 1 { question.rules(comparison) } else { Vec::new() },
            worth,
            judged,
        })
    }

    /// The answer and what stands beside it.
    pub fn in_words(&self) -> String {
        format!("{} {}", self.answer, self.beside).trim_end().to_owned()
    }
}

/// The differences of `column`, a setting after the first each.
fn differences(column: &Column) -> impl Iterator<Item = Option<&Difference>> {
    column.cells.iter().skip(1).map(|cell| cell.difference.as_ref())
}

/// What may be claimed of each of the `losses`, corrected for their number.
pub fn judge(losses: &[String], column: &Column, margin: f64) -> Vec<SettingVerdict> {
    let estimates: Vec<Option<Estimate>> =
        differences(column).map(|difference| difference?.estimate()).collect();
    let known: Vec<Estimate> = estimates.iter().flatten().copied().collect();
    let mut verdicts = verdicts(&known, margin, ALPHA).unwrap_or_default().into_iter();
    let one = |(loss, estimate): (&String, Option<Estimate>)| {
        let verdict = estimate.and_then(|_| verdicts.next());
        SettingVerdict { loss: loss.clone(), estimate, verdict, seeds: None }
    };
    losses.iter().zip(estimates).map(one).collect()
}

impl Question<'_> {
    fn answer(&self) -> String {
        if self.seeds < 2 {
            return "One seed cannot tell a difference from chance.".to_owned();
        }
        let known = || self.judged.iter().filter(|judged| judged.estimate.is_some());
        if known().next().is_none() {
            return format!(
                "{} seeds cannot tell: each difference in {} is the same for all of them or not there, so \
                 that nothing is known of chance.",
                self.seeds, self.column.title
            );
        }
        if self.column.metric.direction == Direction::Undefined {
            return self.undirected();
        }
        let of = |side| known().filter(move |judged| judged.is(side)).collect::<Vec<_>>();
        let (good, bad) = match self.column.metric.direction {
            Direction::Lower => (Side::Below, Side::Above),
            _ => (Side::Above, Side::Below),
        };
        let mut better = of(good);
        better.sort_by(|a, b| self.gain(b).total_cmp(&self.gain(a)));
        let candidate = known()
            .filter(|judged| self.could_be_better(judged))
            .max_by(|a, b| self.gain(a).total_cmp(&self.gain(b)));
        let mut answer = match (better.split_first(), candidate) {
            (Some((best, others)), _) => self.take(best, others),
            (None, Some(candidate)) => self.open(candidate),
            (None, None) => self.keep(known().count()),
        };
        let unknown = self.judged.len() - known().count();
        let worse = named(&of(bad));
        // Where all others are worse that is said already.
        let said = better.is_empty() && candidate.is_none() && self.worth == 0.0 && unknown == 0;
        if !worse.is_empty() && !said {
            answer += &format!(" {worse} worse.");
        }
        let equal = named(&of(Side::Within));
        if !equal.is_empty() && candidate.is_some() {
            answer += &format!(" {equal} equal within {}.", self.amount_of_worth());
        }
        if unknown > 0 {
            answer += &format!(" Nothing is known of the chance in {unknown} of the differences.");
        }
        answer
    }

    /// At least one loss is better.
    fn take(&self, best: &SettingVerdict, others: &[&SettingVerdict]) -> String {
        let mut answer = format!(
            "Take {}: it is better than {} in {}{}, {}.",
            best.loss,
            self.first,
            self.column.title,
            self.by("by more than "),
            self.amount(best),
        );
        if !others.is_empty() {
            let better = named(others);
            answer += &format!(" {better} better, too; which of them is best is not settled.");
        }
        answer
    }

    /// None is, and none could be.
    fn keep(&self, known: usize) -> String {
        let Self { first, column, worth, judged, .. } = self;
        match (*worth > 0.0, known < judged.len()) {
            (_, true) => format!(
                "Keep {first}: no loss of whose chance anything is known is better in {}{}.",
                column.title,
                self.by("by ")
            ),
            (true, false) => {
                format!("Keep {first}: no loss is better in {}{}.", column.title, self.by("by "))
            }
            (false, false) if known == 1 => {
                let own = self.amount(&judged[0]);
                format!("Keep {first}: {} is worse in {}, {own}.", judged[0].loss, column.title)
            }
            (false, false) => {
                format!("Keep {first}: every other loss is worse in {}.", column.title)
            }
        }
    }

    /// None is for sure, and one could be.
    fn open(&self, candidate: &SettingVerdict) -> String {
        let Self { first, column, seeds, .. } = self;
        let question =
            format!("a loss is better than {first} in {}{}", column.title, self.by("by "));
        let amount = self.amount(candidate);
        let loss = &candidate.loss;
        let mut answer = match candidate.seeds {
            Some(Seeds::Enough(needed)) => format!(
                "{seeds} seeds cannot tell whether {question}: {needed} would, if the {amount} of {loss} \
                 are what they seem."
            ),
            Some(Seeds::Never) => format!(
                "{seeds} seeds cannot tell whether {question}, and more seeds alone would not: the \
                 {amount} of {loss} are too close to {} for these test examples.",
                self.bound()
            ),
            None => format!(
                "{seeds} seeds cannot tell whether {question}: the nearest is {loss} with {amount}."
            ),
        };
        let alone = |verdict: Verdict| verdict.alone != Side::Open && verdict.side == Side::Open;
        if candidate.verdict.is_some_and(alone) && self.judged.len() > 1 {
            answer += &format!(
                " Alone it would count; among {} losses such a difference comes by chance.",
                self.judged.len()
            );
        }
        answer
    }

    /// Of a metric that does not rank.
    fn undirected(&self) -> String {
        let title = &self.column.title;
        let differs = |judged: &&SettingVerdict| judged.is(Side::Above) || judged.is(Side::Below);
        let settled = self.judged.iter().filter(differs).map(|judged| {
            format!(
                "{} differs from {} in {title}, {}.",
                judged.loss,
                self.first,
                self.amount(judged)
            )
        });
        let settled: Vec<String> = settled.collect();
        match settled.is_empty() {
            true => format!(
                "{} seeds show no difference from {} in {title}{}.",
                self.seeds,
                self.first,
                self.by("of ")
            ),
            false => settled.join(" "),
        }
    }

    /// By how much it is better: the difference in the good direction.
    fn gain(&self, judged: &SettingVerdict) -> f64 {
        let mean = judged.estimate.map_or(f64::NAN, |estimate| estimate.mean);
        if self.column.metric.direction == Direction::Lower { -mean } else { mean }
    }

    /// Whether its own interval holds a difference that is worth having.
    fn could_be_better(&self, judged: &SettingVerdict) -> bool {
        let reaches = |estimate: Estimate| {
            let (low, high) = estimate.interval(1.0 - ALPHA);
            let best = if self.column.metric.direction == Direction::Lower { -low } else { high };
            best > self.worth
        };
        judged.estimate.is_some_and(reaches)
    }

    /// "+0.39 points [−0.07, +0.85]".
    fn amount(&self, judged: &SettingVerdict) -> String {
        let decimals = self.column.metric.decimals;
        let Some(estimate) = judged.estimate else { return "an unknown difference".to_owned() };
        let interval = number::interval(estimate.interval(1.0 - ALPHA), decimals);
        format!("{}{} {interval}", number::signed(estimate.mean, decimals), self.unit())
    }

    fn unit(&self) -> &'static str {
        if self.column.metric.unit == "%" { " points" } else { "" }
    }

    /// "0.5 points".
    fn amount_of_worth(&self) -> String {
        let unit = if self.worth == 1.0 { self.unit().trim_end_matches('s') } else { self.unit() };
        format!("{}{unit}", self.worth)
    }

    /// " by 0.5 points", or nothing without a margin.
    fn by(&self, word: &str) -> String {
        if self.worth > 0.0 { format!(" {word}{}", self.amount_of_worth()) } else { String::new() }
    }

    fn bound(&self) -> String {
        if self.worth > 0.0 { self.amount_of_worth() } else { "0".to_owned() }
    }

    fn rules(&self, comparison: &Comparison) -> Vec<String> {
        let losses = match self.judged.len() {
            1 => String::new(),
            n => format!(", corrected after Holm for {n} losses,"),
        };
        let mut rules = vec![match self.worth > 0.0 {
            true => format!(
                "Better or worse: the 95 % interval of the difference in {}{losses} lies beyond ±{}; \
                 equal: between the two; else the seeds cannot tell.",
                self.column.title,
                self.amount_of_worth()
            ),
            false => format!(
                "Better or worse: the 95 % interval of the difference in {}{losses} does not hold 0; \
                 else the seeds cannot tell. --worth says which differences matter.",
                self.column.title
            ),
        }];
        if self.judged.iter().any(|judged| judged.seeds.is_some()) {
            rules.push(format!(
                "With the seeds that it would take, {:.0} of 100 such comparisons are settled, if the \
                 difference is as large as it seems.",
                100.0 * POWER
            ));
        }
        let both = differences(self.column).flatten().any(|of| of.over_both.is_some());
        match &comparison.examples {
            ExampleDifferences::Asked { count, .. } if both => rules.push(format!(
                "The interval here is over {} seeds × {count} test examples: what other seeds and other \
                 examples would give. Over seeds alone, as in the table, it says what other seeds would \
                 give with these examples.",
                self.seeds
            )),
            ExampleDifferences::Asked { .. } => {
                let title = &self.column.title;
                let why = match comparison.examples.of(1, self.column.metric.key) {
                    None => format!("{title} is no mean over examples that could be asked"),
                    Some(_) => format!("the predictions say no more of {title}"),
                };
                rules.push(format!("The interval is over seeds, with these test examples: {why}."));
            }
            ExampleDifferences::Absent(why) => rules.push(format!(
                "The interval is over seeds, with these test examples; nothing is known of others: {why}."
            )),
            ExampleDifferences::NotAsked if comparison.overlap().is_some_and(|of| of != Overlap::None) => {
                rules.push(
                    "Each seed has test examples of its own: the interval is over both.".to_owned(),
                );
            }
            ExampleDifferences::NotAsked => {}
        }
        rules
    }
}

impl SettingVerdict {
    /// How many seeds would settle it, where it is open: one of `of` differences that are corrected for each
    /// other.
    fn needed(&self, margin: f64, of: usize) -> Option<Seeds> {
        // Two seeds say nothing of the size of a difference in its own standard deviations.
        let asked = self.estimate.filter(|estimate| self.is(Side::Open) && estimate.seeds > 2)?;
        // The strictest step of Holm's: nobody knows which of the others come first.
        let needed = asked.seeds_needed(margin, POWER, ALPHA / of as f64).ok()?;
        Some(needed.map_or(Seeds::Never, Seeds::Enough))
    }

    fn is(&self, side: Side) -> bool {
        self.verdict.is_some_and(|verdict| verdict.side == side)
    }
}

/// The verdict in a word, for a metric of which `direction` is better.
pub fn word(judged: &SettingVerdict, direction: Direction) -> &'static str {
    match (judged.verdict.map(|verdict| verdict.side), direction) {
        (None, _) => "unknown",
        (Some(Side::Open), _) => "open",
        (Some(Side::Within), _) => "equal",
        (Some(Side::Above), Direction::Higher) | (Some(Side::Below), Direction::Lower) => "better",
        (Some(Side::Above), Direction::Lower) | (Some(Side::Below), Direction::Higher) => "worse",
        (Some(Side::Above | Side::Below), Direction::Undefined) => "differs",
    }
}

/// "el(le=1) is", "el(le=0.5) and el(le=1) are"; nothing of none.
fn named(judged: &[&SettingVerdict]) -> String {
    let names: Vec<&str> = judged.iter().map(|judged| judged.loss.as_str()).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => format!("{only} is"),
        Some((last, others)) => format!("{} and {last} are", others.join(", ")),
    }
}

/// "el(le=1) is better in FGSM ε=0.1 and worse in NLL.", a sentence a loss: each metric corrected for the
/// number of losses, the metrics not for each other.
fn beside(losses: &[String], columns: &[Column]) -> String {
    let judged: Vec<(&Column, Vec<SettingVerdict>)> =
        columns.iter().map(|column| (column, judge(losses, column, 0.0))).collect();
    let sentence = |(at, loss): (usize, &String)| {
        let of = |meant: &str| -> Vec<String> {
            let so = judged
                .iter()
                .filter(|(column, judged)| word(&judged[at], column.metric.direction) == meant);
            so.map(|(column, _)| column.title.clone()).collect()
        };
        let part = |word: &str, titles: Vec<String>| match titles.split_last() {
            None => None,
            Some((only, [])) => Some(format!("{word} in {only}")),
            Some((last, others)) => Some(format!("{word} in {} and {last}", others.join(", "))),
        };
        let parts: Vec<String> =
            ["better", "worse"].map(|word| part(word, of(word))).into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{loss} is {}.", parts.join(", and ")))
    };
    losses.iter().enumerate().filter_map(sentence).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{OF_EACH, TwoWay};
    use crate::report::{Table, sample};

    const NAMES: [&str; 3] = ["ce", "el(le=0.5)", "el(le=1)"];

    /// Accuracies in per cent, a loss a row.
    fn comparison(values: &[&[f64]]) -> Comparison {
        let mut comparison = sample::comparison(&NAMES[..values.len()], values[0].len());
        for (group, values) in comparison.groups.iter_mut().zip(values) {
            for (run, value) in group.runs.iter_mut().zip(*values) {
                run.measures.accuracy = value / 100.0;
                run.measures.overlap = Some(Overlap::None);
                // What is not asked about does not differ.
                (run.measures.nll, run.measures.ece) = (0.1, 0.1);
                run.measures.ood.clear();
                run.measures.robustness.clear();
            }
        }
        comparison
    }

    fn ruled(comparison: &Comparison) -> Ruling {
        Table::new(comparison).ruling.expect("two losses")
    }

    fn asked(values: &[&[f64]], worth: f64) -> String {
        ruled(&Comparison { worth: Some(worth), ..comparison(values) }).answer
    }

    const CE: [f64; 5] = [97.0, 97.4, 96.8, 97.1, 97.2];
    /// About as good, better by 1, worse by 2.
    const LIKE: [f64; 5] = [97.2, 97.3, 97.1, 97.2, 97.1];
    const GOOD: [f64; 5] = [98.1, 98.3, 97.9, 98.0, 98.2];
    const BAD: [f64; 5] = [95.1, 95.3, 94.9, 95.0, 95.2];

    #[test]
    fn a_better_loss_is_to_be_taken() {
        let answer = asked(&[&CE, &GOOD, &BAD], 0.0);
        let expected = "Take el(le=0.5): it is better than ce in accuracy, +1.00 points [";
        assert!(answer.starts_with(expected), "{answer}");
        assert!(answer.ends_with(" el(le=1) is worse."), "{answer}");
        // By half a point, too; by more than that it is not to be told.
        let answer = asked(&[&CE, &GOOD], 0.5);
        assert!(answer.contains("in accuracy by more than 0.5 points, +1.00"), "{answer}");
        let answer = asked(&[&CE, &GOOD], 1.0);
        assert!(answer.starts_with("5 seeds cannot tell"), "{answer}");
        assert!(answer.contains("better than ce in accuracy by 1 point"), "{answer}");
    }

    #[test]
    fn the_first_loss_is_kept_where_none_could_be_better() {
        let answer = asked(&[&CE, &LIKE, &BAD], 0.5);
        let expected = "Keep ce: no loss is better in accuracy by 0.5 points. el(le=1) is worse.";
        assert_eq!(answer, expected);
        let answer = asked(&[&CE, &BAD], 0.0);
        assert!(
            answer.starts_with("Keep ce: el(le=0.5) is worse in accuracy, −2.00 points ["),
            "{answer}"
        );
        let answer = asked(&[&CE, &BAD, &BAD.map(|bad| bad - 1.0)], 0.0);
        assert_eq!(answer, "Keep ce: every other loss is worse in accuracy.");
    }

    /* python:
    d = numpy.subtract(LIKE, CE); v = 4
    g = d.mean() / d.std(ddof=1) * numpy.exp(gammaln(2) - gammaln(1.5)) / numpy.sqrt(2)
    math.ceil(TTestPower().solve_power(g, power=.8, alpha=.05))
    */
    #[test]
    fn open_questions_say_how_many_seeds_would_answer_them() {
        let ruling = ruled(&comparison(&[&CE, &LIKE]));
        let expected = "5 seeds cannot tell whether a loss is better than ce in accuracy: 64 would, \
                        if the +0.08 points [−0.14, +0.30] of el(le=0.5) are what they seem.";
        assert_eq!(ruling.answer, expected);
        assert_eq!(ruling.judged[0].seeds, Some(Seeds::Enough(NEEDED)));
        // Two losses share the 5 %.
        let two = ruled(&comparison(&[&CE, &LIKE, &LIKE])).judged[0].seeds;
        assert!(matches!(two, Some(Seeds::Enough(seeds)) if seeds > NEEDED), "{two:?}");
        // Equal within a margin is a verdict of its own.
        let answer = asked(&[&CE, &LIKE, &GOOD], 0.9);
        assert!(answer.ends_with(" el(le=0.5) is equal within 0.9 points."), "{answer}");
    }

    const NEEDED: u64 = 64;

    #[test]
    fn what_counts_alone_may_not_among_several() {
        // p = 0.04 alone: scipy.stats.ttest_rel
        let shift = [0.95, 0.2, 0.6, 0.1, 0.65];
        let own: Vec<f64> = CE.iter().zip(shift).map(|(ce, shift)| ce + shift).collect();
        let alone = asked(&[&CE, &own], 0.0);
        assert!(alone.starts_with("Take el(le=0.5)"), "{alone}");
        let among = asked(&[&CE, &own, &LIKE], 0.0);
        assert!(among.starts_with("5 seeds cannot tell"), "{among}");
        assert!(among.contains("Alone it would count; among 2 losses"), "{among}");
    }

    #[test]
    fn chance_that_is_not_known_is_not_judged() {
        let answer = asked(&[&CE[..1], &GOOD[..1]], 0.0);
        assert_eq!(answer, "One seed cannot tell a difference from chance.");
        let answer = asked(&[&[97.0; 3], &[98.0; 3]], 0.0);
        assert!(answer.contains("nothing is known of chance"), "{answer}");
        let answer = asked(&[&CE[..2], &LIKE[..2]], 0.0);
        assert!(answer.starts_with("2 seeds cannot tell") && !answer.contains("would"), "{answer}");
        assert!(Table::new(&comparison(&[&CE])).ruling.is_none());
    }

    #[test]
    fn other_metrics_stand_beside() {
        let mut comparison = comparison(&[&CE, &LIKE, &BAD]);
        for (run, wiggle) in comparison.groups[2].runs.iter_mut().zip([0.0, 0.01, 0.02, 0.0, 0.01])
        {
            (run.measures.nll, run.measures.ece) = (0.3 + wiggle, 0.02 + 0.1 * wiggle);
        }
        assert_eq!(ruled(&comparison).beside, "el(le=1) is better in ECE, and worse in NLL.");
        comparison.primary = Some("nll".to_owned());
        let ruling = ruled(&comparison);
        let expected = "Keep ce: no loss of whose chance anything is known is better in NLL. el(le=1) is worse. \
                        Nothing is known of the chance in 1 of the differences.";
        assert_eq!(ruling.answer, expected);
        assert!(ruling.beside.contains("worse in accuracy"), "{}", ruling.beside);
        comparison.primary = Some("margin".to_owned());
        let ruling = ruled(&comparison);
        assert!(ruling.answer.contains("differs from ce in margin"), "{}", ruling.answer);
    }

    /// Every seed is better by the same six of 100 examples and worse by three; only chance says by which.
    #[test]
    fn the_verdict_asks_of_other_examples_where_it_can() {
        let mut comparison = comparison(&[&CE, &CE.map(|ce| ce + 3.0)]);
        let mut both = TwoWay::new(100);
        for (seed, run) in comparison.groups[1].runs.iter_mut().enumerate() {
            let mut of_seed = vec![0.0; 100];
            of_seed[..6].fill(1.0);
            of_seed[6..9].fill(-1.0);
            // One more example, another one with each seed.
            of_seed[10 + seed] = if seed % 2 == 0 { 1.0 } else { -1.0 };
            both.add(&of_seed).unwrap();
            run.measures.accuracy += if seed % 2 == 0 { 0.01 } else { -0.01 };
        }
        let over_seeds = ruled(&comparison);
        assert!(over_seeds.answer.starts_with("Take el(le=0.5)"), "{}", over_seeds.answer);
        let mut of_metrics = [const { None }; OF_EACH.len()];
        of_metrics[0] = Some(both);
        comparison.examples =
            ExampleDifferences::Asked { count: 100, differences: vec![of_metrics] };
        let ruling = ruled(&comparison);
        assert!(ruling.answer.contains("more seeds alone would not"), "{}", ruling.answer);
        assert!(
            ruling.rules.concat().contains("5 seeds × 100 test examples"),
            "{:?}",
            ruling.rules
        );
        let table = Table::new(&comparison);
        let difference = table.columns[0].cells[1].difference.as_ref().unwrap();
        let ((low, high), both) = (difference.interval.unwrap(), difference.over_both.unwrap());
        let over_both = both.interval(0.95);
        assert!(over_both.0 < low && over_both.1 > high, "{over_both:?}");
        // What was recorded is another number than the predictions give: they are not believed.
        comparison.groups[1].runs[0].measures.accuracy -= 0.005;
        let ruling = ruled(&comparison);
        assert!(ruling.rules.concat().contains("say no more of accuracy"), "{:?}", ruling.rules);
    }

    #[test]
    fn the_rule_says_why_examples_were_not_asked() {
        let mut comparison = comparison(&[&CE, &GOOD]);
        comparison.examples =
            ExampleDifferences::Absent("ce with seed 0 has kept no logits.npy".to_owned());
        let rules = |comparison: &Comparison| ruled(comparison).rules.concat();
        assert!(rules(&comparison).contains("nothing is known of others: ce with seed 0 has"));
        comparison.examples = ExampleDifferences::NotAsked;
        let drawn = Overlap::Redrawn { test: 20, train: 80 };
        let comparison = sample::overlapping(comparison, drawn);
        assert!(rules(&comparison).contains("has test examples of its own"));
    }
}
