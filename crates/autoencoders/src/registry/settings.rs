//! The options of all variants, as data.

use retrograd_nn::Activation;
use serde::{Deserialize, Serialize};

use super::card::DataKind;
use super::choice::{Body, Decoder, Noise, Nonlinearity};
use super::setting::{Range, Setting, SettingError, Value};
use crate::parts::Output;
use crate::parts::dense::through;

/// What can be chosen about a variant. Each variant has some of these; what is not chosen is as in
/// its source.
///
/// Reads and writes as TOML or any other format of `serde`, under the names on the command line:
///
/// ```
/// use retrograd_autoencoders::{DataKind, Settings, Variant};
/// use retrograd_tensor::random;
///
/// let settings: Settings = toml::from_str("latent = 2\nhidden = [64]").unwrap();
/// let (variant, data) = (Variant::from_name("deep").unwrap(), DataKind::Images([1, 28, 28]));
/// let model = variant.build(&settings, data, &mut random::rng(0)).unwrap();
/// assert_eq!(model.widths(), [784, 64, 2, 64, 784]);
///
/// // With what was left open, as a run's record keeps it: builds the same model again.
/// let whole = variant.resolve(&settings, data).unwrap();
/// assert_eq!(
///     toml::to_string(&whole).unwrap(),
///     "latent = 2\nhidden = [64]\nactivation = \"relu\"\noutput = \"probability\"\n"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Numbers in the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent: Option<usize>,
    /// Widths of the layers between the input and the code; the decoder mirrors them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<usize>>,
    /// What encoder and decoder are made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Channels after each layer of convolutions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<usize>>,
    /// Nonlinearity of the hidden layers and of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Nonlinearity>,
    /// What the last layer gives and how it is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// The distribution that the decoder gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Decoder>,
    /// Standard deviation of a Gaussian decoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// Weight λ of the penalty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// Target ρ of the mean of each unit of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
    /// Weight of the divergence from the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// What the input suffers in training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corruption: Option<Noise>,
    /// How much: the deviation of added noise, the share of features left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// Whether noisy features are held in [0, 1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<bool>,
    /// Weight β of the divergence from the prior.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// Draws k of the code for each sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// How many labels there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
}

/// Every option that any variant has.
pub const SETTINGS: [Setting; 17] = [
    Setting {
        name: "latent",
        meaning: "Numbers in the code.",
        range: Range::Count(1),
        get: |s| s.latent.map(Value::Count),
        set: |s, value| s.latent = value.and_then(Value::count),
    },
    Setting {
        name: "hidden",
        meaning: "Widths of the layers between the input and the code; the decoder mirrors them.",
        range: Range::Widths,
        get: |s| s.hidden.clone().map(Value::Widths),
        set: |s, value| s.hidden = value.and_then(Value::widths),
    },
    Setting {
        name: "body",
        meaning: "What encoder and decoder are made of.",
        range: Range::Words(Body::NAMES),
        get: |s| s.body.map(|word| Value::Word(word.name())),
        set: |s, value| s.body = value.and_then(Value::word).and_then(Body::from_name),
    },
    Setting {
        name: "channels",
        meaning: "Channels after each layer of convolutions.",
        range: Range::Widths,
        get: |s| s.channels.clone().map(Value::Widths),
        set: |s, value| s.channels = value.and_then(Value::widths),
    },
    Setting {
        name: "activation",
        meaning: "Nonlinearity of the hidden layers and of the code.",
        range: Range::Words(Nonlinearity::NAMES),
        get: |s| s.activation.map(|word| Value::Word(word.name())),
        set: |s, value| {
            s.activation = value
                .and_then(Value::word)
                .and_then(Nonlinearity::from_name)
        },
    },
    Setting {
        name: "output",
        meaning: "What the last layer gives and how it is judged.",
        range: Range::Words(Output::NAMES),
        get: |s| s.output.map(|word| Value::Word(word.name())),
        set: |s, value| s.output = value.and_then(Value::word).and_then(Output::from_name),
    },
    Setting {
        name: "decoder",
        meaning: "The distribution that the decoder gives.",
        range: Range::Words(Decoder::NAMES),
        get: |s| s.decoder.map(|word| Value::Word(word.name())),
        set: |s, value| s.decoder = value.and_then(Value::word).and_then(Decoder::from_name),
    },
    Setting {
        name: "deviation",
        meaning: "Standard deviation of a Gaussian decoder.",
        range: Range::POSITIVE,
        get: |s| s.deviation.map(Value::Number),
        set: |s, value| s.deviation = value.and_then(Value::number),
    },
    Setting {
        name: "lambda",
        meaning: "Weight λ of the penalty.",
        range: Range::NOT_NEGATIVE,
        get: |s| s.lambda.map(Value::Number),
        set: |s, value| s.lambda = value.and_then(Value::number),
    },
    Setting {
        name: "rho",
        meaning: "Target ρ of the mean of each unit of the code.",
        range: Range::INSIDE,
        get: |s| s.rho.map(Value::Number),
        set: |s, value| s.rho = value.and_then(Value::number),
    },
    Setting {
        name: "weight",
        meaning: "Weight of the divergence from the target.",
        range: Range::NOT_NEGATIVE,
        get: |s| s.weight.map(Value::Number),
        set: |s, value| s.weight = value.and_then(Value::number),
    },
    Setting {
        name: "corruption",
        meaning: "What the input suffers in training.",
        range: Range::Words(Noise::NAMES),
        get: |s| s.corruption.map(|word| Value::Word(word.name())),
        set: |s, value| s.corruption = value.and_then(Value::word).and_then(Noise::from_name),
    },
    Setting {
        name: "noise",
        meaning: "How much: the deviation of added noise, the share of features left out.",
        range: Range::NOT_NEGATIVE,
        get: |s| s.noise.map(Value::Number),
        set: |s, value| s.noise = value.and_then(Value::number),
    },
    Setting {
        name: "clip",
        meaning: "Whether noisy features are held in [0, 1].",
        range: Range::Switch,
        get: |s| s.clip.map(Value::Switch),
        set: |s, value| s.clip = value.and_then(Value::switch),
    },
    Setting {
        name: "beta",
        meaning: "Weight β of the divergence from the prior.",
        range: Range::NOT_NEGATIVE,
        get: |s| s.beta.map(Value::Number),
        set: |s, value| s.beta = value.and_then(Value::number),
    },
    Setting {
        name: "samples",
        meaning: "Draws k of the code for each sample.",
        range: Range::Count(1),
        get: |s| s.samples.map(Value::Count),
        set: |s, value| s.samples = value.and_then(Value::count),
    },
    Setting {
        name: "classes",
        meaning: "How many labels there are.",
        range: Range::Count(1),
        get: |s| s.classes.map(Value::Count),
        set: |s, value| s.classes = value.and_then(Value::count),
    },
];

impl Value {
    fn count(self) -> Option<usize> {
        match self {
            Self::Count(count) => Some(count),
            _ => None,
        }
    }

    fn widths(self) -> Option<Vec<usize>> {
        match self {
            Self::Widths(widths) => Some(widths),
            _ => None,
        }
    }

    fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    fn switch(self) -> Option<bool> {
        match self {
            Self::Switch(switch) => Some(switch),
            _ => None,
        }
    }

    fn word(self) -> Option<&'static str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }
}

impl Settings {
    /// Sets the option `name` to what `text` stands for, as on a command line.
    ///
    /// ```
    /// use retrograd_autoencoders::Settings;
    ///
    /// let mut settings = Settings::default();
    /// settings.set("hidden", "256,64").unwrap();
    /// assert_eq!(settings.hidden, Some(vec![256, 64]));
    /// let error = settings.set("beta", "NaN").unwrap_err();
    /// assert_eq!(error.to_string(), "beta = NaN: it must be a number, 0 or more");
    /// ```
    ///
    /// # Errors
    /// If there is no such option, or it cannot be that.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SettingError> {
        let setting = Setting::named(name)?;
        (setting.set)(self, Some(setting.read(text)?));
        Ok(())
    }

    /// The options that are set, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Setting, Value)> + '_ {
        let value = |setting: &'static Setting| Some((setting, setting.of(self)?));
        SETTINGS.iter().filter_map(value)
    }

    /// These, and where one is not set, what `others` has.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let mut all = others.clone();
        for (setting, value) in self.iter() {
            (setting.set)(&mut all, Some(value));
        }
        all
    }

    /// The widths from the input through the hidden layers to the code.
    pub(crate) fn down(&self, data: DataKind) -> Vec<usize> {
        let hidden = self.hidden.as_deref().unwrap_or_default();
        through(data.features(), hidden, need(self.latent))
    }

    /// The nonlinearity as a layer.
    pub(crate) fn layer(&self) -> Activation {
        need(self.activation).layer()
    }

    /// Whether every value is one that its option may have.
    pub(super) fn check(&self) -> Result<(), SettingError> {
        self.iter()
            .try_for_each(|(setting, value)| setting.check(&value))
    }
}

/// An option of the variant that is being built, which resolved settings have.
pub(crate) fn need<V>(value: Option<V>) -> V {
    value.expect("resolved settings have every option of their variant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_written_and_read() {
        for setting in &SETTINGS {
            let text = match setting.range {
                Range::Count(_) => "3",
                Range::Widths => "5,4",
                Range::Number(..) => "0.25",
                Range::Switch => "true",
                Range::Words(words) => words[words.len() - 1],
            };
            let mut settings = Settings::default();
            settings.set(setting.name, text).unwrap();
            let (found, value) = settings.iter().next().unwrap();
            assert_eq!(
                (found.name, value.to_string().as_str()),
                (setting.name, text)
            );
            assert_eq!(settings.iter().count(), 1);
            let file = toml::to_string(&settings).unwrap();
            assert!(file.starts_with(setting.name), "{file}");
            assert_eq!(toml::from_str::<Settings>(&file).unwrap(), settings);
        }
    }

    #[test]
    fn no_layers_between_is_none() {
        let mut settings = Settings::default();
        settings.set("hidden", "none").unwrap();
        assert_eq!(settings.hidden, Some(Vec::new()));
        assert_eq!(settings.iter().next().unwrap().1.to_string(), "none");
    }

    #[test]
    fn values_that_make_no_sense_are_refused_in_words() {
        for (name, text, words) in [
            (
                "latent",
                "0",
                "latent = 0: it must be a whole number, 1 or more",
            ),
            ("latent", "-2", "latent = -2: it must be a whole number"),
            ("latent", "2.5", "latent = 2.5"),
            (
                "hidden",
                "64,0",
                "hidden = 64,0: it must be whole numbers of 1 or more",
            ),
            ("hidden", "", "hidden = "),
            (
                "lambda",
                "-0.1",
                "lambda = -0.1: it must be a number, 0 or more",
            ),
            ("beta", "NaN", "beta = NaN"),
            ("beta", "inf", "beta = inf"),
            (
                "rho",
                "1",
                "rho = 1: it must be a number above 0 and below 1",
            ),
            ("rho", "0", "rho = 0"),
            (
                "deviation",
                "0",
                "deviation = 0: it must be a number above 0",
            ),
            ("samples", "0", "samples = 0"),
            ("classes", "many", "classes = many"),
            ("clip", "maybe", "clip = maybe: it must be true or false"),
            (
                "activation",
                "cube",
                "activation = cube: it must be one of identity, relu",
            ),
            (
                "bteta",
                "1",
                "there is no option `bteta`; there are latent, hidden",
            ),
        ] {
            let error = Settings::default().set(name, text).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }

    #[test]
    fn a_file_with_a_misspelt_option_is_refused() {
        let error = toml::from_str::<Settings>("latnet = 2").unwrap_err();
        assert!(error.to_string().contains("latnet"), "{error}");
        let negative = toml::from_str::<Settings>("lambda = -1.0").unwrap();
        assert!(negative.check().is_err());
    }
}
