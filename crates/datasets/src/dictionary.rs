//! Sums of a few atoms of a dictionary that is known, so that what a sparse dictionary finds has an exact
//! score.
//!
//! There are 256 atoms aⱼ in 64 dimensions, four times as many as there can be orthogonal ones: points drawn
//! evenly from the unit sphere. A sample picks four of them, every four as likely as any other, and adds
//! them up with positive coefficients:
//!
//! ```text
//! x = Σ_{j ∈ S} cⱼ aⱼ        |S| = 4,  cⱼ ~ U(½, 3/2),  ‖aⱼ‖ = 1
//! ```
//!
//! A pair of sets has targets as well: the same coefficients of another 256 atoms, which is what a layer
//! would do that replaces each cause by its effect.
//!
//! There is no noise. Two atoms have a cosine of about ±1/8, so an atom that is not part of a sample still
//! has a product with it: no single number of a sample says which atoms it is made of. Each atom is part of
//! one sample in 64.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use retrograd_tensor::{Array, Tensor};

use crate::dataset::{Dataset, Split};
use crate::stream::{Part, sample_rows};

/// The number of atoms.
pub const DICTIONARY_ATOMS: usize = 256;

/// The numbers in an atom, and in a sample.
pub const DICTIONARY_FEATURES: usize = 64;

/// The atoms that a sample is made of.
pub const DICTIONARY_ACTIVE: usize = 4;

/// `n` samples: features `[n, 64]`, without labels.
///
/// Sample `i` depends on `seed` and `i` alone: not on `n`, nor on the number of threads.
pub fn dictionary(n: usize, seed: u64) -> Dataset {
    part(n, seed, Part::Train)
}

/// `train` samples to learn from, the same as [`dictionary`]`(train, seed)`, and `held_out` others to
/// judge by, of the same atoms.
pub fn dictionary_split(train: usize, held_out: usize, seed: u64) -> Split {
    Split {
        train: part(train, seed, Part::Train),
        held_out: part(held_out, seed, Part::HeldOut),
    }
}

/// The atoms that the samples of this seed are made of, `[256, 64]`, each of norm 1.
///
/// ```
/// let atoms = retrograd_datasets::dictionary_atoms(42);
/// assert_eq!(atoms.shape(), [256, 64]);
/// ```
pub fn dictionary_atoms(seed: u64) -> Tensor {
    Tensor::from_vec(atoms(seed, 1), [DICTIONARY_ATOMS, DICTIONARY_FEATURES])
}

/// The samples of [`dictionary`]`(n, seed)` with targets `[n, 64]`: sums with the same coefficients of
/// [other atoms](dictionary_target_atoms).
pub fn dictionary_pair(n: usize, seed: u64) -> Dataset {
    pair(n, seed, Part::Train)
}

/// `train` samples with targets to learn from, the same as [`dictionary_pair`]`(train, seed)`, and
/// `held_out` others to judge by.
pub fn dictionary_pair_split(train: usize, held_out: usize, seed: u64) -> Split {
    Split {
        train: pair(train, seed, Part::Train),
        held_out: pair(held_out, seed, Part::HeldOut),
    }
}

/// The atoms that the targets of this seed are made of, `[256, 64]`, each of norm 1.
pub fn dictionary_target_atoms(seed: u64) -> Tensor {
    let both = Tensor::from_vec(atoms(seed, 2), [2 * DICTIONARY_ATOMS, DICTIONARY_FEATURES]);
    let second: Vec<usize> = (DICTIONARY_ATOMS..2 * DICTIONARY_ATOMS).collect();
    both.rows(&second)
}

/// The atoms of so many dictionaries, one after the other.
fn atoms(seed: u64, dictionaries: usize) -> Vec<f32> {
    let (atoms, _) = sample_rows(
        dictionaries * DICTIONARY_ATOMS,
        DICTIONARY_FEATURES,
        seed,
        Part::Truth,
        |rng, atom| {
            atom.fill_with(|| rng.sample(StandardNormal));
            let norm = atom.iter().map(|x| x * x).sum::<f32>().sqrt();
            atom.iter_mut().for_each(|x| *x /= norm);
        },
    );
    atoms
}

fn part(n: usize, seed: u64, part: Part) -> Dataset {
    let values = sums(n, seed, part, &atoms(seed, 1));
    Dataset::new("dictionary", values)
}

fn pair(n: usize, seed: u64, part: Part) -> Dataset {
    let both = atoms(seed, 2);
    let (atoms, others) = both.split_at(DICTIONARY_ATOMS * DICTIONARY_FEATURES);
    Dataset {
        target: Some(sums(n, seed, part, others).into()),
        ..Dataset::new("dictionary-pair", sums(n, seed, part, atoms))
    }
}

/// The sums of these atoms that belong to a seed and a part.
fn sums(n: usize, seed: u64, part: Part, atoms: &[f32]) -> Array<f32> {
    let (values, _) = sample_rows(n, DICTIONARY_FEATURES, seed, part, |rng, row| {
        for (atom, size) in terms(rng) {
            let atom = atoms[atom * DICTIONARY_FEATURES..].iter();
            for (x, a) in row.iter_mut().zip(atom) {
                *x += size * a;
            }
        }
    });
    Array::from_vec(values, [n, DICTIONARY_FEATURES])
}

/// The atoms of a sample, all of them different, and their coefficients.
fn terms(rng: &mut impl Rng) -> [(usize, f32); DICTIONARY_ACTIVE] {
    let mut terms = [(DICTIONARY_ATOMS, 0.0); DICTIONARY_ACTIVE];
    for at in 0..DICTIONARY_ACTIVE {
        let atom = loop {
            let atom = rng.random_range(0..DICTIONARY_ATOMS);
            if terms.iter().all(|&(other, _)| other != atom) {
                break atom;
            }
        };
        terms[at] = (atom, rng.random_range(0.5..1.5));
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use retrograd_tensor::assert_abs_diff_eq;

    #[test]
    fn atoms_have_norm_one_and_point_anywhere() {
        let atoms = dictionary_atoms(3).cast(retrograd_tensor::DType::F64);
        let products = atoms.matmul(&atoms.t());
        let count = DICTIONARY_ATOMS as f64;
        let own: f64 = (0..DICTIONARY_ATOMS).map(|j| products.at(&[j, j])).sum();
        assert_abs_diff_eq!(own / count, 1.0, epsilon = 1e-6);
        // Of directions drawn evenly, the mean square of a cosine is one over the dimensions.
        let squares = (&products * &products).sum(..).item() - count;
        let mean = squares / (count * (count - 1.0));
        assert_abs_diff_eq!(mean * DICTIONARY_FEATURES as f64, 1.0, epsilon = 0.05);
    }

    #[test]
    fn samples_are_the_sums_that_were_drawn() {
        let (set, atoms) = (dictionary(20, 5), dictionary_atoms(5));
        assert_eq!((set.len(), set.width()), (20, DICTIONARY_FEATURES));
        for sample in 0..20 {
            let mut rng = chacha20::ChaCha8Rng::seed_from_u64(5);
            rng.set_stream(sample as u64);
            let terms = terms(&mut rng);
            let different: std::collections::BTreeSet<usize> =
                terms.iter().map(|(atom, _)| *atom).collect();
            assert_eq!(different.len(), DICTIONARY_ACTIVE);
            assert!(terms.iter().all(|(_, size)| (0.5..1.5).contains(size)));
            for feature in 0..DICTIONARY_FEATURES {
                let sum: f64 = terms
                    .iter()
                    .map(|&(atom, size)| f64::from(size) * atoms.at(&[atom, feature]))
                    .sum();
                assert_abs_diff_eq!(set.features.at(&[sample, feature]), sum, epsilon = 1e-6);
            }
        }
    }

    #[test]
    fn targets_are_the_same_sums_of_other_atoms() {
        let set = dictionary_pair(20, 5);
        assert_eq!(set.values().to_vec(), dictionary(20, 5).values().to_vec());
        let (target, atoms) = (set.target.unwrap(), dictionary_target_atoms(5));
        for sample in 0..20 {
            let mut rng = chacha20::ChaCha8Rng::seed_from_u64(5);
            rng.set_stream(sample as u64);
            let terms = terms(&mut rng);
            for feature in 0..DICTIONARY_FEATURES {
                let sum: f64 = terms
                    .iter()
                    .map(|&(atom, size)| f64::from(size) * atoms.at(&[atom, feature]))
                    .sum();
                assert_abs_diff_eq!(target.at(&[sample, feature]), sum, epsilon = 1e-6);
            }
        }
        assert!(dictionary_atoms(5).to_vec() != atoms.to_vec());
    }

    #[test]
    fn both_parts_are_made_of_the_same_atoms() {
        let split = dictionary_split(30, 30, 2);
        assert_eq!(
            split.train.values().to_vec(),
            dictionary(30, 2).values().to_vec()
        );
        assert_ne!(
            split.held_out.values().to_vec(),
            split.train.values().to_vec()
        );
        assert_ne!(dictionary_atoms(2).to_vec(), dictionary_atoms(3).to_vec());
    }
}
