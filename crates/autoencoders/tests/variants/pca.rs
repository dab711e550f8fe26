//! The linear autoencoder against principal component analysis.

use retrograd_autoencoders::{DataShape, Settings};
use retrograd_autograd::Var;
use retrograd_datasets::plane;
use retrograd_nn::{DataLoader, Trainer};
use retrograd_tensor::{DType, assert_abs_diff_eq, keep, random};

use crate::card;

/// Eigenvalues (descending) and eigenvectors (columns) of a symmetric 3x3 matrix, by Jacobi's
/// rotations (Golub and Van Loan 2013, section 8.5).
pub(crate) fn eigen(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..30 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
            let c = (1.0 + t * t).sqrt().recip();
            let s = t * c;
            for row in &mut a {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
            let (ap, aq) = (a[p], a[q]);
            a[p] = std::array::from_fn(|k| c * ap[k] - s * aq[k]);
            a[q] = std::array::from_fn(|k| s * ap[k] + c * aq[k]);
            for row in &mut v {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]));
    (
        order.map(|i| a[i][i]),
        std::array::from_fn(|row| order.map(|i| v[row][i])),
    )
}

/// The angle between two directions, accurate near 0 where the cosine is flat.
fn angle(a: [f64; 3], b: [f64; 3]) -> f64 {
    let dot = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let (length_a, length_b) = (dot(a, a).sqrt(), dot(b, b).sqrt());
    let across: [f64; 3] = std::array::from_fn(|i| a[i] / length_a - cosine * b[i] / length_b);
    dot(across, across).sqrt().min(1.0).asin()
}

#[test]
fn spans_the_subspace_of_the_principal_components_from_any_start() {
    let x = plane(200, 42).features.cast(DType::F64);
    let centred = &x - &x.mean(keep(0));
    let covariance = centred
        .t()
        .matmul(&centred)
        .scale(1.0 / x.shape()[0] as f64);
    let (values, vectors) = eigen(std::array::from_fn(|i| {
        std::array::from_fn(|j| covariance.at(&[i, j]))
    }));
    let residual = values[2] / 3.0;
    let loader = DataLoader::new(x.clone(), x.shape()[0]).unwrap();
    let (data, mut worst) = (DataShape::points(3), (0.0_f64, 0.0_f64));
    for seed in 0..10 {
        let recipe = (card("linear").recipe)(data);
        let model = card("linear")
            .build(&Settings::new(), data, &mut random::rng(seed))
            .unwrap();
        model.cast(DType::F64);
        let objective = |x: &Var| model.objective(&x.into());
        let optimizer = recipe.optimizer.build(recipe.learning_rate, model.params());
        let mut trainer =
            Trainer::new(model.as_ref(), optimizer, objective, seed).scheduled(recipe.schedule);
        trainer.fit(recipe.epochs, &loader, None, &mut ()).unwrap();

        // Two planes in space have one principal angle that is not 0: the one of their normals.
        let decoder = model
            .params()
            .into_iter()
            .find(|(name, _)| name == "decoder.0.weight")
            .unwrap()
            .1
            .value();
        let [a, b]: [[f64; 3]; 2] =
            std::array::from_fn(|j| std::array::from_fn(|i| decoder.at(&[i, j])));
        let normal = [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ];
        let between = angle(normal, std::array::from_fn(|i| vectors[i][2]));
        let excess = trainer.evaluate(0, &loader).unwrap().total() / residual - 1.0;
        assert!(between < 1e-3, "seed {seed}: an angle of {between:e} rad");
        assert_abs_diff_eq!(
            excess,
            0.0,
            epsilon = 1e-6,
            "seed {seed}: {excess:e} above the residual"
        );
        worst = (worst.0.max(between), worst.1.max(excess.abs()));
    }
    println!(
        "10 starts: angles up to {:.1e} rad, errors within {:.1e} of the PCA residual",
        worst.0, worst.1
    );
}
