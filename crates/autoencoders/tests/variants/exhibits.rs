//! What single variants have to show.

use retrograd_autoencoders::{Autoencoder, Content, DataShape, Input};
use retrograd_autograd::Var;
use retrograd_tensor::{Tensor, assert_abs_diff_eq};

use crate::{model, normal, uniform};

const TABLE: DataShape = DataShape::table(6);

/// What the only exhibit for these samples consists of.
fn shown(model: &dyn Autoencoder, input: &Input) -> Content {
    let mut exhibits = model.exhibits(input);
    assert_eq!(exhibits.len(), 1);
    exhibits.remove(0).content
}

#[test]
fn bits_show_how_often_they_are_1() {
    let model = model("hashing", "hidden = [5]\nlatent = 4", TABLE, 1);
    let input = Input::from(normal(&[50, 6], 2));
    let Content::Bars { heights, .. } = shown(model.as_ref(), &input) else {
        panic!("bars");
    };
    let mut shares = model.encode(&input).flat().value().mean(0).to_vec();
    shares.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(heights, shares);
}

#[test]
fn nested_dictionaries_show_the_error_of_every_prefix() {
    let options = "latent = 9\nk = 3\nprefixes = [3, 5]";
    let model = model("matryoshka", options, TABLE, 1);
    let input = Input::from(normal(&[20, 6], 2));
    let Content::Curves { lines, .. } = shown(model.as_ref(), &input) else {
        panic!("curves");
    };
    let metrics = model.objective(&input).metrics();
    let names = ["mse@3", "mse@5", "mse"].map(|name| metrics.get(name).unwrap());
    let [atoms, errors]: [Vec<f64>; 2] = [
        lines[0].1.iter().map(|point| point.0).collect(),
        lines[0].1.iter().map(|point| point.1).collect(),
    ];
    assert_eq!(atoms, [0.0, 3.0, 5.0, 9.0]);
    assert_abs_diff_eq!(errors[1..], names[..], epsilon = 1e-14);
    // Without atoms the bias is left, which is 0 before training.
    let x = input.x.value();
    assert_abs_diff_eq!(errors[0], (x * x).mean(..).item(), epsilon = 1e-14);
}

#[test]
fn what_is_filled_in_is_hidden_from_the_model() {
    let model = model("miwae", "hidden = [5]\nlatent = 2\nsamples = 3", TABLE, 1);
    let x = normal(&[20, 6], 2);
    let observed = Tensor::from_fn([20, 6], |at| f64::from(at[1] != 4));
    let points = |x: &Tensor| {
        let input = Input::from(x.clone()).observed(Some(Var::from(observed.clone())));
        let Content::Points { groups, .. } = shown(model.as_ref(), &input) else {
            panic!("points");
        };
        groups[0].1.clone()
    };
    let is_hidden = |at: &[usize]| at[1] != 4 && (at[0] + at[1]).is_multiple_of(10);
    let places = (0..20).flat_map(|row| (0..6).map(move |column| [row, column]));
    let hidden = places.filter(|at| is_hidden(at)).map(|at| x.at(&at));
    let found = points(&x);
    let truth: Vec<f64> = found.iter().map(|point| point.0).collect();
    assert_eq!(truth, hidden.collect::<Vec<f64>>());
    // Other numbers in their place change nothing of what is filled in.
    let other = Tensor::from_fn([20, 6], |at| if is_hidden(at) { 9.0 } else { x.at(at) });
    for (ours, theirs) in found.iter().zip(points(&other)) {
        assert_eq!((ours.1, 9.0), (theirs.1, theirs.0));
    }
}

#[test]
fn ladders_show_the_error_of_every_layer_with_noise() {
    let heights = |noise: &str| {
        let options = format!("hidden = [5, 4]\nclasses = 3\nlabelled = 3\nnoise = {noise}");
        let model = model("ladder", &options, TABLE, 1);
        let input = Input::from(uniform(30, 6, 2));
        let Content::Bars { heights, .. } = shown(model.as_ref(), &input) else {
            panic!("bars");
        };
        heights
    };
    let (quiet, noisy) = (heights("0.0"), heights("0.5"));
    assert_eq!(noisy.len(), 4, "the sample, two hidden layers, and the top");
    assert!(
        quiet
            .iter()
            .zip(&noisy)
            .all(|(quiet, noisy)| quiet != noisy)
    );
}
