//! A toy of every family of models that asks something of the trainer.

use super::players::optimizer;
use super::*;
use retrograd_nn::data::SampleBatch;
use retrograd_nn::train::SampleVars;
use retrograd_nn::{Buffer, Player, Span, Step, may_change};
use retrograd_tensor::{Array, assert_abs_diff_eq};

/// Layers and buffers by names, computed with by whoever made them.
struct Parts {
    layers: Vec<(&'static str, Linear)>,
    buffers: Vec<(&'static str, Buffer)>,
}

impl Parts {
    fn new(layers: &[(&'static str, usize, usize)], buffers: Vec<(&'static str, Tensor)>) -> Self {
        let mut rng = random::rng(1);
        let layer = |&(name, inputs, outputs): &_| {
            (name, Linear::new(inputs, outputs, &mut rng).to(DType::F64))
        };
        let buffers = buffers.into_iter();
        Self {
            layers: layers.iter().map(layer).collect(),
            buffers: buffers
                .map(|(name, value)| (name, Buffer::new(value)))
                .collect(),
        }
    }

    fn layer(&self, name: &str) -> &Linear {
        &self.layers.iter().find(|(own, _)| *own == name).unwrap().1
    }

    fn buffer(&self, name: &str) -> &Buffer {
        &self.buffers.iter().find(|(own, _)| *own == name).unwrap().1
    }

    /// What moves these layers.
    fn moving(&self, layers: &[&'static str], rate: f64) -> Optimizer {
        let params = layers.iter().flat_map(|name| {
            let params = self.layer(name).params().into_iter();
            params.map(move |(own, param)| (format!("{name}.{own}"), param))
        });
        Optimizer::new(Adam::default(), rate, params.collect())
    }
}

impl Module for Parts {
    fn forward(&self, x: &Var) -> Var {
        self.layer("decoder")
            .forward(&self.layer("encoder").forward(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.layers
            .iter()
            .for_each(|(name, layer)| visitor.child(name, layer));
        self.buffers
            .iter()
            .for_each(|(name, buffer)| visitor.buffer(name, buffer));
    }
}

fn mse(y: &Var, x: &Var) -> Var {
    loss::mse(y, x, Reduction::Mean)
}

/// Clusters of points around (±2, ±2, 0).
fn clusters(count: usize) -> Tensor {
    let centres = Tensor::from_fn([count, 3], |at| match at[1] {
        0 => 4.0 * (at[0] % 2) as f64 - 2.0,
        1 => 4.0 * (at[0] / 2 % 2) as f64 - 2.0,
        _ => 0.0,
    });
    centres + samples(count, DType::F64) * 0.2
}

/// Squares of distances `[samples, centres]`.
fn distances(x: &Var, centres: &Var) -> Var {
    (x.unsqueeze(1) - centres.unsqueeze(0)).square().sum([2])
}

/// FactorVAE: half of a batch is encoded for itself, the other half, every column of its codes permuted, is
/// what a discriminator compares codes with.
#[test]
fn a_discriminator_sees_permuted_half_batches() {
    let model = Parts::new(
        &[
            ("encoder", 3, 2),
            ("decoder", 2, 3),
            ("inner", 2, 8),
            ("outer", 8, 1),
        ],
        Vec::new(),
    );
    let (encode, judge) = (
        |x: &Var| model.layer("encoder").forward(x),
        |z: &Var| {
            model
                .layer("outer")
                .forward(&model.layer("inner").forward(z).tanh())
        },
    );
    let halves = |x: &Var| {
        let half = x.shape()[0] as isize / 2;
        (x.slice(0, ..half), x.slice(0, half..))
    };
    let ratio = |x: &Var| judge(&encode(&halves(x).0)).mean(..);
    let autoencoder = Player::new("model", model.moving(&["encoder", "decoder"], 0.01), {
        |x: &Var, _: &Step| {
            let own = halves(x).0;
            Terms::new("mse", mse(&model.forward(&own), &own)).weighted(
                "correlation",
                ratio(x),
                0.1,
            )
        }
    });
    let discriminator = Player::new("judge", model.moving(&["inner", "outer"], 0.02), {
        |x: &Var, _: &Step| {
            let (own, other) = halves(x);
            let (own, other) = (encode(&own), encode(&other));
            assert!(!own.is_tracked(), "the encoder is constant here");
            let permuted: Vec<Var> = (0..2)
                .map(|unit| {
                    let rows = other.shape()[0];
                    let order = x
                        .tape()
                        .unwrap()
                        .random(|rng| random::permutation(rows, rng));
                    let order = order.into_iter().map(|row| row as i64).collect();
                    let order = Array::from_vec(order, [rows]);
                    other.slice(1, unit..unit + 1).gather_rows(&order)
                })
                .collect();
            let permuted = Var::cat(&permuted.iter().collect::<Vec<_>>(), 1);
            let (joint, product) = (judge(&own), judge(&permuted));
            Terms::new("joint", (-joint).softplus().mean(..))
                .with("product", product.softplus().mean(..))
        }
    });
    // The second coordinate is the first, so that codes are correlated as long as nobody minds.
    let x = samples(64, DType::F64);
    let x = Tensor::cat(&[x.slice(1, ..1), x.slice(1, ..1), x.slice(1, 2..)], 1);
    let loader = DataLoader::new(x, 16).unwrap().shuffled(1);
    let mut trainer = Trainer::of(&model, [autoencoder, discriminator], 5);
    let records = trainer.fit(60, &loader, Some(&loader), &mut ()).unwrap();
    let last = records[59].held_out.as_ref().unwrap();
    assert!(
        last.get("mse").unwrap() < 0.1 * records[0].held_out.as_ref().unwrap().get("mse").unwrap()
    );
    assert!(last.get("judge/joint").unwrap() > 0.0 && last.get("correlation").is_some());
}

/// WAE: the distance of codes from a normal distribution by a kernel is one of the batch, and no mean
/// over its samples.
#[test]
fn a_distance_of_distributions_needs_whole_batches() {
    let model = Parts::new(&[("encoder", 3, 2), ("decoder", 2, 3)], Vec::new());
    let kernel = |a: &Var, b: &Var| (distances(a, b) * -0.5).exp().mean(..);
    let objective = |x: &Var, step: &Step| {
        let z = model.layer("encoder").forward(x);
        // As many draws as codes, the same in all measurements.
        let normal = |rng: &mut random::Rng| Tensor::normal(*z.shape(), 0.0, 1.0, rng, z.dtype());
        let drawn = Var::constant(match step.is_training() {
            true => x.tape().unwrap().random(normal),
            false => normal(&mut random::rng(9)),
        });
        let mmd = kernel(&z, &z) + kernel(&drawn, &drawn) - kernel(&z, &drawn) * 2.0;
        Terms::new("mse", mse(&model.layer("decoder").forward(&z), x)).weighted("mmd", mmd, 50.0)
    };
    let player = || {
        let optimizer = model.moving(&["encoder", "decoder"], 0.05);
        Player::new("model", optimizer, objective).of_whole_batches()
    };
    let of = |batch| DataLoader::new(clusters(32) * 2.0, batch).unwrap();
    let mut trainer = Trainer::of(&model, [player()], 0);
    let mmd =
        |trainer: &Trainer, batch| trainer.evaluate(0, &of(batch)).unwrap().get("mmd").unwrap();
    // A mean over smaller batches is another figure, so that their gradients are others too.
    let (whole, parts) = (mmd(&trainer, 32), mmd(&trainer, 8));
    assert!((whole - parts).abs() > 1e-3, "{whole} {parts}");
    trainer
        .fit(150, &of(16).shuffled(1), None, &mut ())
        .unwrap();
    let after = mmd(&trainer, 32);
    assert!(after < 0.5 * whole, "{after} {whole}");
    let mut refused = Trainer::of(&model, [player()], 0).accumulating(2);
    assert!(matches!(
        refused.fit(1, &of(16), None, &mut ()),
        Err(TrainError::WholeBatch { accumulated: 2, .. })
    ));
}

/// Codes that are the nearest of a book, whose entries are moving averages of what they stand for; a dead
/// one starts anew.
#[test]
fn a_codebook_is_a_buffer_and_dead_entries_start_anew() {
    const ENTRIES: usize = 8;
    // All entries but two are so far away that nothing is near them.
    let book = Tensor::from_fn(
        [ENTRIES, 2],
        |at| if at[0] < 2 { at[0] as f64 } else { 1e3 },
    );
    let ones = Tensor::ones([ENTRIES], DType::F64);
    let buffers = vec![("book", book.clone()), ("counts", ones), ("sums", book)];
    let model = Parts::new(&[("encoder", 3, 2), ("decoder", 2, 3)], buffers);
    let (book, counts, sums) = (
        model.buffer("book"),
        model.buffer("counts"),
        model.buffer("sums"),
    );
    let objective = |x: &Var, _: &Step| {
        let z = model.layer("encoder").forward(x);
        let nearest = (-distances(&z, &book.beside(x))).value().argmax(1);
        let quantized = book.beside(x).gather_rows(&nearest);
        if may_change(x) {
            let one = Tensor::from_fn([x.shape()[0], ENTRIES], |at| {
                f64::from(nearest.at(&[at[0]]) == at[1] as i64)
            });
            let one = Var::constant(one);
            let mix = |old: &Buffer, new: Var| old.set(old.value() * 0.8 + new.value() * 0.2);
            mix(counts, one.sum([0]));
            mix(sums, one.matmul_tn(&z.stop_gradient()));
            let counts = Var::constant(counts.value()).unsqueeze(1);
            book.set((Var::constant(sums.value()) / counts).into_value());
        }
        let alive = counts.value().iter().filter(|count| *count > 0.05).count();
        // The gradient goes straight through.
        let passed = &z + (&quantized - &z).stop_gradient();
        Terms::new("mse", mse(&model.layer("decoder").forward(&passed), x))
            .weighted("commitment", mse(&z, &quantized.stop_gradient()), 0.25)
            .watching("alive", alive as f64)
    };
    let train = |revive: bool| {
        let before: Vec<Tensor> = model.buffers.iter().map(|(_, own)| own.value()).collect();
        let params = values(&model);
        let player = Player::new(
            "model",
            model.moving(&["encoder", "decoder"], 0.02),
            objective,
        )
        .after(|_, rng, _| {
            let (mut rows, mut all) = (Vec::new(), Vec::new());
            for entry in 0..ENTRIES {
                let is_dead = revive && counts.value().at(&[entry]) < 0.05;
                let near = Tensor::normal([1, 2], 0.0, 1.0, rng, DType::F64);
                let at = entry as isize;
                rows.push(if is_dead {
                    near
                } else {
                    book.value().slice(0, at..at + 1)
                });
                all.push(if is_dead {
                    1.0
                } else {
                    counts.value().at(&[entry])
                });
            }
            book.set(Tensor::cat(&rows, 0));
            counts.set(Tensor::from_vec(all, [ENTRIES]));
            let counts = Var::constant(counts.value()).unsqueeze(1);
            sums.set((Var::constant(book.value()) * counts).into_value());
        });
        let loader = DataLoader::new(clusters(32), 16).unwrap().shuffled(3);
        let mut trainer = Trainer::of(&model, [player], 1);
        let records = trainer.fit(40, &loader, Some(&loader), &mut ()).unwrap();
        let last = records[39].held_out.clone().unwrap();
        drop(trainer);
        for ((_, buffer), value) in model.buffers.iter().zip(before) {
            buffer.set(value);
        }
        for ((_, param), value) in model.params().iter().zip(params) {
            param.set(value);
        }
        (last.get("alive").unwrap(), last.get("mse").unwrap())
    };
    let ((few, blurred), (many, clear)) = (train(false), train(true));
    assert!(few <= 2.0 && many >= 4.0, "{few} {many}");
    assert!(clear < 0.5 * blurred, "{clear} {blurred}");
}

/// DEC: pretraining, then clusters. Their centres, which move, are found before the first epoch, and what
/// each sample is drawn to between epochs, in order and by row.
#[test]
fn stages_hand_the_model_over_and_targets_go_by_row() {
    const CENTRES: usize = 4;
    let samples = 32;
    let all = |rows| Tensor::zeros([rows, CENTRES], DType::F64);
    let model = Parts::new(
        &[
            ("encoder", 3, 2),
            ("decoder", 2, 3),
            ("centres", 2, CENTRES),
        ],
        vec![("targets", all(samples))],
    );
    let data = || DataLoader::new(SampleBatch::new(clusters(samples)).numbered(), 8).unwrap();
    let encode = |x: &Var| model.layer("encoder").forward(x);
    let pretraining =
        |batch: &SampleVars| Terms::new("mse", mse(&model.forward(&batch.x), &batch.x));
    let optimizer = model.moving(&["encoder", "decoder"], 0.05);
    let mut first = Trainer::new(&model, optimizer, pretraining, 1);
    let records = first.fit(40, &data().shuffled(1), None, &mut ()).unwrap();
    assert!(records[39].train.total() < 0.5, "{:?}", records[39].train);
    let handed_over = values(&model);

    // Shares of Student's t, and the same sharpened.
    let shares = |z: &Var| {
        let near = (distances(z, &model.layer("centres").weight.beside(z)) + 1.0).recip();
        &near / near.sum([1]).unsqueeze(1)
    };
    let targets = model.buffer("targets");
    let objective = |batch: &SampleVars| {
        let (own, rows) = (shares(&encode(&batch.x)), batch.rows.as_ref().unwrap());
        let target = targets.beside(&batch.x).gather_rows(rows);
        let divergence = (&target * ((&target + 1e-9) / own).log()).sum([1]).mean(..);
        Terms::new("divergence", divergence)
    };
    let fit = |epochs: u64, from: Option<&retrograd_nn::train::Checkpoint>| {
        let optimizer = model.moving(&["encoder", "centres"], 0.02);
        let mut second = Trainer::new(&model, optimizer, objective, 2).between_epochs(|between| {
            let epoch = between.moment.epoch;
            let codes: Vec<Var> = between.batches.map(|batch| encode(&batch.x)).collect();
            let codes = Var::cat(&codes.iter().collect::<Vec<_>>(), 0);
            if epoch == 0 {
                // One of each cluster.
                let start = codes.value().slice(0, ..CENTRES as isize);
                model.layer("centres").weight.set(start);
            }
            let own = shares(&codes).square();
            let own = &own / own.sum([0]).unsqueeze(0);
            targets.set((&own / own.sum([1]).unsqueeze(1)).into_value());
        });
        if let Some(checkpoint) = from {
            second.resume(checkpoint).unwrap();
        }
        second
            .fit(epochs, &data().shuffled(1), None, &mut ())
            .unwrap();
        second.checkpoint()
    };
    let back = |params: &[Tensor]| {
        for ((_, param), value) in model.params().iter().zip(params) {
            param.set(value.clone());
        }
        targets.set(all(samples));
    };
    let straight = fit(6, None);
    let (params, found) = (values(&model), targets.value());
    back(&handed_over);
    let stopped = fit(3, None);
    back(&handed_over);
    let resumed = fit(6, Some(&stopped));
    assert_eq!((values(&model), targets.value()), (params, found));
    let losses = |checkpoint: &retrograd_nn::train::Checkpoint| -> Vec<f64> {
        let records = checkpoint.standing.records.iter();
        records.map(|record| record.train.total()).collect()
    };
    assert_eq!(losses(&resumed), losses(&straight));
    // Samples of one cluster are drawn to one centre, and each cluster to its own.
    let drawn = targets.value().argmax(1);
    assert!(
        (0..samples).all(|row| drawn.at(&[row]) == (row % CENTRES) as i64),
        "{drawn:?}"
    );
}

/// A choice of one of several that hardens as the temperature falls.
#[test]
fn a_temperature_falls_by_schedule() {
    let model = Parts::new(&[("encoder", 3, 4), ("decoder", 4, 3)], Vec::new());
    let cooling = Schedule::Exponential {
        gamma: 0.1,
        per: Span::Epochs(20),
    };
    let objective = |x: &Var, step: &Step| {
        let temperature = step.schedule(&cooling, 1.0);
        let logits = model.layer("encoder").forward(x);
        let uniform = |rng: &mut random::Rng| {
            Tensor::uniform(*logits.shape(), 1e-9, 1.0, rng, logits.dtype())
        };
        let noisy = match step.is_training() {
            true => {
                let uniform = Var::constant(x.tape().unwrap().random(uniform));
                &logits - (-uniform.log()).log()
            }
            false => logits,
        };
        let scaled = noisy / temperature;
        let choice = (&scaled - scaled.logsumexp([1]).unsqueeze(1)).exp();
        Terms::new("mse", mse(&model.layer("decoder").forward(&choice), x))
            .watching("temperature", temperature)
            .watching("hardness", choice.max([1]).mean(..))
    };
    let player = Player::new(
        "model",
        model.moving(&["encoder", "decoder"], 0.05),
        objective,
    );
    let loader = DataLoader::new(clusters(32), 8).unwrap().shuffled(1);
    let mut trainer = Trainer::of(&model, [player], 1);
    let records = trainer.fit(41, &loader, Some(&loader), &mut ()).unwrap();
    let figure = |epoch: usize, name| records[epoch].held_out.as_ref().unwrap().get(name).unwrap();
    assert_eq!(figure(0, "temperature"), 1.0);
    assert_abs_diff_eq!(figure(40, "temperature"), 0.01, epsilon = 1e-12);
    assert!(figure(40, "hardness") > 0.95 && figure(0, "hardness") < 0.9);
    assert!(
        figure(40, "mse") < 0.5 * figure(0, "mse"),
        "{}",
        figure(40, "mse")
    );
}

/// Labels for some rows, and weights that say so.
#[test]
fn some_rows_have_labels() {
    let labels: Vec<i64> = (0..32)
        .map(|row| if row < 8 { row % 2 } else { 0 })
        .collect();
    let known: Vec<f64> = (0..32).map(|row| f64::from(row < 8)).collect();
    let data = SampleBatch {
        labels: Some(Array::from_vec(labels, [32])),
        weights: Some(Tensor::from_vec(known, [32])),
        ..SampleBatch::new(clusters(32))
    };
    let model = Parts::new(
        &[("encoder", 3, 2), ("decoder", 2, 3), ("classes", 2, 2)],
        Vec::new(),
    );
    let objective = |batch: &SampleVars| {
        let z = model.layer("encoder").forward(&batch.x);
        let logits = model.layer("classes").forward(&z);
        let (labels, weights) = (
            batch.labels.as_ref().unwrap(),
            batch.weights.as_ref().unwrap(),
        );
        let labels = labels.reshape(&[-1, 1]);
        let log = (logits.gather(&labels) - logits.logsumexp([1]).unsqueeze(1)).squeeze(1);
        let nll = -(log * weights).sum(..) / (weights.sum(..) + 1e-9);
        Terms::new("mse", mse(&model.layer("decoder").forward(&z), &batch.x)).with("nll", nll)
    };
    let predict = |batch: &SampleVars| {
        let logits = model
            .layer("classes")
            .forward(&model.layer("encoder").forward(&batch.x));
        let classes = (0..logits.shape()[0]).map(|row| (row % 2) as f64).collect();
        (
            logits.clone(),
            Var::constant(Tensor::from_vec(classes, [logits.shape()[0]])),
        )
    };
    let loader = DataLoader::new(data, 8).unwrap();
    let optimizer = optimizer(&model, "model", 0.05);
    let mut trainer = Trainer::new(&model, optimizer, objective, 1)
        .metric(predict, retrograd_nn::train::Accuracy::new());
    let order = loader.clone().shuffled(1);
    let records = trainer.fit(60, &order, Some(&loader), &mut ()).unwrap();
    // In the order of the data the true class is that of the row, labelled or not.
    assert_eq!(records[59].measures.get("accuracy"), Some(1.0));
}
