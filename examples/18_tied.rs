//! The tied autoencoder: the way back uses the weights of the way there, transposed.
//!
//! ```text
//! h₁ = a(W₁ x + b₁)     h = a(W₂ h₁ + b₂)          784 → 300 → 150
//! y = W₁ᵀ a(W₂ᵀ h + b₃) + b₄                       150 → 300 → 784
//! min ‖x − y‖² + λ (½‖W₁‖² + ½‖W₂‖²)
//! ```
//!
//! With respect to `17_stacked` the decoder has biases alone: half the numbers to learn. What a unit
//! looks for in the input is also what it paints into the output. On the tape a weight that is used
//! twice is one leaf, so its gradient is the sum of both uses without anybody asking for it.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 18_tied`. It prints
//!
//! ```text
//! stacked, 561934 parameters
//! epoch        mse         l2       loss     held out
//!     1     0.1640   778.5498     0.9425       0.3353
//!     2     0.0332   170.8754     0.2041       0.1245
//!     3     0.0294    63.9894     0.0934       0.0728
//!     4     0.0293    34.5503     0.0639       0.0580
//!     5     0.0298    25.4438     0.0552       0.0535
//! tied, 281734 parameters
//! epoch        mse         l2       loss     held out
//!     1     0.1221   286.4344     0.4085       0.1668
//!     2     0.0191    96.4566     0.1155       0.0812
//!     3     0.0182    47.2969     0.0655       0.0547
//!     4     0.0191    30.1977     0.0493       0.0457
//!     5     0.0197    23.9223     0.0437       0.0425
//! held-out mse: stacked 0.0303, tied 0.0201
//! wrote target/examples-out/18_tied_images.png
//! wrote target/examples-out/18_tied_filters.png
//! ```
//!
//! The first picture shows originals and the reconstructions of both; the second what the first 60
//! units of the tied one look for, which is also what they paint: red adds ink, blue takes it away.

use retrograd_autoencoders::Settings;
use retrograd_examples::{Example, Outcome, handful, mse, recipe, reconstruct, variant};
use retrograd_report::{ImageGrid, Shading};

fn main() -> Outcome {
    let example = Example::new("18_tied");
    let data = example.images()?;
    let recipe = recipe("tied", 5)?;

    let own = Settings::new();
    let [stacked, tied] = [
        variant("stacked", &own, &data)?,
        variant("tied", &own, &data)?,
    ];
    let [stacked, tied] = [stacked.as_ref(), tied.as_ref()];
    println!("stacked, {} parameters", stacked.parameter_count());
    example.train(stacked, &data, &recipe)?;
    println!("tied, {} parameters", tied.parameter_count());
    example.train(tied, &data, &recipe)?;
    assert!(tied.parameter_count() < stacked.parameter_count() * 51 / 100);

    let x = &data.held_out.features;
    let errors = [reconstruct(stacked, x), reconstruct(tied, x)].map(|y| mse(&y, x));
    println!(
        "held-out mse: stacked {:.4}, tied {:.4}",
        errors[0], errors[1]
    );

    let originals = handful(&data);
    let by_stacked = reconstruct(stacked, &originals);
    let by_tied = reconstruct(tied, &originals);
    example.rows(
        "images",
        &[
            ("original", &originals),
            ("stacked", &by_stacked),
            ("tied", &by_tied),
        ],
    )?;
    let side = data.train.width().isqrt();
    let filters = tied.params()[0].1.value().slice(0, ..60);
    let filters = filters.values();
    let grid = ImageGrid::new()
        .row("filters", &filters, [60, side, side])
        .shading(Shading::Diverging)
        .columns(15)
        .scale(2)
        .gap(2);
    example.grid("filters", &grid)
}
