//! Losses.

use retrograd_nn::Reduction;
use retrograd_nn::loss::{self, CrossEntropy};
use retrograd_tensor::Array;

use super::args::Args;
use super::operation::{Operation, one};

pub(crate) fn table() -> Vec<Operation> {
    [numbers(), binary(), classes(), distributions()]
        .into_iter()
        .flatten()
        .collect()
}

fn numbers() -> Vec<Operation> {
    vec![
        one("nn.functional.mse_loss", |x| {
            loss::mse(x.var(0), x.var(1), reduction(x))
        }),
        one("nn.functional.l1_loss", |x| {
            loss::l1(x.var(0), x.var(1), reduction(x))
        }),
        one("nn.functional.huber_loss", |x| {
            let delta = x.number("delta").unwrap_or(1.0);
            loss::huber(x.var(0), x.var(1), delta, reduction(x))
        }),
        one("nn.functional.smooth_l1_loss", |x| {
            let beta = x.number("beta").unwrap_or(1.0);
            loss::smooth_l1(x.var(0), x.var(1), beta, reduction(x))
        }),
    ]
}

fn binary() -> Vec<Operation> {
    vec![
        one("nn.functional.binary_cross_entropy", |x| {
            let (p, t) = (x.var(0), x.var(1));
            match x.var_if("weight") {
                Some(weight) => loss::bce_weighted(p, t, weight, reduction(x)),
                None => loss::bce(p, t, reduction(x)),
            }
        }),
        one("nn.functional.binary_cross_entropy_with_logits", |x| {
            let (z, t) = (x.var(0), x.var(1));
            match (x.var_if("weight"), x.var_if("pos_weight")) {
                (None, None) => loss::bce_with_logits(z, t, reduction(x)),
                (weight, positive) => {
                    loss::bce_with_logits_weighted(z, t, weight, positive, reduction(x))
                }
            }
        }),
    ]
}

fn classes() -> Vec<Operation> {
    vec![
        one("nn.functional.nll_loss", |x| {
            options(x).of_logs(x.var(0), right(x))
        }),
        one("nn.functional.cross_entropy", |x| {
            let options = options(x).smoothing(x.number("label_smoothing").unwrap_or(0.0));
            match x.var_if(1) {
                Some(shares) => options.of_shares(x.var(0), shares),
                None => options.of(x.var(0), right(x)),
            }
        }),
    ]
}

fn right(x: &Args) -> &Array<i64> {
    x.integers(1).expect("classes")
}

/// The options of a case; PyTorch ignores −100 unless it is told another.
fn options(x: &Args) -> CrossEntropy<'_> {
    let ignored = x.int("ignore_index").map_or(-100, |class| class as i64);
    let options = CrossEntropy::new()
        .ignoring(ignored)
        .reduction(reduction(x));
    x.var_if("weight")
        .map_or(options, |weights| options.weights(weights))
}

fn distributions() -> Vec<Operation> {
    vec![
        one("nn.functional.kl_div", |x| {
            let reduction = match x.text("reduction") {
                Some("batchmean") => Reduction::PerSample,
                _ => reduction(x),
            };
            loss::kl_div(x.var(0), x.var(1), x.flag("log_target"), reduction)
        }),
        one("nn.functional.gaussian_nll_loss", |x| {
            let (mean, variance) = (x.var(0), x.var(2));
            let target = &x.var(1).broadcast_to(*mean.shape());
            let epsilon = x.number("eps").unwrap_or(1e-6);
            // A variance may be given for each sample, without the last axis.
            let variance = if variance.rank() < mean.rank() {
                variance.unsqueeze(-1)
            } else {
                variance.clone()
            };
            let full = x.flag("full");
            loss::gaussian_nll(mean, target, &variance, epsilon, full, reduction(x))
        }),
        one("nn.functional.poisson_nll_loss", |x| {
            let epsilon = x.number("eps").unwrap_or(1e-8);
            let (log_rate, full) = (x.flag("log_input"), x.flag("full"));
            let (y, target) = (x.var(0), x.var(1));
            loss::poisson_nll(y, target, log_rate, full, epsilon, reduction(x))
        }),
    ]
}

/// The reduction of a case.
fn reduction(x: &Args) -> Reduction {
    match x.text("reduction") {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some(other) => panic!("reduction {other}"),
    }
}
