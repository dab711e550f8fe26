//! Variational autoencoders of what is no picture: counts, and tables with holes.

use retrograd_autoencoders::{
    Autoencoder, BitsBack, Bound, DataShape, Holes, Input, Likelihood, Message, OptimizerKind,
    Variational, draw_samples,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_datasets::{MIXED_FEATURES, mixed_split};
use retrograd_nn::{DataLoader, Linear, Module, Schedule, Sequential};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

use crate::{COUNTS, copy, model, normal, step, uniform};

/// Counts `[5, 5]`, of which a row is nothing but zeros.
fn counts() -> Tensor {
    let values = [
        [3.0, 0.0, 12.0, 1.0, 40.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [7.0, 1.0, 0.0, 0.0, 2.0],
        [0.0, 1.0, 0.0, 0.0, 0.0],
        [900.0, 20.0, 4.0, 0.0, 77.0],
    ];
    Tensor::from_vec(values.concat(), [5, 5])
}

fn param(model: &dyn Module, name: &str) -> retrograd_nn::Param {
    let params = model.params().into_iter();
    params
        .filter(|(path, _)| path == name)
        .map(|(_, param)| param)
        .next()
        .unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn shares_of_counts_are_of_what_was_counted() {
    let x = counts();
    for library in ["observed", "learnt"] {
        for decoder in ["poisson", "nb"] {
            let options = format!(
                "latent = 2\nhidden = [6]\ndecoder = \"{decoder}\"\nlibrary = \"{library}\""
            );
            let model = model("counts", &options, COUNTS, 3);
            let code = model.encode(&x.clone().into());
            assert_eq!(code.flat().shape(), [5, 3], "a code and a size");
            let sums = model.reconstruct(&x.clone().into()).sum(1).into_value();
            if library == "observed" {
                // What is told of a sample is what was counted of it.
                let found = x.sum(1);
                for (told, found) in sums.iter().zip(found.iter()) {
                    assert_abs_diff_eq!(told, found, epsilon = 1e-6 * found + 2e-8);
                }
                let divergences = code.posterior().unwrap().divergences().into_value();
                assert!(divergences.slice(1, 2..3).iter().all(|kl| kl == 0.0));
            } else {
                let terms = model.objective(&x.clone().into());
                let kl = terms
                    .metrics()
                    .iter()
                    .find(|(name, _)| *name == "kl_size")
                    .unwrap()
                    .1;
                let divergences = code.posterior().unwrap().divergences().into_value();
                let size = divergences.slice(1, 2..3).mean(..).item();
                assert_abs_diff_eq!(kl, size, epsilon = 1e-12);
            }
        }
    }
}

#[test]
fn counts_of_no_end_of_dispersion_and_no_gate_are_poisson() {
    let x = counts();
    let built = |decoder: &str| {
        model(
            "counts",
            &format!("latent = 2\nhidden = [6]\ndecoder = \"{decoder}\""),
            COUNTS,
            3,
        )
    };
    let (poisson, binomial, inflated) = (built("poisson"), built("nb"), built("zinb"));
    param(binomial.as_ref(), "log_dispersion").set(Tensor::full([5], 60.0));
    // They have the same layers but for the dispersion; the gates are the last rows of the decoder.
    for (name, value) in poisson.params() {
        param(binomial.as_ref(), &name).set(value.value());
    }
    let loss = |model: &dyn Autoencoder| step(model, &x, |x| model.objective(&x.into()));
    let (expected, found) = (loss(poisson.as_ref()), loss(binomial.as_ref()));
    assert_abs_diff_eq!(expected.0, found.0, epsilon = 1e-6 * expected.0);
    for (name, value) in binomial.params() {
        let own = param(inflated.as_ref(), &name);
        let value = match own.shape() == value.shape() {
            true => value.value(),
            // Of a zero nothing is for another reason, however unlikely it is.
            false if value.shape().len() == 1 => {
                Tensor::cat(&[value.value(), Tensor::full([5], -1e4)], 0)
            }
            false => {
                let gates = Tensor::zeros(value.shape(), DType::F64);
                Tensor::cat(&[value.value(), gates], 0)
            }
        };
        own.set(value);
    }
    let inflated = loss(inflated.as_ref());
    assert_abs_diff_eq!(inflated.0, found.0, epsilon = 1e-12 * found.0);
}

#[test]
fn the_weight_of_a_code_of_counts_is_given_its_size() {
    let x = Var::constant(counts());
    let model = model(
        "counts",
        "latent = 1\nhidden = [6]\ndecoder = \"nb\"",
        COUNTS,
        3,
    );
    let code = model.encode(&Input::from(&x));
    let (posterior, prior) = (code.posterior().unwrap(), model.prior().unwrap());
    // log p(z) − log q(z|x) is of the numbers that are drawn: the size adds nothing to it.
    let weight = |z: &Var| prior.log_density(z) - posterior.log_density(z);
    let (z, other) = (
        posterior.mean(),
        Var::constant(Tensor::from_vec(vec![0.0, 1.7], [1, 2])),
    );
    let (with, without) = (weight(&z).into_value(), weight(&(&z + other)).into_value());
    assert_abs_diff_eq!(with, without, epsilon = 1e-12);
    // At the mean of q it is ½(log σ² − μ²).
    let divergences = posterior.divergences().into_value();
    assert!(divergences.slice(1, 1..2).iter().all(|kl| kl == 0.0));
    let mean = posterior.mean().narrow(1, 0, 1).into_value();
    let kl = divergences.slice(1, 0..1);
    for ((weight, mean), kl) in with.iter().zip(mean.iter()).zip(kl.iter()) {
        // KL is ½(σ² + μ² − 1 − log σ²).
        let found = 2.0 * weight + mean * mean;
        assert_abs_diff_eq!(
            0.5 * (found.exp() + mean * mean - 1.0 - found),
            kl,
            epsilon = 1e-9
        );
    }
}

#[test]
fn a_sample_of_zeros_costs_its_divergence_alone() {
    let zeros = Tensor::zeros([3, 5], DType::F64);
    for dtype in [DType::F64, DType::F32] {
        for decoder in ["poisson", "nb", "zinb"] {
            let options = format!("latent = 2\nhidden = [6]\ndecoder = \"{decoder}\"");
            let model = model("counts", &options, COUNTS, 3);
            model.cast(dtype);
            let terms = model.objective(&zeros.cast(dtype).into());
            let cost = terms.metrics().iter().next().unwrap().1;
            assert!((0.0..1e-6).contains(&cost), "{decoder}: {cost}");
            let (_, gradients) = step(model.as_ref(), &zeros.cast(dtype), |x| {
                model.objective(&x.into())
            });
            assert!(
                gradients.iter().all(|(_, gradient)| gradient.is_finite()),
                "{decoder}"
            );
        }
    }
}

const ROWS: DataShape = DataShape::points(4);
const PLAIN: &str =
    "latent = 2\nhidden = [6]\nactivation = \"tanh\"\ndecoder = \"student\"\nsamples = 3\n";

#[test]
fn with_nothing_missing_miwae_is_iwae() {
    let x = normal(&[5, 4], 1);
    let (ours, theirs) = (
        model("miwae", &format!("{PLAIN}mask = false"), ROWS, 1),
        model("iwae", PLAIN, ROWS, 2),
    );
    copy(ours.as_ref(), theirs.as_ref());
    let expected = step(theirs.as_ref(), &x, |x| theirs.objective(&x.into()));
    let found = step(ours.as_ref(), &x, |x| ours.objective(&x.into()));
    assert_eq!(found, expected);

    // A mask of ones is one more bias of the first layer.
    let marked = model("miwae", PLAIN, ROWS, 3);
    let (weight, bias) = ("encoder.0.weight", "encoder.0.bias");
    for (name, value) in ours.params() {
        match name.as_str() {
            "encoder.0.weight" => {
                let value = Tensor::cat(&[value.value(), normal(&[6, 4], 9)], 1);
                param(marked.as_ref(), weight).set(value);
            }
            "encoder.0.bias" => {
                let value = &value.value() - &normal(&[6, 4], 9).sum(1);
                param(marked.as_ref(), bias).set(value);
            }
            other => param(marked.as_ref(), other).set(value.value()),
        }
    }
    let whole = step(marked.as_ref(), &x, |x| marked.objective(&x.into())).0;
    assert_abs_diff_eq!(whole, expected.0, epsilon = 1e-12 * expected.0.abs());
    // And without a mask given, all is observed.
    let ones = Var::constant(Tensor::ones([5, 4], DType::F64));
    let masked = step(marked.as_ref(), &x, |x| {
        marked.objective(&Input::from(x).observed(ones.clone()))
    });
    assert_abs_diff_eq!(masked.0, whole, epsilon = 1e-12 * whole.abs());
}

#[test]
fn a_row_of_which_nothing_was_observed_costs_nothing_under_the_prior() {
    let model = model("miwae", PLAIN, ROWS, 1);
    for head in ["mean", "log_variance"] {
        for part in ["weight", "bias"] {
            let param = param(model.as_ref(), &format!("{head}.{part}"));
            param.set(Tensor::zeros(param.shape(), DType::F64));
        }
    }
    let x = normal(&[5, 4], 1);
    let nothing = Var::constant(Tensor::zeros([5, 4], DType::F64));
    let cost = step(model.as_ref(), &x, |x| {
        model.objective(&Input::from(x).observed(nothing.clone()))
    });
    assert_abs_diff_eq!(cost.0, 0.0, epsilon = 1e-15);
}

#[test]
fn what_the_encoder_reads_of_a_hole_is_0() {
    let mask = Var::constant(Tensor::from_fn([5, 4], |at| {
        f64::from((at[0] + at[1]) % 3 != 0)
    }));
    for options in ["mask = true", "mask = false"] {
        let model = model("miwae", &format!("{PLAIN}{options}"), ROWS, 1);
        let x = normal(&[5, 4], 1);
        let with = |hole: f64| {
            let x = Tensor::from_fn([5, 4], |at| match mask.value().at(at) > 0.0 {
                true => x.at(at),
                false => hole,
            });
            step(model.as_ref(), &x, |x| {
                model.objective(&Input::from(x).observed(mask.clone()))
            })
        };
        let zero = with(0.0);
        for hole in [3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(with(hole), zero, "{options}: {hole}");
        }
    }
}

/// x = W z + b + σ ε, whose expectations given a part of x are known.
#[test]
fn imputations_are_expectations_given_what_was_observed() {
    let rng = &mut random::rng(4);
    let (deviation, latent) = (0.7, 1);
    let decoder = Linear::new(latent, 3, rng);
    let (slope, offset) = ([1.5, -1.0, 0.8], [0.3, 0.0, -0.2]);
    decoder.weight.set(Tensor::from_vec(slope.to_vec(), [3, 1]));
    let bias = decoder.bias.clone().expect("a bias");
    bias.set(Tensor::from_vec(offset.to_vec(), [3]));
    let encoder = Sequential::new().with(Linear::new(3, 4, rng));
    let likelihood = Likelihood::Gaussian(deviation);
    let decoder = Sequential::new().with(decoder);
    let model = Variational::new(
        encoder,
        [4, latent],
        decoder,
        vec![3, 4, 1, 3],
        likelihood,
        rng,
    )
    .with_holes(Holes::Zero)
    .with_bound(Bound::Importance { draws: 5 });
    model.cast(DType::F64);
    let x = Var::constant(Tensor::from_vec(
        vec![1.2, f64::NAN, f64::NAN, 0.5, -1.1, f64::NAN],
        [2, 3],
    ));
    let seen = Var::constant(Tensor::from_vec(vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0], [2, 3]));
    let input = Input::from(&x).observed(seen.clone());
    let found = model.imputed_with(&input, &Var::constant(normal(&[400_000, 2, 1], 6)));
    let (found, seen) = (found.into_value().to_vec(), seen.into_value().to_vec());
    let x = x.into_value().to_vec();
    for row in 0..2 {
        // z given x_o is normal: precision 1 + Σ w²/σ², mean Σ w (x − b)/σ² over it.
        let (mut precision, mut sum) = (1.0, 0.0);
        for column in 0..3 {
            if seen[3 * row + column] > 0.0 {
                let w = slope[column] / (deviation * deviation);
                precision += w * slope[column];
                sum += w * (x[3 * row + column] - offset[column]);
            }
        }
        for column in 0..3 {
            let at = 3 * row + column;
            if seen[at] > 0.0 {
                assert_eq!(found[at], x[at]);
            } else {
                let expected = slope[column] * sum / precision + offset[column];
                // 400 000 draws whose weights make perhaps a hundredth of them count.
                assert_abs_diff_eq!(found[at], expected, epsilon = 0.05);
            }
        }
    }
    // The bound of many draws is the likelihood of what was observed, which is normal.
    let noise = Var::constant(normal(&[400_000, 2, 1], 7));
    let bound = model.objective_with(&input, &noise).total().item();
    let row = |known: &[usize], row: usize| {
        // −log N(x_o; b, w wᵀ + σ² I), by the determinant lemma.
        let s = deviation * deviation;
        let (mut square, mut dot, mut norm) = (0.0, 0.0, 0.0);
        for &column in known {
            let r = x[3 * row + column] - offset[column];
            square += r * r / s;
            dot += slope[column] * r / s;
            norm += slope[column] * slope[column] / s;
        }
        let log_det = known.len() as f64 * (std::f64::consts::TAU * s).ln() + (1.0 + norm).ln();
        0.5 * (square - dot * dot / (1.0 + norm) + log_det)
    };
    let exact = 0.5 * (row(&[0], 0) + row(&[0, 1], 1));
    assert_abs_diff_eq!(bound, exact, epsilon = 0.02);
}

#[test]
fn decoders_that_learn_their_scale_compute_in_both_bodies() {
    let data = DataShape::images([1, 4, 4]);
    for decoder in ["learnt", "student"] {
        for body in ["dense", "convolutional"] {
            let options = format!(
                "latent = 2\nhidden = [6]\nbody = \"{body}\"\nchannels = [3, 2]\ndecoder = \"{decoder}\"\nactivation = \"tanh\""
            );
            let model = model("variational", &options, data, 1);
            let x = uniform(3, 16, 2);
            assert_eq!(
                model.reconstruct(&x.clone().into()).shape(),
                [3, 16],
                "{body}"
            );
            let (loss, gradients) = step(model.as_ref(), &x, |x| model.objective(&x.into()));
            assert!(loss.is_finite());
            let moved = gradients.iter().filter(|(_, g)| g.iter().any(|g| g != 0.0));
            assert_eq!(moved.count(), gradients.len(), "{decoder} {body}");
        }
    }
}

/// Binary rows `[count, 16]` with two causes, and a model that knows a little of them.
fn binary(count: usize) -> (Tensor, retrograd_autoencoders::BoxedAutoencoder) {
    let causes = normal(&[count, 2], 1)
        .matmul(&normal(&[2, 16], 2))
        .scale(4.0);
    let x = causes.map(|x| f64::from(u8::from(x > 0.0)));
    let options = "latent = 3\nhidden = [12]\nbody = \"dense\"\nactivation = \"tanh\"";
    let model = model("variational", options, DataShape::images([1, 4, 4]), 5);
    crate::training::learn(model.as_ref(), &x, 300);
    (x, model)
}

#[test]
fn what_is_compressed_is_read_again_to_the_bit_at_the_rate_of_the_bound() {
    let (x, model) = binary(12_000);
    for dtype in [DType::F64, DType::F32] {
        model.cast(dtype);
        let coder = BitsBack::new(model.as_ref()).unwrap();
        let message = coder.compress(&x).unwrap();
        let read = Message::from_bytes(&message.to_bytes()).unwrap();
        assert_eq!(read, message);
        assert_eq!(coder.decompress(&read).unwrap().to_vec(), x.to_vec());

        // The bound by many draws, in bits a number.
        let tape = Tape::with(Mode::Evaluation, random::rng(3));
        let draws: Vec<f64> = (0..20)
            .map(|_| {
                model
                    .objective(&tape.constant(x.cast(dtype)).into())
                    .total()
                    .item()
            })
            .collect();
        let bound = draws.iter().sum::<f64>() / 20.0 / 16.0 / std::f64::consts::LN_2;
        let [rate, with_initial] = message.rates();
        println!(
            "{dtype:?}: {rate} bits a number, the bound {bound}, with initial bits {with_initial}"
        );
        assert!((rate / bound - 1.0).abs() < 0.01, "{rate} for {bound}");
        assert!(with_initial > rate && with_initial - rate < 0.01);
        assert!(rate < 0.8, "{rate}");
    }
}

#[test]
fn damaged_messages_and_those_of_others_are_refused_in_words() {
    let (x, model) = binary(60);
    let coder = BitsBack::new(model.as_ref()).unwrap();
    let bytes = coder.compress(&x).unwrap().to_bytes();
    let read = |bytes: &[u8]| {
        let message = Message::from_bytes(bytes)?;
        coder.decompress(&message)
    };
    assert!(read(&bytes).is_ok());
    let mut refused = 0;
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (at % 8);
        match read(&other) {
            Err(_) => refused += 1,
            Ok(found) => panic!("byte {at}: {found:?}"),
        }
    }
    assert_eq!(refused, bytes.len());
    for length in [0, 7, 59, 60, 61, bytes.len() - 4, bytes.len() - 1] {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
    // More samples than any file holds.
    let mut claims = bytes.clone();
    claims[36..44].copy_from_slice(&u64::MAX.to_le_bytes());
    let error = read(&claims).unwrap_err().to_string();
    assert!(error.contains("more samples than bits"), "{error}");

    let (_, other) = binary(61);
    let other = BitsBack::new(other.as_ref())
        .unwrap()
        .decompress(&Message::from_bytes(&bytes).unwrap());
    assert!(other.unwrap_err().to_string().contains("another model"));
    let shades = x.scale(0.5);
    let error = coder.compress(&shades).unwrap_err().to_string();
    assert!(error.contains("0.5") && error.contains("0 or 1"), "{error}");
    assert!(coder.compress(&Tensor::zeros([2, 15], DType::F64)).is_err());
    for name in ["deep", "counts", "iwae"] {
        let data = if name == "counts" {
            COUNTS
        } else {
            DataShape::points(5)
        };
        let options = if name == "deep" {
            "output = \"real\"\nlatent = 2"
        } else {
            ""
        };
        let model = crate::model(name, options, data, 1);
        let error = BitsBack::new(model.as_ref()).unwrap_err().to_string();
        assert!(error.contains("binary numbers"), "{error}");
    }
}

/// Sets a buffer of a model.
fn set(model: &dyn Module, name: &str, values: &[f64], shape: &[usize]) {
    let state = model.state().into_iter().find(|(path, _)| path == name);
    match state {
        Some((_, retrograd_nn::State::Buffer(buffer))) => {
            buffer.set(Tensor::from_vec(
                values.to_vec(),
                retrograd_tensor::Shape::new(shape).unwrap(),
            ));
        }
        _ => panic!("there is no buffer {name}"),
    }
}

/// Two columns of categories, of two and three values.
fn categories() -> retrograd_autoencoders::BoxedAutoencoder {
    let options = "latent = 2\nhidden = [6]\nactivation = \"tanh\"";
    let model = model("tabular", options, DataShape::points(2), 3);
    let (mut centre, mut share) = (vec![0.0; 20], vec![-1e9; 20]);
    for (column, values) in [&[0.0, 1.0][..], &[0.0, 1.0, 5.0]].iter().enumerate() {
        for (k, value) in values.iter().enumerate() {
            centre[10 * column + k] = *value;
            share[10 * column + k] = -(values.len() as f64).ln();
        }
    }
    set(model.as_ref(), "number", &[0.0, 0.0], &[2]);
    set(model.as_ref(), "centre", &centre, &[2, 10]);
    set(model.as_ref(), "scale", &[1.0; 20], &[2, 10]);
    set(model.as_ref(), "share", &share, &[2, 10]);
    model
}

#[test]
fn a_table_of_categories_is_multinomial() {
    let model = categories();
    let all: Vec<f64> = [0.0, 1.0]
        .iter()
        .flat_map(|a| [0.0, 1.0, 5.0].map(|b| [*a, b]))
        .flatten()
        .collect();
    let x = Tensor::from_vec(all, [6, 2]);
    // The probabilities of all rows sum to 1, whatever the code.
    for seed in 0..3 {
        let code = normal(&[1, 2], seed).broadcast_to([6, 2]).contiguous();
        let log = model
            .log_likelihood(&x.clone().into(), &Var::constant(code))
            .unwrap();
        assert_abs_diff_eq!(log.exp().sum(..).item(), 1.0, epsilon = 1e-12);
    }
    // The loss is cross-entropies and the divergence: nothing has a normal distribution.
    let tape = Tape::new();
    let terms = model.objective(&tape.constant(x.clone()).into());
    let figures: Vec<(String, f64)> = terms
        .metrics()
        .iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let of = |name: &str| figures.iter().find(|(own, _)| own == name).unwrap().1;
    assert_eq!(of("numbers"), 0.0);
    assert!(of("modes") > 0.0);
    let gradients = step(model.as_ref(), &x, |x| model.objective(&x.into())).1;
    let deviation = gradients
        .iter()
        .find(|(name, _)| name == "deviation")
        .unwrap();
    assert!(deviation.1.iter().all(|slope| slope == 0.0));
    // Reconstructions are values that there are.
    let y = model.reconstruct(&x.clone().into()).into_value().to_vec();
    assert!(
        y.chunks(2)
            .all(|row| [0.0, 1.0].contains(&row[0]) && [0.0, 1.0, 5.0].contains(&row[1]))
    );
    // A value that nobody has seen is the nearest.
    let cost = |b: f64| {
        let code = Var::constant(normal(&[1, 2], 7));
        let row = Tensor::from_vec(vec![1.0, b], [1, 2]);
        model.log_likelihood(&row.into(), &code).unwrap().item()
    };
    assert_eq!(cost(4.0), cost(5.0));
}

/// What is rare is told as well as what is not, and new rows have it as often.
#[test]
fn rare_categories_are_told_and_drawn() {
    let data = mixed_split(4000, 1000, 1);
    let card = crate::card("tabular");
    let shape = DataShape::points(MIXED_FEATURES);
    let model = card
        .build(&crate::settings(""), shape, &mut random::rng(3))
        .unwrap();
    let loader = DataLoader::new(data.train.features.clone(), 100)
        .unwrap()
        .shuffled(1);
    for phase in model.phases() {
        let optimizer =
            |params, rate: f64| Ok::<_, ()>(OptimizerKind::Adam.build(1e-3 * rate, params));
        let trainer = phase.trainer(model.as_ref(), 1, &Schedule::Constant, optimizer);
        trainer.unwrap().fit(25, &loader, None, &mut ()).unwrap();
    }
    let shares = |rows: &Tensor| {
        let of = |column: usize, value: f64| {
            let own = rows.select(1, column).contiguous();
            own.map(|x| f64::from(x == value)).mean(..).item()
        };
        [of(0, 0.0), of(0, 1.0), of(0, 2.0), of(1, 0.0), of(1, 1.0)]
    };
    let x = &data.held_out.features;
    let new = draw_samples(
        model.as_ref(),
        model.prior().unwrap(),
        4000,
        None,
        &mut random::rng(5),
    );
    let pairs = shares(x).into_iter().zip(shares(&new));
    let off = pairs
        .map(|(held_out, new)| (held_out - new).abs())
        .fold(0.0, f64::max);
    assert!(off < 0.1, "{:?} and {:?}", shares(x), shares(&new));
    // The likeliest category alone would say that there are hardly any members: p(member) is 0.2 for most.
    let likeliest = model.decode(
        &model
            .prior()
            .unwrap()
            .draw(4000, &mut random::rng(5), DType::F32)
            .into(),
        None,
    );
    assert!(shares(likeliest.value())[4] < shares(x)[4] - 0.05);
    // Of a code that was made of the row itself, it is the row's own.
    let back = model.reconstruct(&x.clone().into()).into_value();
    let same = (0..1000).filter(|&row| back.at(&[row, 0]) == x.at(&[row, 0]));
    assert!(same.count() > 850);
}

#[test]
fn a_number_costs_its_place_in_its_mode() {
    let options = "latent = 2\nhidden = [6]\nactivation = \"tanh\"";
    let model = model("tabular", options, DataShape::points(1), 3);
    let mut share = [-1e9; 10];
    (share[0], share[1]) = (0.5_f64.ln(), 0.5_f64.ln());
    let pad = |two: [f64; 2], other: f64| {
        let rest = std::iter::repeat_n(other, 8);
        two.into_iter().chain(rest).collect::<Vec<f64>>()
    };
    set(model.as_ref(), "centre", &pad([-3.0, 40.0], 0.0), &[1, 10]);
    set(model.as_ref(), "scale", &pad([0.5, 2.0], 1.0), &[1, 10]);
    set(model.as_ref(), "share", &share, &[1, 10]);
    let code = Var::constant(normal(&[1, 2], 7));
    let log = |x: f64| {
        let x = Tensor::from_vec(vec![x], [1, 1]);
        model.log_likelihood(&x.into(), &code).unwrap().item()
    };
    // A parabola in each mode, whose widths are 4 s σ with σ of 0.1.
    for (centre, scale) in [(-3.0, 0.5), (40.0, 2.0)] {
        let bend = log(centre + 0.1 * scale) - 2.0 * log(centre) + log(centre - 0.1 * scale);
        let sigma = param(model.as_ref(), "deviation")
            .value()
            .item()
            .exp()
            .ln_1p()
            + 0.01;
        let expected = -(0.1_f64 / 4.0 / sigma).powi(2);
        assert_abs_diff_eq!(bend, expected, epsilon = 1e-9);
        assert_abs_diff_eq!(sigma, 0.1, epsilon = 1e-3);
    }
    // Densities may be above 1: a loss below 0 is legal.
    let best = (-40..40)
        .map(|at| log(-3.0 + 0.05 * f64::from(at)))
        .fold(f64::NEG_INFINITY, f64::max);
    assert!(best > 0.0, "{best}");
}
