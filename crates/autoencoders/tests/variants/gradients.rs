//! Every variant's objective against differences, with respect to the batch and all parameters.
//!
//! Noise comes from the tape, which starts alike every time, so it is frozen.

use retrograd_autoencoders::{BodyKind, DataShape, Gradients, Noise, Nonlinearity};
use retrograd_autograd::check::Check;
use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Param, Step, Terms};
use retrograd_tensor::{DType, Tensor, random};

use crate::{Miniature, input, miniatures, model, training, uniform};

/// Difference steps. Large ones are the more accurate, but kinks are anywhere and a small step meets
/// few.
const SMOOTH: f64 = 1.0 / 32.0;
const KINKS: f64 = 1.0 / 512.0;
const POOLS: f64 = 1.0 / 1024.0;
const BENT: f64 = 1.0 / 256.0;
/// Pools over layers that are normalised over a batch of three.
const NORMED_POOLS: f64 = 1.0 / 2048.0;
const CLIPS: f64 = 1.0 / 256.0;
/// Directions that each parameter is moved in, all of its numbers at once. The rules are checked
/// number by number in their own crate; what can be wrong here is how they are put together, and
/// that shows in every direction but for errors that cancel, which is one in two at worst.
const DIRECTIONS: usize = 3;

/// Orders 1 and 2 of `objective`, a function of a batch and of these parameters.
pub(crate) fn check(
    what: &str,
    params: &[(String, Param)],
    batch: Tensor,
    step: f64,
    objective: impl Fn(&Var) -> Terms,
) -> Result<(), String> {
    let values = params.iter().map(|(_, param)| param.value());
    let inputs: Vec<Tensor> = std::iter::once(batch).chain(values).collect();
    differences(what, &inputs, step, |x| {
        bind(params, &x[1..]);
        objective(&x[0]).total()
    })
}

/// The same of an objective that is a function of the parameters alone.
fn check_params(
    what: &str,
    params: &[(String, Param)],
    step: f64,
    objective: impl Fn(&Tape) -> Terms,
) -> Result<(), String> {
    let values = params.iter().map(|(_, param)| param.value());
    let inputs: Vec<Tensor> = values.collect();
    differences(what, &inputs, step, |x| {
        bind(params, x);
        objective(x[0].tape().unwrap()).total()
    })
}

/// Makes the inputs of a check the parameters.
fn bind(params: &[(String, Param)], inputs: &[Var]) {
    for ((_, param), input) in params.iter().zip(inputs) {
        param.set(input.value().clone());
        input.tape().unwrap().bind_key(param.id(), input);
    }
}

fn differences(
    what: &str,
    inputs: &[Tensor],
    step: f64,
    f: impl Fn(&[Var]) -> Var,
) -> Result<(), String> {
    for order in [1, 2] {
        let report = Check::order(order)
            .step(step)
            .dense(0)
            .directions(DIRECTIONS)
            .run(&f, inputs)
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
    for miniature in miniatures().map(smoothed) {
        if let Gradients::Surrogate(_) = miniature.card.gradients {
            // Its own test compares with what stands in.
            continue;
        }
        let (units, step) = (has_smooth_units(&miniature), step(&miniature));
        let Miniature {
            what,
            settings,
            shape,
            model,
            ..
        } = miniature;
        // A convolution puts one weight to work at every pixel, and of many units one is always at a
        // kink: here with smooth units alone.
        if settings.get("channels").is_some() && settings.get("body").is_none() && !units {
            continue;
        }
        let batch = uniform(3, shape.features(), 5);
        let outcome = check(&what, &model.params(), batch, step, |x| {
            model.objective_at(&input(model.as_ref(), x), &training())
        });
        failures.extend(outcome.err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A body of convolutions with smooth units: one weight works at every pixel, and of so many units one is always
/// at a kink.
fn smoothed(miniature: Miniature) -> Miniature {
    if !has_convolutional_body(&miniature) || has_smooth_units(&miniature) {
        return miniature;
    }
    let settings = miniature.settings.with("activation", "silu");
    let model = miniature
        .card
        .build(&settings, miniature.shape, &mut random::rng(11))
        .unwrap();
    model.cast(DType::F64);
    Miniature {
        what: format!("{}, smooth", miniature.what),
        settings,
        model,
        ..miniature
    }
}

fn has_convolutional_body(miniature: &Miniature) -> bool {
    miniature.settings.word_if_any("body") == Some(BodyKind::Convolutional)
}

fn has_smooth_units(miniature: &Miniature) -> bool {
    let units = miniature.settings.word_if_any("activation");
    units.is_none_or(Nonlinearity::is_smooth)
}

/// The difference step that suits an objective: small where there are kinks, and where it bends as much
/// as the logarithm of a scale that is learnt.
fn step(miniature: &Miniature) -> f64 {
    let (card, settings) = (miniature.card, &miniature.settings);
    let decoder = settings.get("decoder").map(ToString::to_string);
    if decoder.is_some_and(|decoder| ["student", "learnt"].contains(&decoder.as_str())) {
        return KINKS;
    }
    match (card.gradients, settings.word_if_any("corruption")) {
        (Gradients::Exact, _) if card.bends => BENT,
        (Gradients::ExactBesides(_), Some(Noise::Gaussian)) => CLIPS,
        (Gradients::ExactBesides(_), None) if has_convolutional_body(miniature) => {
            match card.name {
                "svdd" => NORMED_POOLS,
                // Not at the kinks of their own.
                _ => SMOOTH,
            }
        }
        // Convolutions alone, with pools; a body of convolutions is one choice of several.
        (Gradients::ExactBesides(_), None)
            if settings.get("channels").is_some() && settings.get("body").is_none() =>
        {
            POOLS
        }
        (Gradients::ExactBesides(_), None) => KINKS,
        _ if has_smooth_units(miniature) => SMOOTH,
        _ => KINKS,
    }
}

#[test]
fn of_every_phase_by_what_moves_in_it() {
    let options = "hidden = [5]\nlatent = 3\nlambda = 0.1";
    let model = model("greedy", options, DataShape::points(8), 4);
    let x = uniform(3, 8, 5);
    let phases = model.phases();
    for phase in &phases[..2] {
        let outcome = check_params(&phase.name, &phase.roles[0].params, KINKS, |tape| {
            phase.objective(&tape.constant(x.clone()).into(), &Step::default())
        });
        outcome.unwrap();
    }
}

/// Away from its start, where what is above a layer says nothing of it.
#[test]
fn of_a_ladder_that_has_learnt() {
    let options = "hidden = [5, 4]\nclasses = 3\nactivation = \"tanh\"\nlambda = 2.0";
    let model = model("ladder", options, DataShape::table(6), 4);
    for (seed, (_, param)) in model.params().into_iter().enumerate() {
        let noise = crate::normal(&param.shape(), seed as u64).scale(0.3);
        param.set(param.value() + noise);
    }
    let outcome = check(
        "ladder",
        &model.params(),
        uniform(6, 6, 5),
        1.0 / 256.0,
        |x| model.objective_at(&input(model.as_ref(), x), &training()),
    );
    outcome.unwrap();
}

#[test]
fn where_numbers_are_missing() {
    for miniature in miniatures() {
        let is_sharp = miniature.card.gradients != Gradients::Exact;
        let is_plain = ["linear", "simple", "iwae"].contains(&miniature.card.name)
            && miniature.shape == DataShape::table(6);
        if is_sharp || !(is_plain || miniature.what.ends_with("activation tanh")) {
            continue;
        }
        let step = step(&miniature);
        let Miniature {
            what, shape, model, ..
        } = miniature;
        let mask = Tensor::from_fn([3, shape.features()], |at| {
            f64::from((at[0] + at[1]) % 4 != 2)
        });
        let batch = uniform(3, shape.features(), 5);
        check(&what, &model.params(), batch, step, |x| {
            let input = input(model.as_ref(), x).observed(Var::from(mask.clone()));
            model.objective_at(&input, &training())
        })
        .unwrap();
    }
}
