//! What the divergence costs decides what a code says: four prices beside the plain one.
//!
//! ```text
//! variational   min R + K               R = −log p(x|z),  K = Σⱼ Kⱼ = KL(q(z|x) ‖ N(0, 1))
//! beta          min R + 4 K
//! annealed      min R + β(t) K          β from 0 to 1 in half of the run
//! capacity      min R + 10 |K − C(t)|   C from 0 to 12 in half of the run
//! free-bits     min R + Σⱼ max(1, Kⱼ)
//! ```
//!
//! The same network, 784-256-32, is trained with each, and all are judged alike: by R, by K, and by their sum,
//! the bound on −log p(x), whatever was minimised. A number of the code is used if it costs 0.05 nats.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 29_constraints`. After the tables of
//! training it prints
//!
//! ```text
//!                code  reconstruction    bound  used
//! variational    32.2            84.7    116.9    32
//! beta            9.1           127.3    136.5    21
//! annealed       33.0            84.5    117.5    32
//! capacity       12.2           118.5    130.7    29
//! free-bits      34.6            83.0    117.7    32
//! wrote target/examples-out/29_constraints_numbers.svg
//! wrote target/examples-out/29_constraints_images.png
//! ```
//!
//! A price of 4 leaves fewest nats and numbers. Capacity buys about the nats that it was told to, fewer than are
//! worth their price, so its bound is worse. Free bits give every number of the code at least most of a nat, and
//! annealing more nats to all together; neither gains here, where nothing had collapsed. The chart shows the nats of
//! each number of the code, the costliest first.

use retrograd_autoencoders::{Autoencoder, BatchSize, Recipe, Settings};
use retrograd_examples::{Example, Outcome, handful, recipe, reconstruct, variant};
use retrograd_nn::Schedule;
use retrograd_report::Chart;
use retrograd_tensor::Tensor;

/// Numbers of the code.
const LATENT: usize = 32;
/// Nats an image above which a number of the code counts as used.
const USED: f64 = 0.05;
const CAPACITY: f64 = 12.0;
/// Variants, and what they are told.
const PRICES: [(&str, &[(&str, f64)]); 5] = [
    ("variational", &[]),
    ("beta", &[("beta", 4.0)]),
    ("annealed", &[("rise", 0.5)]),
    ("capacity", &[("gamma", 10.0), ("capacity", CAPACITY)]),
    ("free-bits", &[("floor", 1.0)]),
];

/// What a model costs on held-out images: R and K in nats an image, and K of each number, falling.
struct Costs {
    name: &'static str,
    reconstruction: f64,
    code: f64,
    each: Vec<f64>,
}

impl Costs {
    fn of(name: &'static str, model: &dyn Autoencoder, x: &Tensor) -> Outcome<Self> {
        let input = x.clone().into();
        let code = model.encode(&input);
        let posterior = code.posterior().ok_or("its codes are points")?;
        let mut each = posterior.divergences().mean(0).into_value().to_vec();
        each.sort_by(|a, b| b.total_cmp(a));
        let metrics = model.objective(&input).metrics();
        Ok(Self {
            name,
            reconstruction: metrics.get("bce").ok_or("it tells no cross-entropy")?,
            code: each.iter().sum(),
            each,
        })
    }

    fn used(&self) -> usize {
        self.each.iter().filter(|&&nats| nats > USED).count()
    }

    fn bound(&self) -> f64 {
        self.reconstruction + self.code
    }
}

fn main() -> Outcome {
    let example = Example::new("29_constraints");
    let data = example.images()?;
    // Steps that fall let a divergence come to rest where its price is steep.
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        schedule: Schedule::CoolDown { from: 0.5 },
        ..recipe("variational", 6)?
    };
    let originals = handful(&data);
    let mut images = Vec::new();
    let mut table = Vec::new();
    for (name, options) in PRICES {
        println!("{name}");
        let settings = Settings::new().with("hidden", [256]).with("latent", LATENT);
        let settings = options.iter().fold(settings, |settings, (option, value)| {
            settings.with(option, *value)
        });
        let model = variant(name, &settings, &data)?;
        example.train(model.as_ref(), &data, &recipe)?;
        table.push(Costs::of(name, model.as_ref(), &data.held_out.features)?);
        images.push((name, reconstruct(model.as_ref(), &originals)));
    }

    println!("               code  reconstruction    bound  used");
    for costs in &table {
        let Costs {
            name,
            reconstruction,
            code,
            ..
        } = costs;
        let (bound, used) = (costs.bound(), costs.used());
        println!("{name:<12} {code:>6.1} {reconstruction:>15.1} {bound:>8.1} {used:>5}");
    }
    let [plain, heavy, _, held, free] = &table[..] else {
        return Err("five prices".into());
    };
    if example.typical() {
        assert!(heavy.code < plain.code && heavy.used() <= plain.used());
        assert!((held.code - CAPACITY).abs() < 1.0, "{}", held.code);
        assert!(free.used() == LATENT && free.each[LATENT - 1] > 0.5);
        assert!(plain.bound() < heavy.bound().min(held.bound()));
    }

    let mut chart = Chart::curves(
        "What each number of the code says",
        "number",
        "nats an image",
    );
    for costs in &table {
        let points = costs.each.iter().enumerate();
        let points = points.map(|(at, &nats)| ((at + 1) as f64, nats));
        chart = chart.line(costs.name, points);
    }
    example.chart("numbers", &chart)?;
    let mut rows = vec![("original", &originals)];
    rows.extend(images.iter().map(|(name, images)| (*name, images)));
    example.rows("images", &rows)
}
