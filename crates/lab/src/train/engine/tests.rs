use std::num::NonZeroUsize;

use super::*;
use crate::data::augment::AugmentRecipe;
use crate::data::{Batches, DataRecipe, Examples, Fractions, Inputs, Parts, Sampling, Shape, load};
use crate::models::{ModelRecipe, build};
use crate::train::schedule::MultiStep;
use crate::train::{LSoftmaxRecipe, Schedule};
use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

const EPOCHS: usize = 3;

/// Listens, and sets `stop` after so many steps.
struct Witness {
    warnings: Mutex<Vec<String>>,
}

impl Monitor for Witness {
    fn resumed(&self, _epochs: usize, _examples: usize) {}
    fn step(&self, _examples: usize) {}
    fn measured(&self, _share: f64) {}
    fn epoch(&self, _metrics: &EpochMetrics) {}
    fn warning(&self, text: &str) {
        self.warnings.lock().unwrap().push(text.to_owned());
    }
}

/// A source that sets `stop` when the batches of an epoch are asked for.
struct StopAt<'a> {
    inner: &'a dyn BatchSource,
    stop: &'a AtomicBool,
    epochs_left: AtomicUsize,
}

impl BatchSource for StopAt<'_> {
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
        if self.epochs_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.inner.batches(order, size)
    }
}

struct Setup {
    train: Examples,
    validation: Examples,
    /// What they are trained with, as a recipe says it.
    how: How,
}

#[derive(Clone, serde::Deserialize)]
struct How {
    model: ModelRecipe,
    #[serde(default)]
    sampler: Sampling,
    l_softmax: Option<LSoftmaxRecipe>,
    #[serde(flatten)]
    options: TrainingOptions,
    #[serde(default)]
    freeze_backbone: bool,
}

const SGD: &str = "
    model.cnn.channels = [4, 8]
    optimizer.sgd = { lr = 0.05, momentum = 0.9, nesterov = true, weight_decay = 1e-4 }
    schedule.multi-step = { after = [2], factor = 0.1 }";

impl Setup {
    /// With images that are different each epoch.
    fn augmented(self, seed: u64) -> Self {
        let recipe: AugmentRecipe = toml::from_str(
            "horizontal_flip = 0.5\nrand_augment = \"rand-m9-mstd0.5\"\n\
             random_resized_crop = { size = 8, interpolation = \"random\" }\n\
             color_jitter = { brightness = 0.4 }\n\
             random_erasing = { probability = 0.5, mode = \"pixel\" }\n\
             mix = { mixup = 0.8, cutmix = 1.0 }",
        )
        .unwrap();
        let Self { train, validation, .. } = self;
        let held_out: Cow<Examples> = Cow::Owned(validation);
        let parts = Parts { train, validation: held_out.clone(), test: held_out };
        let Parts { train, validation, .. } = recipe.parts(parts, seed).unwrap();
        Self { train, validation: validation.into_owned(), ..self }
    }

    fn new() -> Self {
        Self::with(SGD)
    }

    fn with(how: &str) -> Self {
        let shares = Fractions { validation: 0.2, test: 0.2 };
        let digits = load(&DataRecipe::Digits(shares)).unwrap().examples;
        Self {
            train: digits.select(&(0..200).collect::<Vec<_>>()),
            validation: digits.select(&(200..300).collect::<Vec<_>>()),
            how: toml::from_str(&format!("epochs = {EPOCHS}\nbatch = 8\n{how}")).unwrap(),
        }
    }

    /// Trains with `spec`; stops in the first step of the epoch `stop_in`, counted from where
    /// it goes on.
    fn train(
        &self,
        dir: &Path,
        spec: &str,
        seed: u64,
        stop_in: usize,
    ) -> (Result<TrainingResult>, Vec<String>) {
        tch::set_num_threads(1);
        let model = build(&self.how.model, &self.validation.spec(), seed).unwrap();
        let margin = self.how.l_softmax.map(|recipe| LargeMargin::new(&recipe, model.head()));
        let criterion = spec.parse::<steepness::Loss>().unwrap();
        let criterion = criterion.criterion_with_counts(&self.train.counts()).unwrap();
        let stop = AtomicBool::new(false);
        let source = self.train.source().unwrap();
        let source =
            StopAt { inner: &*source, stop: &stop, epochs_left: AtomicUsize::new(stop_in) };
        let training = Training {
            model: &*model,
            criterion,
            margin: margin.transpose().unwrap(),
            freeze_backbone: self.how.freeze_backbone,
            options: self.how.options.clone(),
            seed,
            train: &source,
            order: &|epoch| self.how.sampler.order(&self.train.labels, seed, epoch),
            validation: &*self.validation.source().unwrap(),
            dir,
            tensorboard: true,
            checkpoint_every: Duration::from_secs(3600),
        };
        let witness = Witness { warnings: Mutex::default() };
        let trained = training.run(&stop, &witness);
        (trained, witness.warnings.into_inner().unwrap())
    }

    fn finish(&self, dir: &Path, spec: &str, seed: u64) -> TrainingResult {
        self.train(dir, spec, seed, 0).0.unwrap()
    }
}

/// Everything but the wall-clock time; the weights as a digest of their bits.
fn numbers(trained: &TrainingResult) -> (Vec<EpochMetrics>, [u64; 2]) {
    let timeless = |epoch: &EpochMetrics| EpochMetrics { seconds: 0.0, ..epoch.clone() };
    let digest = |named: &[(String, Tensor)]| {
        let mut hasher = std::hash::DefaultHasher::new();
        let mut named: Vec<_> = named.iter().collect();
        named.sort_by_key(|(name, _)| name);
        for (name, tensor) in named {
            let values: Vec<f32> = tensor.flatten(0, -1).try_into().unwrap();
            let bits: Vec<u32> = values.into_iter().map(f32::to_bits).collect();
            (name, bits).hash(&mut hasher);
        }
        hasher.finish()
    };
    let weights = [digest(&trained.best), digest(&trained.last)];
    (trained.history.iter().map(timeless).collect(), weights)
}

#[test]
fn training_learns_and_repeats_bit_for_bit() {
    let setup = Setup::new();
    let [a, b, c] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let first = setup.finish(a.path(), "ce", 1);
    assert!(first.history.last().unwrap().val_accuracy > 0.6, "{:?}", first.history);
    assert_eq!(first.history.len(), EPOCHS);
    assert!((first.history[2].lr - 0.005).abs() < 1e-12);
    assert_eq!(numbers(&first), numbers(&setup.finish(b.path(), "ce", 1)));
    assert_ne!(numbers(&first), numbers(&setup.finish(c.path(), "ce", 2)));
    let log = fs::read_to_string(a.path().join("metrics.jsonl")).unwrap();
    let lines: Vec<EpochMetrics> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, first.history);
}

/// Trains `setup` as a whole and again with interruptions: the same numbers have to come out.
fn assert_resumes(setup: &Setup, spec: &str) {
    let whole = tempfile::tempdir().unwrap();
    let whole = numbers(&setup.finish(whole.path(), spec, 3));
    let dir = tempfile::tempdir().unwrap();
    // Once in the first epoch, then after one more, then a step at a time.
    for stop_in in [1, 2, 1, 1] {
        let stopped = setup.train(dir.path(), spec, 3, stop_in).0;
        assert!(stopped.as_ref().is_err_and(Error::is_interrupted), "{stopped:?}");
    }
    assert_eq!(numbers(&setup.finish(dir.path(), spec, 3)), whole);
    // And once more, with nothing left to do.
    assert_eq!(numbers(&setup.finish(dir.path(), spec, 3)), whole);
}

#[test]
fn a_stopped_training_goes_on_bit_for_bit() {
    let setup = Setup::new();
    for spec in ["ce", "el(le=0.5)"] {
        assert_resumes(&setup, spec);
    }
}

/// Matrix products in bf16 change a training a little, and nothing else: weights and what is measured
/// stay f32.
#[test]
fn bf16_learns_as_f32_does_and_goes_on_bit_for_bit() {
    let half = Setup::with(&format!("precision = 'bf16'\n{SGD}"));
    assert_resumes(&half, "el(le=0.5)");
    let run = |setup: &Setup| setup.finish(tempfile::tempdir().unwrap().path(), "ce", 1);
    let (half, full) = (run(&half), run(&Setup::with(SGD)));
    assert!(half.last.iter().all(|(_, weights)| weights.kind() == tch::Kind::Float));
    for (half, full) in half.history.iter().zip(&full.history) {
        let difference = half.train_loss / full.train_loss - 1.0;
        // 0.022 on a processor without products in bf16, where libtorch rounds at other places.
        assert!(difference != 0.0 && difference.abs() < 0.03, "{difference}");
        assert!((half.val_nll / full.val_nll - 1.0).abs() < 0.1, "{half:?} {full:?}");
    }
}

#[test]
fn adversarial_training_goes_on_bit_for_bit_and_sees_other_images() {
    for attack in ["pgd(steps=2, step=0.1)", "pgd(norm=l2, steps=2, step=0.5)", "fgsm"] {
        let how = format!("{SGD}\n    adversarial = {{ attack = '{attack}', epsilon = 0.2 }}");
        let setup = Setup::with(&how);
        assert_resumes(&setup, "el(le=0.5)");
        let [plain, moved] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let plain = Setup::new().finish(plain.path(), "ce", 3);
        let moved = setup.finish(moved.path(), "ce", 3);
        assert!(moved.history[2].train_loss > 1.1 * plain.history[2].train_loss, "{attack}");
    }
}

#[test]
fn adversarial_training_needs_pixels() {
    let how = format!("{SGD}\n    adversarial = {{ attack = 'fgsm', epsilon = 0.2 }}");
    let mut setup = Setup::with(&how);
    let Inputs::Pixels { values, .. } = &setup.train.inputs else { panic!("digits are pixels") };
    setup.train.inputs = Inputs::Numbers(values.iter().map(|&value| f32::from(value)).collect());
    let dir = tempfile::tempdir().unwrap();
    let error = setup.train(dir.path(), "ce", 0, 0).0.unwrap_err().to_string();
    assert!(
        error.contains("images in pixel units, 0 to 1, not [8, 1, 8, 8] from 0 to 16"),
        "{error}"
    );
}

#[test]
fn augmented_training_goes_on_bit_for_bit() {
    assert_resumes(&Setup::new().augmented(3), "el(le=0.5)");
}

#[test]
fn patience_ends_a_training_that_no_longer_gains() {
    let mut setup = Setup::new();
    // Nothing moves after the first epoch.
    setup.how.options.schedule = Schedule::MultiStep(MultiStep { after: vec![1], factor: 1e-30 });
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(setup.finish(dir.path(), "ce", 1).history.len(), EPOCHS);
    setup.how.options.patience = Some(NonZeroUsize::MIN);
    let dir = tempfile::tempdir().unwrap();
    let ended = setup.finish(dir.path(), "ce", 1);
    assert_eq!(ended.history.len(), 2);
    assert_eq!(numbers(&setup.finish(dir.path(), "ce", 1)), numbers(&ended));
    assert_eq!(fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap().lines().count(), 2);
}

#[test]
fn every_optimizer_goes_on_bit_for_bit() {
    for optimizer in [
        "adam = { lr = 0.001, weight_decay = 1e-4 }",
        "adamw = { lr = 0.001, weight_decay = 0.1, weight_decay_on = 'kernels' }",
        "rmsprop = { lr = 0.001, momentum = 0.9 }",
    ] {
        let how =
            format!("optimizer.{optimizer}\nmodel.cnn.channels = [4, 8]\nschedule.cosine = {{}}");
        assert_resumes(&Setup::with(&how), "ce");
    }
}

/// Dropout, drop path, running moments, accumulated batches, warm-up and the moving average.
#[test]
fn all_that_a_training_carries_goes_on_bit_for_bit() {
    let mut setup = Setup::with(
        "model.efficientnet-b0 = { variant = 'timm' }
         optimizer.rmsprop = { lr = 0.001, momentum = 0.9, weight_decay = 1e-5 }
         schedule.exponential = { factor = 0.97, every = 2.4 }
         update = { accumulate = 2, clip_norm = 1.0, ema = 0.9 }
         warmup = { steps = 5, from = 0.1 }",
    );
    setup.train = setup.train.select(&(0..40).collect::<Vec<_>>());
    assert_resumes(&setup, "ce");
    assert_resumes(&Setup::with(&format!("{SGD}\nupdate.average = 2")), "ce");
}

impl Setup {
    /// Trains on what is left of the digits when those above 4 have become rare.
    fn long_tailed(how: &str) -> Self {
        let mut setup = Self::with(&format!("{SGD}\n{how}"));
        let labels = &setup.train.labels;
        let rows: Vec<usize> =
            (0..labels.len()).filter(|&row| labels[row] < 5 || row % 5 == 0).collect();
        setup.train = setup.train.select(&rows);
        setup
    }

    /// A few examples for MNISTNet, which has batch normalisation and a last layer without a bias.
    fn mnist_net(how: &str) -> Self {
        let mut setup = Self::with(&format!(
            "model.mnist-net = {{}}
             optimizer.sgd = {{ lr = 0.01, momentum = 0.9 }}
             schedule = 'constant'\n{how}"
        ));
        setup.train = wide(&setup.train.select(&(0..24).collect::<Vec<_>>()));
        setup.validation = wide(&setup.validation.select(&(0..24).collect::<Vec<_>>()));
        setup
    }

    fn losses(&self, spec: &str) -> Vec<f64> {
        let dir = tempfile::tempdir().unwrap();
        self.finish(dir.path(), spec, 1).history.iter().map(|e| e.train_loss).collect()
    }
}

/// Re-weighting that is deferred to the last of three epochs, and a bonus that is kept from classes
/// by their numbers: the loss is told the epoch and the counts of the training part.
#[test]
fn losses_know_the_epoch_and_the_classes() {
    let setup = Setup::long_tailed("");
    let plain = setup.losses("ce");
    let deferred = setup.losses("ce + drw(beta=0.99, from=0.7)");
    assert_eq!(deferred[..2], plain[..2]);
    assert!((deferred[2] - plain[2]).abs() > 1e-3, "{deferred:?}, {plain:?}");
    assert_ne!(setup.losses("ce + weights(beta=0.99)")[0], plain[0]);
    // No class has more than 100 examples, and all have fewer.
    let whole = setup.losses("el(le=0.5)");
    let same = setup.losses("el(le=0.5) + shots(off=many)");
    assert!((same[0] - whole[0]).abs() < 1e-4, "{same:?}, {whole:?}");
    let few_off = setup.losses("el(le=0.5) + shots(off=few)");
    assert!((few_off[0] - whole[0]).abs() > 1e-3, "{few_off:?}, {whole:?}");
    assert_resumes(&setup, "el(le=0.5) + drw(beta=0.99, from=0.3)");
}

#[test]
fn rare_classes_are_seen_as_often_as_others() {
    let setup = Setup::long_tailed("sampler = 'class-balanced'");
    let dir = tempfile::tempdir().unwrap();
    let balanced = setup.finish(dir.path(), "ce", 1);
    let plain = tempfile::tempdir().unwrap();
    let plain = Setup::long_tailed("").finish(plain.path(), "ce", 1);
    assert_ne!(balanced.history[0].train_loss, plain.history[0].train_loss);
    // The validation part is balanced, so a fair share of the rare helps there.
    assert!(balanced.history[2].val_nll < plain.history[2].val_nll);
    assert_resumes(&setup, "ce");
}

/// λ is what large margins carry from step to step.
#[test]
fn large_margins_go_on_bit_for_bit() {
    let margined = Setup::mnist_net("l_softmax.margin = 4");
    let plain = Setup::mnist_net("").losses("el(le=0.5)");
    assert!(margined.losses("el(le=0.5)")[1] > plain[1]);
    assert_resumes(&margined, "el(le=0.5)");
}

/// The features are the same before and after, bit for bit, though the network has batch
/// normalisation; the last layer is not.
#[test]
fn a_frozen_backbone_stays_as_it_is() {
    let setup = Setup::mnist_net("freeze_backbone = true");
    let dir = tempfile::tempdir().unwrap();
    let trained = setup.finish(dir.path(), "ce", 1);
    assert!(trained.history[2].train_loss < trained.history[0].train_loss);
    let before = build(&setup.how.model, &setup.validation.spec(), 1).unwrap();
    for (name, before) in before.weights().snapshot().unwrap() {
        let (_, after) = trained.last.iter().find(|(other, _)| *other == name).unwrap();
        assert_eq!(*after == before, name != "head.weight", "{name}");
    }
    assert_resumes(&setup, "ce");
}

/// Images of twice the side, for a network that needs more pixels.
fn wide(examples: &Examples) -> Examples {
    let [channels, height, width] = examples.shape.image().unwrap();
    let pixels = examples.tensor().unwrap().repeat_interleave_self_int(2, 2, None);
    let pixels = pixels.repeat_interleave_self_int(2, 3, None);
    Examples {
        inputs: Inputs::Numbers(pixels.flatten(0, -1).try_into().unwrap()),
        shape: Shape::Image([channels, 2 * height, 2 * width]),
        ..examples.clone()
    }
}

/// Two batches of 8 are one of 16, for a loss that is a mean and a model whose examples do not
/// see each other.
#[test]
fn accumulated_batches_are_one_large_batch() {
    let losses = |how: &str, batch: usize| -> Vec<f64> {
        let dir = tempfile::tempdir().unwrap();
        let mut setup = Setup::with(&format!("{SGD}\n{how}"));
        setup.how.options.batch = batch.try_into().unwrap();
        setup.finish(dir.path(), "ce", 1).history.iter().map(|e| e.train_loss).collect()
    };
    let (large, small) = (losses("", 16), losses("update.accumulate = 2", 8));
    for (large, small) in large.iter().zip(&small) {
        assert!((large - small).abs() < 1e-4 * large, "{large}, {small}");
    }
    assert!((losses("", 8)[0] - large[0]).abs() > 1e-3);
}

#[test]
fn updates_do_what_they_say() {
    let train = |how: &str| {
        let dir = tempfile::tempdir().unwrap();
        Setup::with(&format!("{SGD}\n{how}")).finish(dir.path(), "ce", 1)
    };
    let plain = train("");
    assert!(plain.history.iter().all(|epoch| epoch.grad_norm > 0.0));
    // A gradient of next to no length moves nothing; its own norm is still logged.
    let clipped = train("update.clip_norm = 1e-9");
    assert!((clipped.history[0].val_nll - clipped.history[2].val_nll).abs() < 1e-3);
    assert!(clipped.history[0].grad_norm > 0.1, "{:?}", clipped.history[0]);
    // The average lags behind, but the weights that are trained are the same.
    let averaged = train("update.ema = 0.9");
    assert_eq!(averaged.history[2].train_loss, plain.history[2].train_loss);
    assert_ne!(averaged.history[2].val_nll, plain.history[2].val_nll);
    assert_ne!(numbers(&averaged).1[1], numbers(&plain).1[1]);
    // The mean over epochs is told apart at the end alone, and of one epoch it is that one.
    let [one, two] = ["update.average = 1", "update.average = 2"].map(train);
    assert_eq!(numbers(&one), numbers(&plain));
    assert_eq!(numbers(&two).0, numbers(&plain).0);
    assert_ne!(numbers(&two).1[1], numbers(&plain).1[1]);
    // 25 steps an epoch: the first one ends within the warm-up, at its 25th step.
    let warmed = train("warmup = { steps = 50, from = 0.5 }");
    assert!((warmed.history[0].lr - 0.05 * 0.74).abs() < 1e-12, "{}", warmed.history[0].lr);
    assert!((warmed.history[1].lr - 0.05 * 0.99).abs() < 1e-12, "{}", warmed.history[1].lr);
}

/// What `kill -9` leaves: a log that is ahead of the checkpoint and torn, a checkpoint half
/// written, and here also a newest one that is damaged.
#[test]
fn a_killed_training_goes_on_bit_for_bit() {
    let setup = Setup::new();
    let whole = tempfile::tempdir().unwrap();
    let whole = numbers(&setup.finish(whole.path(), "ce", 4));
    let dir = tempfile::tempdir().unwrap();
    for stop_in in [2, 1] {
        assert!(setup.train(dir.path(), "ce", 4, stop_in).0.is_err());
    }
    let log = dir.path().join("metrics.jsonl");
    let ahead = fs::read_to_string(&log).unwrap().replace("\"epoch\":1", "\"epoch\":2");
    fs::write(&log, format!("{ahead}{ahead}{{\"epoch\":3,\"lr")).unwrap();
    let checkpoints = dir.path().join("checkpoint");
    let mut saved: Vec<_> =
        fs::read_dir(&checkpoints).unwrap().map(|entry| entry.unwrap().path()).collect();
    saved.sort();
    assert_eq!(saved.len(), 2);
    fs::write(saved[1].join("last.safetensors"), "torn").unwrap();
    fs::create_dir(checkpoints.join("step-000000099.part")).unwrap();
    let (trained, warnings) = setup.train(dir.path(), "ce", 4, 0);
    assert_eq!(numbers(&trained.unwrap()), whole);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("last.safetensors"), "{warnings:?}");
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), EPOCHS);
    let events = fs::read(dir.path().join("events.out.tfevents.steepness")).unwrap();
    let losses = events.windows(10).filter(|bytes| bytes == b"train/loss").count();
    assert_eq!(losses, EPOCHS);
}

/// The digits with a number in one of them that is none.
fn with_nan(how: &str) -> Setup {
    let mut setup = Setup::with(&format!("{SGD}\n{how}"));
    let mut numbers = vec![0.5; setup.train.inputs.len()];
    numbers[64 * 150 + 35] = f32::NAN;
    setup.train.inputs = Inputs::Numbers(numbers);
    setup
}

#[test]
fn nan_stops_before_the_update() {
    let dir = tempfile::tempdir().unwrap();
    let error = with_nan("").train(dir.path(), "ce", 1, 0).0.unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let message = error.to_string();
    assert!(message.starts_with("epoch 1, step "), "{message}");
    assert!(message.to_lowercase().contains("nan"), "{message}");
}

#[test]
fn nan_can_be_skipped_and_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = with_nan("update.on_nan = \"skip\"");
    let (trained, warnings) = setup.train(dir.path(), "ce", 1, 0);
    let trained = trained.unwrap();
    assert!(trained.history.iter().all(|epoch| epoch.skipped == 1 && epoch.grad_norm.is_finite()));
    assert!(warnings[0].starts_with("epoch 1: 1 of 25 steps were skipped"), "{warnings:?}");
    for (_, weight) in &trained.last {
        assert!(weight.isfinite().all().int64_value(&[]) != 0);
    }
    // Nothing but what cannot be learned from.
    setup.train.inputs = Inputs::Numbers(vec![f32::NAN; setup.train.inputs.len()]);
    let dir = tempfile::tempdir().unwrap();
    let error = setup.train(dir.path(), "ce", 1, 0).0.unwrap_err().to_string();
    assert_eq!(error, "epoch 1: all 25 steps were skipped, for none was finite");
}
