//! Codes that together lie as a prior does: the distances that are minimised for it, against what they are
//! by definition.

use retrograd_autoencoders::{
    Autoencoder, Body, DataShape, Deterministic, Input, Output, Start, cramer_wold,
    maximum_mean_discrepancy, sliced_wasserstein,
};
use retrograd_autograd::Var;
use retrograd_autograd::check::Check;
use retrograd_nn::{Activation, Module};
use retrograd_tensor::{DType, Tensor, assert_relative_eq, random};

use crate::{copy, model, normal, uniform};

/// Rows of eight numbers in [0, 1].
const ROWS: DataShape = DataShape::table(8);

fn square_distance(x: &Tensor, i: usize, y: &Tensor, j: usize) -> f64 {
    let numbers = 0..x.shape()[1];
    numbers
        .map(|k| (x.at(&[i, k]) - y.at(&[j, k])).powi(2))
        .sum()
}

/// MMD² term by term: pairs, and the seven kernels of each.
fn discrepancy(x: &Tensor, y: &Tensor) -> f64 {
    let kernel = |x: &Tensor, i: usize, y: &Tensor, j: usize| -> f64 {
        let scales = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
        let widths = scales.map(|scale| 2.0 * x.shape()[1] as f64 * scale);
        widths
            .iter()
            .map(|c| c / (c + square_distance(x, i, y, j)))
            .sum()
    };
    let (n, m) = (x.shape()[0], y.shape()[0]);
    let mut total = 0.0;
    for (own, count) in [(x, n), (y, m)] {
        for i in 0..count {
            for j in (0..count).filter(|&j| j != i) {
                total += kernel(own, i, own, j) / (count * (count - 1)) as f64;
            }
        }
    }
    for i in 0..n {
        for j in 0..m {
            total -= 2.0 * kernel(x, i, y, j) / (n * m) as f64;
        }
    }
    total
}

fn of(x: &Tensor, y: &Tensor) -> f64 {
    maximum_mean_discrepancy(&x.clone().into(), &y.clone().into()).item()
}

#[test]
fn the_discrepancy_is_the_sum_over_pairs_and_kernels() {
    for (n, m, latent) in [(5, 7, 3), (6, 6, 1), (2, 3, 8)] {
        let (x, y) = (normal(&[n, latent], 1), normal(&[m, latent], 2).scale(1.5));
        assert_relative_eq!(of(&x, &y), discrepancy(&x, &y), epsilon = 1e-12);
    }
    // The same sample twice: the sum across keeps the pairs of a code with itself, so it is below 0.
    let x = normal(&[6, 2], 3);
    assert_relative_eq!(of(&x, &x), discrepancy(&x, &x), epsilon = 1e-12);
    assert!(of(&x, &x) < 0.0);
    let one = normal(&[1, 2], 4);
    assert!(of(&one, &x).is_finite() && of(&one, &one).is_finite());
}

#[test]
fn the_discrepancy_of_two_samples_of_the_prior_is_zero_on_average() {
    let (rounds, n, latent) = (2000, 8, 3);
    let mean = |shift: f64| {
        let rng = &mut random::rng(5);
        let values: Vec<f64> = (0..rounds)
            .map(|_| {
                let mut draw = || Tensor::normal([n, latent], 0.0, 1.0, rng, DType::F64);
                let (x, y) = (draw() + Tensor::full([latent], shift), draw());
                of(&x, &y)
            })
            .collect();
        let mean = values.iter().sum::<f64>() / rounds as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / rounds as f64;
        (mean, (variance / rounds as f64).sqrt())
    };
    let (same, error) = mean(0.0);
    assert!(same.abs() < 3.0 * error, "{same} ± {error}");
    // The estimate that keeps a code's kernel with itself is off by about 7·(1 − mean kernel)/n each.
    assert!(error < 0.02, "{error}");
    let (shifted, error) = mean(0.5);
    assert!(shifted > 10.0 * error, "{shifted} ± {error}");
}

/// What all of the family are without their price: an autoencoder whose cost is one of a sample.
#[test]
fn without_its_price_it_is_an_autoencoder_with_summed_squares() {
    let x = uniform(5, 8, 2);
    let body =
        Body::dense_to_any_code(&[8, 6, 2], Activation::Relu, Start::He, &mut random::rng(9));
    let plain = Deterministic::new(body, Output::Squashed).to(DType::F64);
    for (variant, own) in [
        ("wae-mmd", ""),
        ("sliced", ""),
        ("cramer-wold", ""),
        ("rae", "beta = 0.0\n"),
    ] {
        let options = "hidden = [6]\nlatent = 2\nactivation = \"relu\"\nlambda = 0.0";
        let model = model(variant, &format!("{own}{options}"), ROWS, 1);
        copy(model.as_ref(), &plain);
        let loss = |model: &dyn Autoencoder, input: &Input| model.objective(input).total().item();
        let mean = loss(&plain, &x.clone().into());
        let summed = loss(model.as_ref(), &x.clone().into());
        assert_relative_eq!(summed, 8.0 * mean, epsilon = 1e-12);
        // Of a sample with holes, what was observed.
        let mask = Tensor::from_fn([5, 8], |at| f64::from((at[0] + at[1]) % 3 != 0));
        let holes = Input::from(x.clone()).observed(Some(Var::from(mask.clone())));
        let seen = mask.sum(..).item();
        let expected = loss(&plain, &holes) * seen / 5.0;
        assert_relative_eq!(loss(model.as_ref(), &holes), expected, epsilon = 1e-12);
        assert_eq!(model.unit(), "squared error per sample, and penalties");
        let prior = model.prior().map(|prior| (prior.name(), prior.latent()));
        let expected = (variant != "rae").then(|| ("N(0, 1)".to_owned(), 2));
        assert_eq!(prior, expected);
        // A code is what the last layer gives, of any sign and size.
        let code = model
            .encode(&normal(&[50, 8], 3).into())
            .flat()
            .into_value();
        assert!(code.iter().any(|h| h < 0.0), "{variant}");
    }
}

/// The least mean of squares over all ways to carry one sample to another.
fn cheapest(x: &[f64], y: &[f64]) -> f64 {
    fn over(x: &[f64], left: &mut Vec<f64>) -> f64 {
        let Some((first, rest)) = x.split_first() else {
            return 0.0;
        };
        let mut best = f64::INFINITY;
        for to in 0..left.len() {
            let target = left.remove(to);
            best = best.min((first - target).powi(2) + over(rest, left));
            left.insert(to, target);
        }
        best
    }
    over(x, &mut y.to_vec()) / x.len() as f64
}

#[test]
fn along_a_line_the_sliced_distance_is_that_of_the_best_plan() {
    let (x, y) = (normal(&[6, 1], 1), normal(&[6, 1], 2).scale(2.0));
    let expected = cheapest(&x.to_vec(), &y.to_vec());
    let of = |x: &Tensor, y: &Tensor, directions: &Tensor| {
        let [x, y, directions] = [x, y, directions].map(|tensor| Var::from(tensor.clone()));
        sliced_wasserstein(&x, &y, &directions).item()
    };
    for sign in [1.0, -1.0] {
        let found = of(&x, &y, &Tensor::full([1, 1], sign));
        assert_relative_eq!(found, expected, epsilon = 1e-12);
    }
    // Of several directions in a plane, the mean of what each shows.
    let (x, y) = (normal(&[5, 2], 3), normal(&[5, 2], 4));
    let angles = [0.3_f64, 1.2, 2.9];
    let directions = Tensor::from_fn([3, 2], |at| {
        let angle = angles[at[0]];
        [angle.cos(), angle.sin()][at[1]]
    });
    let seen = |codes: &Tensor, line: usize| {
        let row = directions.slice(0, line as isize..line as isize + 1);
        codes.matmul(&row.t().contiguous()).to_vec()
    };
    let each = (0..3).map(|line| cheapest(&seen(&x, line), &seen(&y, line)));
    let expected = each.sum::<f64>() / 3.0;
    assert_relative_eq!(of(&x, &y, &directions), expected, epsilon = 1e-12);
    assert_eq!(of(&x, &x, &directions), 0.0);
}

fn density(t: f64, mean: f64, variance: f64) -> f64 {
    (-(t - mean).powi(2) / (2.0 * variance)).exp() / (std::f64::consts::TAU * variance).sqrt()
}

/// 2√π times the integral of the square of what is left between the smoothed numbers and the smoothed
/// prior, by the trapezoidal rule, which is exact to rounding for functions that fall so fast.
fn overlap(numbers: &[f64]) -> f64 {
    let count = numbers.len() as f64;
    let g = (4.0 / (3.0 * count)).powf(0.4);
    let (low, step) = (-20.0, 1e-2);
    let square = |node: usize| {
        let t = low + step * node as f64;
        let smoothed = numbers.iter().map(|&x| density(t, x, g)).sum::<f64>() / count;
        (smoothed - density(t, 0.0, 1.0 + g)).powi(2)
    };
    let integral = (0..4000).map(square).sum::<f64>() * step;
    2.0 * std::f64::consts::PI.sqrt() * integral
}

fn cw(codes: &Tensor) -> f64 {
    cramer_wold(&codes.clone().into()).item()
}

#[test]
fn the_cramer_wold_distance_is_the_integral_it_stands_for() {
    for (count, scale) in [(1, 1.0), (7, 1.0), (20, 3.0)] {
        let codes = normal(&[count, 1], 5).scale(scale);
        assert_relative_eq!(cw(&codes), overlap(&codes.to_vec()), epsilon = 1e-10);
        // In the plane, the mean over directions: of 500, when 64 are used.
        let codes = normal(&[count, 2], 6).scale(scale);
        let directions = 500;
        let seen = |k: usize| {
            let angle = std::f64::consts::PI * k as f64 / directions as f64;
            let direction = Tensor::from_vec(vec![angle.cos(), angle.sin()], [2, 1]);
            overlap(&codes.matmul(&direction).to_vec())
        };
        let expected = (0..directions).map(seen).sum::<f64>() / directions as f64;
        assert_relative_eq!(cw(&codes), expected, epsilon = 1e-8);
    }
}

#[test]
fn the_form_for_many_numbers_is_near_the_mean_over_directions_and_nearer_for_more() {
    // E over directions e of exp(−s⟨u, e⟩²) = 1F1(½; L/2; −s), for which the form has (1 + 4s/(2L − 3))^-½.
    let hypergeometric = |latent: f64, s: f64| {
        // e^-s 1F1(L/2 − ½; L/2; s): a series without cancellation (Kummer).
        let (a, b) = (latent / 2.0 - 0.5, latent / 2.0);
        let mut term = 1.0;
        let mut sum = 0.0;
        for n in 0..400 {
            sum += term;
            let n = f64::from(n);
            term *= (a + n) / (b + n) * s / (n + 1.0);
        }
        (-s).exp() * sum
    };
    // The form itself, at two codes: what the distance of a pair adds to that of none.
    let form = |latent: usize, s: f64| {
        let g = (4.0_f64 / 6.0).powf(0.4);
        let apart = (4.0 * g * s).sqrt() / 2.0;
        let codes = Tensor::from_fn([2, latent], |at| match at[1] {
            0 => apart * [1.0, -1.0][at[0]],
            _ => 0.0,
        });
        let size = |h: f64| (h + apart * apart / (2 * latent - 3) as f64).powf(-0.5);
        let rest = (1.0 + g).powf(-0.5) - 2.0 * size(g + 0.5) + 0.5 * g.powf(-0.5);
        (cw(&codes) - rest) * 2.0 * g.sqrt()
    };
    let worst = |latent: usize| {
        [0.5, 2.0, 10.0, 40.0]
            .map(|s| (form(latent, s) - hypergeometric(latent as f64, s)).abs())
            .into_iter()
            .fold(0.0, f64::max)
    };
    let [twenty, hundred] = [20, 100].map(worst);
    assert!(
        twenty < 1e-2 && hundred < twenty / 4.0,
        "{twenty} {hundred}"
    );
}

#[test]
fn the_cramer_wold_distance_of_a_normal_batch_is_smaller_than_that_of_it_moved() {
    for latent in [1, 2, 24] {
        let codes = normal(&[64, latent], 7);
        let moved = &codes + &Tensor::full([latent], 0.5);
        let wide = codes.scale(2.0);
        let found = [&codes, &moved, &wide].map(cw);
        assert!(found[0] > 0.0, "{found:?}");
        assert!(
            found[0] < found[1] && found[0] < found[2],
            "{latent}: {found:?}"
        );
    }
}

#[test]
fn the_cramer_wold_distance_has_the_derivatives_of_its_forms() {
    for latent in [1, 2, 20] {
        for order in [1, 2] {
            let codes = normal(&[5, latent], 8);
            let check = Check::order(order).step(1.0 / 64.0);
            let report = check.run(|x: &[Var]| cramer_wold(&x[0]).log(), &[codes]);
            let report = report.unwrap_or_else(|failure| panic!("{latent}: {failure}"));
            println!("{latent}, order {order}: {:.1e}", report.worst_error());
        }
    }
}
