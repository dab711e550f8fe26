//! Structural similarity: how alike two images look, window by window (Wang, Bovik, Sheikh and
//! Simoncelli 2004, equation 13).
//!
//! ```text
//! SSIM = (2 μx μy + C₁)/(μx² + μy² + C₁) · (2 σxy + C₂)/(σx² + σy² + C₂)
//! C₁ = (K₁ L)², C₂ = (K₂ L)²
//! ```
//!
//! Means μ, variances σ² and the covariance are those under a Gaussian window, which is the product
//! of a column and a row: two thin convolutions instead of a square one. Only windows that lie
//! inside the image count.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::{Convolution, OrPanic, Pooling, Shape, ShapeError, Tensor};

use super::Reduction;

/// How images are compared; the defaults are the paper's, for values in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ssim {
    /// Pixels along a side of the window.
    pub window: usize,
    /// Standard deviation of the window, in pixels.
    pub sigma: f64,
    /// K₁, which keeps the comparison of means stable where both are small.
    pub k1: f64,
    /// K₂, the same for variances.
    pub k2: f64,
    /// L, the difference of the largest and the smallest value a pixel can have.
    pub range: f64,
}

impl Default for Ssim {
    fn default() -> Self {
        Self {
            window: 11,
            sigma: 1.5,
            k1: 0.01,
            k2: 0.03,
            range: 1.0,
        }
    }
}

/// The exponents of the five scales, from the finest, found by asking people (Wang, Simoncelli and
/// Bovik 2003, section 3.2).
pub const MS_SSIM_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Both factors of the similarity, of (μx, μy, mean of x² + y², mean of xy, C₁, C₂).
static SIMILARITY: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("ssim", |[mx, my, squares, products, c1, c2]: [Expr; 6]| {
        let both = &mx * &my;
        let lights = mx.square() + my.square();
        let light = (2.0 * &both + &c1) / (&lights + &c1);
        light * structure(&both, &lights, &squares, &products, &c2)
    })
});

/// The factor of contrast and structure alone, of the same without C₁.
static STRUCTURE: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new(
        "ssim.structure",
        |[mx, my, squares, products, c2]: [Expr; 5]| {
            let (both, lights) = (&mx * &my, mx.square() + my.square());
            structure(&both, &lights, &squares, &products, &c2)
        },
    )
});

/// (2 σxy + C₂)/(σx² + σy² + C₂), by σxy = E xy − μx μy and the same for the variances.
fn structure(both: &Expr, lights: &Expr, squares: &Expr, products: &Expr, c2: &Expr) -> Expr {
    (2.0 * (products - both) + c2) / (squares - lights + c2)
}

impl Ssim {
    /// SSIM of each pair of images, the mean over its windows and channels: 1 for equal images, less
    /// for others. Images are `[batch, channels, rows, columns]`; what is reduced is `[batch]`.
    ///
    /// # Panics
    /// If the shapes are not equal, images are smaller than the window, or an option makes no sense.
    #[track_caller]
    #[must_use]
    pub fn similarity(&self, y: &Var, target: &Var, reduction: Reduction) -> Var {
        self.check("ssim", y.shape(), target.shape(), 1);
        let windows = self.windows(y, target);
        let images = SIMILARITY.apply_sum(&windows.with(&self.constants(y)), [1, 2, 3]);
        reduction.apply(&(images / windows.count(true)))
    }

    /// Multi-scale SSIM of each pair of images (Wang, Simoncelli and Bovik 2003, equation 7): the
    /// contrast and structure of the images, of the images at half the size, and so on, each raised
    /// to its weight, and at the last scale the means as well, multiplied. A scale on which the
    /// structures oppose each other counts 0, where the power has no value.
    ///
    /// Images are `[batch, channels, rows, columns]`; what is reduced is `[batch]`, the mean over the
    /// channels. Halving takes means of 2 × 2 pixels and drops an odd row or column at the end.
    ///
    /// # Panics
    /// If the shapes are not equal, images are smaller than the window on the last scale (the paper's
    /// five scales need 176 pixels a side), there is no scale, or an option makes no sense.
    #[track_caller]
    #[must_use]
    pub fn multi_scale(&self, y: &Var, target: &Var, weights: &[f64], reduction: Reduction) -> Var {
        self.check("ms_ssim", y.shape(), target.shape(), weights.len());
        let constants = self.constants(y);
        let halves = Pooling::new([2, 2]);
        let (mut y, mut target) = (y.clone(), target.clone());
        let mut product: Option<Var> = None;
        for (scale, &weight) in weights.iter().enumerate() {
            if scale > 0 {
                y = y.avg_pool2d(&halves, false);
                target = target.avg_pool2d(&halves, false);
            }
            let windows = self.windows(&y, &target);
            let sum = if scale + 1 == weights.len() {
                SIMILARITY.apply_sum(&windows.with(&constants), [2, 3])
            } else {
                STRUCTURE.apply_sum(&windows.with(&constants[1..]), [2, 3])
            };
            let factor = power(&(sum / windows.count(false)), weight);
            product = Some(match product {
                Some(product) => product * factor,
                None => factor,
            });
        }
        let product = product.unwrap_or_else(|| unreachable!("there is a scale"));
        reduction.apply(&product.mean(1))
    }

    /// C₁ and C₂.
    fn constants(&self, y: &Var) -> [Var; 2] {
        [self.k1, self.k2].map(|k| y.scalar_like((k * self.range).powi(2)))
    }

    /// What the windows see of two images.
    #[track_caller]
    fn windows(&self, x: &Var, y: &Var) -> Windows {
        static SQUARES: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("ssim.squares", |[x, y]: [Expr; 2]| x.square() + y.square())
        });
        let [_, channels, rows, columns] = x.shape()[..] else {
            unreachable!("the shapes were checked")
        };
        // Channels do not see each other: each is an image of its own.
        let planes = Shape::from([x.shape()[0] * channels, 1, rows, columns]);
        let (x, y) = (x.with_shape(planes), y.with_shape(planes));
        let kernel = self.kernel().cast(y.dtype());
        let means = [&x, &y, &SQUARES.apply(&[&x, &y]), &(&x * &y)].map(|image| {
            let along = |shape| Var::constant(kernel.with_shape(shape));
            let plain = Convolution::default();
            let columns = image.conv2d(&along(Shape::from([1, 1, self.window, 1])), None, &plain);
            columns.conv2d(&along(Shape::from([1, 1, 1, self.window])), None, &plain)
        });
        let [rows, columns] = [means[0].shape()[2], means[0].shape()[3]];
        let shape = Shape::from([planes[0] / channels.max(1), channels, rows, columns]);
        Windows(means.map(|mean| mean.with_shape(shape)))
    }

    /// The Gaussian along one side, with sum 1.
    fn kernel(&self) -> Tensor {
        let middle = (self.window as f64 - 1.0) / 2.0;
        let height = |i: usize| (-0.5 * ((i as f64 - middle) / self.sigma).powi(2)).exp();
        let heights: Vec<f64> = (0..self.window).map(height).collect();
        let sum: f64 = heights.iter().sum();
        let shares = heights.iter().map(|height| height / sum);
        Tensor::from_vec(shares.collect(), [self.window])
    }

    /// That the options make sense and that images of these shapes can be compared.
    #[track_caller]
    fn check(&self, name: &str, y: &Shape, target: &Shape, scales: usize) {
        let problem = self
            .bad_option(scales)
            .or_else(|| self.bad_shape(y, target, scales));
        if let Some(problem) = problem {
            Err(ShapeError::new(name, &[*y, *target], problem)).or_panic()
        }
    }

    fn bad_option(&self, scales: usize) -> Option<String> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if self.window == 0 || !positive(self.sigma) || !positive(self.range) {
            Some(format!(
                "a window of {} pixels, a deviation of {} and a range of {}; all must be above 0",
                self.window, self.sigma, self.range
            ))
        } else if scales == 0 {
            Some("no weights; each scale has one, as MS_SSIM_WEIGHTS has".to_owned())
        } else {
            None
        }
    }

    fn bad_shape(&self, y: &Shape, target: &Shape, scales: usize) -> Option<String> {
        let &[_, _, rows, columns] = &y[..] else {
            return Some("images are [batch, channels, rows, columns]".to_owned());
        };
        if y != target {
            return Some("both must have the same shape".to_owned());
        }
        let (side, halvings) = (rows.min(columns), scales - 1);
        let last = side.checked_shr(halvings as u32).unwrap_or(0);
        if last >= self.window {
            return None;
        }
        let window = self.window;
        Some(if halvings == 0 {
            format!(
                "the smaller side has {side} pixels and the window {window}; take a smaller window"
            )
        } else {
            let least = 2_usize
                .saturating_pow(halvings as u32)
                .saturating_mul(window);
            format!(
                "{scales} scales halve the smaller side of {side} pixels to {last}, and the window has {window}; images \
                 need {least} pixels a side, or fewer scales, or a smaller window"
            )
        })
    }
}

/// The means under each window of x, y, x² + y² and xy, `[batch, channels, rows, columns]`.
struct Windows([Var; 4]);

impl Windows {
    /// These and some constants, as operands.
    fn with<'a>(&'a self, constants: &'a [Var]) -> Vec<&'a Var> {
        self.0.iter().chain(constants).collect()
    }

    /// The number of windows of an image, or of a channel.
    fn count(&self, of_all_channels: bool) -> f64 {
        let skipped = if of_all_channels { 1 } else { 2 };
        self.0[0].shape()[skipped..].iter().product::<usize>() as f64
    }
}

/// x to a power where x is above 0, else 0.
fn power(x: &Var, exponent: f64) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("ms_ssim.power", |[x, exponent]: [Expr; 2]| {
            Expr::select(&x.less_equal(0.0), &Expr::from(0.0), &x.pow(exponent))
        })
    });
    FORMULA.apply(&[x, &x.scalar_like(exponent)])
}

/// 1 − SSIM of each pair of images `[batch, channels, rows, columns]`; see [`Ssim::similarity`].
///
/// # Panics
/// As [`Ssim::similarity`].
#[track_caller]
#[must_use]
pub fn ssim(y: &Var, target: &Var, options: &Ssim, reduction: Reduction) -> Var {
    reduction.apply(&(1.0 - options.similarity(y, target, Reduction::None)))
}

/// 1 − MS-SSIM of each pair of images `[batch, channels, rows, columns]`; see [`Ssim::multi_scale`].
///
/// # Panics
/// As [`Ssim::multi_scale`].
#[track_caller]
#[must_use]
pub fn ms_ssim(
    y: &Var,
    target: &Var,
    options: &Ssim,
    weights: &[f64],
    reduction: Reduction,
) -> Var {
    reduction.apply(&(1.0 - options.multi_scale(y, target, weights, Reduction::None)))
}
