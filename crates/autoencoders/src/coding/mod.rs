//! Lossless compression by a variational autoencoder: bits-back coding.
//!
//! ```text
//! for every sample x:   draw z by q(z|x) from the bits that are there     + log₂ q(z|x)
//!                       add x by p(x|z)                                   − log₂ p(x|z)
//!                       add z by p(z)                                     − log₂ p(z)
//! ```
//!
//! The sum is −ELBO in bits, by the draws that were made. The bits that draw a code are not lost: whoever reads
//! x and z knows q(z|x), and gets them back. The first samples draw from bits that stand for nothing; how
//! many these are is told, and they count as part of the message, since they must be sent too. With many samples they
//! are a small share.
//!
//! The numbers of a code are cut into 2¹⁶ pieces of equal share of the prior, and probabilities told in whole
//! numbers, which costs less than a thousandth. Reading needs every probability to be exactly as it was in writing.
//! So samples go through the model one at a time, in one order; and a message holds a digest of the weights, and of what the
//! model computes for a sample of zeros, which a model or a machine that computes otherwise does not have.
//!
//! Source: Townsend, Bird and Barber 2019.

mod ans;
mod buckets;
mod message;

use std::fmt;

use retrograd_autograd::Var;
use retrograd_tensor::{DType, Tensor};

use self::ans::{Exhausted, Stack};
use self::buckets::Buckets;
pub use self::message::Message;
use self::message::digest;
use crate::model::{Autoencoder, Input, Likelihood, Prior, StandardNormal};

/// Probabilities of pixels are told in this many bits.
const BITS: u32 = 24;

/// Why something cannot be compressed or read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CodingError {
    /// The model says no probabilities of zeros and ones.
    #[error(
        "bits-back coding needs a model of binary numbers whose codes are normal, such as `variational` with a decoder of bernoulli; this one {0}"
    )]
    Model(&'static str),
    /// The samples are not of the model's width.
    #[error("samples of {found} numbers, and the model takes {expected}")]
    Width {
        /// Of the samples.
        found: usize,
        /// Of the model.
        expected: usize,
    },
    /// A number that is neither 0 nor 1.
    #[error(
        "sample {sample} holds {value}, and every number must be 0 or 1; draw shades as binary ones first"
    )]
    NotBinary {
        /// Which sample, counted from 0.
        sample: usize,
        /// What it holds.
        value: f64,
    },
    /// What the model says is not a number.
    #[error("the model gives numbers that are infinite or NaN for sample {sample}")]
    NotFinite {
        /// Which sample, counted from 0.
        sample: usize,
    },
    /// Not such a message, or not a whole one.
    #[error("not a message of bits-back coding: {0}")]
    Format(String),
    /// Written with another model, or where the same one computes otherwise.
    #[error("it was written with {0}")]
    OtherModel(&'static str),
    /// What was read is not what was written.
    #[error("the message is damaged: {0}")]
    Damaged(&'static str),
}

/// Compresses binary samples by a model, and reads them again.
///
/// ```
/// use retrograd_autoencoders::{BitsBack, Card, DataShape, Message, Settings};
/// use retrograd_tensor::{Tensor, random};
///
/// let (vae, data) = (Card::named("variational").unwrap(), DataShape::images([1, 4, 4]));
/// let settings = Settings::new().with("latent", 2).with("hidden", "8");
/// let model = vae.build(&settings, data, &mut random::rng(0)).unwrap();
/// let x = Tensor::from_fn([10, 16], |at| ((at[0] + at[1]) % 3 == 0) as u8 as f32);
///
/// let coder = BitsBack::new(model.as_ref()).unwrap();
/// let bytes = coder.compress(&x).unwrap().to_bytes();
/// let message = Message::from_bytes(&bytes).unwrap();
/// assert_eq!(coder.decompress(&message).unwrap(), x);
/// ```
pub struct BitsBack<'a> {
    model: &'a dyn Autoencoder,
    buckets: Buckets,
    features: usize,
    latent: usize,
    /// Of the weights, and of what they compute.
    digests: [u64; 2],
}

impl<'a> BitsBack<'a> {
    /// By this model, if it can.
    ///
    /// # Errors
    /// If it is no model of binary numbers with normal codes.
    pub fn new(model: &'a dyn Autoencoder) -> Result<Self, CodingError> {
        let latent = match model.prior() {
            Some(prior) if is_standard(prior) => prior.latent(),
            Some(_) => return Err(CodingError::Model("has another prior")),
            None => return Err(CodingError::Model("has no prior")),
        };
        if model.classes().is_some() {
            return Err(CodingError::Model("needs labels"));
        }
        if model.likelihood() != Some(Likelihood::Bernoulli) {
            return Err(CodingError::Model("has another likelihood"));
        }
        let features = model.widths().first().copied().unwrap_or(0);
        let mut coder = Self {
            model,
            buckets: Buckets::new(),
            features,
            latent,
            digests: [0; 2],
        };
        let zeros = vec![0.0; features];
        let posterior = coder.posterior(&zeros, 0)?;
        let shares = coder.shares(&vec![0; latent], 0)?;
        let weights = model.state();
        let weights = weights.iter().flat_map(|(name, state)| match state {
            retrograd_nn::State::Param(param) => bytes_of(name, &param.value()),
            retrograd_nn::State::Buffer(buffer) => bytes_of(name, &buffer.value()),
            retrograd_nn::State::Counter(_) => Vec::new(),
        });
        let computed = posterior.into_iter().flatten().chain(shares);
        coder.digests = [
            digest(weights),
            digest(computed.flat_map(|x: f64| x.to_le_bytes())),
        ];
        Ok(coder)
    }

    /// The samples `[samples, features]`, all 0 or 1, as a message.
    ///
    /// # Errors
    /// If they are not binary or not as wide as the model's.
    pub fn compress(&self, samples: &Tensor) -> Result<Message, CodingError> {
        let width = samples.shape().last().copied().unwrap_or(0);
        if samples.shape().len() != 2 || width != self.features {
            return Err(CodingError::Width {
                found: width,
                expected: self.features,
            });
        }
        let mut stack = Stack::lending();
        let rows = samples.cast(DType::F32).to_vec();
        let count = samples.shape()[0];
        for (sample, row) in rows.chunks(width.max(1)).enumerate().take(count) {
            if let Some(&value) = row.iter().find(|x| **x != 0.0 && **x != 1.0) {
                return Err(CodingError::NotBinary { sample, value });
            }
            self.push(&mut stack, row, sample)
                .map_err(|failure| failure.of(sample))?;
        }
        Ok(Message::new(
            self.digests,
            [self.features as u64, count as u64],
            stack.initial_bits(),
            (stack.head, stack.tail),
        ))
    }

    /// What a message says, `[samples, features]`.
    ///
    /// # Errors
    /// If it was written with another model, or where that computed otherwise, or is damaged.
    pub fn decompress(&self, message: &Message) -> Result<Tensor, CodingError> {
        let [weights, computed] = message.digests();
        if message.features() != self.features as u64 || weights != self.digests[0] {
            return Err(CodingError::OtherModel(
                "another model; use the run that it was compressed with",
            ));
        }
        if computed != self.digests[1] {
            return Err(CodingError::OtherModel(
                "the same model on a machine that rounds otherwise; use the same instruction set (RETROGRAD_ISA) and version",
            ));
        }
        let (head, tail) = message.stack();
        let damaged = "it holds more samples than bits";
        let mut stack = Stack::filled(head, tail.to_vec())
            .ok_or(CodingError::Damaged("no stack has its head"))?;
        // Rows from the last to the first. They grow with what is read, not with what is claimed.
        let mut rows: Vec<Vec<u8>> = Vec::new();
        for sample in (0..message.samples()).rev() {
            let row = self
                .pop(&mut stack, sample as usize)
                .map_err(|failure| match failure {
                    Failed::Exhausted => CodingError::Damaged(damaged),
                    Failed::Coding(error) => error,
                })?;
            rows.push(row);
        }
        if !stack.is_empty_but_for((message.initial_bits() - 64) / 32) {
            return Err(CodingError::Damaged(
                "what is left at its end is not what it began with",
            ));
        }
        let values: Vec<f32> = rows.iter().rev().flatten().map(|&x| f32::from(x)).collect();
        Ok(Tensor::from_vec(values, [rows.len(), self.features]))
    }

    fn push(&self, stack: &mut Stack, row: &[f64], sample: usize) -> Result<(), Failed> {
        let posterior = self.posterior(row, sample)?;
        let mut code = vec![0_u32; self.latent];
        for (piece, &of) in code.iter_mut().zip(&posterior) {
            *piece = self.buckets.pop_posterior(stack, of)?;
        }
        let shares = self.shares(&code, sample)?;
        for (&x, share) in row.iter().zip(shares) {
            let (start, frequency) = pixel(x != 0.0, share);
            stack.push(start, frequency, BITS);
        }
        for &piece in &code {
            Buckets::push_prior(stack, piece);
        }
        Ok(())
    }

    /// All of [`push`](Self::push) undone, the last thing first.
    fn pop(&self, stack: &mut Stack, sample: usize) -> Result<Vec<u8>, Failed> {
        let mut code = vec![0_u32; self.latent];
        for piece in code.iter_mut().rev() {
            *piece = Buckets::pop_prior(stack)?;
        }
        let shares = self.shares(&code, sample)?;
        let mut row = vec![0_u8; self.features];
        for (x, &share) in row.iter_mut().zip(&shares).rev() {
            *x = stack.pop(BITS, |place| {
                let (_, zeros) = pixel(false, share);
                let is_one = place >= zeros;
                let (start, frequency) = pixel(is_one, share);
                (u8::from(is_one), start, frequency)
            })?;
        }
        let values: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
        let posterior = self.posterior(&values, sample)?;
        for (&piece, &of) in code.iter().zip(&posterior).rev() {
            self.buckets.push_posterior(stack, piece, of);
        }
        Ok(row)
    }

    /// μ and log σ² of every number of a sample's code.
    fn posterior(&self, row: &[f64], sample: usize) -> Result<Vec<[f64; 2]>, CodingError> {
        let x = Tensor::from_vec(row.to_vec(), [1, row.len()]).cast(self.model.dtype());
        let code = self.model.encode(&Input::from(x));
        let gaussian = code.posterior().and_then(|posterior| posterior.gaussian());
        let Some(gaussian) = gaussian else {
            return Err(CodingError::Model("has codes that are not normal"));
        };
        let [mean, log_variance] =
            [&gaussian.mean, &gaussian.log_variance].map(|part| part.value().to_vec());
        let all: Vec<[f64; 2]> = mean
            .into_iter()
            .zip(log_variance)
            .map(|(m, v)| [m, v])
            .collect();
        if all.len() != self.latent {
            return Err(CodingError::Model(
                "has codes of another width than its prior's",
            ));
        }
        match all.iter().flatten().all(|x| x.is_finite()) {
            true => Ok(all),
            false => Err(CodingError::NotFinite { sample }),
        }
    }

    /// The probability of a one, of every pixel, given the pieces that a code is in.
    fn shares(&self, code: &[u32], sample: usize) -> Result<Vec<f64>, CodingError> {
        let z = code.iter().map(|&piece| self.buckets.middle(piece));
        let z = Tensor::from_vec(z.collect::<Vec<f64>>(), [1, code.len()]);
        let z = Var::constant(z.cast(self.model.dtype()));
        let shares = self.model.decode(&z, None).value().to_vec();
        match shares.len() == self.features && shares.iter().all(|x| x.is_finite()) {
            true => Ok(shares),
            false => Err(CodingError::NotFinite { sample }),
        }
    }
}

impl fmt::Debug for BitsBack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "BitsBack({} features, codes of {})",
            self.features, self.latent
        )
    }
}

/// Start and frequency of a pixel's value, of 2^[`BITS`]: zeros first, neither without a share.
fn pixel(is_one: bool, share: f64) -> (u32, u32) {
    const ALL: u32 = 1 << BITS;
    let ones = 1 + (f64::from(ALL - 2) * share.clamp(0.0, 1.0)) as u32;
    match is_one {
        true => (ALL - ones, ones),
        false => (0, ALL - ones),
    }
}

fn is_standard(prior: &dyn Prior) -> bool {
    let latent = prior.latent();
    prior.name() == StandardNormal { latent }.name()
}

fn bytes_of(name: &str, value: &Tensor) -> Vec<u8> {
    let numbers = value.to_vec().into_iter().flat_map(f64::to_le_bytes);
    name.bytes().chain(numbers).collect()
}

/// What stops a step: nothing is left, or the model does not play along.
enum Failed {
    Exhausted,
    Coding(CodingError),
}

impl Failed {
    fn of(self, sample: usize) -> CodingError {
        match self {
            // A stack that lends is never exhausted.
            Self::Exhausted => CodingError::NotFinite { sample },
            Self::Coding(error) => error,
        }
    }
}

impl From<Exhausted> for Failed {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

impl From<CodingError> for Failed {
    fn from(error: CodingError) -> Self {
        Self::Coding(error)
    }
}
