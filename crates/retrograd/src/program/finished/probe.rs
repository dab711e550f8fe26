//! `retrograd probe`: how well a linear classifier reads the labels off the codes.
//!
//! ```text
//! minimise over W, b   mean cross-entropy of softmax(W h + b) + λ ½‖W‖²
//! ```
//!
//! The codes are brought to mean 0 and deviation 1 first. The problem is convex, so its answer says
//! something of the codes and nothing of a start or a seed (Alain and Bengio 2016, "Understanding
//! intermediate layers using linear classifier probes"). W and b come from the training part, the
//! accuracy that counts from the other. λ is the one of three that tells every sixth of the training
//! samples best when fitted to the others.

use std::collections::BTreeSet;

use retrograd::autograd::Tape;
use retrograd::datasets::{Dataset, Scaling};
use retrograd::nn::{Init, Lbfgs, Linear, Module, Optimizer, loss, regulariser};
use retrograd::tensor::{Array, Tensor, random};

use super::options::InputOptions;
use super::run::Run;
use crate::program::data;
use crate::program::failure::Failure;
use crate::program::terminal;
use crate::program::train;

/// λ is one of these: small, and enough that classes that can be told apart without error have a finite W.
const DECAYS: [f64; 3] = [1e-4, 1e-3, 1e-2];
/// One in so many of the training samples chooses λ.
const CHOOSING: usize = 6;
/// More labels than this are measurements.
const MOST_CLASSES: usize = 1000;
const MOST_ITERATIONS: u64 = 200;

/// Fits the classifier and prints what it reaches.
pub(super) fn run(options: &InputOptions) -> Result<(), Failure> {
    let run = Run::open(&options.run)?;
    let split = run.parts(options)?;
    let train = Part::new(&run, &split.train)?;
    let held_out = Part::new(&run, &split.held_out)?;
    let classes = classes(&train.labels)?;
    let scaling = Scaling::standard(&train.codes);
    let targets = |part: &Part| positions(&part.labels, &classes);
    let (codes, right) = (scaling.apply(&train.codes), targets(&train));
    let decay = decay(&codes, &right, classes.len())?;
    let classifier = fit(&codes, &right, classes.len(), decay)?;
    let shares = [
        accuracy(&classifier, &codes, &right),
        accuracy(
            &classifier,
            &scaling.apply(&held_out.codes),
            &targets(&held_out),
        ),
        most_frequent(&right, &targets(&held_out), classes.len()),
    ];
    let [on_train, on_held_out, guessing] = shares.map(|share| format!("{:.2} %", 100.0 * share));
    terminal::print(&format!(
        "a linear classifier of {} classes on codes of {} numbers, with a decay of {decay}\n  held-out accuracy  {on_held_out}  ({} samples)\n  training accuracy  {on_train}  ({} samples)\n  most frequent class  {guessing}\n",
        classes.len(),
        codes.shape()[1],
        held_out.labels.len(),
        train.labels.len(),
    ))
}

/// The share of held-out samples whose label the classifier of the training samples gets wrong; both as codes
/// `[samples, code]` and their labels.
///
/// # Errors
/// If there are no classes to tell apart.
pub(crate) fn held_out_error(
    train: (&Tensor, &[u32]),
    held_out: (&Tensor, &[u32]),
) -> Result<f64, Failure> {
    let classes = classes(train.1)?;
    let scaling = Scaling::standard(train.0);
    let right = positions(train.1, &classes);
    let codes = scaling.apply(train.0);
    let decay = decay(&codes, &right, classes.len())?;
    let classifier = fit(&codes, &right, classes.len(), decay)?;
    let (codes, right) = (scaling.apply(held_out.0), positions(held_out.1, &classes));
    Ok(1.0 - accuracy(&classifier, &codes, &right))
}

/// Codes and labels of some samples.
struct Part {
    codes: Tensor,
    labels: Vec<u32>,
}

impl Part {
    fn new(run: &Run, data: &Dataset) -> Result<Self, Failure> {
        let Some(labels) = &data.labels else {
            return Err(Failure::usage(format!(
                "{}: the samples have no labels to read off their codes; name labelled ones with --data",
                data.name
            )));
        };
        let needed = run.labels(data.len(), train::labels(data))?;
        Ok(Self {
            codes: run.encode(&data::samples(data, needed)),
            labels: labels.clone(),
        })
    }
}

/// The labels that occur, in order.
fn classes(labels: &[u32]) -> Result<Vec<u32>, Failure> {
    let classes: BTreeSet<u32> = labels.iter().copied().collect();
    match classes.len() {
        0 | 1 => Err(Failure::usage(
            "all training samples have one label, so there is nothing to tell apart; use other data",
        )),
        2..=MOST_CLASSES => Ok(classes.into_iter().collect()),
        many => Err(Failure::usage(format!(
            "{many} different labels, and at most {MOST_CLASSES} make classes; are they measurements?"
        ))),
    }
}

/// Where each label stands among the classes; the position after the last if it is none of them.
fn positions(labels: &[u32], classes: &[u32]) -> Vec<usize> {
    let position = |label| classes.binary_search(label).unwrap_or(classes.len());
    labels.iter().map(position).collect()
}

/// The decay with which every sixth of the samples is told best by the others; the larger of equals.
fn decay(codes: &Tensor, right: &[usize], classes: usize) -> Result<f64, Failure> {
    // Not the last ones: data is often in the order of its classes.
    let (judges, others): (Vec<usize>, Vec<usize>) =
        (0..right.len()).partition(|sample| sample % CHOOSING == CHOOSING - 1);
    let of = |samples: &[usize]| -> (Tensor, Vec<usize>) {
        let right = samples.iter().map(|&sample| right[sample]);
        (codes.rows(samples), right.collect())
    };
    let ((own, known), (last, asked)) = (of(&others), of(&judges));
    let mut best = (0.0, DECAYS[0]);
    for decay in DECAYS.into_iter().filter(|_| !judges.is_empty()) {
        let reached = accuracy(&fit(&own, &known, classes, decay)?, &last, &asked);
        if reached >= best.0 {
            best = (reached, decay);
        }
    }
    Ok(best.1)
}

/// The classifier of the codes `[samples, code]`, whose weights decay by λ.
fn fit(codes: &Tensor, right: &[usize], classes: usize, decay: f64) -> Result<Linear, Failure> {
    // The problem has one answer, and 0 is as good a start as any.
    let start = Init::Constant(0.0);
    let model = Linear::with_init(codes.shape()[1], classes, start, &mut random::rng(0));
    let right = right.iter().map(|&class| class as i64).collect();
    let right = Array::from_vec(right, [codes.shape()[0]]);
    let settings = Lbfgs {
        max_iterations: MOST_ITERATIONS,
        max_evaluations: 2 * MOST_ITERATIONS,
        ..Lbfgs::default()
    };
    let mut optimizer = Optimizer::lbfgs(settings, 1.0, model.params());
    optimizer
        .minimize(|| {
            let x = Tape::new().constant(codes.clone());
            let error = loss::cross_entropy(&model.forward(&x), &right);
            let loss = error + regulariser::l2(&model.weight.beside(&x)) * decay;
            Ok::<_, std::convert::Infallible>((loss.item(), loss.backward()))
        })
        .map_err(Failure::run)?;
    Ok(model)
}

/// The share of samples whose class gets the largest number.
fn accuracy(model: &Linear, codes: &Tensor, right: &[usize]) -> f64 {
    let found = model.forward(&codes.clone().into()).into_value().argmax(1);
    let hits = found.iter().zip(right);
    let hits = hits
        .filter(|(found, right)| *found == **right as i64)
        .count();
    hits as f64 / right.len() as f64
}

/// The accuracy of always saying the class that is most frequent in training.
fn most_frequent(train: &[usize], held_out: &[usize], classes: usize) -> f64 {
    let count = |class: usize, labels: &[usize]| labels.iter().filter(|&&x| x == class).count();
    let best = (0..classes).max_by_key(|&class| count(class, train));
    let hits = best.map_or(0, |best| count(best, held_out));
    hits as f64 / held_out.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd::tensor::DType;

    #[test]
    fn what_a_plane_separates_is_told_apart_and_what_none_does_is_not() {
        let corners = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
        let codes = Tensor::from_vec(corners.concat(), [4, 2]);
        let codes = Scaling::standard(&codes).apply(&codes);
        let reached =
            |right: &[usize]| accuracy(&fit(&codes, right, 2, DECAYS[0]).unwrap(), &codes, right);
        assert_eq!(reached(&[0, 0, 0, 1]), 1.0);
        // Exclusive or: no plane, however it lies, gets more than three of the four.
        assert!(reached(&[0, 1, 1, 0]) <= 0.75);
    }

    #[test]
    fn codes_that_say_nothing_are_not_learnt_by_heart() {
        // 300 samples in the order of their classes: of 120 numbers one says the class and is often wrong, and the
        // others, with which any classes could be told, are noise.
        let rng = &mut random::rng(5);
        let noise = Tensor::normal([300, 120], 0.0, 1.0, rng, DType::F32);
        let right: Vec<usize> = (0..300).map(|sample| usize::from(sample >= 150)).collect();
        let said = Tensor::from_fn([300, 120], |at| match at {
            [sample, 0] => 2.0 * right[*sample] as f32 - 1.0,
            _ => 0.0,
        });
        let codes = noise + said;
        assert!(decay(&codes, &right, 2).unwrap() > DECAYS[0]);
        // Fewer samples than one in six has none to choose by.
        let few = codes.slice(0, ..4).contiguous();
        assert_eq!(decay(&few, &right[..4], 2).unwrap(), DECAYS[0]);
    }

    #[test]
    fn labels_need_not_be_in_a_row() {
        let classes = classes(&[7, 3, 7, 900]).unwrap();
        assert_eq!(positions(&[900, 3, 5], &classes), [2, 0, 3]);
        assert_eq!(most_frequent(&[0, 1, 1], &[1, 1, 0, 3], 3), 0.5);
    }
}
