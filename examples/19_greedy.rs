//! The greedy autoencoder is trained a pair of layers at a time, from the outside in.
//!
//! ```text
//! layer 1        min ‖x  − (W₄ h₁ + b₄)‖²     over W₁ b₁ W₄ b₄      h₁ = a(W₁ x + b₁)
//! layer 2        min ‖h₁ − a(W₃ h₂ + b₃)‖²    over W₂ b₂ W₃ b₃      h₂ = a(W₂ h₁ + b₂),  h₁ fixed
//! fine-tuning    min ‖x  − g(f(x))‖²          over all
//! ```
//!
//! With respect to `17_stacked` only the order of training changes. Each pair is an autoencoder of
//! what the pairs before it give, and in each phase the parameters of the others stand still, which
//! the program checks. This is how deep networks were first trained at all.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 19_greedy`. It prints
//!
//! ```text
//! layer 1
//! epoch        mse         l2       loss     held out
//!     1     0.0613   907.6200     0.0704       0.0303
//!     2     0.0165   766.0136     0.0241       0.0198
//!     3     0.0102   671.9684     0.0169       0.0148
//!     4     0.0072   591.0590     0.0131       0.0118
//! 4 of 8 weights and biases moved; held-out mse of the whole 0.4433
//! layer 2
//! epoch        mse         l2       loss     held out
//!     1     0.0639   422.2326     0.0681       0.0300
//!     2     0.0192   397.9272     0.0231       0.0185
//!     3     0.0120   381.5977     0.0158       0.0137
//!     4     0.0085   364.9118     0.0121       0.0110
//! 4 of 8 weights and biases moved; held-out mse of the whole 0.0134
//! fine-tuning
//! epoch        mse         l2       loss     held out
//!     1     0.0115   898.3842     0.0205       0.0193
//!     2     0.0096   874.1008     0.0183       0.0178
//! 8 of 8 weights and biases moved; held-out mse of the whole 0.0091
//! wrote target/examples-out/19_greedy_images.png
//! ```
//!
//! The picture shows what the whole network makes of the originals after each phase. After the first
//! its inner pair is still as it started and nothing comes through; after the second it works; fine-
//! tuning repairs what the two pairs could not know of each other.

use retrograd_autoencoders::{Recipe, Settings, epochs_of};
use retrograd_examples::{Example, Outcome, handful, mse, recipe, reconstruct, variant};
use retrograd_nn::Module;
use retrograd_tensor::Tensor;

/// λ of the decay, a hundredth of that of `17_stacked`, whose blur would hide the rest.
const LAMBDA: f64 = 1e-5;

fn main() -> Outcome {
    let example = Example::new("19_greedy");
    let data = example.images()?;
    let recipe = Recipe {
        learning_rate: 1e-3,
        ..recipe("greedy", 10)?
    };
    let model = variant("greedy", &Settings::new().with("lambda", LAMBDA), &data)?;
    let model = model.as_ref();

    let (originals, x) = (handful(&data), &data.held_out.features);
    let phases = model.phases();
    let epochs = epochs_of(&phases, example.epochs(&recipe));
    let mut after = Vec::new();
    let mut errors = Vec::new();
    for (phase, epochs) in phases.into_iter().zip(epochs) {
        let (name, moving) = (phase.name.clone(), phase.params().count());
        let before = values(model);
        println!("{name}");
        example.phase(model, phase, epochs, &data, &recipe)?;
        let moved = before.iter().zip(values(model)).filter(|(a, b)| **a != *b);
        let (moved, error) = (moved.count(), mse(&reconstruct(model, x), x));
        println!("{moved} of 8 weights and biases moved; held-out mse of the whole {error:.4}");
        assert_eq!(moved, moving);
        after.push((name, reconstruct(model, &originals)));
        errors.push(error);
    }
    assert!(errors[1] < errors[0], "{errors:?}");
    assert!(
        !example.typical() || errors[2] < 0.7 * errors[1],
        "{errors:?}"
    );
    let mut rows = vec![("original", &originals)];
    rows.extend(after.iter().map(|(name, images)| (name.as_ref(), images)));
    example.rows("images", &rows)
}

/// Copies of all parameters.
fn values(model: &dyn Module) -> Vec<Tensor> {
    let params = model.params().into_iter();
    params.map(|(_, param)| param.value().copied()).collect()
}
