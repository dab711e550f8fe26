//! How far a sample is from N(0, 1): the Cramer-Wold distance, in closed form.

use std::f64::consts::PI;
use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::Tensor;

use super::distance::square_distances;

/// The codes' width from which the form for many numbers holds.
const MANY: usize = 20;
/// Directions of a half circle. The functions that are averaged over them are smooth and periodic, so the
/// error is that of rounding for codes up to ten deviations away, and small beyond.
const CIRCLE: usize = 64;

/// Whether there is a form for codes of so many numbers.
pub(crate) fn has_form(latent: usize) -> bool {
    latent <= 2 || latent >= MANY
}

/// The square of the Cramer-Wold distance between codes `[batch, code]` and N(0, 1), times 2√π.
///
/// Codes are seen along every direction; along each, both they and the prior are smoothed by a normal
/// distribution of variance g; what is left between the two densities is squared, integrated along the line,
/// and averaged over the directions. All integrals are known:
///
/// ```text
/// (1 + g)^-½ + B⁻² Σᵢⱼ K(g, ‖zᵢ − zⱼ‖²) − 2 B⁻¹ Σᵢ K(g + ½, ‖zᵢ‖²)        g = (4 / 3B)^⅖
///
/// code of 1        K(g, s) = g^-½ exp(−s / 4g)
/// code of 2        the mean of that over directions
/// 20 or more       K(g, s) = (g + s / (2L − 3))^-½, nearly
/// ```
///
/// In between neither holds. g is Silverman's rule for the batch, whatever the size of the data, so values of
/// batches of different size do not compare. A code is compared with itself too, so the distance of a draw of
/// the prior is small and above 0.
///
/// Source: Knop, Spurek, Tabor, Podolak, Mazur and Jastrzębski 2020, theorems 3.1 and 5.1.
///
/// # Panics
/// If codes have 3 to 19 numbers.
#[track_caller]
#[must_use]
pub fn cramer_wold(codes: &Var) -> Var {
    let [batch, latent] = codes.shape()[..] else {
        panic!("codes of shape {}, not [batch, code]", codes.shape());
    };
    assert!(
        has_form(latent),
        "the Cramer-Wold distance of codes of {latent} numbers: there are forms for 1, 2, and 20 or more"
    );
    let count = batch as f64;
    let g = (4.0 / (3.0 * count)).powf(0.4);
    let [pairs, sizes] = if latent < MANY {
        along_lines(codes, g)
    } else {
        in_many_dimensions(codes, g)
    };
    pairs / (count * count) - sizes * (2.0 / count) + (1.0 + g).powf(-0.5)
}

/// The sums of K over pairs and over codes, for codes of 1 or 2 numbers.
fn along_lines(codes: &Var, g: f64) -> [Var; 2] {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("smoothed_overlap", |[a, b, g]: [Expr; 3]| {
            let s = (a - b).square();
            (-s / (&g * 4.0)).exp() / g.sqrt()
        })
    });
    let lines = lines(codes);
    let count = lines.shape()[0] as f64;
    let over = |b: &Var, a: &Var, g: f64| FORMULA.apply_sum(&[a, b, &a.scalar_like(g)], ..) / count;
    [
        over(&lines.unsqueeze(1), &lines.unsqueeze(2), g),
        over(&lines.scalar_like(0.0), &lines, g + 0.5),
    ]
}

/// Codes of 1 or 2 numbers along directions that fill the half circle evenly, `[directions, batch]`.
fn lines(codes: &Var) -> Var {
    if codes.shape()[1] == 1 {
        return codes.t();
    }
    let directions = Tensor::from_fn([CIRCLE, 2], |at| {
        let angle = PI * at[0] as f64 / CIRCLE as f64;
        [angle.cos(), angle.sin()][at[1]]
    });
    Var::constant(directions.cast(codes.dtype())).matmul_nt(codes)
}

/// The same for codes of many numbers.
fn in_many_dimensions(codes: &Var, g: f64) -> [Var; 2] {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("inverse_root", |[s, g, k]: [Expr; 3]| {
            1.0 / (s * k + g).sqrt()
        })
    });
    let k = codes.scalar_like(1.0 / (2 * codes.shape()[1] - 3) as f64);
    let over = |s: &Var, g: f64| FORMULA.apply_sum(&[s, &s.scalar_like(g), &k], ..);
    let sizes = codes.squared_norm(-1);
    [
        over(&square_distances(codes, codes), g),
        over(&sizes, g + 0.5),
    ]
}
