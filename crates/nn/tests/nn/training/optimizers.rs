//! Optimisers: states, stretches, steps.

use super::*;
use retrograd_tensor::{DType, Float, assert_abs_diff_eq};

/// Gradients in which the parameter's is exactly `gradient`: those of Σ parameter·gradient.
fn given(param: &Param, gradient: &Tensor) -> Gradients {
    let constant = Tape::new().constant(gradient.clone());
    (param.beside(&constant) * constant).sum(..).backward()
}

fn after(rule: impl UpdateRule + 'static, dtype: DType, start: f64, gradients: &[f64]) -> f64 {
    let param = Param::new(Tensor::full([2], start).cast(dtype));
    let mut optimizer = Optimizer::new(rule, 0.1, vec![("p".to_owned(), param.clone())]);
    for &gradient in gradients {
        optimizer.step(&given(&param, &Tensor::full([2], gradient).cast(dtype)));
    }
    assert_eq!(optimizer.steps(), gradients.len() as u64);
    param.value().at(&[1])
}

const GRADIENTS: [f64; 4] = [0.5, -1.25, 2.0, 0.125];

/// That the rule leads from 1.5 to `expected` in both types.
#[track_caller]
fn leads_to(rule: impl UpdateRule + Copy + 'static, expected: f64, near: f64) {
    assert_abs_diff_eq!(
        after(rule, DType::F64, 1.5, &GRADIENTS),
        expected,
        epsilon = near
    );
    assert_abs_diff_eq!(
        after(rule, DType::F32, 1.5, &GRADIENTS),
        expected,
        epsilon = 1e-6
    );
}

#[test]
fn state_is_kept_between_steps_in_both_types() {
    let (momentum, rate) = (0.9, 0.1);
    let (mut p, mut b) = (1.5, 0.0);
    for g in GRADIENTS {
        b = momentum * b + g;
        p -= rate * (g + momentum * b);
    }
    let nesterov = Sgd {
        momentum,
        nesterov: true,
        ..Sgd::default()
    };
    leads_to(nesterov, p, 1e-15);

    let (mut p, mut m, mut v) = (1.5, 0.0, 0.0);
    for (t, g) in (1..).zip(GRADIENTS) {
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        let (m_hat, v_hat) = (m / (1.0 - 0.9_f64.powi(t)), v / (1.0 - 0.999_f64.powi(t)));
        p -= rate * m_hat / (v_hat.sqrt() + 1e-8);
    }
    leads_to(Adam::default(), p, 1e-14);

    let (mut p, mut v, mut u) = (1.5, 0.0, 0.0);
    for g in GRADIENTS {
        v = 0.95 * v + 0.05 * g * g;
        let d = g * ((u + 1e-7_f64).sqrt() / (v + 1e-7_f64).sqrt());
        u = 0.95 * u + 0.05 * d * d;
        p -= rate * d;
    }
    leads_to(Adadelta::default(), p, 1e-14);

    let (mut p, mut m) = (1.5, 0.0);
    for g in GRADIENTS {
        let c: f64 = 0.9 * m + 0.1 * g;
        p -= rate * (c.signum() + 0.3 * p);
        m = 0.99 * m + 0.01 * g;
    }
    let lion = Lion {
        weight_decay: 0.3,
        ..Lion::default()
    };
    leads_to(lion, p, 1e-14);
}

#[test]
fn adams_first_step_is_the_learning_rate_against_the_sign() {
    let param = Param::new(Tensor::zeros([4], DType::F64));
    let mut optimizer =
        Optimizer::new(Adam::default(), 0.01, vec![("p".to_owned(), param.clone())]);
    let gradient = Tensor::from_vec(vec![1e-3, -40.0, 7.0, 0.0], [4]);
    optimizer.step(&given(&param, &gradient));
    let expected = [-0.01, 0.01, -0.01, 0.0];
    assert_abs_diff_eq!(param.value().to_vec()[..], expected[..], epsilon = 1e-6);
}

#[test]
fn a_parameter_thawed_late_starts_like_a_new_one() {
    let gradient = Tensor::full([2], 0.5);
    let path = |frozen: usize| {
        let param = Param::new(Tensor::zeros([2], DType::F64));
        let params = vec![("p".to_owned(), param.clone())];
        let mut optimizer = Optimizer::new(Adam::default(), 0.01, params);
        for step in 0..frozen + 5 {
            let gradients = given(&param, &gradient);
            param.set_trainable(step >= frozen);
            optimizer.step(&gradients);
            param.set_trainable(true);
        }
        param.value()
    };
    assert_eq!(path(0), path(1000));
}

/// Sizes around the stretch that is updated at a time, 2¹⁵ elements.
const SIZES: [usize; 5] = [1, (1 << 15) - 1, 1 << 15, (1 << 15) + 1, 3 * (1 << 15) + 17];

/// Three steps of the optimiser on `threads` threads, and in one naive pass over everything.
fn both<T: Float>(
    rule: impl UpdateRule + Copy + 'static,
    size: usize,
    threads: usize,
) -> [Tensor; 2] {
    let mut rng = random::rng(size as u64);
    let start = Tensor::normal([size], 0.0, 1.0, &mut rng, T::DTYPE);
    let gradients: Vec<Tensor> = (0..3)
        .map(|_| Tensor::normal([size], 0.0, 1.0, &mut rng, T::DTYPE))
        .collect();

    let mut naive = start.values::<T>().into_owned();
    let mut state = vec![vec![T::ZERO; size]; rule.slots().len()];
    for (step, gradient) in (1..).zip(&gradients) {
        let mut slots: Vec<&mut [T]> = state.iter_mut().map(Vec::as_mut_slice).collect();
        rule.update(
            step,
            0.1,
            &mut naive,
            gradient.values().as_ref().into(),
            &mut slots,
        );
    }

    let chunked = on_threads(threads, move || {
        let param = Param::new(start);
        let mut optimizer = Optimizer::new(rule, 0.1, vec![("p".to_owned(), param.clone())]);
        for gradient in &gradients {
            optimizer.step(&given(&param, gradient));
        }
        param.value()
    });
    [Tensor::from_vec(naive, [size]), chunked]
}

#[test]
fn large_parameters_move_as_in_one_pass_on_any_number_of_threads() {
    fn holds<T: Float>(rule: impl UpdateRule + Copy + 'static) {
        for size in SIZES {
            for threads in [1, 2, 5] {
                let [naive, chunked] = both::<T>(rule, size, threads);
                assert!(naive == chunked, "{size} elements, {threads} threads");
            }
        }
    }
    let momentum = Sgd {
        momentum: 0.9,
        ..Sgd::default()
    };
    holds::<f32>(Sgd::default());
    holds::<f32>(momentum);
    holds::<f32>(Adam::default());
    holds::<f64>(Adadelta::default());
    holds::<f32>(Adam {
        amsgrad: true,
        ..Adam::default()
    });
    holds::<f32>(AdamW::default());
    holds::<f32>(NAdam::default());
    holds::<f64>(RAdam::default());
    holds::<f32>(Adamax::default());
    holds::<f32>(Adagrad::default());
    holds::<f32>(RmsProp {
        centred: true,
        momentum: 0.5,
        ..RmsProp::default()
    });
    holds::<f32>(Lion::default());
}

#[test]
fn gradients_that_are_views_are_read_in_order() {
    let param = Param::new(Tensor::zeros([2, 3], DType::F64));
    let weights = Tensor::from_fn([3, 2], |at| (at[0] * 2 + at[1]) as f64);
    let constant = Tape::new().constant(weights.clone());
    let gradients = (param.beside(&constant).t() * constant).sum(..).backward();
    let mut optimizer = Optimizer::new(Sgd::default(), 1.0, vec![("p".to_owned(), param.clone())]);
    optimizer.step(&gradients);
    assert_eq!(param.value(), weights.t().scale(-1.0));
}

#[test]
fn a_steady_gradient_has_no_variance_and_still_moves() {
    let centred = RmsProp {
        centred: true,
        ..RmsProp::default()
    };
    assert!(after(centred, DType::F32, 1.0, &[2.5; 3000]).is_finite());
}
