//! Schedules against PyTorch: `train/schedules.json` holds the rates of 29 epochs of each.

use std::fs;

use retrograd_nn::{Moment, Schedule, Span};
use serde_json::Value;

/// Bound on the error of a rate, relative to the rate.
const RATE: f64 = 1e-12;

#[test]
fn schedules_follow_pytorch() {
    let Some(folder) = crate::oracle::folder::oracle("schedules_follow_pytorch") else {
        return;
    };
    let text = fs::read_to_string(folder.join("train/schedules.json")).unwrap();
    let settings: Value = serde_json::from_str(&text).unwrap();
    let settings = settings.as_object().unwrap();
    let mut worst = 0.0_f64;
    for (name, settings) in settings {
        let (base, [in_epochs, in_steps]) = schedules(name, settings);
        let rates = settings["rates"].as_array().unwrap();
        for (count, rate) in (0..).zip(rates) {
            let rate = rate.as_f64().unwrap();
            // The same number of epochs of three steps, and of steps.
            let epochs = Moment {
                step: 3 * count + 1,
                epoch: count,
                steps_per_epoch: 3,
                epochs: 100,
            };
            let steps = Moment {
                step: count,
                epoch: count / 7,
                steps_per_epoch: 7,
                epochs: 100,
            };
            for found in [in_epochs.at(base, epochs), in_steps.at(base, steps)] {
                let error = (found - rate).abs() / if rate == 0.0 { 1.0 } else { rate };
                assert!(error <= RATE, "{name}, {count}: {found} for {rate}");
                worst = worst.max(error);
            }
        }
    }
    println!(
        "schedules: {} compared, worst relative error {worst:.1e}",
        settings.len()
    );
    assert_eq!(settings.len(), 8, "none is left out");
}

/// Our schedule with these settings, counting epochs and counting steps, and its base rate.
fn schedules(name: &str, settings: &Value) -> (f64, [Schedule; 2]) {
    let number = |key: &str| {
        settings[key]
            .as_f64()
            .unwrap_or_else(|| panic!("{name}: {key}?"))
    };
    let base = number("base_lr");
    let schedule = |span: fn(u64) -> Span| {
        let whole = |key: &str| span(settings[key].as_u64().unwrap());
        match name {
            "step" => Schedule::Step {
                every: whole("step_size"),
                gamma: number("gamma"),
            },
            "multistep" => Schedule::MultiStep {
                at: settings["milestones"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|at| span(at.as_u64().unwrap()))
                    .collect(),
                gamma: number("gamma"),
            },
            "exponential" => Schedule::Exponential {
                gamma: number("gamma"),
                per: span(1),
            },
            "cosine" => Schedule::Cosine {
                over: whole("T_max"),
                floor: number("eta_min") / base,
            },
            "cosine_restarts" => Schedule::CosineRestarts {
                first: whole("T_0"),
                growth: settings["T_mult"].as_u64().unwrap() as u32,
                floor: 0.0,
            },
            "linear" => Schedule::Linear {
                from: number("start_factor"),
                to: 1.0,
                over: whole("total_iters"),
            },
            "polynomial" => Schedule::Polynomial {
                over: whole("total_iters"),
                power: number("power"),
                floor: 0.0,
            },
            "one_cycle" => Schedule::OneCycle {
                over: whole("total_steps"),
                rise: 0.3,
                start: 1.0 / 25.0,
                end: 1.0 / 25e4,
            },
            _ => panic!("no schedule for {name}"),
        }
    };
    let base = if name == "one_cycle" {
        number("max_lr")
    } else {
        base
    };
    (base, [schedule(Span::Epochs), schedule(Span::Steps)])
}
