//! Sparse dictionaries: samples as sums of a few of many atoms.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_nn::{
    Buffer, Init, Linear, Module, Optimizer, Param, Step, Terms, Visitor, loss, may_change,
};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor, keep};

use super::sparse_code::SparseCode;
use crate::model::{Autoencoder, Code, Exhibit, Input, Pause, Phase, Role, Target};

/// Norms below this count as this.
const SHORTEST: f64 = 1e-12;

/// A sparse dictionary: x̂ = b + Σⱼ fⱼ dⱼ, with few fⱼ above 0 of many, and all ‖dⱼ‖ = 1.
///
/// ```text
/// z = s x − b                what is encoded: scaled, less the bias of the decoder
/// f = sparse(W z + c)        what sparse means is the Sparsity's to say
/// x̂ = (b + Σⱼ fⱼ dⱼ / ‖dⱼ‖) / s
/// ```
///
/// The scale s makes the mean of ‖s x‖² over the training samples the number of features, so that penalties
/// and thresholds mean the same for data of any size; it is measured before the first epoch, and
/// [`fold`](Self::fold) moves it into the weights. The bias starts at the mean of the scaled samples, the
/// encoder at the transpose of the decoder.
///
/// **Norms.** The objective is a function of the directions of the atoms alone, so its gradient has no part
/// along an atom: that of dⱼ / ‖dⱼ‖ is the projection of the gradient, once. After each step the norms are
/// made 1 again, once; what the step had made of them is watched as `drift`.
///
/// **Costs.** Errors are of scaled samples, and means over features and batch; so an error of 1 is that of a
/// reconstruction by 0, and weights of penalties do not depend on the number of features.
///
/// **Figures.** `l0` is the mean number of atoms that fire for a sample, `explained` the share of the
/// variance of a batch that is explained, `dead` how many atoms have not fired in the last so many training
/// samples, and `drift` by how much the last step changed a norm at most.
pub struct Dictionary {
    /// W and c, `[atoms, features]` and `[atoms]`.
    pub encoder: Linear,
    /// The atoms dⱼ, `[atoms, outputs]`, whose rows have norm 1.
    pub decoder: Param,
    /// b, `[outputs]`: added to what is decoded.
    pub bias: Param,
    /// What is subtracted from scaled samples, `[features]`, where that is not b.
    before: Option<Param>,
    scale: Buffer,
    target_scale: Option<Buffer>,
    idle: Buffer,
    drift: Buffer,
    /// Training samples without firing after which an atom is dead.
    patience: f64,
    sparsity: Box<dyn Sparsity>,
}

/// What makes a code sparse: which atoms are used for a sample, and what that costs.
pub trait Sparsity: fmt::Debug + Send + Sync {
    /// The code of samples `[batch, features]`, which are scaled and without bias.
    fn code(&self, dictionary: &Dictionary, z: &Var) -> SparseCode;

    /// What is minimised: the error, unless it says otherwise.
    fn objective(&self, batch: &Coded<'_>, _: &Step) -> Terms {
        Terms::new("mse", batch.error())
    }

    /// What is done between epochs.
    fn between_epochs(&self, _: &Dictionary, _: &mut Pause<'_>) {}

    /// What it alone has to show, for a batch of held-out samples.
    fn exhibits(&self, _: &Coded<'_>) -> Vec<Exhibit> {
        Vec::new()
    }

    /// Multiplies thresholds and biases of its own, for numbers in other units.
    fn fold(&self, _: f64) {}

    /// Shows parameters and buffers of its own.
    fn visit(&self, _: &mut Visitor<'_>) {}
}

/// A batch that has been encoded and decoded, in scaled units.
#[derive(Debug)]
pub struct Coded<'a> {
    /// By what.
    pub dictionary: &'a Dictionary,
    /// What was encoded, `[batch, features]`: scaled samples without the bias.
    pub z: Var,
    /// Its code.
    pub code: SparseCode,
    /// The atoms by which it is decoded, `[atoms, outputs]`, of norm 1.
    pub atoms: Var,
    /// The bias, `[outputs]`.
    pub bias: Var,
    /// The reconstruction, `[batch, outputs]`.
    pub y: Var,
    /// What it should be.
    pub target: Target,
}

impl Coded<'_> {
    /// The mean square by which the reconstruction is wrong, over features and batch.
    #[must_use]
    pub fn error(&self) -> Var {
        self.error_of(&self.y)
    }

    /// The same of another reconstruction.
    #[must_use]
    pub fn error_of(&self, y: &Var) -> Var {
        self.target.mean(|x, over| loss::mse(y, x, over))
    }

    /// What the reconstruction lacks, `[batch, outputs]`, as something to be reconstructed: no derivative
    /// flows through it.
    #[must_use]
    pub fn residual(&self) -> Target {
        let values = (&self.target.values - &self.y).stop_gradient();
        Target::of(&values, self.target.observed.as_ref())
    }
}

impl Dictionary {
    /// A dictionary of so many atoms for samples of so many features. Atoms are directions drawn evenly.
    #[must_use]
    pub fn new(
        features: usize,
        atoms: usize,
        sparsity: impl Sparsity + 'static,
        rng: &mut Rng,
    ) -> Self {
        let encoder = Linear::with_init(features, atoms, Init::Normal(1.0), rng);
        let directions = unit_rows(&encoder.weight.value()).0;
        encoder.weight.set(directions.clone());
        let vector = |numbers: usize| Tensor::zeros([numbers], DType::default());
        Self {
            encoder,
            decoder: Param::new(directions),
            bias: Param::new(vector(features)),
            before: None,
            scale: Buffer::new(Tensor::scalar(1.0_f32)),
            target_scale: None,
            idle: Buffer::new(vector(atoms)),
            drift: Buffer::new(Tensor::scalar(0.0_f32)),
            patience: f64::INFINITY,
            sparsity: Box::new(sparsity),
        }
    }

    /// The same, whose atoms count as dead after so many training samples without firing.
    #[must_use]
    pub fn dead_after(self, samples: usize) -> Self {
        Self {
            patience: samples as f64,
            ..self
        }
    }

    /// The same that gives something else than its samples, with so many numbers: what a batch has as its
    /// target. Targets have a scale of their own, and what is subtracted from samples is another bias than
    /// what is added to outputs; it starts at the mean of the samples. Atoms are directions of outputs, which
    /// start unlike the encoder's.
    #[must_use]
    pub fn transcoding(self, outputs: usize, rng: &mut Rng) -> Self {
        let atoms = Init::Normal(1.0).draw([self.len(), outputs], rng, DType::default());
        Self {
            decoder: Param::new(unit_rows(&atoms).0),
            bias: Param::new(Tensor::zeros([outputs], DType::default())),
            before: Some(self.bias),
            target_scale: Some(Buffer::new(Tensor::scalar(1.0_f32))),
            ..self
        }
    }

    /// How many atoms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.decoder.shape()[0]
    }

    /// Whether there are no atoms.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The atoms, `[atoms, outputs]`, each of norm 1.
    #[must_use]
    pub fn atoms(&self) -> Tensor {
        unit_rows(&self.decoder.value()).0
    }

    /// The atoms that have not fired in the last so many training samples.
    #[must_use]
    pub fn dead(&self) -> Vec<usize> {
        let idle = self.idle.value();
        let is_dead = |&(_, samples): &(usize, f64)| samples > self.patience;
        let dead = idle.iter().enumerate().filter(is_dead);
        dead.map(|(atom, _)| atom).collect()
    }

    /// What samples are multiplied by before they are encoded.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale.value().item()
    }

    /// Moves the scale into biases and thresholds, and becomes a dictionary of unscaled samples with the same
    /// reconstructions. Codes are then in the units of the samples: they are divided by the scale. Norms of
    /// atoms stay 1. Penalties would mean something else, so it is for trained ones.
    pub fn fold(&self) {
        let (scale, given) = (self.scale(), self.given_scale());
        let divide = |param: &Param, by: f64| param.set(param.value().scale(1.0 / by));
        // Codes become those of the output's units, as atoms keep their norm; see the test.
        if scale != given {
            divide(&self.encoder.weight, given / scale);
        }
        if let Some(bias) = &self.encoder.bias {
            divide(bias, given);
        }
        if let Some(before) = &self.before {
            divide(before, scale);
        }
        divide(&self.bias, given);
        self.sparsity.fold(1.0 / given);
        for buffer in std::iter::once(&self.scale).chain(&self.target_scale) {
            buffer.set(Tensor::scalar(1.0_f64));
        }
    }

    /// Lets these atoms start anew in the directions `[1, features]`: their encoders too, at `share` of the
    /// mean norm of those of living atoms, their biases at 0, and what the optimiser knows of them forgotten.
    /// Where there are fewer directions than atoms, the others stay as they are.
    ///
    /// # Panics
    /// If outputs have another number of features.
    pub fn restart(
        &self,
        atoms: &[usize],
        directions: &[Tensor],
        share: f64,
        pause: &mut Pause<'_>,
    ) {
        let dead = self.dead();
        let encoder = self.encoder.weight.value();
        let norms = Var::constant(encoder.clone()).norm(2.0, 1).value().to_vec();
        let living = norms.iter().enumerate();
        let living = living.filter(|(atom, _)| dead.binary_search(atom).is_err());
        let living: Vec<f64> = living.map(|(_, norm)| *norm).collect();
        let size = share * living.iter().sum::<f64>() / living.len().max(1) as f64;
        let anew: Vec<(usize, Tensor)> = atoms
            .iter()
            .zip(directions)
            .map(|(&atom, direction)| (atom, unit_rows(direction).0))
            .collect();
        if anew.is_empty() {
            return;
        }
        let rows: Vec<usize> = anew.iter().map(|(atom, _)| *atom).collect();
        let directions: Vec<Tensor> = anew.into_iter().map(|(_, direction)| direction).collect();
        let directions = Tensor::cat(&directions, 0);
        let put = |param: &Param, values: &Tensor| {
            param.set(with_rows(&param.value(), &rows, values));
            pause.reset_rows(param, &rows);
        };
        let mut put = put;
        put(&self.decoder, &directions);
        put(&self.encoder.weight, &directions.scale(size));
        if let Some(bias) = &self.encoder.bias {
            put(bias, &Tensor::zeros([rows.len()], bias.dtype()));
        }
        self.idle.set(with_rows(
            &self.idle.value(),
            &rows,
            &Tensor::zeros([rows.len()], self.idle.value().dtype()),
        ));
    }

    /// What outputs are divided by.
    fn given_scale(&self) -> f64 {
        let own = self.target_scale.as_ref().unwrap_or(&self.scale);
        own.value().item()
    }

    /// s x − b.
    fn centred(&self, x: &Var) -> Var {
        let before = self.before.as_ref().unwrap_or(&self.bias);
        x * self.scale.beside(x) - before.beside(x)
    }

    /// The directions of the atoms.
    fn directions(&self, x: &Var) -> Var {
        self.decoder.beside(x).normalize(2.0, 1, SHORTEST)
    }

    /// A batch, encoded and decoded.
    #[must_use]
    pub fn coded(&self, input: &Input) -> Coded<'_> {
        let z = self.centred(&input.x);
        let code = self.sparsity.code(self, &z);
        let (atoms, bias) = (self.directions(&z), self.bias.beside(&z));
        let y = code.decode(&atoms) + &bias;
        let Target { values, observed } = Target::from(input);
        let scale = self.target_scale.as_ref().unwrap_or(&self.scale);
        Coded {
            dictionary: self,
            code,
            atoms,
            bias,
            y,
            target: Target {
                values: &values * scale.beside(&values),
                observed,
            },
            z,
        }
    }

    /// Counts for how many samples each atom has not fired by now.
    fn count(&self, firings: &[f64], samples: usize) {
        let idle = self.idle.value();
        let each = idle.iter().zip(firings).map(|(idle, firings)| {
            if *firings > 0.0 {
                0.0
            } else {
                idle + samples as f64
            }
        });
        self.idle
            .set(Tensor::from_vec(each.collect::<Vec<f64>>(), *idle.shape()));
    }

    /// Makes the norms 1, and notes by how much the last step had changed them.
    fn renormalise(&self) {
        let (atoms, drift) = unit_rows(&self.decoder.value());
        self.decoder.set(atoms);
        self.drift.set(Tensor::scalar(drift));
    }

    /// Measures the scale, and starts the bias at the mean.
    fn measure(&self, batches: &mut dyn Iterator<Item = Input>) {
        let (mut samples, mut given) = (Moments::default(), Moments::default());
        for input in batches {
            samples.add(input.x.value());
            if self.target_scale.is_some() {
                given.add(Target::from(&input).values.value());
            }
        }
        let start = |moments: &Moments, scale: &Buffer, bias: &Param| {
            scale.set(Tensor::scalar(moments.scale()));
            let mean = moments.mean.iter().map(|mean| mean * moments.scale());
            bias.set(Tensor::from_vec(mean.collect::<Vec<f64>>(), bias.shape()));
        };
        match (&self.before, &self.target_scale) {
            (Some(before), Some(target_scale)) => {
                start(&samples, &self.scale, before);
                start(&given, target_scale, &self.bias);
            }
            _ => start(&samples, &self.scale, &self.bias),
        }
    }
}

/// Sums over samples, for their mean and mean square.
#[derive(Default)]
struct Moments {
    samples: f64,
    mean: Vec<f64>,
    square: f64,
}

impl Moments {
    fn add(&mut self, x: &Tensor) {
        let count = x.shape()[0] as f64;
        self.samples += count;
        let share = count / self.samples;
        let mean = x.mean(0).to_vec();
        self.mean.resize(mean.len(), 0.0);
        for (old, new) in self.mean.iter_mut().zip(mean) {
            *old += share * (new - *old);
        }
        let square = (x * x).mean(..).item();
        self.square += share * (square - self.square);
    }

    /// What makes the mean of ‖x‖² the number of features; 1 where all is 0.
    fn scale(&self) -> f64 {
        if self.square > 0.0 {
            self.square.sqrt().recip()
        } else {
            1.0
        }
    }
}

/// `all` with these values in these rows.
fn with_rows(all: &Tensor, rows: &[usize], values: &Tensor) -> Tensor {
    let count = all.shape()[0];
    // Each row of the result is one of `all` or one of `values`, which stand behind it.
    let mut sources: Vec<usize> = (0..count).collect();
    for (place, row) in rows.iter().enumerate() {
        sources[*row] = count + place;
    }
    Tensor::cat(&[all.clone(), values.cast(all.dtype())], 0).rows(&sources)
}

/// Rows over their norms, and how far a norm is from 1 at most.
fn unit_rows(rows: &Tensor) -> (Tensor, f64) {
    let norms = Var::constant(rows.clone()).norm(2.0, keep(1));
    let norms = norms.value().map(|norm| norm.max(SHORTEST));
    let drift = norms
        .iter()
        .fold(0.0_f64, |most, norm| most.max((norm - 1.0).abs()));
    (rows / &norms, drift)
}

/// The mean over what was observed of the squared distance from the mean of each feature.
fn variance(target: &Target) -> f64 {
    let x = target.values.value();
    let Some(observed) = &target.observed else {
        let apart = x - &x.mean(keep(0));
        return (&apart * &apart).mean(..).item();
    };
    let observed = observed.value();
    let counts = observed.sum(keep(0)).map(|count| count.max(1.0));
    let mean = &(x * observed).sum(keep(0)) / &counts;
    let apart = &(x - &mean) * observed;
    (&apart * &apart).sum(..).item() / observed.sum(..).item().max(1.0)
}

impl Module for Dictionary {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.param("decoder", &self.decoder);
        visitor.param("bias", &self.bias);
        if let Some(before) = &self.before {
            visitor.param("before", before);
        }
        self.sparsity.visit(visitor);
        visitor.buffer("scale", &self.scale);
        if let Some(scale) = &self.target_scale {
            visitor.buffer("target_scale", scale);
        }
        visitor.buffer("idle", &self.idle);
        visitor.buffer("drift", &self.drift);
    }
}

impl Autoencoder for Dictionary {
    fn encode(&self, input: &Input) -> Code {
        let code = self.sparsity.code(self, &self.centred(&input.x));
        Code::Point(code.flat(self.len()))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        let y = code.matmul(&self.directions(code)) + self.bias.beside(code);
        let scale = self.target_scale.as_ref().unwrap_or(&self.scale);
        y / scale.beside(code)
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let batch = self.coded(input);
        let terms = self.sparsity.objective(&batch, step);
        let (samples, firings) = (input.samples(), batch.code.firings(self.len()));
        let y = Var::constant(batch.y.value().clone());
        let (error, variance) = (batch.error_of(&y).item(), variance(&batch.target));
        let explained = if variance > 0.0 {
            1.0 - error / variance
        } else {
            0.0
        };
        if may_change(&input.x) {
            self.count(&firings, samples);
        }
        let on: f64 = firings.iter().sum();
        terms
            .watching("l0", on / samples.max(1) as f64)
            .watching("explained", explained)
            .watching("dead", self.dead().len() as f64)
            .watching("drift", self.drift.value().item())
    }

    fn unit(&self) -> &'static str {
        "squared error per feature, and penalties"
    }

    fn widths(&self) -> Vec<usize> {
        let [atoms, features] = self.encoder.weight.shape()[..] else {
            unreachable!("a weight has two axes");
        };
        vec![features, atoms, self.bias.shape()[0]]
    }

    fn dictionary(&self) -> Option<&Dictionary> {
        Some(self)
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        self.sparsity.exhibits(&self.coded(input))
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let role = Role::new("training", self.params(), |input: &Input, step: &Step| {
            self.objective_at(input, step)
        });
        let role = role.after(|_: &Step, _: &mut Rng, _: &mut Optimizer| self.renormalise());
        let phase = Phase::of("training", 1.0, vec![role]);
        let phase = phase.between_epochs(|pause| {
            if pause.moment.epoch == 0 {
                self.measure(pause.batches);
            } else {
                self.sparsity.between_epochs(self, pause);
            }
        });
        vec![phase]
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dictionary({:?}, {:?})", self.widths(), self.sparsity)
    }
}
