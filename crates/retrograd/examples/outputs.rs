//! What the model of a checkpoint computes, for `tools/check_checkpoint.py`.
//!
//! ```sh
//! outputs VARIANT images|table|points FEATURES MODEL.safetensors INPUTS.safetensors OUTPUTS.safetensors
//! ```
//!
//! The second file has a tensor `x`, `[samples, features]`; the third gets the tensors `code` and `y`.

use std::error::Error;

use retrograd::autoencoders::DataKind;
use retrograd::nn::{Visitor, checkpoint};
use retrograd::prelude::*;

const USAGE: &str = "usage: outputs VARIANT images|table|points FEATURES MODEL INPUTS OUTPUTS";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [variant, kind, features, checkpoint, inputs, outputs] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let features = features.parse()?;
    let kind = match kind.as_str() {
        "images" => DataKind::Images(features),
        "table" => DataKind::Table(features),
        "points" => DataKind::Points(features),
        _ => return Err(USAGE.into()),
    };
    let model = Variant::from_name(variant)?.build::<f32>(
        &Settings::default(),
        kind,
        &mut random::rng(0),
    )?;
    checkpoint::load(model.as_ref(), checkpoint)?;
    let tensors = checkpoint::read::<f32>(inputs)?;
    let [(_, x)] = &tensors[..] else {
        return Err(format!("{inputs}: not one tensor `x`").into());
    };
    let code = model.encode(&x.clone().into());
    let y = model.decode(&code);
    let result = |(name, var): (_, Var<f32>)| (name, Param::new(var.into_value()));
    checkpoint::save(&Results([("code", code), ("y", y)].map(result)), outputs)?;
    Ok(())
}

/// Named tensors in the form that a checkpoint takes.
struct Results([(&'static str, Param<f32>); 2]);

impl Module<f32> for Results {
    fn forward(&self, x: &Var<f32>) -> Var<f32> {
        x.clone()
    }

    fn visit(&self, visitor: &mut Visitor<'_, f32>) {
        self.0
            .iter()
            .for_each(|(name, param)| visitor.param(name, param));
    }
}
