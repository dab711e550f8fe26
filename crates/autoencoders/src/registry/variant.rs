//! The list of all variants.

use std::fmt;

use retrograd_tensor::random::Rng;

use super::card::{Card, DataKind, DefaultData};
use super::recipe::Recipe;
use super::setting::{Setting, Value};
use super::settings::Settings;
use crate::model::Autoencoder;
use crate::variants::{
    beta, conditional, contractive, convolutional, deep, denoising, greedy, iwae, linear,
    overcomplete, simple, sparse_kl, sparse_l1, stacked, strided, tied, undercomplete, variational,
};

/// A boxed autoencoder of any variant.
pub type BoxedAutoencoder = Box<dyn Autoencoder>;

/// A variant of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// [`LinearAutoencoder`](crate::LinearAutoencoder).
    Linear,
    /// [`UndercompleteAutoencoder`](crate::UndercompleteAutoencoder).
    Undercomplete,
    /// [`SimpleAutoencoder`](crate::SimpleAutoencoder).
    Simple,
    /// [`DeepAutoencoder`](crate::DeepAutoencoder).
    Deep,
    /// [`SparseL1Autoencoder`](crate::SparseL1Autoencoder).
    SparseL1,
    /// [`SparseKlAutoencoder`](crate::SparseKlAutoencoder).
    SparseKl,
    /// [`OvercompleteAutoencoder`](crate::OvercompleteAutoencoder).
    Overcomplete,
    /// [`StackedAutoencoder`](crate::StackedAutoencoder).
    Stacked,
    /// [`TiedAutoencoder`](crate::TiedAutoencoder).
    Tied,
    /// [`GreedyAutoencoder`](crate::GreedyAutoencoder).
    Greedy,
    /// [`DenoisingAutoencoder`](crate::DenoisingAutoencoder).
    Denoising,
    /// [`ContractiveAutoencoder`](crate::ContractiveAutoencoder).
    Contractive,
    /// [`ConvolutionalAutoencoder`](crate::ConvolutionalAutoencoder).
    Convolutional,
    /// [`StridedAutoencoder`](crate::StridedAutoencoder).
    Strided,
    /// [`VariationalAutoencoder`](crate::VariationalAutoencoder).
    Variational,
    /// [`BetaAutoencoder`](crate::BetaAutoencoder).
    Beta,
    /// [`ConditionalAutoencoder`](crate::ConditionalAutoencoder).
    Conditional,
    /// [`ImportanceWeightedAutoencoder`](crate::ImportanceWeightedAutoencoder).
    Iwae,
}

/// A name that is not a variant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no variant `{name}`; {}`retrograd list` shows all",
    suggestion(meant)
)]
pub struct UnknownVariant {
    name: String,
    meant: Vec<Variant>,
}

/// `did you mean ...? `, if there is anything to suggest.
fn suggestion(meant: &[Variant]) -> String {
    let names: Vec<String> = meant.iter().map(|variant| format!("`{variant}`")).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("did you mean {}? ", names.join(" or "))
}

/// Other names that variants go by, and parts of such, with the variants that are meant.
const MEANINGS: [(&str, &[Variant]); 24] = [
    ("ae", &[Variant::Simple, Variant::Deep]),
    ("autoencoder", &[Variant::Simple, Variant::Deep]),
    ("vanilla", &[Variant::Simple]),
    ("pca", &[Variant::Linear]),
    ("mlp", &[Variant::Deep]),
    ("dense", &[Variant::Deep]),
    (
        "sae",
        &[Variant::SparseKl, Variant::SparseL1, Variant::Stacked],
    ),
    ("sparse", &[Variant::SparseKl, Variant::SparseL1]),
    ("l1", &[Variant::SparseL1]),
    ("kl", &[Variant::SparseKl]),
    ("dae", &[Variant::Denoising]),
    ("denoise", &[Variant::Denoising]),
    ("cae", &[Variant::Contractive, Variant::Convolutional]),
    ("cnn", &[Variant::Convolutional, Variant::Strided]),
    ("conv", &[Variant::Convolutional, Variant::Strided]),
    ("vae", &[Variant::Variational]),
    ("bvae", &[Variant::Beta]),
    ("betavae", &[Variant::Beta]),
    ("cvae", &[Variant::Conditional]),
    ("conditionalvae", &[Variant::Conditional]),
    ("importanceweighted", &[Variant::Iwae]),
    ("importance", &[Variant::Iwae]),
    ("layerwise", &[Variant::Greedy]),
    ("pretrained", &[Variant::Greedy]),
];

/// Options or data that a variant cannot be built with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {reason}", variant.name())]
pub struct Misfit {
    variant: Variant,
    reason: String,
}

/// Names closer than this (Jaro-Winkler, 1 is equal) are suggested for a misspelt one.
const SIMILAR: f64 = 0.7;

impl Variant {
    /// Every variant, parents before children.
    pub const ALL: [Self; 18] = [
        Self::Linear,
        Self::Undercomplete,
        Self::Simple,
        Self::Deep,
        Self::SparseL1,
        Self::SparseKl,
        Self::Overcomplete,
        Self::Stacked,
        Self::Tied,
        Self::Greedy,
        Self::Denoising,
        Self::Contractive,
        Self::Convolutional,
        Self::Strided,
        Self::Variational,
        Self::Beta,
        Self::Conditional,
        Self::Iwae,
    ];

    /// What is known of it.
    #[must_use]
    pub fn card(self) -> &'static Card {
        match self {
            Self::Linear => &linear::CARD,
            Self::Undercomplete => &undercomplete::CARD,
            Self::Simple => &simple::CARD,
            Self::Deep => &deep::CARD,
            Self::SparseL1 => &sparse_l1::CARD,
            Self::SparseKl => &sparse_kl::CARD,
            Self::Overcomplete => &overcomplete::CARD,
            Self::Stacked => &stacked::CARD,
            Self::Tied => &tied::CARD,
            Self::Greedy => &greedy::CARD,
            Self::Denoising => &denoising::CARD,
            Self::Contractive => &contractive::CARD,
            Self::Convolutional => &convolutional::CARD,
            Self::Strided => &strided::CARD,
            Self::Variational => &variational::CARD,
            Self::Beta => &beta::CARD,
            Self::Conditional => &conditional::CARD,
            Self::Iwae => &iwae::CARD,
        }
    }

    /// An untrained model for data of this kind, with these options and the variant's own where
    /// none is chosen. Its parameters are `f32`; [`cast`](retrograd_nn::Module::cast) changes that.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn build(
        self,
        settings: &Settings,
        data: DataKind,
        rng: &mut Rng,
    ) -> Result<BoxedAutoencoder, Misfit> {
        let settings = self.resolve(settings, data)?;
        Ok(self.model(&settings, data, rng))
    }

    /// The model with these options, all of which are there and fit.
    fn model(self, settings: &Settings, data: DataKind, rng: &mut Rng) -> BoxedAutoencoder {
        match self {
            Self::Linear => Box::new(linear::build(settings, data, rng)),
            Self::Undercomplete => Box::new(undercomplete::build(settings, data, rng)),
            Self::Simple => Box::new(simple::build(settings, data, rng)),
            Self::Deep => Box::new(deep::build(settings, data, rng)),
            Self::SparseL1 => Box::new(sparse_l1::build(settings, data, rng)),
            Self::SparseKl => Box::new(sparse_kl::build(settings, data, rng)),
            Self::Overcomplete => Box::new(overcomplete::build(settings, data, rng)),
            Self::Stacked => Box::new(stacked::build(settings, data, rng)),
            Self::Tied => Box::new(tied::build(settings, data, rng)),
            Self::Greedy => Box::new(greedy::build(settings, data, rng)),
            Self::Denoising => Box::new(denoising::build(settings, data, rng)),
            Self::Contractive => Box::new(contractive::build(settings, data, rng)),
            Self::Convolutional => Box::new(convolutional::build(settings, data, rng)),
            Self::Strided => Box::new(strided::build(settings, data, rng)),
            Self::Variational => Box::new(variational::build(settings, data, rng)),
            Self::Beta => Box::new(beta::build(settings, data, rng)),
            Self::Conditional => Box::new(conditional::build(settings, data, rng)),
            Self::Iwae => Box::new(iwae::build(settings, data, rng)),
        }
    }

    /// All options of the variant: those chosen, the others as in its source. They and the kind of
    /// data decide the model's structure.
    ///
    /// # Errors
    /// If an option is one that the variant does not have, its value is out of range, or the
    /// variant makes no sense with them for the data.
    pub fn resolve(self, chosen: &Settings, data: DataKind) -> Result<Settings, Misfit> {
        let misfit = |reason: String| Misfit {
            variant: self,
            reason,
        };
        let own = self.settings(data);
        let foreign = chosen
            .iter()
            .find(|(setting, _)| setting.of(&own).is_none());
        if let Some((setting, _)) = foreign {
            let known: Vec<&str> = own.iter().map(|(setting, _)| setting.name).collect();
            return Err(misfit(format!(
                "it has no option `{}`; it has {}",
                setting.name,
                known.join(", ")
            )));
        }
        let all = chosen.or(&own);
        all.check().map_err(|error| misfit(error.to_string()))?;
        if data.features() == 0 {
            return Err(misfit("the samples have no features".to_owned()));
        }
        (self.card().check)(&all, data).map_err(misfit)?;
        Ok(all)
    }

    /// Its options with their defaults for data of this kind.
    #[must_use]
    pub fn settings(self, data: DataKind) -> Settings {
        (self.card().settings)(data)
    }

    /// The options it has, each with its default for data of this kind.
    #[must_use]
    pub fn options(self, data: DataKind) -> Vec<(&'static Setting, Value)> {
        self.settings(data).iter().collect()
    }

    /// Its options at a small size: the same equations with few numbers, for checks and for looking
    /// at.
    #[must_use]
    pub fn miniature(self, data: DataKind) -> Settings {
        /// Most units of a layer.
        const UNITS: usize = 6;
        let own = self.settings(data);
        let at_most = |widths: &Option<Vec<usize>>, most: usize| {
            let widths = widths.as_ref()?.iter();
            Some(widths.map(|&width| width.min(most)).collect())
        };
        let latent = own.latent.map(|latent| {
            if self == Self::Overcomplete {
                data.features() + 1
            } else {
                latent.min(UNITS / 2)
            }
        });
        Settings {
            latent,
            hidden: at_most(&own.hidden, UNITS),
            channels: at_most(&own.channels, UNITS / 2),
            classes: own.classes.map(|classes| classes.min(UNITS / 2)),
            samples: own.samples.map(|samples| samples.min(UNITS / 2)),
            ..own
        }
    }

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
        Err(UnknownVariant {
            name: name.to_owned(),
            meant: Self::meant(&lower),
        })
    }

    /// What somebody may mean by a name that is none: by its meaning, else by its spelling.
    fn meant(name: &str) -> Vec<Self> {
        let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
        let known = |name: &str| MEANINGS.iter().find(|(other, _)| *other == name);
        let short = plain
            .strip_suffix("autoencoder")
            .filter(|rest| !rest.is_empty());
        if let Some((_, meant)) = known(&plain).or_else(|| known(short?)) {
            return meant.to_vec();
        }
        let plain = short.unwrap_or(name);
        let similarity = |variant: &Self| strsim::jaro_winkler(variant.name(), plain);
        let nearest = Self::ALL
            .into_iter()
            .max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
        let nearest = nearest.filter(|variant| similarity(variant) > SIMILAR);
        nearest.into_iter().collect()
    }

    /// The name used on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.card().name
    }

    /// What it is, in one line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        self.card().summary
    }

    /// Its equation, in one line.
    #[must_use]
    pub fn equation(self) -> &'static str {
        self.card().equation
    }

    /// The built-in data it is shown with.
    #[must_use]
    pub fn default_data(self) -> DefaultData {
        self.card().data
    }

    /// How it is trained on data of this kind.
    #[must_use]
    pub fn recipe(self, data: DataKind) -> Recipe {
        (self.card().recipe)(data)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn other_names_get_what_they_mean() {
        for (name, meant) in [
            ("vae", "`variational`?"),
            ("VAE", "`variational`?"),
            ("pca", "`linear`?"),
            ("dae", "`denoising`?"),
            ("cae", "`contractive` or `convolutional`?"),
            ("cvae", "`conditional`?"),
            ("beta-vae", "`beta`?"),
            ("sparse", "`sparse-kl` or `sparse-l1`?"),
            ("denoising-autoencoder", "`denoising`?"),
            ("variational_autoencoder", "`variational`?"),
        ] {
            let text = Variant::from_name(name).unwrap_err().to_string();
            assert!(text.contains(&format!("did you mean {meant}")), "{text}");
        }
    }

    #[test]
    fn parents_come_first_and_names_are_unique() {
        for (position, variant) in Variant::ALL.into_iter().enumerate() {
            let before = &Variant::ALL[..position];
            assert!(before.iter().all(|other| other.name() != variant.name()));
            match variant.card().parent {
                Some(parent) => assert!(before.contains(&parent), "{variant}"),
                None => assert_eq!(position, 0, "{variant} is not the root"),
            }
        }
    }
}
