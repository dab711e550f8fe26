//! Several players: whose turn it is, what moves then, and what is reported.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use retrograd_nn::train::Goal;
use retrograd_nn::{
    Averaging, Buffer, Counter, EarlyStopping, Plateau, PlateauRule, Player, Span, Stateful, Step,
    WeightAverage, may_change,
};
use retrograd_tensor::assert_abs_diff_eq;

/// An encoder and a critic of its codes, with a moving average of the codes beside them.
pub(super) struct Pair {
    pub(super) encoder: Linear,
    pub(super) critic: Linear,
    pub(super) mean: Buffer,
    pub(super) seen: Counter,
}

impl Module for Pair {
    fn forward(&self, x: &Var) -> Var {
        let code = self.encoder.forward(x);
        if may_change(x) {
            let mean = code.mean([0]).value() * 0.1 + self.mean.value() * 0.9;
            self.mean.set(mean);
            self.seen.increment();
        }
        code
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("critic", &self.critic);
        visitor.buffer("mean", &self.mean);
        visitor.counter("seen", &self.seen);
    }
}

pub(super) fn pair() -> Pair {
    let mut rng = random::rng(1);
    Pair {
        encoder: Linear::new(3, 2, &mut rng).to(DType::F64),
        critic: Linear::new(2, 1, &mut rng).to(DType::F64),
        mean: Buffer::new(Tensor::zeros([2], DType::F64)),
        seen: Counter::new(),
    }
}

impl Pair {
    /// What the critic says of the codes.
    fn score(&self, x: &Var) -> Var {
        self.critic.forward(&self.forward(x)).square().mean(..)
    }

    fn values(&self) -> (Vec<Tensor>, Tensor, u64) {
        (values(self), self.mean.value(), self.seen.get())
    }
}

/// An optimiser of a part, by paths in the whole.
pub(super) fn optimizer(part: &dyn Module, prefix: &str, rate: f64) -> Optimizer {
    let params = part.params().into_iter();
    let params = params.map(|(name, param)| (format!("{prefix}.{name}"), param));
    Optimizer::new(Adam::default(), rate, params.collect())
}

fn loader() -> DataLoader<Tensor> {
    DataLoader::new(samples(20, DType::F64), 8)
        .unwrap()
        .shuffled(4)
}

/// The encoder lowers the score, the critic raises it.
fn adversaries<'a>(model: &'a Pair) -> [Player<'a>; 2] {
    let encoder = Player::new(
        "encoder",
        optimizer(&model.encoder, "encoder", 0.01),
        |x, _| Terms::new("score", model.score(x)),
    );
    let critic = Player::new(
        "critic",
        optimizer(&model.critic, "critic", 0.02),
        |x, _| Terms::new("score", -model.score(x)).watching("codes", 2.0),
    );
    [encoder, critic]
}

#[test]
fn in_a_turn_everything_of_others_is_constant() {
    let model = pair();
    let leaves = RefCell::new(Vec::new());
    let objective = |x: &Var, step: &Step| {
        let score = model.score(x);
        let tape = x.tape().unwrap();
        let nodes = tape.nodes();
        let own = nodes.iter().filter(|node| node.is_leaf()).count();
        leaves
            .borrow_mut()
            .push((step.player.to_string(), own, nodes.len()));
        Terms::new("score", score)
    };
    let players = [
        Player::new(
            "encoder",
            optimizer(&model.encoder, "encoder", 0.1),
            objective,
        ),
        Player::new("critic", optimizer(&model.critic, "critic", 0.1), objective),
    ];
    let mut trainer = Trainer::of(&model, players, 0);
    let before = values(&model);
    trainer.step(&samples(4, DType::F64), 1, 0).unwrap();
    let seen = leaves.take();
    assert_eq!(
        seen.iter().map(|(_, own, _)| *own).collect::<Vec<_>>(),
        [2, 2]
    );
    // The nodes of the encoder's layer are not recorded in the critic's turn.
    assert!(seen[1].2 < seen[0].2, "{seen:?}");
    let after = values(&model);
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| before != after)
    );
}

#[test]
fn players_move_in_their_order_each_from_where_the_other_left_things() {
    let model = pair();
    let [encoder, critic] = adversaries(&model);
    let mut trainer = Trainer::of(&model, [encoder, critic], 0);
    let batch = samples(4, DType::F64);
    let metrics = trainer.step(&batch, 1, 0).unwrap();
    let found = values(&model);

    let other = pair();
    let mut encoder = optimizer(&other.encoder, "encoder", 0.01);
    let mut critic = optimizer(&other.critic, "critic", 0.02);
    let score = |sign: f64| {
        let x = Tape::new().constant(batch.clone());
        other.score(&x) * sign
    };
    let first = score(1.0);
    encoder.step(&first.backward());
    let second = score(-1.0);
    critic.step(&second.backward());
    assert_eq!(found, values(&other));
    let expected = [
        ("score", first.item()),
        ("critic/loss", second.item()),
        ("critic/score", second.item()),
        ("critic/codes", 2.0),
    ];
    assert_eq!(metrics.iter().collect::<Vec<_>>(), expected);
    assert_eq!(metrics.total(), first.item());
}

#[test]
fn one_player_is_a_plain_training_to_the_bit() {
    let with = |train: &dyn Fn(&Sequential, Optimizer)| {
        let model = network(1, DType::F32);
        train(
            &model,
            Optimizer::new(Adam::default(), 0.01, model.params()),
        );
        values(&model)
    };
    let terms = |model: &Sequential, x: &Var| {
        let y = model.forward(&x.dropout(0.3));
        Terms::new("mse", loss::mse(&y, x, Reduction::Mean)).with("l1", y.abs().mean(..))
    };
    let loader = DataLoader::new(samples(20, DType::F32), 8).unwrap();
    let plain = with(&|model, optimizer| {
        let objective = |x: &Var| terms(model, x);
        let mut trainer = Trainer::new(model, optimizer, objective, 3);
        trainer.fit(3, &loader, None, &mut ()).unwrap();
    });
    let player = with(&|model, optimizer| {
        let player = Player::new("any", optimizer, |x: &Var, _: &Step| terms(model, x));
        let mut trainer = Trainer::of(model, [player], 3);
        trainer.fit(3, &loader, None, &mut ()).unwrap();
    });
    assert_eq!(plain, player);
}

#[test]
fn turns_come_as_often_as_they_are_to() {
    let model = pair();
    let turns = RefCell::new(Vec::new());
    let random = RefCell::new(Vec::new());
    let objective = |x: &Var, step: &Step| {
        if step.is_training() {
            let place = (step.moment.step, step.player.to_string(), step.repeat);
            turns.borrow_mut().push(place);
            let draw = |rng: &mut random::Rng| random::permutation(100, rng);
            random.borrow_mut().push(x.tape().unwrap().random(draw));
        }
        Terms::new("score", model.score(x))
    };
    let players = [
        Player::new("critic", optimizer(&model.critic, "critic", 0.1), objective).repeated(2),
        Player::new(
            "encoder",
            optimizer(&model.encoder, "encoder", 0.1),
            objective,
        )
        .every(2),
    ];
    let mut trainer = Trainer::of(&model, players, 0);
    let records = trainer.fit(1, &loader(), Some(&loader()), &mut ()).unwrap();
    let turn = |step: u64, player: &str, repeat: usize| (step, player.to_owned(), repeat);
    let expected = [
        turn(0, "critic", 0),
        turn(0, "critic", 1),
        turn(1, "critic", 0),
        turn(1, "critic", 1),
        turn(1, "encoder", 0),
        turn(2, "critic", 0),
        turn(2, "critic", 1),
    ];
    assert_eq!(turns.take(), expected);
    let mut random = random.take();
    random.sort_unstable();
    random.dedup();
    assert_eq!(
        random.len(),
        expected.len(),
        "every turn has random numbers of its own"
    );
    // In measuring all have their say.
    let held_out = records[0].held_out.as_ref().unwrap();
    assert!(held_out.get("encoder/loss").is_some() && held_out.get("score").is_some());
    assert!(records[0].measures.get("encoder/learning_rate") == Some(0.1));
}

#[test]
fn who_was_frozen_stays_frozen_whatever_happens() {
    let model = pair();
    model.encoder.bias.as_ref().unwrap().set_trainable(false);
    let trainable = || -> Vec<bool> {
        let params = model.params().into_iter();
        params.map(|(_, param)| param.is_trainable()).collect()
    };
    let before = trainable();
    assert_eq!(before, [true, false, true, true]);
    for outcome in ["fine", "not finite", "a panic"] {
        let [encoder, _] = adversaries(&model);
        let critic = Player::new(
            "critic",
            optimizer(&model.critic, "critic", 0.1),
            |x, _: &Step| {
                assert!(!model.encoder.weight.is_trainable());
                match outcome {
                    "fine" => Terms::new("score", model.score(x)),
                    "not finite" => Terms::new("score", (model.score(x) * 0.0).log()),
                    _ => panic!("the objective gives up"),
                }
            },
        );
        let mut trainer = Trainer::of(&model, [encoder, critic], 0);
        let step = || trainer.step(&samples(4, DType::F64), 1, 0).is_ok();
        let done = catch_unwind(AssertUnwindSafe(step)).ok();
        let expected = match outcome {
            "fine" => Some(true),
            "not finite" => Some(false),
            _ => None,
        };
        assert_eq!(done, expected, "{outcome}");
        assert_eq!(trainable(), before, "{outcome}");
    }
}

#[test]
fn a_step_that_fails_late_has_changed_nothing() {
    let model = pair();
    let fails = Cell::new(false);
    let [encoder, critic] = adversaries(&model);
    let last = Player::new(
        "last",
        optimizer(&model.critic, "critic", 0.1),
        |x, _: &Step| {
            let score = model.score(x);
            let fail = if fails.get() { 0.0 } else { 1.0 };
            Terms::new("score", (score * fail).log())
        },
    );
    let mut trainer = Trainer::of(&model, [encoder.repeated(2), critic, last], 0);
    trainer.step(&samples(4, DType::F64), 1, 0).unwrap();
    let before = (model.values(), trainer.snapshot());
    fails.set(true);
    let error = trainer.step(&samples(4, DType::F64), 1, 1).unwrap_err();
    assert!(error.to_string().contains("`log` at"), "{error}");
    assert_eq!((model.values(), trainer.snapshot()), before);
    // And the run can go on.
    fails.set(false);
    trainer.step(&samples(4, DType::F64), 1, 1).unwrap();
    assert_ne!(model.values(), before.0);
}

#[test]
fn a_schedule_of_a_weight_is_reported_beside_the_term() {
    let model = pair();
    let warm_up = Schedule::Linear {
        from: 0.0,
        to: 1.0,
        over: Span::Epochs(2),
    };
    let player = Player::new(
        "model",
        optimizer(&model, "model", 0.0),
        |x: &Var, step: &Step| {
            let code = model.forward(x);
            let weight = step.schedule(&warm_up, 0.5);
            Terms::new("size", code.square().mean(..)).weighted("l1", code.abs().mean(..), weight)
        },
    );
    let loader = DataLoader::new(samples(8, DType::F64), 8).unwrap();
    let mut trainer = Trainer::of(&model, [player], 0);
    let records = trainer.fit(3, &loader, Some(&loader), &mut ()).unwrap();
    let l1 = |metrics: &Metrics| metrics.figures()[1].clone();
    for (record, weight) in records.iter().zip([0.0, 0.25, 0.5]) {
        for metrics in [&record.train, record.held_out.as_ref().unwrap()] {
            assert_eq!(l1(metrics).weight, Some(weight));
            let expected = metrics.get("size").unwrap() + weight * l1(metrics).value;
            assert_abs_diff_eq!(metrics.total(), expected, epsilon = 1e-12);
            assert_eq!(
                l1(metrics).value,
                l1(&records[0].train).value,
                "without its weight"
            );
        }
    }
}

#[test]
fn a_run_is_judged_by_any_figure_and_both_ways() {
    // Each epoch the mean grows by 1, and a figure of it has its summit at 3.
    let run = |goal: Goal| {
        let model = pair();
        let height = |x: &Var| -(model.mean.beside(x).sum(..) - 3.0).square();
        let players = [
            Player::new(
                "encoder",
                optimizer(&model.encoder, "encoder", 0.01),
                |x: &Var, _: &Step| Terms::new("size", model.encoder.forward(x).square().mean(..)),
            ),
            Player::new(
                "critic",
                optimizer(&model.critic, "critic", 0.01),
                |x: &Var, _: &Step| {
                    let code = model.encoder.forward(x);
                    let score = model.critic.forward(&code).square().mean(..);
                    Terms::new("depth", score - height(x)).watching("height", height(x))
                },
            ),
        ];
        let rule = PlateauRule {
            patience: 0,
            ..PlateauRule::default()
        };
        let mut trainer = Trainer::of(&model, players, 0)
            .falling(Plateau::new(rule).following("critic/depth"))
            .judged_by(goal)
            .stopping(EarlyStopping::after(2))
            .keeping_best()
            .between_epochs(|between| {
                let epoch = between.moment.epoch as f64;
                model.mean.set(Tensor::from_vec(vec![epoch, 0.0], [2]));
            });
        let outcome = trainer.fit(20, &loader(), None, &mut ());
        outcome.map(|records| {
            (
                records.len(),
                trainer.kept(),
                model.mean.value().to_vec()[0],
            )
        })
    };
    // The figures of an epoch's training are from before the mean grew.
    assert_eq!(run(Goal::higher("critic/height")).unwrap(), (6, 4, 4.0));
    let text = run(Goal::lower("critic/hight")).unwrap_err().to_string();
    let expected = "no figure of the epoch is called `critic/hight`; there are loss, size, critic/loss, \
                    critic/depth, critic/height, ";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_loss_of_whole_batches_is_not_accumulated() {
    let model = pair();
    let [encoder, critic] = adversaries(&model);
    let mut trainer = Trainer::of(&model, [encoder, critic.of_whole_batches()], 0).accumulating(2);
    let before = values(&model);
    let error = trainer.fit(1, &loader(), None, &mut ()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`critic`") && text.contains("larger batches"),
        "{text}"
    );
    assert_eq!(values(&model), before);
}

/// Who hears of what nobody moves.
#[derive(Default)]
struct Unmoved(Vec<String>);

impl Observer for Unmoved {
    fn unmoved(&mut self, parameters: &[&str]) -> Result<(), ObserverError> {
        self.0.push(parameters.join(", "));
        Ok(())
    }
}

#[test]
fn what_is_used_and_moved_by_nobody_is_told_once() {
    let model = pair();
    let objective = |x: &Var| Terms::new("score", model.score(x));
    let warned = |optimizer: Optimizer| {
        let mut heard = Unmoved::default();
        let mut own = Unmoved::default();
        let mut trainer = Trainer::new(&model, optimizer, objective, 0).observe(&mut own);
        trainer.fit(1, &loader(), None, &mut heard).unwrap();
        trainer.fit(2, &loader(), None, &mut heard).unwrap();
        drop(trainer);
        assert_eq!(heard.0, own.0);
        heard.0
    };
    assert!(warned(optimizer(&model, "model", 0.1)).is_empty());
    let critic = || optimizer(&model.critic, "critic", 0.1);
    assert_eq!(warned(critic()), ["encoder.bias, encoder.weight"]);
    model.encoder.set_trainable(false);
    assert!(warned(critic()).is_empty());
    model.encoder.set_trainable(true);
    // Neither is what the loss does not depend on.
    let codes = |x: &Var| Terms::new("size", model.encoder.forward(x).square().mean(..));
    let mut heard = Unmoved::default();
    let mut trainer = Trainer::new(&model, optimizer(&model.encoder, "encoder", 0.1), codes, 0);
    trainer.fit(1, &loader(), None, &mut heard).unwrap();
    assert!(heard.0.is_empty());
}

#[test]
fn an_average_of_a_model_has_its_buffers() {
    let model = pair();
    let mut average = WeightAverage::of(Averaging::Equal, &model);
    for value in [1.0, 2.0, 6.0] {
        model.mean.set(Tensor::full([2], value));
        model.encoder.weight.set(Tensor::full([2, 3], value));
        model.seen.increment();
        average.update();
    }
    let seen = average.applied(|| model.values());
    assert_eq!(
        (seen.0[0].to_vec(), seen.1.to_vec(), seen.2),
        (vec![3.0; 6], vec![3.0; 2], 3)
    );
    assert_eq!(model.mean.value().to_vec(), [6.0; 2]);
    let restored = || {
        let mut other = WeightAverage::of(Averaging::Equal, &model);
        other.restore(&average.snapshot()).unwrap();
        other.snapshot()
    };
    assert_eq!(restored(), average.snapshot());
}
