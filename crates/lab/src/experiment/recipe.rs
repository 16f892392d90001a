//! [`Recipe`]: everything that decides a comparison, as a TOML file.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use steepness::Loss;

use super::HeadRecipe;
use crate::attack::{AdversarialRecipe, AttackRecipe};
use crate::compare::fields::{name, seeds, threads, worth};
use crate::compare::launch::LaunchRecipe;
use crate::compare::tune::Tune;
use crate::compare::{
    Select, Setting, Sweep, parse_toml, spec, validate_losses, validate_seeds, validate_threads,
};
use crate::data::augment::AugmentRecipe;
use crate::data::{DataRecipe, OodRecipe, Sampling};
use crate::models::{ModelRecipe, Precision};
use crate::train::{
    LSoftmaxRecipe, OptimizerRecipe, Schedule, TrainingOptions, Update, Warmup, training_options,
};
use crate::translate::SearchOptions;
use crate::validate::validated;
use crate::{Error, Result};

/// The recipe that the program carries with it, and its name for messages.
const EMBEDDED: (&str, &str) =
    ("recipes/digits.toml", include_str!("../../../../recipes/digits.toml"));

/// Declares [`Recipe`] and [`RunRecipe`] with their fields in the order in which they are written, on
/// which the hash depends. What `both` hold is declared once, read once, and comes to a run by itself.
macro_rules! declare {
    (
        comparison { $($(#[$name:meta])* $name_field:ident: $Name:ty,)* }
        run { $($(#[$run:meta])* $run_field:ident: $Run:ty,)* }
        $(
            $(both { $($(#[$both:meta])* $both_field:ident: $Both:ty,)* })+
            comparison { $($(#[$more:meta])* $more_field:ident: $More:ty,)* }
        )*
    ) => {
        /// Losses × seeds on one training setup.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Recipe {
            $($(#[$name])* pub $name_field: $Name,)*
            $(
                $($($(#[$both])* pub $both_field: $Both,)*)+
                $($(#[$more])* pub $more_field: $More,)*
            )*
        }

        /// Everything that decides one run; the other losses and seeds are not part of it.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct RunRecipe {
            $($(#[$run])* pub $run_field: $Run,)*
            $($($($(#[$both])* pub $both_field: $Both,)*)+)*
        }

        impl RunRecipe {
            /// A run of `recipe`. Piece by piece: of many thousand seeds a copy for each would take
            /// their square.
            fn of(recipe: &Recipe, loss: Loss, seed: u64) -> Self {
                Self { loss, seed, $($($($both_field: Clone::clone(&recipe.$both_field),)*)+)* }
            }
        }
    };
}

/// The keys of the recipes, with the options of a training at their places among them.
macro_rules! recipes {
    ($sizes:tt $patience:tt $precision:tt $rate:tt $steps:tt) => {
        declare! {
            comparison {
                /// Its name, which is also that of the output folder.
                #[serde(deserialize_with = "name")]
                name: String,
                /// The losses; the first is what the others are compared with.
                #[serde(with = "spec::list")]
                losses: Vec<Loss>,
                /// The seeds.
                #[serde(deserialize_with = "seeds")]
                seeds: Vec<u64>,
            }
            run {
                /// The loss.
                #[serde(with = "spec::one")]
                loss: Loss,
                /// The seed.
                seed: u64,
            }
            both $sizes
            both {
                /// Threads of one training: they are part of the result, since they decide in which order
                /// floating-point sums are taken. How many runs go side by side is not.
                #[serde(deserialize_with = "threads")]
                threads: NonZeroUsize,
                /// Which weights are measured.
                select: Select,
            }
            both $patience
            comparison {
                /// The key of the metric that table and page begin with, in place of the one that the data
                /// suggest. It decides nothing about the runs, and is not part of the hash.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                primary: Option<String>,
                /// What difference in that metric is worth having; no part of the hash, either.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "worth")]
                worth: Option<f64>,
            }
            both $precision
            both {
                /// How often the examples of each class are seen.
                #[serde(default, skip_serializing_if = "Sampling::is_default")]
                sampler: Sampling,
            }
            both $rate
            comparison {
                /// What is varied for every loss.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "Sweep::validated")]
                sweep: Option<Sweep>,
                /// What is tuned for every loss.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "Tune::validated")]
                tune: Option<Tune>,
            }
            both {
                /// What is learned from.
                #[serde(deserialize_with = "validated")]
                data: DataRecipe,
                /// What is to be told from it.
                #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "validated")]
                ood: Vec<OodRecipe>,
                /// How its images are changed before a model sees them.
                #[serde(default, skip_serializing_if = "unchanged", deserialize_with = "validated")]
                augment: AugmentRecipe,
                /// What learns.
                #[serde(deserialize_with = "validated")]
                model: ModelRecipe,
                /// How its last layer widens the label's angle while training.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "validated")]
                l_softmax: Option<LSoftmaxRecipe>,
            }
            both $steps
            both {
                /// How each model is attacked when it is trained, if at all.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "validated")]
                attack: Option<AttackRecipe>,
                /// How it translates, if it does.
                #[serde(default, skip_serializing_if = "usual_search", deserialize_with = "validated")]
                search: SearchOptions,
                /// A second stage that trains the classifier anew.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                crt: Option<HeadRecipe>,
                /// Whether, and how, it is measured what the features are worth.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                probe: Option<HeadRecipe>,
            }
            comparison {
                /// Smaller variants, such as `[scale.cpu]`: what stands there takes the place of the
                /// recipe's key of the same name, as a whole. A recipe that was read has none left.
                #[serde(default, skip_serializing)]
                scale: BTreeMap<String, toml::Table>,
                /// Where its runs are made, which decides nothing about them.
                #[serde(default, skip_serializing)]
                launch: LaunchRecipe,
            }
        }
    };
}
training_options!(recipes);

macro_rules! options_of_a_run {
    ($({ $($(#[$about:meta])* $option:ident: $Option:ty,)* })*) => {
        impl RunRecipe {
            /// What it says of its training.
            pub fn training_options(&self) -> TrainingOptions {
                TrainingOptions { $($($option: Clone::clone(&self.$option),)*)* }
            }
        }
    };
}
training_options!(options_of_a_run);

impl Recipe {
    /// The embedded digits.
    ///
    /// # Errors
    /// None, as a test makes sure.
    pub fn embedded() -> Result<Self> {
        Self::parse(Path::new(EMBEDDED.0), EMBEDDED.1, None)
    }

    /// Reads a file, at the `scale` that it offers under that name or at its own; relative paths of
    /// data in it are relative to its folder.
    ///
    /// # Errors
    /// Names the file, the line and the column, and what was expected there; a scale that it lacks.
    pub fn read(path: &Path, scale: Option<&str>) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::input(path))?;
        let mut recipe = Self::parse(path, &text, scale)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        recipe.data.relative_to(folder);
        recipe.ood.iter_mut().for_each(|ood| ood.data.relative_to(folder));
        Ok(recipe)
    }

    /// Reads `text`; `path` is for messages.
    ///
    /// # Errors
    /// As [`Recipe::read`].
    pub fn parse(path: &Path, text: &str, scale: Option<&str>) -> Result<Self> {
        let mut recipe: Self = parse_toml(path, text)?;
        let mut scales = std::mem::take(&mut recipe.scale);
        let Some(name) = scale else { return Ok(recipe) };
        let Some(instead) = scales.remove(name) else {
            let known = scales.into_keys().collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            let problem = format!("there is no scale {name:?}; the recipe has {known}");
            return Err(Error::Request(format!("{}: {problem}", path.display())));
        };
        let mut table: toml::Table = parse_toml(path, text)?;
        table.remove("scale");
        table.insert("name".to_owned(), format!("{}-{name}", recipe.name).into());
        table.extend(instead);
        table.try_into().map_err(|error: toml::de::Error| {
            Error::malformed(path, format!("[scale.{name}]"), error.message().replace('\n', ", "))
        })
    }

    /// As TOML, every setting spelt out.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is a table")
    }

    /// The same with everything spelt out that follows from the rest.
    #[must_use]
    pub fn settled(&self) -> Self {
        let tune = self.tune.as_ref().map(|tune| tune.settled(&self.seeds));
        Self { tune, ..self.clone() }
    }

    /// What is trained with every seed: the losses, and what is swept with each.
    ///
    /// # Errors
    /// A sweep of what none of the losses has.
    pub fn settings(&self) -> Result<Vec<Setting>> {
        match &self.sweep {
            Some(sweep) => Ok(sweep.settings(&self.losses)?),
            None => Ok(self.losses.iter().cloned().map(Setting::from).collect()),
        }
    }

    /// One of its runs.
    pub fn run(&self, setting: &Setting, seed: u64) -> RunRecipe {
        let mut run = RunRecipe::of(self, setting.loss.clone(), seed);
        if let Some(lr) = setting.lr {
            run.optimizer.set_lr(lr);
        }
        run
    }

    /// Refuses what a recipe that was not read from a file may hold, and no file can: it has to come
    /// back from where it is kept.
    ///
    /// # Errors
    /// Names what cannot be written.
    pub fn validate_writable(&self) -> Result<()> {
        validate_seeds(&self.seeds)?;
        validate_losses(&self.losses)?;
        validate_threads(self.threads)?;
        // Text may hold larger numbers than a table, whose integers are of 64 bits with a sign: it is
        // as tables that recipes are held against each other.
        let table = toml::Value::try_from(self);
        table.map(drop).map_err(|error| Error::refused("a recipe cannot hold this: ", error))
    }

    /// The epochs of one run, those of its later stages included.
    pub fn all_epochs(&self) -> usize {
        let stages = [&self.crt, &self.probe].into_iter().flatten();
        let later = stages.map(|stage| stage.epochs.unwrap_or(self.epochs).get());
        self.epochs.get() + later.sum::<usize>()
    }

    /// The first 12 hex digits of the SHA-256 of [`Recipe::to_toml`], without what only orders the
    /// table.
    pub fn hash(&self) -> String {
        let made = Self { primary: None, worth: None, ..self.clone() };
        format!("{:x}", Sha256::digest(made.to_toml()))[..12].to_owned()
    }
}

impl RunRecipe {
    /// Reads the file that a run directory holds.
    ///
    /// # Errors
    /// Names the file, the line and the column, and what was expected there.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(parse_toml(path, &std::fs::read_to_string(path).map_err(Error::input(path))?)?)
    }

    /// Reads `text`; `path` is for messages.
    ///
    /// # Errors
    /// As [`RunRecipe::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        Ok(parse_toml(path, text)?)
    }

    /// As TOML, every setting spelt out.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is a table")
    }
}

/// Whether a recipe leaves images as they are.
fn unchanged(augment: &AugmentRecipe) -> bool {
    *augment == AugmentRecipe::default()
}

/// Whether a recipe translates as it is usual.
fn usual_search(search: &SearchOptions) -> bool {
    *search == SearchOptions::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = Recipe::parse(Path::new("r.toml"), text, None).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    /// The embedded recipe with one piece of text replaced.
    fn with(old: &str, new: &str) -> String {
        assert!(EMBEDDED.1.contains(old), "{old}");
        EMBEDDED.1.replacen(old, new, 1)
    }

    #[test]
    fn the_embedded_recipe_is_sound_and_comes_back() {
        let recipe = Recipe::embedded().unwrap();
        assert_eq!(recipe.name, "digits");
        let specs: Vec<_> = recipe.losses.iter().map(Loss::to_string).collect();
        assert_eq!(specs, ["ce", "el(le=0.5)", "el(le=0.75)", "el(le=1)"]);
        let again = Recipe::parse(Path::new("again"), &recipe.to_toml(), None).unwrap();
        assert_eq!(again, recipe);
        assert_eq!(again.hash(), recipe.hash());
        let patient = format!("patience = 3\n{}", EMBEDDED.1.replace("\"best\"", "\"test\""));
        let patient = Recipe::parse(Path::new("p"), &patient, None).unwrap();
        assert_eq!(
            (patient.select, patient.patience.map(NonZeroUsize::get)),
            (Select::Test, Some(3))
        );
        assert_eq!(Recipe::parse(Path::new("p"), &patient.to_toml(), None).unwrap(), patient);
        assert!(!recipe.to_toml().contains("patience"), "old recipes keep their hash");
        let constant = Recipe { schedule: Schedule::Constant, ..recipe };
        assert_eq!(Recipe::parse(Path::new("c"), &constant.to_toml(), None).unwrap(), constant);
    }

    /// All files in `recipes/`: at their own scale and at that for two cores, which must be another.
    #[test]
    fn every_recipe_parses_at_every_scale() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let recipes: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
        assert!(recipes.len() > 15, "{recipes:?}");
        for path in recipes {
            let recipe = Recipe::read(&path, None).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert_eq!(recipe.name, name);
            assert!(!recipe.settings().unwrap().is_empty());
            let text = std::fs::read_to_string(&path).unwrap();
            if text.contains("[scale.cpu]") {
                let small = Recipe::read(&path, Some("cpu")).unwrap();
                assert_eq!(small.name, format!("{name}-cpu"));
                assert!(small.epochs < recipe.epochs, "{name}");
                assert_eq!(small.settings().unwrap().len(), recipe.settings().unwrap().len());
            } else {
                assert!(Recipe::read(&path, Some("cpu")).is_err());
            }
        }
    }

    #[test]
    fn a_scale_takes_the_place_of_what_the_recipe_says() {
        let text = EMBEDDED.1.to_owned()
            + "\n[scale.tiny]\nepochs = 2\n[scale.tiny.model.mlp]\nhidden = 3\n";
        let path = Path::new("r.toml");
        let whole = Recipe::parse(path, &text, None).unwrap();
        assert_eq!(whole, Recipe::embedded().unwrap());
        let tiny = Recipe::parse(path, &text, Some("tiny")).unwrap();
        assert_eq!((tiny.epochs.get(), tiny.name.as_str()), (2, "digits-tiny"));
        assert!(matches!(tiny.model, ModelRecipe::Mlp(_)));
        assert_eq!((&tiny.losses, &tiny.data), (&whole.losses, &whole.data));
        assert_eq!(Recipe::parse(path, &tiny.to_toml(), None).unwrap(), tiny);
        let error = |text: &str, scale| {
            let error = Recipe::parse(path, text, Some(scale)).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        let unknown = error(&text, "cpu");
        assert!(unknown.ends_with("there is no scale \"cpu\"; the recipe has tiny"), "{unknown}");
        let broken = error(&text.replace("epochs = 2\n", "epochs = 0\n"), "tiny");
        assert!(broken.starts_with("r.toml: [scale.tiny]: "), "{broken}");
    }

    /// A key that is new must not make old recipes other ones.
    #[test]
    fn what_is_not_said_is_not_written() {
        let recipe = Recipe::embedded().unwrap();
        let written = recipe.to_toml() + &recipe.run(&recipe.settings().unwrap()[0], 0).to_toml();
        for key in [
            "primary",
            "warmup",
            "update",
            "weight_decay_on",
            "sampler",
            "l_softmax",
            "crt",
            "probe",
            "ood",
        ] {
            assert!(!written.contains(key), "{written}");
        }
        let more = with("epochs =", "sampler = \"class-balanced\"\nepochs =")
            + "\n[warmup]\nsteps = 9\n[update]\nema = 0.9\n[l_softmax]\nmargin = 2\n"
            + "[crt]\nepochs = 3\n[crt.optimizer.sgd]\nlr = 0.2\n[probe]\n"
            + "[[ood]]\nname = \"far\"\ndata.idx = { path = \"far\" }\n";
        let more = Recipe::parse(Path::new("more"), &more, None).unwrap();
        assert_eq!(Recipe::parse(Path::new("again"), &more.to_toml(), None).unwrap(), more);
        assert_eq!((more.update.ema, more.sampler), (Some(0.9), Sampling::ClassBalanced));
        assert_eq!((more.all_epochs(), recipe.all_epochs()), (30 + 3 + 30, 30));
        assert_ne!(more.hash(), recipe.hash());
    }

    #[test]
    fn what_comes_first_in_a_table_makes_no_other_recipe() {
        let recipe = Recipe::embedded().unwrap();
        let text = with("epochs =", "primary = \"macro_f1\"\nepochs =");
        let asked = Recipe::parse(Path::new("p"), &text, None).unwrap();
        assert_eq!(asked.primary.as_deref(), Some("macro_f1"));
        assert_eq!(Recipe::parse(Path::new("again"), &asked.to_toml(), None).unwrap(), asked);
        assert_eq!(asked.hash(), recipe.hash());
        let setting = &recipe.settings().unwrap()[0];
        assert_eq!(asked.run(setting, 1), recipe.run(setting, 1));
    }

    #[test]
    fn a_run_does_not_depend_on_the_others() {
        let recipe = Recipe::embedded().unwrap();
        let mut more = recipe.clone();
        more.seeds.push(99);
        more.losses.truncate(1);
        let [setting] = &more.settings().unwrap()[..] else { panic!() };
        assert_eq!(more.run(setting, 1).to_toml(), recipe.run(setting, 1).to_toml());
        assert_ne!(more.run(setting, 1).to_toml(), recipe.run(setting, 2).to_toml());
        assert_ne!(more.hash(), recipe.hash());
    }

    #[test]
    fn what_is_swept_is_part_of_a_run() {
        let text = format!("{}\n[sweep]\nlr = [0.5, 0.01]\n", EMBEDDED.1);
        let recipe = Recipe::parse(Path::new("r.toml"), &text, None).unwrap();
        let again = Recipe::parse(Path::new("again"), &recipe.to_toml(), None).unwrap();
        assert_eq!(again, recipe);
        let settings = recipe.settings().unwrap();
        assert_eq!(settings.len(), 2 * recipe.losses.len());
        assert!(recipe.run(&settings[0], 1).to_toml().contains("lr = 0.5\n"));
        // The run whose rate is that of the recipe is the run without a sweep.
        let plain = Recipe::embedded().unwrap();
        let loss = Setting::from(plain.losses[0].clone());
        assert_eq!(recipe.run(&settings[1], 1), plain.run(&loss, 1));
        let wrong = format!("{}\n[sweep]\nle = [2.0]\n", EMBEDDED.1);
        assert!(error(&wrong).contains("le = 2 must lie in [0, 1]"));
    }

    #[test]
    fn mistakes_are_shown_in_their_place() {
        let line = |needle: &str| {
            EMBEDDED.1.lines().position(|line| line.contains(needle)).expect("is there") + 1
        };
        let at = |needle: &str| format!("r.toml: line {}, column ", line(needle));
        for (old, new, expected) in [
            ("momentum =", "momentun =", "unknown field `momentun`"),
            ("lr = ", "lr = -", "must be above 0"),
            ("\"el(le=0.5)\"", "\"el(le=1.5)\"", "le must lie in [0, 1]"),
            ("epochs = ", "epochs = \"x\" #", "invalid type: string \"x\""),
            ("threads = 1", "threads = 5000", "threads = 5000 is above 1024; this machine has "),
            ("select = \"best\"", "select = \"tests\"", "unknown variant `tests`"),
            ("name = \"digits\"", "name = \"../x\"", "the name \"../x\" must be"),
        ] {
            let message = error(&with(old, new));
            assert!(message.contains(expected), "{message}");
            // What is senseless inside a table is shown at the table.
            let place = if old == "lr = " { "[optimizer.sgd]" } else { old };
            assert!(message.starts_with(&at(place)), "{message}\n{}", at(place));
        }
        let message = error(&format!("{}\n[update]\nclip = 1.0", EMBEDDED.1));
        assert!(message.contains("unknown field `clip`"), "{message}");
        let message = error(&format!("{}\n[warmup]\nepochs = 3", EMBEDDED.1));
        assert!(message.contains("from must be above 0"), "{message}");
        let message = error(&with("[model.cnn]\nchannels = [16, 32]", "[model.resnet]\ndepth = 9"));
        assert!(message.contains("missing field `stem`"), "{message}");
        assert!(error("name = \"x\"").contains("missing field"));
        assert!(error("name = ").contains("r.toml: line 1, column 8"));
        assert!(error(&with("epsilons = [0", "epsilons = [0.1, 0")).contains("must ascend from 0"));
        assert!(error(&with("test = 0.2", "test = 0.9")).contains("sum to less than 1"));
    }

    #[test]
    fn doubles_are_refused() {
        let message = |result: crate::compare::Result<()>| result.unwrap_err().to_string();
        assert_eq!(message(validate_seeds(&[1, 2, 1])), "the seed 1 is there twice");
        assert_eq!(message(validate_seeds(&[])), "at least one seed is needed");
        let loss = |spec: &str| spec.parse::<Loss>().unwrap();
        let doubled = [loss("ce"), loss("el"), loss("el(le=1)")];
        assert_eq!(
            message(validate_losses(&doubled)),
            format!("the loss {} is there twice", doubled[2])
        );
    }

    /// With the square of their number, each of these would take minutes.
    #[test]
    fn many_seeds_and_losses_are_looked_through_once() {
        let start = std::time::Instant::now();
        let mut seeds: Vec<u64> = (0..300_000).collect();
        validate_seeds(&seeds).unwrap();
        let loss = |at: usize| format!("el(le={})", at as f64 / 20_000.0).parse::<Loss>().unwrap();
        let mut losses: Vec<Loss> = (0..20_000).map(loss).collect();
        validate_losses(&losses).unwrap();
        let recipe = Recipe { seeds: seeds.clone(), ..Recipe::embedded().unwrap() };
        let setting = Setting::from(losses[0].clone());
        assert!(seeds.iter().step_by(10).all(|&seed| recipe.run(&setting, seed).seed == seed));
        let sweep = Sweep::Le((0..20_000).map(|at| f64::from(at) / 20_000.0).collect());
        sweep.validate().unwrap();
        assert_eq!(sweep.settings(&losses[..2]).unwrap().len(), 20_000);
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
        seeds.push(7);
        losses.push(losses[7].clone());
        assert!(validate_seeds(&seeds).is_err() && validate_losses(&losses).is_err());
    }

    #[test]
    fn what_no_file_can_hold_is_refused_before_there_is_one() {
        let largest = i64::MAX as u64;
        validate_seeds(&[largest]).unwrap();
        let message = validate_seeds(&[0, largest + 1]).unwrap_err().to_string();
        assert_eq!(
            message,
            "the seed 9223372036854775808 is above 9223372036854775807, the largest that a recipe \
             can hold"
        );
        let recipe = Recipe::embedded().unwrap();
        recipe.validate_writable().unwrap();
        let seeds = Recipe { seeds: vec![u64::MAX], ..recipe.clone() };
        assert_eq!(seeds.validate_writable().unwrap_err().exit_code(), 2);
        let patient = Recipe { patience: NonZeroUsize::new(usize::MAX), ..recipe.clone() };
        let message = patient.validate_writable().unwrap_err().to_string();
        assert!(message.starts_with("a recipe cannot hold this: "), "{message}");
        let run = recipe.run(&recipe.settings().unwrap()[0], 0).to_toml();
        for threads in ["1025", "99999999999"] {
            let busy = with("threads = 1", &format!("threads = {threads}"));
            assert!(error(&busy).contains(&format!("threads = {threads} is above 1024")));
            let run = run.replace("threads = 1", &format!("threads = {threads}"));
            let message = parse_toml::<RunRecipe>(Path::new("run"), &run).unwrap_err().to_string();
            assert!(message.contains("is above 1024"), "{message}");
        }
    }
}
