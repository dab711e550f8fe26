//! Every variant's objective against differences, with respect to the batch and all parameters.
//!
//! Noise comes from the tape, which starts alike every time, so it is frozen.

use retrograd_autoencoders::{GreedyAutoencoder, Nonlinearity, Target, Variant};
use retrograd_autograd::Var;
use retrograd_autograd::check::Check;
use retrograd_nn::{Activation, Module, Param, Terms};
use retrograd_tensor::{DType, Tensor, random};

use crate::{labels, miniatures, uniform};

/// Difference steps. Large ones are the more accurate, but kinks are anywhere and a small step meets
/// few.
const SMOOTH: f64 = 1.0 / 32.0;
const KINKS: f64 = 1.0 / 512.0;
const POOLS: f64 = 1.0 / 1024.0;
const CLIPS: f64 = 1.0 / 256.0;
/// Directions that each parameter is moved in, all of its numbers at once. The rules are checked
/// number by number in their own crate; what can be wrong here is how they are put together, and
/// that shows in every direction but for errors that cancel, which is one in two at worst.
const DIRECTIONS: usize = 3;

/// Orders 1 and 2 of `objective`, a function of a batch and of these parameters.
fn check(
    what: &str,
    params: &[(String, Param)],
    batch: Option<Tensor>,
    step: f64,
    objective: impl Fn(&Var) -> Terms,
) -> Result<(), String> {
    let values = params.iter().map(|(_, param)| param.value());
    let fixed = batch.clone();
    let inputs: Vec<Tensor> = batch.into_iter().chain(values).collect();
    let f = |x: &[Var]| {
        let given = &x[x.len() - params.len()..];
        for ((_, param), input) in params.iter().zip(given) {
            param.set(input.value().clone());
            input.tape().unwrap().bind_key(param.id(), input);
        }
        match fixed {
            Some(_) => objective(&x[0]).total(),
            None => objective(&x[0].tape().unwrap().constant(uniform(3, 8, 5))).total(),
        }
    };
    for order in [1, 2] {
        let report = Check::order(order)
            .step(step)
            .dense(0)
            .directions(DIRECTIONS)
            .run(f, &inputs)
            .map_err(|failure| format!("{what}, order {order}: {failure}"))?;
        println!(
            "{what}, order {order}: {:.1e} of {} entries",
            report.worst_error(),
            report.entries
        );
    }
    Ok(())
}

#[test]
fn of_every_variant() {
    let mut failures = Vec::new();
    for (what, kind, model) in miniatures() {
        let name = what.split(' ').next().unwrap();
        // A convolution puts one weight to work at every pixel, and of many units one is always at a
        // kink: here with smooth units alone.
        if ["convolutional", "strided"].contains(&name) && !what.ends_with("activation tanh") {
            continue;
        }
        let settings = Variant::from_name(name).unwrap().settings(kind);
        // Clipping has kinks, and so have pools and the size of a number that may be 0.
        let sharp = ["denoising", "sparse-l1", "overcomplete", "convolutional"].contains(&name);
        let smooth = what.ends_with("corruption dropout")
            || what.ends_with("corruption masking")
            || !sharp
                && (settings.activation.is_none_or(Nonlinearity::is_smooth)
                    || what.ends_with("activation tanh"));
        let step = match (smooth, name) {
            (true, _) => SMOOTH,
            (false, "convolutional") => POOLS,
            (false, "denoising") => CLIPS,
            (false, _) => KINKS,
        };
        let labels = labels(model.as_ref(), 3);
        let batch = uniform(3, kind.features(), 5);
        let outcome = check(&what, &model.params(), Some(batch), step, |x| {
            model.objective_of(x, labels.as_ref(), &x.into())
        });
        failures.extend(outcome.err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn of_every_phase_by_what_moves_in_it() {
    let mut rng = random::rng(4);
    let model =
        GreedyAutoencoder::new(&[8, 5, 3], Activation::Elu(1.0), 0.1, &mut rng).to(DType::F64);
    for pair in 0..model.pairs() {
        let params = model.pair_params(pair);
        check(&format!("pair {pair}"), &params, None, KINKS, |x| {
            model.pair_objective(pair, x, &x.into())
        })
        .unwrap();
    }
}

#[test]
fn where_numbers_are_missing() {
    let is_smooth = |what: &str| {
        let starts = |name: &str| what.starts_with(&format!("{name} of Table"));
        ["linear", "simple", "iwae"].into_iter().any(starts) || what.ends_with("activation tanh")
    };
    for (what, kind, model) in miniatures().filter(|(what, ..)| is_smooth(what)) {
        let sharp = ["denoising", "sparse", "overcomplete", "convolutional"];
        if sharp.into_iter().any(|name| what.starts_with(name)) {
            continue;
        }
        let mask = Tensor::from_fn([3, kind.features()], |at| {
            f64::from((at[0] + at[1]) % 4 != 2)
        });
        let (mask, labels) = (mask.into(), labels(model.as_ref(), 3));
        let batch = uniform(3, kind.features(), 5);
        check(&what, &model.params(), Some(batch), SMOOTH, |x| {
            model.objective_of(x, labels.as_ref(), &Target::of(x, Some(&mask)))
        })
        .unwrap();
    }
}
