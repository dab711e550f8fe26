//! Normalisations.

use retrograd_autograd::Var;

use super::args::Args;
use super::operation::{Operation, one, partial};

pub(crate) fn table() -> Vec<Operation> {
    vec![
        partial("nn.functional.batch_norm", |x| {
            if x.var(0).rank() < 2 {
                return Err("there is no axis of channels");
            }
            let [weight, bias] = [x.var_if((3, "weight")), x.var_if((4, "bias"))];
            let epsilon = epsilon(x);
            if x.flag("training") {
                return Ok(vec![x.var(0).batch_norm(weight, bias, epsilon).0.into()]);
            }
            let (mean, variance) = (x.var((1, "running_mean")), x.var((2, "running_var")));
            let y = x.var(0);
            let y = y.batch_norm_by(mean, variance, weight, bias, epsilon);
            Ok(vec![y.into()])
        }),
        one("nn.functional.layer_norm", |x| {
            let axes = x.ints((1, "normalized_shape")).expect("a shape").len();
            let [weight, bias] = [x.var_if((2, "weight")), x.var_if((3, "bias"))];
            x.var(0).layer_norm(axes, weight, bias, epsilon(x))
        }),
        one("nn.functional.rms_norm", |x| {
            let axes = x.ints((1, "normalized_shape")).expect("a shape").len();
            let epsilon = x.number((3, "eps")).unwrap_or(f64::EPSILON);
            x.var(0).rms_norm(axes, x.var_if((2, "weight")), epsilon)
        }),
        one("nn.functional.group_norm", |x| {
            let groups = x.int((1, "num_groups")).expect("a number of groups");
            let (weight, bias) = affine(x);
            x.var(0)
                .group_norm(groups as usize, weight, bias, epsilon(x))
        })
        .within(
            1e-8,
            "in a group of two the slope is what epsilon leaves of a difference",
        ),
        one("nn.functional.instance_norm", |x| {
            let (weight, bias) = affine(x);
            x.var(0).instance_norm(weight, bias, epsilon(x))
        }),
    ]
}

fn affine(x: &Args) -> (Option<&Var>, Option<&Var>) {
    (x.var_if("weight"), x.var_if("bias"))
}

fn epsilon(x: &Args) -> f64 {
    x.number("eps").unwrap_or(1e-5)
}
