//! The contractive autoencoder's code hardly moves when its input does.
//!
//! ```text
//! min L(x, g(h)) + λ ‖∂h/∂x‖²_F        h = σ(W x + b), 64 units
//! ‖∂h/∂x‖²_F = Σⱼ (hⱼ(1 − hⱼ))² Σᵢ Wⱼᵢ²
//! ```
//!
//! With respect to `12_deep` the derivatives of the code cost. To draw its input the code must follow
//! the changes that digits have, to be cheap it must follow no others: of the 64 directions in which
//! it can move, few remain. How far it moves in each are the singular values of ∂h/∂x.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 21_contractive`. It prints
//!
//! ```text
//! λ = 0
//! epoch        bce  contraction       loss     held out
//!     1     0.3131      15.7266     0.3131       0.2504
//!     2     0.2443       5.9625     0.2443       0.2383
//!     3     0.2281      12.1266     0.2281       0.2185
//!     4     0.2083      17.6627     0.2083       0.1990
//!     5     0.1906      20.3054     0.1906       0.1836
//!     6     0.1771      21.3037     0.1771       0.1719
//!     7     0.1666      23.4247     0.1666       0.1626
//!     8     0.1581      24.7196     0.1581       0.1550
//!     9     0.1512      25.4771     0.1512       0.1487
//!    10     0.1453      26.3999     0.1453       0.1431
//! ‖J‖² 27.01; noise of 0.1 moves the code by 0.512
//! λ = 0.001
//! epoch        bce  contraction       loss     held out
//!     1     0.3207      12.2053     0.3329       0.2473
//!     2     0.2328       2.3782     0.2352       0.2261
//!     3     0.2170       1.9214     0.2189       0.2129
//!     4     0.2050       1.8463     0.2068       0.2020
//!     5     0.1955       1.7649     0.1973       0.1939
//!     6     0.1886       1.6797     0.1902       0.1878
//!     7     0.1830       1.6245     0.1847       0.1827
//!     8     0.1784       1.5700     0.1800       0.1784
//!     9     0.1745       1.5181     0.1760       0.1746
//!    10     0.1709       1.4783     0.1724       0.1712
//! ‖J‖² 1.48; noise of 0.1 moves the code by 0.122
//! λ = 0.01
//! epoch        bce  contraction       loss     held out
//!     1     0.3422       9.3146     0.4354       0.2657
//!     2     0.2529       0.3711     0.2566       0.2523
//!     3     0.2481       0.1665     0.2497       0.2492
//!     4     0.2466       0.1010     0.2476       0.2479
//!     5     0.2459       0.0711     0.2466       0.2472
//!     6     0.2455       0.0552     0.2460       0.2469
//!     7     0.2452       0.0464     0.2457       0.2464
//!     8     0.2450       0.0433     0.2454       0.2462
//!     9     0.2443       0.0627     0.2450       0.2441
//!    10     0.2383       0.1263     0.2395       0.2382
//! ‖J‖² 0.09; noise of 0.1 moves the code by 0.031
//! wrote target/examples-out/21_contractive_spectrum.svg
//! wrote target/examples-out/21_contractive_images.png
//! ```
//!
//! The chart shows the singular values, the mean over ten digits, for three λ: the larger λ, the
//! fewer directions. The picture shows the price, in reconstructions that say less.

use retrograd_autoencoders::{Settings, contraction_of_sigmoids};
use retrograd_examples::{Example, Outcome, encode, handful, recipe, reconstruct, variant};
use retrograd_report::Chart;
use retrograd_tensor::{DType, Tensor, random};

fn main() -> Outcome {
    let example = Example::new("21_contractive");
    let data = example.images()?;
    let originals = handful(&data);
    let x = &data.held_out.features;
    let noise = Tensor::normal(*x.shape(), 0.0, 0.1, &mut random::rng(3), DType::F32);
    let mut chart = Chart::curves("Directions of the code", "direction", "singular value");
    let mut shown = Vec::new();
    let mut sizes = Vec::new();
    for lambda in [0.0, 1e-3, 1e-2] {
        println!("λ = {lambda}");
        let settings = Settings::new().with("lambda", lambda);
        let model = variant("contractive", &settings, &data)?;
        let model = model.as_ref();
        example.train(model, &data, &recipe("contractive", 10)?)?;

        let (codes, weight) = (encode(model, x), model.params()[0].1.value().clone());
        let size = contraction_of_sigmoids(&codes.clone().into(), &weight.clone().into()).item();
        let moved = &encode(model, &(x + &noise)) - &codes;
        let moved = (&moved * &moved).sum(1).mean(..).item().sqrt();
        println!("‖J‖² {size:.2}; noise of 0.1 moves the code by {moved:.3}");
        sizes.push(size);
        let spectrum = spectrum(&weight, &encode(model, &originals));
        let points = spectrum
            .into_iter()
            .zip(1..)
            .map(|(s, i)| (f64::from(i), s));
        chart = chart.line(format!("λ = {lambda}"), points);
        shown.push((format!("λ = {lambda}"), reconstruct(model, &originals)));
    }
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
    example.chart("spectrum", &chart)?;
    let mut rows = vec![("original", &originals)];
    rows.extend(shown.iter().map(|(name, images)| (name.as_str(), images)));
    example.rows("images", &rows)
}

/// The singular values of ∂h/∂x, the largest first, averaged over the samples of these codes.
///
/// They are the roots of the eigenvalues of J Jᵀ, and J = diag(h(1 − h)) W.
fn spectrum(weight: &Tensor, codes: &Tensor) -> Vec<f64> {
    let slopes = codes * &(&Tensor::ones(*codes.shape(), DType::F32) - codes);
    let (samples, units) = (codes.shape()[0], codes.shape()[1]);
    let mut mean = vec![0.0; units];
    for sample in 0..samples {
        let slope = slopes.slice(0, sample as isize..sample as isize + 1);
        let jacobian = &slope.t() * weight;
        let (values, _) = jacobian.matmul(&jacobian.t()).eigh();
        // From the smallest on; rounding may leave those near 0 below it.
        for (sum, value) in mean.iter_mut().rev().zip(values.iter()) {
            *sum += value.max(0.0).sqrt() / samples as f64;
        }
    }
    mean
}
