//! How long does an epoch of a published recipe take?
//!
//! The rows of `retrograd reproduce` with these numbers: the variant itself, its optimiser, and the
//! trainer as it is, shuffling 60 000 images in memory, without held-out samples and with nobody
//! watching. The goal is half of the fastest peer's time.
//!
//! A run is the beginning of a training: a tenth of an epoch. The order of all samples and the
//! optimiser's first state, which a tenth of an epoch needs as much as a whole one, are in it, here
//! and at the peers. The images are uniform noise, as what is in a pixel does not change what is
//! done with it.

use std::sync::LazyLock;

use retrograd_autoencoders::{Card, DataShape, Settings};
use retrograd_autograd::Var;
use retrograd_nn::train::{Flow, Observer, ObserverError, StepRecord};
use retrograd_nn::{Adam, DataLoader, Optimizer, Param, RmsProp, Trainer};
use retrograd_tensor::{DType, Tensor, random};

use super::Suite;
use crate::case::{Case, Run, Work};

/// MNIST's training images.
const SAMPLES: usize = 60_000;
const PIXELS: usize = 784;
/// Which part of an epoch a run is.
const PARTS: usize = 10;
/// The most an epoch may take, in units of the fastest peer's.
const GOAL: f64 = 0.5;

static IMAGES: LazyLock<Tensor> =
    LazyLock::new(|| Tensor::uniform([SAMPLES, PIXELS], 0.0, 1.0, &mut random::rng(0), DType::F32));

/// A row of the reproduction table, as far as speed is concerned.
#[derive(Clone, Copy)]
struct Recipe {
    row: u8,
    variant: &'static str,
    settings: fn() -> Settings,
    optimizer: fn(Vec<(String, Param)>) -> Optimizer,
    batch: usize,
}

#[rustfmt::skip]
const RECIPES: [Recipe; 5] = [
    Recipe { row: 2, variant: "deep", settings: Settings::new, optimizer: adam, batch: 32 },
    Recipe { row: 3, variant: "simple", settings: Settings::new, optimizer: adam, batch: 32 },
    Recipe { row: 8, variant: "convolutional", settings: Settings::new, optimizer: adam, batch: 128 },
    Recipe { row: 13, variant: "variational", settings: plane, optimizer: rms_prop, batch: 128 },
    Recipe { row: 17, variant: "variational", settings: Settings::new, optimizer: adam, batch: 150 },
];

/// 784-256-2.
fn plane() -> Settings {
    Settings::new()
        .with("hidden", [256])
        .with("latent", 2)
        .with("activation", "relu")
}

fn adam(params: Vec<(String, Param)>) -> Optimizer {
    Optimizer::new(Adam::default(), 1e-3, params)
}

/// With Keras's constants.
fn rms_prop(params: Vec<(String, Param)>) -> Optimizer {
    let rule = RmsProp {
        alpha: 0.9,
        epsilon: 1e-7,
        ..RmsProp::default()
    };
    Optimizer::new(rule, 1e-3, params)
}

/// A tenth of an epoch of each row.
#[must_use]
pub fn suite() -> Suite {
    Suite {
        name: "epochs",
        cases: RECIPES.into_iter().map(case).collect(),
    }
}

fn case(recipe: Recipe) -> Case {
    let Recipe { row, batch, .. } = recipe;
    let batches = SAMPLES.div_ceil(batch);
    let steps = batches.div_ceil(PARTS);
    let name = format!("row {row}, {steps} of {batches} batches of {batch}");
    let work = Work::Epoch {
        samples: steps * batch,
        all: SAMPLES,
    };
    let build = move || training(recipe, IMAGES.clone(), steps);
    Case::new(name, work, build).goal(GOAL)
}

/// A run whose every call begins a training of the same model and makes so many steps.
fn training(recipe: Recipe, images: Tensor, steps: usize) -> Run {
    let shape = DataShape::images([1, 28, images.shape()[1] / 28]);
    let card = Card::named(recipe.variant).expect("a row of the table is of a variant");
    let model = card.build(&(recipe.settings)(), shape, &mut random::rng(1));
    let model = model.expect("a row of the table can be built");
    let loader = DataLoader::new(images, recipe.batch).expect("more samples than a batch has");
    let mut runs = 0;
    Box::new(move || {
        runs += 1;
        let objective = |x: &Var| model.objective(&x.into());
        let optimizer = (recipe.optimizer)(model.params());
        Trainer::new(model.as_ref(), optimizer, objective, runs)
            .fit(1, &loader.clone().shuffled(runs), None, &mut Until(steps))
            .expect("losses of noise are finite");
    })
}

/// Ends a training after so many steps.
struct Until(usize);

impl Observer for Until {
    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        Ok(if record.step < self.0 as u64 {
            Flow::Continue
        } else {
            Flow::Stop
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_trains() {
        for recipe in RECIPES {
            let recipe = Recipe { batch: 3, ..recipe };
            let images = Tensor::uniform([7, PIXELS], 0.0, 1.0, &mut random::rng(0), DType::F32);
            let mut run = training(recipe, images, 2);
            run();
            run();
        }
    }

    #[test]
    fn names_say_which_part_of_an_epoch_is_run() {
        let suite = suite();
        let names: Vec<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names[0], "row 2, 188 of 1875 batches of 32");
        assert_eq!(names[4], "row 17, 40 of 400 batches of 150");
    }
}
