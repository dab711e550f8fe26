//! How often the check is mistaken about functions with noise or kinks: right rules refused, wrong
//! ones passed.

use std::borrow::Cow;

use retrograd_autograd::check::{Check, Failure};
use retrograd_autograd::{Cotangents, Inputs, Needed, Output, Primitive, Saves, Var};
use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{DType, Tensor};

/// Where noise comes from.
#[derive(Clone, Copy, Debug)]
enum Noise {
    /// An irregular function of x, of this size.
    Added(f64),
    /// A large number is added and taken away again.
    Cancelled(f64),
    /// The rounding of the sum alone.
    Rounding,
}

/// Σ aᵢ fᵢ(bᵢ x + cᵢ) with noise, and a rule that is wrong by a factor.
#[derive(Clone, Debug)]
struct Noisy {
    terms: Vec<([f64; 3], usize)>,
    noise: Noise,
    factor: f64,
}

/// A number below `count`.
fn draw(count: usize, rng: &mut Rng) -> usize {
    uniform(0.0, count as f64, rng) as usize
}

fn uniform(low: f64, high: f64, rng: &mut Rng) -> f64 {
    Tensor::uniform([1], low, high, rng, DType::F64).item()
}

/// From −1 to 1, and without any order: SplitMix64 of the bits (Steele, Lea and Flood 2014).
fn scatter(x: f64) -> f64 {
    let mut z = x.to_bits().wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as f64 / (u64::MAX as f64 / 2.0) - 1.0
}

impl Noisy {
    fn draw(rng: &mut Rng) -> Self {
        let term = |_| {
            let [a, c] = [0, 1].map(|_| uniform(-2.0, 2.0, rng));
            ([a, uniform(0.3, 3.0, rng), c / 2.0], draw(5, rng))
        };
        let terms = (0..6).map(term).collect();
        let noise = match draw(3, rng) {
            0 => Noise::Added(10_f64.powf(uniform(-17.0, -8.0, rng))),
            1 => Noise::Cancelled(10_f64.powf(uniform(0.0, 7.0, rng))),
            _ => Noise::Rounding,
        };
        Self {
            terms,
            noise,
            factor: 1.0,
        }
    }

    /// The sum of the terms' values, or of their slopes.
    fn sum(&self, x: f64, slope: bool) -> f64 {
        let term = |&([a, b, c], kind): &([f64; 3], usize)| {
            let z = b * x + c;
            let logistic = 1.0 / (1.0 + (-z).exp());
            let (value, derivative) = match kind {
                0 => (z.sin(), z.cos()),
                1 => (z.exp(), z.exp()),
                2 => (z.tanh(), 1.0 - z.tanh().powi(2)),
                3 => (z.powi(3), 3.0 * z.powi(2)),
                _ => (logistic, logistic * (1.0 - logistic)),
            };
            a * if slope { b * derivative } else { value }
        };
        self.terms.iter().map(term).sum()
    }

    fn value(&self, x: f64) -> f64 {
        let sum = self.sum(x, false);
        match self.noise {
            Noise::Added(size) => sum + size * scatter(x),
            Noise::Cancelled(large) => (sum + large) - large,
            Noise::Rounding => sum,
        }
    }
}

impl Primitive for Noisy {
    fn name(&self) -> Cow<'static, str> {
        "noisy".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].map(|x| self.value(x))
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }
    fn vjp(&self, x: &Inputs, _: &Output, g: &Var) -> Cotangents {
        let slope = |x| self.factor * self.sum(x, true);
        Cotangents::from_iter([Some(g * Var::constant(x[0].value().map(slope)))])
    }
}

/// What a thousand checks said.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    passed: usize,
    wrong: usize,
    undecided: usize,
}

/// A thousand functions, each with a rule that is wrong by this, relative to the slope.
fn tally(mistake: f64) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..1000 {
        let mut rng = random::stream(seed, "noisy", &[]);
        let drawn = Noisy::draw(&mut rng);
        let function = Noisy {
            factor: 1.0 + mistake,
            ..drawn
        };
        let x = Tensor::scalar(uniform(-1.0, 1.0, &mut rng));
        let step = [1.0 / 16.0, 1.0 / 512.0][draw(2, &mut rng)];
        let f = |x: &[Var]| Var::apply(function.clone(), &[&x[0]]);
        match Check::order(1).step(step).run(f, &[x]) {
            Ok(_) => tally.passed += 1,
            Err(Failure::Wrong(_)) => tally.wrong += 1,
            Err(Failure::Undecided(_)) => tally.undecided += 1,
            Err(other) => panic!("{other}"),
        }
    }
    println!("wrong by {mistake:.0e}: {tally:?}");
    tally
}

#[test]
fn right_rules_of_noisy_functions_are_not_convicted() {
    let tally = tally(0.0);
    assert_eq!(tally.wrong, 0, "{tally:?}");
    // Differences say nothing of what is noisier than they can be told apart, but of most they do.
    assert!(tally.passed > 750, "{tally:?}");
}

#[test]
fn wrong_rules_of_noisy_functions_are_not_passed() {
    // The tolerance is 1e-8. What is wrong by less than twice that can hide in it and in the bound,
    // and what is wrong by little in the differences of the last steps, which makes it undecided.
    let convicted = [
        (1e-2, 990),
        (1e-3, 990),
        (1e-4, 980),
        (1e-5, 950),
        (1e-6, 700),
        (3e-8, 100),
    ];
    for (mistake, least) in convicted {
        let tally = tally(mistake);
        assert_eq!(tally.passed, 0, "{tally:?}");
        assert!(tally.wrong >= least, "{tally:?}");
    }
}

/// Wherever a kink is among the steps and however sharp. What is left without the steps that cross it
/// can be too little to tell.
#[test]
fn right_rules_next_to_kinks_are_not_convicted() {
    for place in 0..40 {
        for sharpness in [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
            let at = 0.9_f64.powi(place) / 32.0;
            let kinked = |x: &[Var]| (&x[0] + 0.3).sin() + (&x[0] - at).relu() * sharpness;
            let result = Check::order(1).run(kinked, &[Tensor::scalar(0.0)]);
            assert!(
                matches!(result, Ok(_) | Err(Failure::Undecided(_))),
                "kink of {sharpness} at {at}: {result:?}"
            );
            // Seven of the steps do not cross it.
            assert!(result.is_ok() || at < 1.0 / 64.0, "{result:?}");
        }
    }
}
