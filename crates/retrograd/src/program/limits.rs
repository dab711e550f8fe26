//! What fits into memory, asked before anything is allocated.

use std::fs;

use retrograd::autoencoders::{DataShape, Settings};

use crate::program::failure::Failure;

/// Bytes of a number.
const NUMBER: u128 = 4;
/// Copies of a parameter in training: itself, its gradient, and two that the optimiser keeps.
const COPIES: u128 = 4;
/// Copies of an activation in training: itself, and its cotangent.
const ACTIVATIONS: u128 = 2;
/// Options that make a model large.
const LARGE: [&str; 7] = [
    "latent",
    "hidden",
    "channels",
    "samples",
    "classes",
    "groups",
    "categories",
];
/// Where the system does not say: nobody has more.
const ALL: u128 = 1 << 42;

/// Refuses a model that would not fit into memory while it is trained in batches of so many samples.
pub(crate) fn check_model(
    settings: &Settings,
    data: DataShape,
    batch_size: usize,
) -> Result<(), Failure> {
    let size = settings.size(data);
    let batch = size.activations.saturating_mul(batch_size as u128);
    let bytes = size
        .parameters
        .saturating_mul(COPIES)
        .saturating_add(batch.saturating_mul(ACTIVATIONS))
        .saturating_mul(NUMBER);
    let chosen: Vec<String> = settings
        .iter()
        .filter(|(name, _)| LARGE.contains(name))
        .map(|(name, value)| format!("--{name} {value}"))
        .collect();
    fit(bytes).map_err(|problem| {
        Failure::usage(format!(
            "{}: about {} parameters in steps of {batch_size} samples take {problem}; choose smaller ones",
            chosen.join(" "),
            size.parameters
        ))
    })
}

/// Refuses so many samples of so many features if they would not fit into memory a few times.
pub(crate) fn check_samples(option: &str, count: usize, features: usize) -> Result<(), Failure> {
    let bytes = (count as u128).saturating_mul(features as u128) * NUMBER * COPIES;
    fit(bytes).map_err(|problem| {
        Failure::usage(format!(
            "--{option} {count}: so many samples of {features} features take {problem}; ask for fewer at a time"
        ))
    })
}

/// Bytes that data may take of memory before it stays on the disk: a quarter.
pub(crate) fn share() -> u128 {
    memory() / 4
}

/// In words what is wrong, if so many bytes are more than there are.
fn fit(bytes: u128) -> Result<(), String> {
    let memory = memory();
    if bytes <= memory {
        return Ok(());
    }
    Err(format!(
        "{} of memory, and there are {}",
        readable(bytes),
        readable(memory)
    ))
}

/// Bytes of memory that the process may have.
fn memory() -> u128 {
    let read = |path: &str| fs::read_to_string(path).ok();
    let system = read("/proc/meminfo").and_then(|text| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kibibytes: u128 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    });
    // What a container may have; `max` is no number.
    let group = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    [system, group].into_iter().flatten().fold(ALL, u128::min)
}

/// `24 GB`
fn readable(bytes: u128) -> String {
    let units = ["MB", "GB", "TB", "PB"];
    let mut amount = bytes as f64 / 1e6;
    let mut unit = 0;
    while amount >= 1000.0 && unit + 1 < units.len() {
        amount /= 1000.0;
        unit += 1;
    }
    if amount >= 1e6 {
        return "more than all computers have".to_owned();
    }
    format!("{amount:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_readable() {
        assert_eq!(readable(25_000_000_000), "25.0 GB");
        assert_eq!(readable(1_500_000), "1.5 MB");
        assert_eq!(readable(u128::MAX), "more than all computers have");
        assert!(memory() > 1 << 27 && fit(u128::MAX).is_err() && fit(1).is_ok());
    }
}
