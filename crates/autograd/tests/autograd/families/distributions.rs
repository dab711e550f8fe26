//! Random numbers that move with their parameters.

use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

use super::{agrees, constant, refusal};

const MANY: usize = 40_000;

/// Mean and variance of many numbers made of parameters, and the slopes of the mean in these, each
/// with five of its standard errors.
fn moments(parameters: &[f64], draw: impl Fn(&[Var]) -> Var) -> (f64, f64, Vec<(f64, f64)>) {
    let tape = Tape::new();
    // A parameter a number, to see how the slopes differ.
    let leaf = |&value: &f64| tape.leaf(Tensor::full([MANY], value));
    let leaves: Vec<Var> = parameters.iter().map(leaf).collect();
    let drawn = draw(&leaves);
    let slopes = grad(&drawn.sum(..), &leaves.iter().collect::<Vec<_>>());
    let of_mean = |slope: &Var| (slope.mean(..).item(), error(slope.var(.., 1.0).item()));
    let slopes = slopes.iter().map(of_mean).collect();
    (drawn.mean(..).item(), drawn.var(.., 1.0).item(), slopes)
}

/// Five standard errors of a mean of numbers of this variance.
fn error(variance: f64) -> f64 {
    error_of(MANY, variance)
}

fn error_of(numbers: usize, variance: f64) -> f64 {
    5.0 * (variance / numbers as f64).sqrt()
}

#[test]
fn gamma_numbers_have_their_moments() {
    for (seed, a) in [0.05, 0.7, 1.0, 4.0, 90.0].into_iter().enumerate() {
        let draw = |p: &[Var]| p[0].gamma_noise(&mut random::rng(seed as u64));
        let (mean, variance, slopes) = moments(&[a], draw);
        assert_abs_diff_eq!(mean, a, epsilon = error(a));
        // The fourth moment about the mean is 3a² + 6a.
        assert_abs_diff_eq!(variance, a, epsilon = error(2.0 * a * a + 6.0 * a));
        assert_abs_diff_eq!(slopes[0].0, 1.0, epsilon = slopes[0].1);
    }
}

#[test]
fn shares_have_their_means_and_slopes() {
    let (a, b) = (0.6, 2.2);
    let draw = |p: &[Var]| p[0].beta_noise(&p[1], &mut random::rng(8));
    let (mean, variance, slopes) = moments(&[a, b], draw);
    let sum = a + b;
    let expected = a * b / (sum * sum * (sum + 1.0));
    assert_abs_diff_eq!(mean, a / sum, epsilon = error(expected));
    // The fourth moment of shares is no more than the second.
    assert_abs_diff_eq!(variance, expected, epsilon = error(expected));
    assert_abs_diff_eq!(slopes[0].0, b / (sum * sum), epsilon = slopes[0].1);
    assert_abs_diff_eq!(slopes[1].0, -a / (sum * sum), epsilon = slopes[1].1);
    // Dirichlet's shares are beta numbers of one parameter and the others' sum.
    let draw = |p: &[Var]| {
        let all = Var::stack(&[&p[0], &p[1], &p[1]], 1);
        let shares = all.dirichlet_noise(&mut random::rng(9));
        let sums = shares.sum(1);
        assert_abs_diff_eq!(
            sums.value(),
            &Tensor::ones([MANY], DType::F64),
            epsilon = 1e-15
        );
        shares.select(1, 0)
    };
    let (mean, _, slopes) = moments(&[a, b / 2.0], draw);
    assert_abs_diff_eq!(mean, a / sum, epsilon = error(expected));
    assert_abs_diff_eq!(slopes[0].0, b / (sum * sum), epsilon = slopes[0].1);
}

#[test]
fn students_numbers_have_heavier_tails() {
    let freedom = 12.0;
    let draw = |p: &[Var]| p[0].student_t_noise(&mut random::rng(10)).square();
    // The square has the mean ν/(ν − 2) and the fourth moment 3ν²/((ν − 2)(ν − 4)).
    let (mean, _, slopes) = moments(&[freedom], draw);
    let expected = freedom / (freedom - 2.0);
    let fourth = 3.0 * freedom * freedom / ((freedom - 2.0) * (freedom - 4.0));
    assert_abs_diff_eq!(
        mean,
        expected,
        epsilon = error(fourth - expected * expected)
    );
    let slope = -2.0 / (freedom - 2.0_f64).powi(2);
    assert_abs_diff_eq!(slopes[0].0, slope, epsilon = slopes[0].1);
}

#[test]
fn the_smallest_parameters_give_shares_too() {
    let tiny = Tensor::full::<f32>([1000, 3], 1e-3);
    let tape = Tape::new();
    let a = tape.leaf(tiny);
    let shares = a.dirichlet_noise(&mut random::rng(11));
    assert!(shares.value().is_finite() && a.gamma_noise(&mut random::rng(11)).value().is_finite());
    // Almost all is one share.
    assert!(shares.max(1).mean(..).item() > 0.99);
    assert!(
        shares
            .select(1, 0)
            .sum(..)
            .backward()
            .of(&a)
            .unwrap()
            .is_finite()
    );
}

#[test]
fn numbers_follow_from_the_stream() {
    let a = constant(&[0.5, 2.0, 9.0], [3]);
    let draw = |seed| a.gamma_noise(&mut random::rng(seed)).value().to_vec();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let none = |x: &[Var]| x[0].beta_noise(&x[1], &mut random::rng(1));
    agrees(
        "none",
        none,
        &[
            Tensor::zeros([0, 2], DType::F64),
            Tensor::ones([2], DType::F64),
        ],
    );
    assert!(
        constant(&[-1.0], [1])
            .gamma_noise(&mut random::rng(1))
            .value()
            .to_vec()[0]
            .is_nan()
    );
    assert!(
        refusal(|| a.beta_noise(&constant(&[1.0; 2], [2]), &mut random::rng(1)))
            .starts_with("beta_noise: [3] x [2]")
    );
}

/// Third derivatives in a, which are fourth derivatives of P.
#[test]
fn the_distribution_function_has_higher_derivatives() {
    use retrograd_autograd::check::Check;
    let f = |x: &[Var]| x[0].gammainc(&x[1]);
    let inputs = [Tensor::from_vec(vec![0.6, 2.5], [2]), Tensor::scalar(1.7)];
    Check::order(3).run(f, &inputs).unwrap();
}

/// Directions take longer than numbers.
const DIRECTIONS: usize = 4000;

/// The mean A of x·μ, from which the slopes of the normaliser are made: A′ = 1 − A² − (d − 1)·A/κ.
fn mean_along(dimensions: usize, kappa: f64) -> (f64, f64) {
    let tape = Tape::new();
    let kappa_at = tape.leaf(Tensor::scalar(kappa));
    let log = kappa_at.von_mises_fisher_log_normalizer(dimensions);
    let a = -log.backward().of(&kappa_at).unwrap().item();
    (a, 1.0 - a * a - (dimensions - 1) as f64 * a / kappa)
}

#[test]
fn directions_have_their_mean_and_its_slopes() {
    for (d, kappa) in [(2, 1.3), (3, 0.2), (3, 8.0), (10, 3.0), (10, 400.0)] {
        let (mean, slope) = mean_along(d, kappa);
        let tape = Tape::new();
        let towards = Tensor::normal([d], 0.0, 1.0, &mut random::rng(12), DType::F64);
        let directions = tape.leaf(towards.clone().broadcast_to([DIRECTIONS, d]));
        let kappas = tape.leaf(Tensor::full([DIRECTIONS], kappa));
        let x = directions.von_mises_fisher_noise(&kappas, &mut random::rng(13));
        let lengths = x.square().sum(-1);
        let ones = Tensor::ones([DIRECTIONS], DType::F64);
        assert_abs_diff_eq!(lengths.value(), &ones, epsilon = 1e-13);
        let near = |found: &Tensor, expected: f64| {
            let found = Var::constant(found.clone());
            let bound = error_of(DIRECTIONS, found.var(.., 1.0).item());
            assert_abs_diff_eq!(
                found.mean(..).item(),
                expected,
                epsilon = bound,
                "{d}, {kappa}"
            );
        };
        let size = towards.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mu = Var::constant(&towards * (1.0 / size));
        let along = (&x * &mu).sum(-1);
        near(along.value(), mean);
        near(along.square().value(), slope + mean * mean);
        near(grad(&along.sum(..), &[&kappas])[0].value(), slope);
        // Turned across itself, the mean direction takes the mean with it.
        let any = constant(&(0..d).map(|i| i as f64).collect::<Vec<_>>(), [d]);
        let across = &any - &mu * (&any * &mu).sum(..);
        let slopes = grad(&(&x * &across).sum(..), &[&directions]).remove(0);
        let length = across.square().sum(..).item();
        near((slopes * &across).sum(-1).value(), mean * length / size);
    }
}

#[test]
fn directions_are_uniform_without_concentration_and_normal_with_much() {
    let drawn = |d: usize, kappa: f64| {
        let towards = Var::constant(Tensor::eye(d, DType::F64).select(0, 0));
        let kappas = Var::constant(Tensor::full([DIRECTIONS], kappa));
        towards.von_mises_fisher_noise(&kappas, &mut random::rng(14))
    };
    for d in [2, 3, 10] {
        // Of a uniform direction each square has the mean 1/d and the variance 2(d − 1)/(d²(d + 2)).
        let size = d as f64;
        let all = drawn(d, 0.0);
        let bound = error_of(
            DIRECTIONS,
            2.0 * (size - 1.0) / (size * size * (size + 2.0)),
        );
        for i in 0..d {
            let part = all.select(1, i);
            assert_abs_diff_eq!(
                part.mean(..).item(),
                0.0,
                epsilon = error_of(DIRECTIONS, 1.0 / size)
            );
            assert_abs_diff_eq!(part.square().mean(..).item(), 1.0 / size, epsilon = bound);
        }
        // The squares of normal numbers have the variance 2.
        for i in 1..d {
            let square = (drawn(d, 1e8).select(1, i).square() * 1e8).mean(..).item();
            assert_abs_diff_eq!(square, 1.0, epsilon = error_of(DIRECTIONS, 2.0) + 1e-6);
        }
    }
    assert_eq!(
        refusal(|| constant(&[1.0], [1])
            .von_mises_fisher_noise(&constant(&[1.0], []), &mut random::rng(1))),
        "von_mises_fisher_noise: [1] x []: the directions have no last axis of at least two"
    );
}
