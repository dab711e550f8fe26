//! The linear autoencoder finds the plane that principal component analysis finds.
//!
//! ```text
//! min ‖x − D(E x + b) − c‖²     over E [2, 3], D [3, 2], b, c
//! ```
//!
//! The points lie near the plane z = 0.1 x + 0.3 y in space. Two numbers per point can say where in
//! the plane it is, not how far above; so the best possible squared error is the variance across
//! the plane, λ₃, the smallest eigenvalue of the covariance (Baldi and Hornik 1989). Gradient
//! descent, which knows nothing of eigenvalues, should come down to exactly that.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 10_linear`. It prints
//!
//! ```text
//! epoch       mse  above the PCA residual
//!     1  0.046503               13.457112
//!    10  0.018934                4.886355
//!    30  0.003340                0.038404
//!   100  0.003218                0.000284
//!   300  0.003217                0.000000
//!  1000  0.003217                0.000000
//!
//! autoencoder   mse 0.003216598
//! PCA residual  mse 0.003216598
//! normal of the plane  [[-0.101, -0.298,  0.949]]
//! normal · columns of D, which should be 0: at most 0.000000
//! E, one of many that span it
//! [[ 0.883, -0.134,  0.052],
//!  [-0.073,  0.885,  0.270]]
//! ```

use std::env;
use std::error::Error;

use retrograd_autoencoders::{Autoencoder, LinearAutoencoder};
use retrograd_autograd::Var;
use retrograd_datasets::plane;
use retrograd_nn::{Adam, DataLoader, Module, Optimizer, Schedule, Trainer};
use retrograd_tensor::{Tensor, keep, random};

const POINTS: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let quick = env::args().any(|argument| argument == "--quick");
    // In f64, to see how exactly it arrives.
    let x: Tensor<f64> = plane(POINTS, 42).features.cast();
    let (variance, normal) = smallest_principal_component(&x);
    // The loss is a mean over the three coordinates as well as the points.
    let residual = variance / 3.0;

    let model = LinearAutoencoder::<f64>::new(3, 2, &mut random::rng(0));
    let objective = |x: &Var<f64>| model.objective(x);
    let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
    // Adam with a constant rate circles the minimum; with a falling one it settles in it.
    let mut trainer =
        Trainer::new(&objective, optimizer, 0).scheduled(Schedule::CoolDown { from: 0.8 });
    let epochs = if quick { 500 } else { 1000 };
    let loader = DataLoader::new(x, POINTS)?;
    let records = trainer.fit(epochs, &loader, None, &mut ())?;

    println!("epoch       mse  above the PCA residual");
    let shown = [1, 10, 30, 100, 300, epochs];
    for record in records
        .iter()
        .filter(|record| shown.contains(&record.epoch))
    {
        let mse = record.train.total();
        println!(
            "{:>5}  {mse:.6}  {:>22.6}",
            record.epoch,
            mse / residual - 1.0
        );
    }
    let mse = trainer.evaluate(epochs, &loader).total();
    println!("\nautoencoder   mse {mse:.9}");
    println!("PCA residual  mse {residual:.9}");
    assert!((mse / residual - 1.0).abs() < 1e-6);

    // The columns of D span the plane, so both are perpendicular to its normal.
    let decoder = &model.params()[2].1.value();
    let across = normal.t().matmul(decoder);
    let largest = across
        .iter()
        .fold(0.0_f64, |largest, dot| largest.max(dot.abs()));
    println!("normal of the plane  {:.3}", normal.t());
    println!("normal · columns of D, which should be 0: at most {largest:.6}");
    assert!(largest < 1e-3);

    // Only the plane is determined, not the axes in it: E is no principal component.
    let encoder = &model.params()[0].1.value();
    println!("E, one of many that span it\n{encoder:.3}");
    Ok(())
}

/// The smallest eigenvalue of the covariance of `x` and its direction `[3, 1]`.
///
/// Power iteration finds the largest eigenvalue of a matrix, so it is given trace(C)·I − C, whose
/// order is turned round.
fn smallest_principal_component(x: &Tensor<f64>) -> (f64, Tensor<f64>) {
    let centred = x - &x.mean(keep(0));
    let covariance = centred.t().matmul(&centred).scale(1.0 / POINTS as f64);
    let trace: f64 = (0..3).map(|i| covariance.at(&[i, i])).sum();
    let turned = &Tensor::eye(3).scale(trace) - &covariance;
    let mut direction = Tensor::ones([3, 1]);
    for _ in 0..1000 {
        let next = turned.matmul(&direction);
        let length = next.t().matmul(&next).item().sqrt();
        direction = next.scale(1.0 / length);
    }
    let variance = direction.t().matmul(&covariance).matmul(&direction).item();
    (variance, direction)
}
