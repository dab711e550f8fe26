//! The variants by name: what each is, what it is built for, and the recipe it is trained by.

use std::fmt;

use retrograd_nn::{Adadelta, Adam, Optimizer, Param, Schedule};
use retrograd_tensor::Float;
use retrograd_tensor::random::Rng;

use crate::{Autoencoder, DeepAutoencoder, LinearAutoencoder, SimpleAutoencoder};

/// A boxed autoencoder of any variant.
pub type BoxedAutoencoder<T> = Box<dyn Autoencoder<T>>;

/// A variant of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// [`LinearAutoencoder`].
    Linear,
    /// [`SimpleAutoencoder`].
    Simple,
    /// [`DeepAutoencoder`].
    Deep,
}

/// What a data set is like, as far as a variant cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// Images of this many pixels, each in [0, 1].
    Images(usize),
    /// Rows of this many columns, each in [0, 1].
    Table(usize),
    /// Points of this many coordinates of any size.
    Points(usize),
}

impl DataKind {
    /// Number of features of a sample.
    #[must_use]
    pub fn features(self) -> usize {
        match self {
            Self::Images(features) | Self::Table(features) | Self::Points(features) => features,
        }
    }
}

/// The built-in data a variant is shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultData {
    /// Drawn digits, 28x28.
    Digits,
    /// Points near a plane, 3-D.
    Plane,
}

/// Samples in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// This many.
    Of(usize),
    /// The whole training set.
    Full,
}

/// The optimisers that recipes name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptimizerKind {
    /// [`Adam`] with the paper's settings.
    Adam,
    /// [`Adadelta`] with Keras's settings.
    Adadelta,
}

impl OptimizerKind {
    /// An optimiser of this kind for these parameters.
    #[must_use]
    pub fn build<T: Float>(
        self,
        learning_rate: f64,
        params: Vec<(String, Param<T>)>,
    ) -> Optimizer<T> {
        match self {
            Self::Adam => Optimizer::new(Adam::default(), learning_rate, params),
            Self::Adadelta => Optimizer::new(Adadelta::default(), learning_rate, params),
        }
    }
}

impl fmt::Display for OptimizerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adam => "adam",
            Self::Adadelta => "adadelta",
        })
    }
}

/// How a variant is trained when nothing else is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Passes over the training set.
    pub epochs: u64,
    /// Samples in a step.
    pub batch_size: BatchSize,
    /// The update rule.
    pub optimizer: OptimizerKind,
    /// Its step size.
    pub learning_rate: f64,
    /// How the step size changes.
    pub schedule: Schedule,
}

/// A name that is not a variant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no variant `{name}`; {}`retrograd list` shows all", nearest.map_or_else(String::new, |n| format!("did you mean `{}`? ", n.name())))]
pub struct UnknownVariant {
    name: String,
    nearest: Option<Variant>,
}

/// Data that a variant cannot be built for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be built for this data: {reason}", variant.name())]
pub struct Misfit {
    variant: Variant,
    reason: String,
}

/// Names closer than this (Jaro-Winkler, 1 is equal) are suggested for a misspelt one.
const SIMILAR: f64 = 0.7;

impl Variant {
    /// Every variant, parents before children.
    pub const ALL: [Self; 3] = [Self::Linear, Self::Simple, Self::Deep];

    /// The variant of this name.
    ///
    /// # Errors
    /// If there is none; the error suggests the nearest.
    pub fn from_name(name: &str) -> Result<Self, UnknownVariant> {
        let lower = name.to_lowercase();
        if let Some(variant) = Self::ALL
            .into_iter()
            .find(|variant| variant.name() == lower)
        {
            return Ok(variant);
        }
        let similarity = |variant: &Self| strsim::jaro_winkler(variant.name(), &lower);
        let nearest = Self::ALL
            .into_iter()
            .max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
        Err(UnknownVariant {
            name: name.to_owned(),
            nearest: nearest.filter(|variant| similarity(variant) > SIMILAR),
        })
    }

    /// The name used on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Simple => "simple",
            Self::Deep => "deep",
        }
    }

    /// What it is, in one line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Linear => {
                "One affine map each way; spans the subspace of the principal components."
            }
            Self::Simple => "One hidden layer with a nonlinearity each way.",
            Self::Deep => "Several layers each way; a small code says more.",
        }
    }

    /// Its equation, in one line.
    #[must_use]
    pub fn equation(self) -> &'static str {
        match self {
            Self::Linear => "min ‖x − D(E x + b) − c‖²",
            Self::Simple => "min L(x, σ(V h + c)),  h = a(W x + b)",
            Self::Deep => "min L(x, g(h)),  h = a(W₂ a(W₁ x + b₁) + b₂),  g the mirror of f",
        }
    }

    /// The built-in data it is shown with.
    #[must_use]
    pub fn default_data(self) -> DefaultData {
        match self {
            Self::Linear => DefaultData::Plane,
            Self::Simple | Self::Deep => DefaultData::Digits,
        }
    }

    /// How it is trained on data of this kind.
    #[must_use]
    pub fn recipe(self, data: DataKind) -> Recipe {
        use BatchSize::{Full, Of};
        use OptimizerKind::{Adadelta, Adam};
        let recipe = |epochs, batch_size, optimizer, learning_rate| Recipe {
            epochs,
            batch_size,
            optimizer,
            learning_rate,
            schedule: Schedule::Constant,
        };
        match (self, data) {
            // The published recipe, settled: see `Schedule::CoolDown`.
            (Self::Linear, DataKind::Points(_)) => Recipe {
                schedule: Schedule::CoolDown { from: 0.8 },
                ..recipe(1000, Full, Adam, 0.01)
            },
            (Self::Linear, _) => recipe(10, Of(128), Adam, 1e-3),
            (Self::Simple, DataKind::Images(_)) => recipe(10, Of(128), Adam, 1e-3),
            (Self::Simple, _) => recipe(5, Of(1000), Adam, 1e-3),
            (Self::Deep, DataKind::Images(_)) => recipe(10, Of(128), Adam, 1e-3),
            (Self::Deep, _) => recipe(5, Of(1000), Adadelta, 1.0),
        }
    }

    /// An untrained model for data of this kind.
    ///
    /// # Errors
    /// If the variant makes no sense for the data: values that its output cannot take, or no more
    /// features than its code.
    pub fn build<T: Float>(
        self,
        data: DataKind,
        rng: &mut Rng,
    ) -> Result<BoxedAutoencoder<T>, Misfit> {
        let misfit = |reason: &str| Misfit {
            variant: self,
            reason: reason.to_owned(),
        };
        if self != Self::Linear && matches!(data, DataKind::Points(_)) {
            return Err(misfit(
                "its output is never negative and the data is; try `linear`, or scale the data to [0, 1]",
            ));
        }
        let (features, code) = (data.features(), self.code_width(data));
        if code == 0 || features <= code {
            let needed = code.max(1) + 1;
            return Err(misfit(&format!(
                "a sample has {features} features and the code needs {needed} or more; try another variant"
            )));
        }
        Ok(match (self, data) {
            (Self::Linear, _) => Box::new(LinearAutoencoder::new(features, code, rng)),
            (Self::Simple, DataKind::Images(_)) => {
                Box::new(SimpleAutoencoder::images(features, rng))
            }
            (Self::Simple, _) => Box::new(SimpleAutoencoder::table(features, rng)),
            (Self::Deep, DataKind::Images(_)) => Box::new(DeepAutoencoder::images(features, rng)),
            (Self::Deep, _) => Box::new(DeepAutoencoder::table(features, rng)),
        })
    }

    /// Numbers in the code for data of this kind.
    fn code_width(self, data: DataKind) -> usize {
        match (self, data) {
            (Self::Linear, DataKind::Images(_)) => 32,
            (Self::Linear, DataKind::Table(columns)) => columns / 2,
            (Self::Linear, DataKind::Points(_)) => 2,
            (Self::Simple, DataKind::Images(_)) => SimpleAutoencoder::<f32>::IMAGE_CODE,
            (Self::Simple, _) => SimpleAutoencoder::<f32>::table_code(data.features()),
            (Self::Deep, DataKind::Images(_)) => DeepAutoencoder::<f32>::IMAGE_CODE,
            (Self::Deep, _) => DeepAutoencoder::<f32>::TABLE_CODE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::random;

    #[test]
    fn misspelt_names_get_a_suggestion() {
        assert_eq!(Variant::from_name("Deep"), Ok(Variant::Deep));
        let text = Variant::from_name("depe").unwrap_err().to_string();
        assert_eq!(
            text,
            "there is no variant `depe`; did you mean `deep`? `retrograd list` shows all"
        );
        let text = Variant::from_name("xyz").unwrap_err().to_string();
        assert_eq!(
            text,
            "there is no variant `xyz`; `retrograd list` shows all"
        );
    }

    #[test]
    fn sizes_are_the_specified_ones() {
        let widths = |variant: Variant, data| {
            variant
                .build::<f32>(data, &mut random::rng(0))
                .unwrap()
                .widths()
        };
        assert_eq!(widths(Variant::Linear, DataKind::Points(3)), [3, 2, 3]);
        assert_eq!(
            widths(Variant::Simple, DataKind::Images(784)),
            [784, 32, 784]
        );
        assert_eq!(widths(Variant::Simple, DataKind::Table(18)), [18, 9, 18]);
        assert_eq!(
            widths(Variant::Deep, DataKind::Images(784)),
            [784, 128, 32, 128, 784]
        );
        assert_eq!(
            widths(Variant::Deep, DataKind::Table(18)),
            [18, 15, 11, 11, 8, 11, 11, 15, 18]
        );
    }

    #[test]
    fn data_that_does_not_fit_is_refused_in_words() {
        let refused = |variant: Variant, data| {
            variant
                .build::<f32>(data, &mut random::rng(0))
                .err()
                .unwrap()
                .to_string()
        };
        assert!(refused(Variant::Linear, DataKind::Points(2)).contains("2 features"));
        assert!(refused(Variant::Simple, DataKind::Table(1)).contains("1 features"));
        assert!(refused(Variant::Deep, DataKind::Points(18)).contains("never negative"));
        assert!(refused(Variant::Deep, DataKind::Table(8)).contains("needs 9 or more"));
    }
}
