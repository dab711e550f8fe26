//! What the model of a checkpoint computes, for `tools/check_checkpoint.py`.
//!
//! ```sh
//! outputs RUN INPUTS.safetensors OUTPUTS.safetensors
//! ```
//!
//! The second file has a tensor `x`, `[samples, features]`; the third gets the tensors `code` and `y`.

use std::error::Error;
use std::fs;
use std::path::Path;

use retrograd::autoencoders::DataKind;
use retrograd::nn::{Visitor, checkpoint};
use retrograd::prelude::*;
use serde::Deserialize;

/// What a run's `config.toml` says of its model.
#[derive(Deserialize)]
struct Config {
    variant: String,
    kind: String,
    features: usize,
    settings: Settings,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, inputs, outputs] = &arguments[..] else {
        return Err("usage: outputs RUN INPUTS OUTPUTS".into());
    };
    let run = Path::new(run);
    let config: Config = toml::from_str(&fs::read_to_string(run.join("config.toml"))?)?;
    let kind = DataKind::named(&config.kind, config.features).ok_or("an unknown kind of data")?;
    let variant = Variant::from_name(&config.variant)?;
    let model = variant.build::<f32>(&config.settings, kind, &mut random::rng(0))?;
    checkpoint::load(model.as_ref(), run.join("model.safetensors"))?;
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
