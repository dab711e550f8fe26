//! What ties each variant to its parent, and formulas to what they stand for.

use retrograd_autoencoders::{
    Autoencoder, BetaAutoencoder, Conditional, ConditionalAutoencoder, ContractiveAutoencoder,
    Corruption, DeepAutoencoder, DenoisingAutoencoder, Generative, Given, GreedyAutoencoder,
    ImportanceWeightedAutoencoder, Likelihood, Nonlinearity, Output, OvercompleteAutoencoder,
    SimpleAutoencoder, SparseKlAutoencoder, SparseL1Autoencoder, StackedAutoencoder, Target,
    TiedAutoencoder, UndercompleteAutoencoder, VariationalAutoencoder,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_nn::{Activation, Module};
use retrograd_tensor::{Array, DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

use crate::{assert_near, copy, normal, step, uniform};

const ELU: Activation = Activation::Elu(1.0);

/// That loss and gradients of both in `f64`, which must have the same parameters, are the same to
/// the bit.
#[track_caller]
fn assert_same(what: &str, child: &dyn Autoencoder, parent: &dyn Autoencoder, x: &Tensor) {
    child.cast(DType::F64);
    parent.cast(DType::F64);
    copy(child, parent);
    let ours = step(child, x, |x| child.objective(x));
    let theirs = step(parent, x, |x| parent.objective(x));
    assert_eq!(ours, theirs, "{what}");
}

#[test]
fn without_its_penalty_a_child_is_its_parent() {
    let mut rng = random::rng(1);
    let x = uniform(5, 8, 2);
    let simple = |units, output| SimpleAutoencoder::new(8, 4, units, output, &mut random::rng(9));
    let (relu, sigmoid) = (Activation::Relu, Activation::Sigmoid);

    let sparse = SparseL1Autoencoder::new(8, 4, relu, Output::Probability, 0.0, &mut rng);
    let parent = simple(relu, Output::Probability);
    assert_same("sparse-l1", &sparse, &parent, &x);

    let units = Nonlinearity::Sigmoid;
    let sparse = SparseKlAutoencoder::new(8, 4, units, Output::Real, (0.1, 0.0), &mut rng);
    assert_same("sparse-kl", &sparse, &simple(sigmoid, Output::Real), &x);

    let wide = OvercompleteAutoencoder::new(8, 12, Output::Probability, 0.3, &mut rng);
    let parent = SparseL1Autoencoder::new(8, 12, relu, Output::Probability, 0.3, &mut rng);
    assert_same("overcomplete", &wide, &parent, &x);

    let small = UndercompleteAutoencoder::new(8, 4, &mut rng);
    assert_same(
        "undercomplete",
        &small,
        &simple(sigmoid, Output::Squashed),
        &x,
    );

    let deep = || DeepAutoencoder::new(&[8, 6, 3], ELU, Output::Real, &mut random::rng(9));
    let stacked = StackedAutoencoder::new(&[8, 6, 3], ELU, 0.0, &mut rng);
    assert_same("stacked", &stacked, &deep(), &x);

    let widths: [&[usize]; 2] = [&[8, 6, 3], &[3, 6, 8]];
    let contractive = ContractiveAutoencoder::new(widths, ELU, Output::Real, 0.0, &mut rng);
    assert_same("contractive", &contractive, &deep(), &x);
}

#[test]
fn without_noise_denoising_is_deep() {
    let x = uniform(5, 8, 2);
    let deep = || {
        let mut rng = random::rng(9);
        DeepAutoencoder::new(&[8, 6, 3], Activation::Relu, Output::Probability, &mut rng)
    };
    for corruption in [
        Corruption::Gaussian {
            deviation: 0.0,
            clip: true,
        },
        Corruption::Dropout { share: 0.0 },
        Corruption::Masking { share: 0.0 },
    ] {
        let child = DenoisingAutoencoder::new(deep(), corruption);
        assert_same(&format!("{corruption:?}"), &child, &deep(), &x);
    }
    let noisy =
        DenoisingAutoencoder::new(deep(), Corruption::Masking { share: 0.5 }).to(DType::F64);
    let losses = [Mode::Training, Mode::Evaluation].map(|mode| {
        let tape = Tape::with(mode, random::rng(0));
        noisy.objective(&tape.constant(x.clone())).total().item()
    });
    let clean = noisy.plain.objective(&x.into()).total().item();
    assert_eq!(losses[1], clean, "evaluation is clean");
    assert_ne!(losses[0], clean, "training is noisy");
}

#[test]
fn a_tied_weight_has_the_sum_of_both_uses_for_a_gradient() {
    let x = uniform(5, 8, 2);
    let lambda = 0.01;
    let tied = TiedAutoencoder::new(&[8, 6, 3], ELU, lambda, &mut random::rng(1)).to(DType::F64);
    let free = StackedAutoencoder::new(&[8, 6, 3], ELU, lambda, &mut random::rng(2)).to(DType::F64);
    let named = |model: &dyn Module, name: &str| {
        let params = model.params().into_iter();
        params
            .filter(|(path, _)| path == name)
            .map(|(_, param)| param)
            .next()
            .unwrap()
    };
    for (path, param) in tied.params() {
        named(&free, &path).set(param.value());
    }
    // The decoder's first weight is the transpose of the encoder's last.
    let pairs = [
        ("encoder.0.weight", "decoder.2.weight"),
        ("encoder.2.weight", "decoder.0.weight"),
    ];
    for (down, up) in pairs {
        named(&free, up).set(named(&tied, down).value().t().contiguous());
    }
    let ours = step(&tied, &x, |x| tied.objective(x));
    let theirs = step(&free, &x, |x| free.objective(x));
    let gradient = |of: &[(String, Tensor)], name: &str| {
        of.iter().find(|(path, _)| path == name).unwrap().1.clone()
    };
    for (down, up) in pairs {
        // The free one is charged for each of its weights, the tied one once for both.
        let decay = named(&tied, down).value().scale(lambda);
        let sum = &(&gradient(&theirs.1, down) + &gradient(&theirs.1, up).t()) - &decay;
        assert_near(down, &gradient(&ours.1, down), &sum, 1e-13);
    }
    assert_eq!(tied.widths(), [8, 6, 3, 6, 8]);
    let own: usize = tied
        .params()
        .iter()
        .map(|(_, param)| param.shape().elements())
        .sum();
    assert_eq!(
        own,
        (8 * 6 + 6 * 3) + (6 + 3 + 6 + 8),
        "half the weights, all biases"
    );
}

#[test]
fn the_formula_of_the_contraction_is_the_jacobian_by_sweeps() {
    let widths: [&[usize]; 2] = [&[8, 5], &[5, 8]];
    let (units, output) = (Activation::Sigmoid, Output::Real);
    let model =
        ContractiveAutoencoder::new(widths, units, output, 0.1, &mut random::rng(1)).to(DType::F64);
    let x = uniform(4, 8, 2);
    let with = |by: &dyn Fn(&Var) -> Var| {
        step(&model, &x, |x| {
            retrograd_nn::Terms::new("contraction", by(x))
        })
    };
    let formula = with(&|x| model.contraction(x));
    let sweeps = with(&|x| model.contraction_by_sweeps(x));
    assert_relative_eq!(formula.0, sweeps.0, max_relative = 1e-13);
    for ((name, formula), (_, sweeps)) in formula.1.iter().zip(&sweeps.1) {
        assert_near(name, formula, sweeps, 1e-12);
    }
    // The same without a tape, and in evaluation.
    let free = model.contraction_by_sweeps(&x.clone().into());
    let tape = Tape::with(Mode::Evaluation, random::rng(0));
    let evaluated = model.contraction_by_sweeps(&tape.constant(x.clone()));
    assert_eq!((free.item(), evaluated.item()), (sweeps.0, sweeps.0));
    // And by the definition: the sum of the squares of the whole Jacobian.
    let jacobian = retrograd_autograd::functional::jacobian(
        |x| model.encode(&x[0]).sum(0),
        std::slice::from_ref(&x),
    )
    .unwrap();
    let squares: f64 = jacobian.iter().flat_map(|j| j.iter()).map(|j| j * j).sum();
    assert_relative_eq!(squares / 4.0, free.item(), max_relative = 1e-13);
}

fn variational(seed: u64) -> VariationalAutoencoder {
    let likelihood = Likelihood::Bernoulli;
    VariationalAutoencoder::dense(&[8, 6, 3], ELU, likelihood, &mut random::rng(seed))
        .to(DType::F64)
}

#[test]
fn beta_of_one_is_the_variational_autoencoder() {
    let x = uniform(5, 8, 2);
    let child = BetaAutoencoder::new(variational(1), 1.0);
    assert_same("beta", &child, &variational(2), &x);
    let heavy = BetaAutoencoder::new(variational(1), 4.0);
    let noise: Var = normal(&[5, 3], 3).into();
    let x = Var::constant(x);
    let target = Target::from(&x);
    let parts = |terms: retrograd_nn::Terms| {
        terms
            .metrics()
            .iter()
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    let (ours, theirs) = (
        parts(heavy.objective_with(&x, &target, &noise)),
        parts(heavy.plain.objective_with(&x, &target, &noise)),
    );
    assert_eq!(ours, [theirs[0], 4.0 * theirs[1]]);
}

#[test]
fn importance_weighting_of_one_draw_is_the_sampled_bound() {
    let x = uniform(5, 8, 2);
    let model = ImportanceWeightedAutoencoder::new(variational(1), 1);
    let noise: Var = normal(&[5, 3], 3).into();
    let draws = noise.with_shape([1, 5, 3].into());
    let ours = step(&model, &x, |x| model.objective_with(x, &x.into(), &draws));
    let theirs = step(&model.plain, &x, |x| {
        model.plain.sampled_objective_with(x, &noise)
    });
    assert_relative_eq!(ours.0, theirs.0, max_relative = 1e-13);
    for ((name, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
        assert_near(name, ours, theirs, 1e-12);
    }
}

#[test]
fn more_draws_give_a_tighter_bound_and_its_mean_is_the_variational_one() {
    let x: Var = uniform(2, 8, 2).into();
    let model = ImportanceWeightedAutoencoder::new(variational(1), 1);
    // Many independent bounds of k draws each, as a batch of that many copies.
    let copies = 4000;
    let many = x.repeat(&[copies, 1]);
    let mean = |k: usize, seed: u64| {
        let noise = normal(&[k, 2 * copies, 3], seed).into();
        let bound = model.objective_with(&many, &(&many).into(), &noise);
        bound.total().item()
    };
    let (one, five, fifty) = (mean(1, 4), mean(5, 5), mean(50, 6));
    assert!(
        one > five + 0.05 && five > fifty + 0.01,
        "{one} {five} {fifty}"
    );
    let noise = normal(&[2 * copies, 3], 4).into();
    let exact = model.plain.objective_with(&many, &(&many).into(), &noise);
    let exact = exact.total().item();
    assert_abs_diff_eq!(one, exact, epsilon = 0.1);
}

#[test]
fn labels_without_weights_change_nothing() {
    let (x, labels) = (uniform(4, 8, 2), Array::from_vec(vec![0, 2, 1, 2], [4]));
    let likelihood = Likelihood::Gaussian(0.5);
    let mut rng = random::rng(1);
    let model =
        ConditionalAutoencoder::new(&[8, 6, 3], 3, ELU, likelihood, &mut rng).to(DType::F64);
    let parent =
        VariationalAutoencoder::dense(&[8, 6, 3], ELU, likelihood, &mut rng).to(DType::F64);
    for ((_, own), (_, theirs)) in model.params().iter().zip(parent.params()) {
        let mut value = own.value();
        if value.shape() != &theirs.shape() {
            // The label's columns stand after the others.
            let kept = value.slice(1, ..theirs.shape()[1] as isize);
            theirs.set(kept.contiguous());
            let none = Tensor::zeros([value.shape()[0], 3], DType::F64);
            value = Tensor::cat(&[kept, none], 1);
            own.set(value);
        } else {
            theirs.set(value);
        }
    }
    let noise: Var = normal(&[4, 3], 3).into();
    let var = Var::constant(x.clone());
    let target = Target::from(&var);
    let ours = model.objective_with(&var, &labels, &target, &noise);
    let theirs = parent.objective_with(&var, &target, &noise);
    let (ours, theirs) = (ours.total().item(), theirs.total().item());
    assert_relative_eq!(ours, theirs, max_relative = 1e-13);
    let given = Given::new(&model, labels.clone());
    let (ours, theirs) = (given.forward(&x.clone().into()), parent.forward(&x.into()));
    assert_near("reconstruction", ours.value(), theirs.value(), 1e-13);
    assert_eq!((model.widths(), model.classes()), (vec![8, 6, 3, 6, 8], 3));
    // Labels in turn, from the first again.
    let samples = given.sample(6, &mut random::rng(7));
    assert_eq!(samples.shape(), [6, 8]);
}

#[test]
fn samples_are_decoded_normal_numbers_and_activity_is_what_varies() {
    let model = variational(1);
    let sample = model.sample(6, &mut random::rng(7));
    let code = normal(&[6, 3], 7);
    assert_eq!(sample, model.decode(&code.into()).into_value());
    assert!(sample.iter().all(|share| share > 0.0 && share < 1.0));
    // A head that ignores the data is inactive.
    let weight = model.mean.weight.value();
    let rows = [weight.slice(0, ..2), Tensor::zeros([1, 6], DType::F64)];
    model.mean.weight.set(Tensor::cat(&rows, 0));
    let activity = model
        .posterior(&uniform(50, 8, 2).into())
        .activity()
        .to_vec();
    assert!(
        activity[0] > 1e-3 && activity[1] > 1e-3 && activity[2] < 1e-20,
        "{activity:?}"
    );
}

#[test]
fn halves_together_are_the_whole() {
    for (what, kind, model) in crate::miniatures() {
        if model.conditional().is_some() {
            continue;
        }
        let x: Var = uniform(3, kind.features(), 2).into();
        let code = model.encode(&x);
        assert_eq!(
            model.decode(&code).value(),
            model.forward(&x).value(),
            "{what}"
        );
        let widths = model.widths();
        assert_eq!(
            (widths[0], widths[widths.len() - 1]),
            (kind.features(), kind.features())
        );
        assert!(widths.contains(&code.shape()[1]), "{what}: {widths:?}");
        if let Some(generative) = model.generative() {
            assert_eq!(generative.latent(), code.shape()[1], "{what}");
            assert_eq!(
                generative.posterior(&x).mean.value(),
                code.value(),
                "{what}"
            );
        }
    }
}

#[test]
fn the_last_phase_is_the_stacked_autoencoder() {
    let x = uniform(5, 8, 2);
    let child = GreedyAutoencoder::new(&[8, 6, 3], ELU, 0.01, &mut random::rng(1));
    let parent = StackedAutoencoder::new(&[8, 6, 3], ELU, 0.01, &mut random::rng(2));
    assert_same("greedy", &child, &parent, &x);
    let phases = child.phases();
    let x = Var::constant(x);
    let last = phases.last().unwrap();
    let last = last.objective(&x, None, &(&x).into());
    assert_eq!(last.total().item(), parent.objective(&x).total().item());
}
