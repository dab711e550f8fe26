//! What ties each variant to its parent, and formulas to what they stand for.

use retrograd_autoencoders::{
    Autoencoder, Body, Bound, Corruption, DataShape, Deterministic, Input, Likelihood, Output,
    Price, Start, Variational, contraction_by_sweeps, contraction_of_sigmoids, draw_samples,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_nn::{Activation, Module, Step};
use retrograd_tensor::{Array, DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

use crate::{Miniature, assert_near, copy, input, miniatures, model, normal, step, uniform};

const ELU: Activation = Activation::Elu(1.0);
/// Rows of eight numbers in [0, 1].
const ROWS: DataShape = DataShape::table(8);

/// That loss and gradients of both in `f64`, which must have the same parameters, are the same to
/// the bit.
#[track_caller]
fn assert_same(what: &str, child: &dyn Autoencoder, parent: &dyn Autoencoder, x: &Tensor) {
    child.cast(DType::F64);
    parent.cast(DType::F64);
    copy(child, parent);
    let ours = step(child, x, |x| child.objective(&x.into()));
    let theirs = step(parent, x, |x| parent.objective(&x.into()));
    assert_eq!(ours, theirs, "{what}");
}

#[test]
fn without_its_penalty_a_child_is_its_parent() {
    let x = uniform(5, 8, 2);
    let small = "latent = 4\nactivation = \"sigmoid\"\noutput = \"real\"\n";
    let deep = "hidden = [6]\nlatent = 3\nactivation = \"elu\"\noutput = \"real\"\n";
    let wide = "latent = 12\nlambda = 0.3";
    for (child, its, without, parent, theirs) in [
        ("sparse-l1", small, "lambda = 0.0", "simple", small),
        ("sparse-kl", small, "weight = 0.0", "simple", small),
        ("overcomplete", wide, "", "sparse-l1", wide),
        ("undercomplete", "latent = 4", "", "simple", "latent = 4"),
        (
            "stacked",
            "hidden = [6]\nlatent = 3\n",
            "lambda = 0.0",
            "deep",
            deep,
        ),
        ("contractive", deep, "lambda = 0.0", "deep", deep),
    ] {
        let ours = model(child, &format!("{its}{without}"), ROWS, 1);
        let theirs = model(parent, theirs, ROWS, 9);
        assert_same(child, ours.as_ref(), theirs.as_ref(), &x);
    }
}

#[test]
fn without_noise_denoising_is_deep() {
    let x = uniform(5, 8, 2);
    let deep = || {
        let (units, rng) = (Activation::Relu, &mut random::rng(9));
        let body = Body::dense(&[8, 6, 3], units, Start::Glorot, rng);
        Deterministic::new(body, Output::Probability)
    };
    for corruption in [
        Corruption::Gaussian {
            deviation: 0.0,
            clip: true,
        },
        Corruption::Dropout { share: 0.0 },
        Corruption::Masking { share: 0.0 },
    ] {
        let child = deep().with_corruption(corruption);
        assert_same(&format!("{corruption:?}"), &child, &deep(), &x);
    }
    let noisy = deep().with_corruption(Corruption::Masking { share: 0.5 });
    let noisy = noisy.to(DType::F64);
    let figures = [Mode::Training, Mode::Evaluation].map(|mode| {
        let tape = Tape::with(mode, random::rng(0));
        let step = Step {
            mode,
            ..Step::default()
        };
        let input = tape.constant(x.clone()).into();
        noisy.objective_at(&input, &step).metrics()
    });
    let clean = deep().to(DType::F64).objective(&x.into()).total().item();
    let [trained, measured] = figures;
    assert_ne!(trained.total(), clean, "training is noisy");
    assert_ne!(measured.total(), clean, "and so is measuring");
    assert_eq!(measured.get("clean"), Some(clean));
    assert_eq!(trained.get("clean"), None);
}

#[test]
fn a_tied_weight_has_the_sum_of_both_uses_for_a_gradient() {
    let x = uniform(5, 8, 2);
    let lambda = 0.01;
    let options = "hidden = [6]\nlatent = 3\nlambda = 0.01";
    let tied = model("tied", options, ROWS, 1);
    let free = model("stacked", options, ROWS, 2);
    let named = |model: &dyn Module, name: &str| {
        let params = model.params().into_iter();
        params
            .filter(|(path, _)| path == name)
            .map(|(_, param)| param)
            .next()
            .unwrap()
    };
    for (path, param) in tied.params() {
        named(free.as_ref(), &path).set(param.value());
    }
    // The decoder's first weight is the transpose of the encoder's last.
    let pairs = [
        ("encoder.0.weight", "decoder.2.weight"),
        ("encoder.2.weight", "decoder.0.weight"),
    ];
    for (down, up) in pairs {
        named(free.as_ref(), up).set(named(tied.as_ref(), down).value().t().contiguous());
    }
    let ours = step(tied.as_ref(), &x, |x| tied.objective(&x.into()));
    let theirs = step(free.as_ref(), &x, |x| free.objective(&x.into()));
    let gradient = |of: &[(String, Tensor)], name: &str| {
        of.iter().find(|(path, _)| path == name).unwrap().1.clone()
    };
    for (down, up) in pairs {
        // The free one is charged for each of its weights, the tied one once for both.
        let decay = named(tied.as_ref(), down).value().scale(lambda);
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
    let options = "latent = 5\noutput = \"real\"\nlambda = 0.1";
    let model = model("contractive", options, ROWS, 1);
    let encode = |x: &Var| model.encode(&x.into()).flat();
    let weight = model.params()[0].1.clone();
    let x = uniform(4, 8, 2);
    let with = |by: &dyn Fn(&Var) -> Var| {
        step(model.as_ref(), &x, |x| {
            retrograd_nn::Terms::new("contraction", by(x))
        })
    };
    let formula = with(&|x| contraction_of_sigmoids(&encode(x), &weight.beside(x)));
    let sweeps = with(&|x| contraction_by_sweeps(x, encode));
    assert_relative_eq!(formula.0, sweeps.0, max_relative = 1e-13);
    for ((name, formula), (_, sweeps)) in formula.1.iter().zip(&sweeps.1) {
        assert_near(name, formula, sweeps, 1e-12);
    }
    // The same without a tape, and in evaluation.
    let free = contraction_by_sweeps(&x.clone().into(), encode);
    let tape = Tape::with(Mode::Evaluation, random::rng(0));
    let evaluated = contraction_by_sweeps(&tape.constant(x.clone()), encode);
    assert_eq!((free.item(), evaluated.item()), (sweeps.0, sweeps.0));
    // And by the definition: the sum of the squares of the whole Jacobian.
    let jacobian = retrograd_autograd::functional::jacobian(
        |x| encode(&x[0]).sum(0),
        std::slice::from_ref(&x),
    )
    .unwrap();
    let squares: f64 = jacobian.iter().flat_map(|j| j.iter()).map(|j| j * j).sum();
    assert_relative_eq!(squares / 4.0, free.item(), max_relative = 1e-13);
}

fn variational(seed: u64) -> Variational {
    let likelihood = Likelihood::Bernoulli;
    Variational::dense(&[8, 6, 3], 0, ELU, likelihood, &mut random::rng(seed)).to(DType::F64)
}

#[test]
fn beta_of_one_is_the_variational_autoencoder() {
    let x = uniform(5, 8, 2);
    let options = "hidden = [6]\nlatent = 3\ndecoder = \"bernoulli\"\n";
    let child = model("beta", &format!("{options}beta = 1.0"), ROWS, 1);
    let parent = model("variational", options, ROWS, 2);
    assert_same("beta", child.as_ref(), parent.as_ref(), &x);
    let noise: Var = normal(&[5, 3], 3).into();
    let parts = |beta: f64| {
        let model = variational(1).with_price(Price::times(beta));
        let terms = model.objective_with(&x.clone().into(), &noise);
        let terms = terms.metrics();
        let weighted = terms.total();
        let each: Vec<f64> = terms.iter().map(|(_, value)| value).collect();
        (each, weighted)
    };
    let (heavy, plain) = (parts(4.0), parts(1.0));
    assert_eq!(
        heavy.0, plain.0,
        "divergences are told without their weight"
    );
    assert_relative_eq!(heavy.1, plain.0[0] + 4.0 * plain.0[1], max_relative = 1e-14);
}

#[test]
fn importance_weighting_of_one_draw_is_the_sampled_bound() {
    let x = uniform(5, 8, 2);
    let weighted = variational(1).with_bound(Bound::Importance { draws: 1 });
    let sampled = variational(1).with_bound(Bound::Sampled);
    let noise: Var = normal(&[5, 3], 3).into();
    let draws = noise.with_shape([1, 5, 3].into());
    let ours = step(&weighted, &x, |x| {
        weighted.objective_with(&x.into(), &draws)
    });
    let theirs = step(&sampled, &x, |x| sampled.objective_with(&x.into(), &noise));
    assert_relative_eq!(ours.0, theirs.0, max_relative = 1e-13);
    for ((name, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
        assert_near(name, ours, theirs, 1e-12);
    }
}

#[test]
fn more_draws_give_a_tighter_bound_and_its_mean_is_the_variational_one() {
    let x: Var = uniform(2, 8, 2).into();
    let model = variational(1).with_bound(Bound::Importance { draws: 1 });
    // Many independent bounds of k draws each, as a batch of that many copies.
    let copies = 4000;
    let many = Input::from(x.repeat(&[copies, 1]));
    let mean = |k: usize, seed: u64| {
        let noise = normal(&[k, 2 * copies, 3], seed).into();
        model.objective_with(&many, &noise).total().item()
    };
    let (one, five, fifty) = (mean(1, 4), mean(5, 5), mean(50, 6));
    assert!(
        one > five + 0.05 && five > fifty + 0.01,
        "{one} {five} {fifty}"
    );
    let noise = normal(&[2 * copies, 3], 4).into();
    let exact = variational(1).objective_with(&many, &noise).total().item();
    assert_abs_diff_eq!(one, exact, epsilon = 0.1);
}

#[test]
fn labels_without_weights_change_nothing() {
    let (x, labels) = (uniform(4, 8, 2), Array::from_vec(vec![0, 2, 1, 2], [4]));
    let likelihood = Likelihood::Gaussian(0.5);
    let dense = |classes: usize| {
        let rng = &mut random::rng(1);
        Variational::dense(&[8, 6, 3], classes, ELU, likelihood, rng).to(DType::F64)
    };
    let (model, parent) = (dense(3), dense(0));
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
    let given = Input::from(x.clone()).labelled(labels.clone());
    let ours = model.objective_with(&given, &noise).total().item();
    let theirs = parent
        .objective_with(&x.clone().into(), &noise)
        .total()
        .item();
    assert_relative_eq!(ours, theirs, max_relative = 1e-13);
    let (ours, theirs) = (model.reconstruct(&given), parent.forward(&x.into()));
    assert_near("reconstruction", ours.value(), theirs.value(), 1e-13);
    assert_eq!(
        (model.widths(), model.classes()),
        (vec![8, 6, 3, 6, 8], Some(3))
    );
    let prior = model.prior().unwrap();
    let samples = draw_samples(&model, prior, 4, Some(&labels), &mut random::rng(7));
    assert_eq!(samples.shape(), [4, 8]);
}

#[test]
fn samples_are_decoded_normal_numbers() {
    let model = variational(1);
    let prior = model.prior().unwrap();
    let sample = draw_samples(&model, prior, 6, None, &mut random::rng(7));
    let code = normal(&[6, 3], 7);
    assert_eq!(sample, model.decode(&code.into(), None).into_value());
    assert!(sample.iter().all(|share| share > 0.0 && share < 1.0));
}

#[test]
fn halves_together_are_the_whole() {
    for Miniature {
        what, shape, model, ..
    } in miniatures()
    {
        let x: Var = uniform(3, shape.features(), 2).into();
        let code = model.encode(&(&x).into()).flat();
        assert_eq!(
            model.decode(&code, None).value(),
            model.forward(&x).value(),
            "{what}"
        );
        let widths = model.widths();
        assert_eq!(
            (widths[0], widths[widths.len() - 1]),
            (shape.features(), shape.features())
        );
        assert!(widths.contains(&code.shape()[1]), "{what}: {widths:?}");
        let input = input(model.as_ref(), &x);
        let code = model.encode(&input);
        if let Some(prior) = model.prior() {
            assert_eq!(prior.latent(), code.flat().shape()[1], "{what}");
        }
        if let Some(posterior) = code.posterior() {
            assert_eq!(posterior.mean().value(), code.flat().value(), "{what}");
        }
    }
}

#[test]
fn the_last_phase_is_the_stacked_autoencoder() {
    let x = uniform(5, 8, 2);
    let options = "hidden = [6]\nlatent = 3\nlambda = 0.01";
    let child = model("greedy", options, ROWS, 1);
    let parent = model("stacked", options, ROWS, 2);
    assert_same("greedy", child.as_ref(), parent.as_ref(), &x);
    let phases = child.phases();
    let input = Input::from(x);
    let last = phases
        .last()
        .unwrap()
        .objective(&input, &Step::default())
        .total()
        .item();
    assert_eq!(last, parent.objective(&input).total().item());
}
