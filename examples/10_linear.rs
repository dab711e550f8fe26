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
//!    10  0.018955                4.892916
//!    30  0.003375                0.049261
//!   100  0.003218                0.000291
//!   300  0.003217                0.000000
//!  1000  0.003217                0.000000
//!
//! autoencoder   mse 0.003216598
//! PCA residual  mse 0.003216598
//! normal of the plane  [[-0.101, -0.298,  0.949]]
//! normal · columns of D, which should be 0: at most 0.000000
//! E, one of many that span it
//! [[ 0.884, -0.133,  0.052],
//!  [-0.072,  0.885,  0.270]]
//! variance explained by 1, 2, 3 components [0.849, 0.990, 1.000]
//! wrote target/examples-out/10_linear_loss.svg
//! wrote target/examples-out/10_linear_points.png
//! wrote target/examples-out/10_linear_above.svg
//! wrote target/examples-out/10_linear_side.svg
//! ```
//!
//! The first chart shows the loss on its way to the residual. It leaves twice: where gradients vanish,
//! Adam divides by next to nothing. The picture shows points above their reconstructions, x, y and z
//! as colours; the other charts both by principal components. From above the plane they are the same,
//! from its side reconstructions lie in it.

use retrograd_autoencoders::{Card, DataShape, Settings};
use retrograd_autograd::Var;
use retrograd_datasets::{PrincipalComponents, plane};
use retrograd_examples::{Example, Outcome};
use retrograd_nn::{Adam, DataLoader, Module, Optimizer, Schedule, Trainer};
use retrograd_report::{Chart, Scale};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

const POINTS: usize = 200;

fn main() -> Outcome {
    let example = Example::new("10_linear");
    example.makes_its_data()?;
    let points = plane(POINTS, 42).features;
    let principal = PrincipalComponents::of(&points);
    // The loss is a mean over the three coordinates as well as the points.
    let residual = principal.variances[2] / 3.0;

    // In f64, to see how exactly it arrives.
    let x = points.cast(DType::F64);
    let (linear, settings) = (Card::named("linear")?, Settings::new().with("latent", 2));
    let model = linear.build(&settings, DataShape::points(3), &mut random::rng(0))?;
    model.cast(DType::F64);
    let objective = |x: &Var| model.objective(&x.into());
    let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
    // Adam with a constant rate circles the minimum; with a falling one it settles in it.
    let mut trainer = Trainer::new(model.as_ref(), optimizer, objective, 0)
        .scheduled(Schedule::CoolDown { from: 0.8 });
    let epochs = if example.quick { 500 } else { 1000 };
    let loader = DataLoader::new(x.clone(), POINTS)?;
    let records = trainer.fit(epochs, &loader, None, &mut ())?;

    println!("epoch       mse  above the PCA residual");
    let shown = [1, 10, 30, 100, 300, epochs];
    for record in records.iter().filter(|r| shown.contains(&r.epoch)) {
        let mse = record.train.total();
        println!(
            "{:>5}  {mse:.6}  {:>22.6}",
            record.epoch,
            // In the minimum rounding may leave it a hair below.
            (mse / residual - 1.0).max(0.0)
        );
    }
    let mse = trainer.evaluate(epochs, &loader)?.total();
    println!("\nautoencoder   mse {mse:.9}");
    println!("PCA residual  mse {residual:.9}");
    assert_abs_diff_eq!(mse / residual, 1.0, epsilon = 1e-6);

    directions(model.as_ref(), &principal);

    let above = records
        .iter()
        .map(|record| (record.epoch as f64, record.train.total() / residual - 1.0));
    let chart = Chart::curves("Above the PCA residual", "epoch", "mse / residual − 1")
        .y_scale(Scale::Logarithmic);
    example.chart("loss", &chart.line("autoencoder", above))?;
    let drawn = model.forward(&x.into()).into_value().cast(DType::F32);
    example.columns(
        "points",
        &[("original", &points), ("reconstruction", &drawn)],
    )?;
    views(&example, &principal, &points, &drawn)
}

/// Holds the columns of D against the normal of the plane, and shows E.
fn directions(model: &dyn Module, principal: &PrincipalComponents) {
    // The columns of D span the plane, so both are perpendicular to its normal.
    let normal = principal.directions.slice(0, 2..3).contiguous();
    let decoder = &model.params()[2].1.value();
    let across = normal.matmul(decoder);
    let largest = across.iter().map(f64::abs).fold(0.0, f64::max);
    println!("normal of the plane  {normal:.3}");
    println!("normal · columns of D, which should be 0: at most {largest:.6}");
    assert!(largest < 1e-3);

    // Only the plane is determined, not the axes in it: E is no principal component.
    let encoder = &model.params()[0].1.value();
    println!("E, one of many that span it\n{encoder:.3}");
    println!(
        "variance explained by 1, 2, 3 components {:.3?}",
        principal.explained()
    );
}

/// Points and reconstructions by their principal components: from above the plane and along it.
fn views(
    example: &Example,
    principal: &PrincipalComponents,
    points: &Tensor,
    drawn: &Tensor,
) -> Outcome {
    let [points, drawn] = [points, drawn].map(|x| principal.project(x, 3));
    for (part, title, second) in [
        ("above", "From above the plane", 1),
        ("side", "From its side", 2),
    ] {
        let view = |x: &Tensor| -> Vec<(f64, f64)> {
            let point = |i| (x.at(&[i, 0]), x.at(&[i, second]));
            (0..POINTS).map(point).collect()
        };
        let axis = format!("component {}", second + 1);
        let chart = Chart::scatter(title, "component 1", axis)
            .points("original", view(&points))
            .points("reconstruction", view(&drawn));
        example.chart(part, &chart)?;
    }
    Ok(())
}
