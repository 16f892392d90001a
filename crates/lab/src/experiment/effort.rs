//! How long it takes to measure a run, part by part: for the estimate, and for the share of the bar
//! that each part gets.

use std::num::NonZeroUsize;
use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::RunRecipe;
use super::representation::{MAPPED, rows_of, width};
use crate::compare::Monitor;
use crate::data::{DataSet, Examples, Inputs};
use crate::measure::{Features, Tsne};
use crate::models::Model;
use crate::{Result, Stop};

/// Eigenvalues and eigenvectors of an n×n matrix take as long as so many times n³ multiplications
/// and additions of a matrix product.
const EIGEN: f64 = 6.0;
/// Seconds to look at one distance for the nearest of them.
const LOOK: f64 = 3e-9;

/// How much there is to measure.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    /// Examples of the validation and the test part, and those that were learned from.
    pub validation: usize,
    pub test: usize,
    pub learned: usize,
    /// Features of each, 0 where no representation is measured.
    pub width: usize,
    /// Examples of each data set from elsewhere, and whether they are images.
    pub outside: Vec<usize>,
    pub images: bool,
    /// How many gradients of an example the attacks take in all.
    pub gradients: f64,
}

impl Sizes {
    /// Of the run of `recipe`, on parts as it measures them.
    ///
    /// # Errors
    /// What libtorch refuses; attacks that need more classes.
    pub fn new(
        recipe: &RunRecipe,
        data: &DataSet,
        model: &dyn Model,
        [learned, validation, test]: [&Examples; 3],
    ) -> Result<Self> {
        let images = test.are_images();
        let translates = matches!(test.inputs, Inputs::Pairs(_));
        // Those that there will be: none on other data, and with two classes others than are listed.
        let gradients = match recipe.attack.as_ref().filter(|_| images) {
            Some(attack) => {
                let (attacks, _) = attack.on(test.classes.len())?;
                let most = attack.examples.map_or(test.len(), NonZeroUsize::get);
                attack.cost(&attacks) * most.min(test.len()) as f64
            }
            None => 0.0,
        };
        Ok(Self {
            validation: validation.measurable().targets(),
            test: test.measurable().targets(),
            learned: learned.measurable().targets(),
            width: if translates { 0 } else { width(model)? },
            outside: data.ood.iter().map(|set| set.examples.len()).collect(),
            images,
            gradients,
        })
    }
}

/// How fast this machine is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    /// Seconds that an example takes through the model, forwards.
    pub forward: f64,
    /// Seconds of one multiplication and addition in a matrix product in double precision.
    pub product: f64,
    /// Seconds of a pair of examples on a map by t-SNE, from its beginning to its end.
    pub pair: f64,
}

impl Speed {
    /// Of a machine of our time, where shares are enough.
    pub fn usual(forward: f64) -> Self {
        Self { forward, product: 1e-10, pair: 2e-6 }
    }

    /// Tries out the linear algebra: some tens of milliseconds.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn find(forward: f64) -> Result<Self> {
        const SIDE: i64 = 384;
        const POINTS: usize = 64;
        let matrix = Tensor::f_ones([SIDE, SIDE], (Kind::Double, Device::Cpu))?;
        // The first one allocates.
        let mut product = f64::INFINITY;
        for _ in 0..3 {
            let start = Instant::now();
            let _ = matrix.f_matmul(&matrix)?;
            product = product.min(start.elapsed().as_secs_f64());
        }
        let points: Vec<f32> = (0..POINTS).map(|at| (at * at % 17) as f32).collect();
        let start = Instant::now();
        Tsne::fit(Features::new(&points, 1)?, 5.0, Stop::never())?;
        Ok(Self {
            forward,
            product: product / SIDE.pow(3) as f64,
            pair: start.elapsed().as_secs_f64() / POINTS.pow(2) as f64,
        })
    }
}

/// Seconds of each part, in the order in which they are measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effort {
    /// Logits of all parts.
    pub logits: f64,
    /// The representation.
    pub features: f64,
    /// Each data set from elsewhere.
    pub outside: f64,
    /// All attacks.
    pub attacks: f64,
    /// The map of the features.
    pub map: f64,
}

impl Effort {
    pub fn new(sizes: &Sizes, speed: &Speed) -> Self {
        let Sizes { validation, test, learned, width, outside, images, gradients } = sizes;
        let Speed { forward, product, pair } = *speed;
        let passes = |examples: usize| examples as f64 * forward;
        let logits = passes(validation + test + learned);
        // A step forward and backward is three forward.
        let attacks = 3.0 * forward * gradients;
        if *width == 0 {
            let outside = passes(outside.iter().sum()) / outside.len().max(1) as f64;
            return Self { logits, outside, attacks, ..Self::default() };
        }
        let used = |examples: usize| examples.min(rows_of(*width));
        let products = |rows: usize, columns: usize, depth: usize| {
            rows as f64 * columns as f64 * depth as f64 * product
        };
        let axes = |rows: usize| {
            let (small, large) = (rows.min(*width), rows.max(*width));
            products(small, small, large) + EIGEN * products(small, small, small)
        };
        let neighbours = |bank: usize, asked: usize| {
            products(bank, asked, *width) + LOOK * bank as f64 * asked as f64
        };
        let (bank, asked, mapped) = (used(*learned), used(*test), used(*test).min(MAPPED));
        let features = passes(bank + asked) + 2.0 * neighbours(bank, asked) + axes(asked);
        let map = axes(mapped) + pair * (mapped * mapped) as f64;
        let of_set = |&examples: &usize| {
            let foreign = used(examples);
            // ODIN takes a gradient and two passes more.
            let odin = if *images { 5.0 * passes(foreign) } else { 0.0 };
            passes(examples + foreign) + odin + neighbours(bank, foreign)
        };
        let odin = if *images { 5.0 * passes(asked) } else { 0.0 };
        let once = 2.0 * axes(bank) + neighbours(bank, asked) + odin;
        let sets: f64 = outside.iter().map(of_set).sum();
        let outside = match outside.len() {
            0 => 0.0,
            count => (once + sets) / count as f64,
        };
        Self { logits, features, outside, attacks, map }
    }

    /// Seconds in all, with so many data sets from elsewhere.
    pub fn total(&self, sets: usize) -> f64 {
        self.logits + self.features + self.outside * sets as f64 + self.attacks + self.map
    }
}

/// Tells a monitor how far measuring is.
pub(super) struct Meter<'a> {
    monitor: &'a dyn Monitor,
    /// What each part takes.
    pub effort: Effort,
    total: f64,
    done: f64,
}

impl<'a> Meter<'a> {
    /// For measuring with so many data sets from elsewhere.
    pub fn new(monitor: &'a dyn Monitor, effort: Effort, sets: usize) -> Self {
        Self { monitor, effort, total: effort.total(sets), done: 0.0 }
    }

    /// A part that takes so many seconds was measured.
    pub fn add(&mut self, seconds: f64) {
        self.done += seconds;
        if self.total > 0.0 {
            self.monitor.measured((self.done / self.total).min(1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Recipe;
    use super::*;
    use crate::attack::{AttackRecipe, Preset};
    use crate::data::{Shape, load};
    use crate::models;

    #[test]
    fn measuring_grows_with_the_examples_and_not_with_the_cube_of_the_width() {
        let speed = Speed { forward: 1e-3, product: 1e-10, pair: 3e-6 };
        let sizes = |width| Sizes {
            validation: 100,
            test: 250,
            learned: 900,
            width,
            outside: vec![500],
            images: true,
            ..Sizes::default()
        };
        let seconds = |width| Effort::new(&sizes(width), &speed).total(1);
        assert!(seconds(0) > 1.7 && seconds(0) < 1.8, "{}", seconds(0));
        assert!(seconds(64) > seconds(0) && seconds(64) < 10.0, "{}", seconds(64));
        // 8192³ would be a hundred times that.
        assert!(seconds(8192) > seconds(64) && seconds(8192) < 20.0, "{}", seconds(8192));
        let attacked = Sizes { gradients: 1e5, ..sizes(64) };
        assert!((Effort::new(&attacked, &speed).attacks - 300.0).abs() < 1e-9);
    }

    /// A plan counts what is done, not what a recipe lists.
    #[test]
    fn attacks_that_are_not_made_take_no_time() {
        tch::set_num_threads(1);
        let recipe = Recipe::embedded().unwrap();
        let data = load(&recipe.data).unwrap();
        let few = data.examples.select(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let classes = |count: usize| Examples {
            labels: (0..8).map(|row| row % count as i64).collect(),
            classes: few.classes[..count].to_vec(),
            ..few.clone()
        };
        let gradients = |attack: AttackRecipe, examples: &Examples| {
            let run =
                RunRecipe { attack: Some(attack), ..recipe.run(&recipe.settings().unwrap()[0], 0) };
            let network = toml::from_str("mlp = { hidden = 3 }").unwrap();
            let model = models::build(&network, &examples.spec(), 0).unwrap();
            Sizes::new(&run, &data, &*model, [examples; 3]).unwrap().gradients
        };
        let short =
            |epsilons: &[f64]| AttackRecipe::short(epsilons, NonZeroUsize::new(10).unwrap(), 0.1);
        assert!(gradients(short(&[0.0, 0.1]), &few) > 8.0 * 11.0);
        let inputs = Inputs::Numbers(vec![0.5; 8 * 64]);
        let rows = Examples { inputs, shape: Shape::Row(64), ..few.clone() };
        assert_eq!(gradients(short(&[0.0, 0.1]), &rows), 0.0);
        // DLR needs three classes; the margin that takes its place costs what it costs.
        let thorough = AttackRecipe { preset: Some(Preset::Thorough), ..AttackRecipe::default() };
        let two = gradients(thorough.clone(), &classes(2));
        assert_eq!(two, 8.0 * thorough.cost(&thorough.on(2).unwrap().0));
        // A budget of nothing takes what the model says of the inputs as they are.
        assert_eq!(gradients(short(&[0.0]), &few), 8.0 * 2.0);
    }

    #[test]
    fn a_machine_has_a_speed() {
        let Speed { forward, product, pair } = Speed::find(0.5).unwrap();
        assert_eq!(forward, 0.5);
        assert!((1e-13..1e-7).contains(&product), "{product}");
        assert!((1e-8..1e-3).contains(&pair), "{pair}");
    }
}
