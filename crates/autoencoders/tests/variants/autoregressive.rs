//! Models that tell each number from those before it.

use retrograd_autoencoders::{Autoencoder, BoxedAutoencoder, DataShape};
use retrograd_autograd::functional;
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

use crate::{model, state, uniform};

/// Models of rows of so many numbers, in every form.
fn models(features: usize) -> Vec<(String, BoxedAutoencoder)> {
    let widths = ["hidden = [24]", "hidden = [20, 15]", "hidden = [3]"];
    let rest = [
        "",
        "order = \"shuffled\"",
        "direct = true",
        "order = \"shuffled\"\ndirect = true",
    ];
    let all = widths.iter().flat_map(|widths| {
        rest.iter()
            .map(move |rest| format!("{widths}\nactivation = \"tanh\"\n{rest}"))
    });
    all.map(|options| {
        let model = model("made", &options, DataShape::table(features), 3);
        // Biases of 0 would hide that the first number's output is one.
        for (position, (path, param)) in model.params().into_iter().enumerate() {
            if path.ends_with("bias") {
                param.set(uniform(1, param.shape()[0], position as u64).select(0, 0));
            }
        }
        (options, model)
    })
    .collect()
}

/// Features by their place in the order.
fn order(model: &dyn Autoencoder) -> Vec<usize> {
    let places = state(model, "order").to_vec();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
    order
}

/// All rows of 0 and 1.
fn all_rows(features: usize) -> Vec<Tensor> {
    let bit = |row: usize, feature: usize| f64::from((row >> feature) & 1 == 1);
    let row = |row| Tensor::from_fn([1, features], |at| bit(row, at[1]));
    (0..1 << features).map(row).collect()
}

#[test]
fn no_number_depends_on_itself_or_on_later_ones() {
    for (what, model) in models(7) {
        let x = uniform(1, 7, 5);
        let jacobian = functional::jacobian(|x| model.forward(&x[0]), &[x]).unwrap();
        let jacobian = jacobian[0].reshape(&[7, 7]);
        let order = order(model.as_ref());
        for (later, &output) in order.iter().enumerate() {
            for (earlier, &input) in order.iter().enumerate() {
                let slope = jacobian.at(&[output, input]);
                if earlier >= later {
                    assert_eq!(slope, 0.0, "{what}: {output} reads {input}");
                } else if !what.contains("[3]") {
                    assert_ne!(slope, 0.0, "{what}: {output} does not read {input}");
                }
            }
        }
        if what.contains("shuffled") {
            assert_ne!(order, [0, 1, 2, 3, 4, 5, 6]);
        }
    }
}

#[test]
fn probabilities_of_all_samples_sum_to_one() {
    for features in [1, 2, 8] {
        for (what, model) in models(features) {
            let probability = |x: Tensor| (-model.objective(&x.into()).total().item()).exp();
            let total: f64 = all_rows(features).into_iter().map(probability).sum();
            assert_abs_diff_eq!(total, 1.0, epsilon = 1e-12, "{what} of {features}");
        }
    }
    // Ten numbers once, the widest that is summed.
    let (what, model) = models(10).remove(7);
    let probability = |x: Tensor| (-model.objective(&x.into()).total().item()).exp();
    let total: f64 = all_rows(10).into_iter().map(probability).sum();
    assert_abs_diff_eq!(total, 1.0, epsilon = 1e-12, "{what}");
}

#[test]
fn the_first_number_is_told_from_a_bias_alone() {
    for (what, model) in models(6) {
        let first = order(model.as_ref())[0];
        let y = model.forward(&uniform(5, 6, 2).into()).into_value();
        let column = y.select(1, first).to_vec();
        assert!(column.iter().all(|share| *share == column[0]), "{what}");
        let bias = state(model.as_ref(), "output.bias").at(&[first]);
        assert_abs_diff_eq!(column[0], 1.0 / (1.0 + (-bias).exp()), epsilon = 1e-14);
    }
}

#[test]
fn samples_come_as_often_as_the_model_says() {
    for (what, model) in models(3) {
        let samples = model.sample(20_000, &mut random::rng(4)).expect("samples");
        assert_eq!(samples.shape(), [20_000, 3]);
        let mut counts = [0.0; 8];
        for row in samples.to_vec().chunks(3) {
            counts[row[0] as usize + 2 * row[1] as usize + 4 * row[2] as usize] += 1.0;
        }
        for (row, count) in all_rows(3).into_iter().zip(counts) {
            let p = (-model.objective(&row.into()).total().item()).exp();
            // Five standard errors at most.
            let error = 5.0 * (p * (1.0 - p) / 20_000.0).sqrt();
            assert_abs_diff_eq!(count / 20_000.0, p, epsilon = error, "{what}");
        }
    }
    let (_, model) = models(3).remove(0);
    model.cast(DType::F32);
    let samples = model.sample(5, &mut random::rng(4)).unwrap();
    assert_eq!(samples.dtype(), DType::F32);
    let deep = crate::model("deep", "latent = 2\nhidden = [3]", DataShape::table(3), 0);
    assert!(deep.sample(1, &mut random::rng(0)).is_none());
}

#[test]
fn the_code_is_what_the_output_layer_reads() {
    for (what, model) in models(6) {
        let x = uniform(4, 6, 2);
        let code = model.encode(&x.clone().into()).flat();
        let width = model.widths()[model.widths().len() - 2];
        assert_eq!(code.shape(), [4, width], "{what}");
        if what.contains("direct") {
            assert_eq!(code.value().slice(1, width as isize - 6..).contiguous(), x);
        }
    }
}
