//! What is known of a variant before there is a model of it, and how to make one.

use std::fmt;

use retrograd_tensor::random::Rng;

use super::recipe::Recipe;
use super::setting::Setting;
use super::settings::Settings;
use super::shape::DataShape;
use super::value::Value;
use crate::model::{Autoencoder, LabelError};
use crate::variants::FAMILIES;

/// A boxed autoencoder of any variant, which threads may share.
pub type BoxedAutoencoder = Box<dyn Autoencoder + Send + Sync>;

/// What the gradients of a variant's objective are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gradients {
    /// Its derivatives, wherever the units have some.
    Exact,
    /// Its derivatives, but for kinks of its own, such as those of clipped noise.
    ExactBesides(&'static str),
    /// Not its derivatives, but what stands in for them where there are none; the words say which
    /// check holds.
    Surrogate(&'static str),
}

/// What a variant cannot do without. Everything else that it asks of data is its
/// [check](Card::check)'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// The label of every sample.
    Classes,
    /// Every number of a sample: its cost is not one of a [`Target`](crate::Target), which leaves out what
    /// is missing.
    Complete,
}

/// Everything that is known of a variant. Each variant's file holds its own, and
/// [`Card::all`] has them all.
///
/// Of a child the card is that of its parent with what it changes:
///
/// ```text
/// pub(crate) const CARD: Card = Card { name: "beta", settings: &[variational::SETTINGS, &[BETA]], ..variational::CARD };
/// ```
#[derive(Clone, Copy)]
pub struct Card {
    /// The name on the command line.
    pub name: &'static str,
    /// Other names that it goes by, in letters and digits alone; several variants may share one.
    pub aliases: &'static [&'static str],
    /// What it is, in one line.
    pub summary: &'static str,
    /// Its equation, in one line.
    pub equation: &'static str,
    /// What it changes with respect to its parent, in a few words.
    pub change: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What it is a change of; none for the root of the family.
    pub parent: Option<&'static str>,
    /// The name of the data it is shown with, one of those that a program draws.
    pub data: &'static str,
    /// What its gradients are.
    pub gradients: Gradients,
    /// Whether its objective bends so much that only small difference steps stay near its slopes.
    pub bends: bool,
    /// What it needs of data.
    pub needs: &'static [Need],
    /// Whether it learns to give something else than its samples, where the data has such targets.
    pub targets: bool,
    /// Its options, in groups. One of an earlier name takes its place.
    pub settings: &'static [&'static [Setting]],
    /// How it is trained on data of a shape.
    pub recipe: fn(DataShape) -> Recipe,
    /// The learning rate on rows that no source has tried.
    pub row_rate: f64,
    /// Whether it is fitted in closed form, between epochs, so that no steps are to be counted.
    pub is_closed: bool,
    /// Why it makes no sense with these options, all of which are there, for this data, in words.
    pub check: fn(&Settings, DataShape) -> Result<(), String>,
    /// Its model with these options, all of which are there and fit.
    pub model: fn(&Settings, DataShape, &mut Rng) -> BoxedAutoencoder,
}

/// Options or data that a variant cannot be built with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{variant}`: {reason}")]
pub struct Misfit {
    variant: &'static str,
    reason: String,
}

/// Names closer than this (Jaro-Winkler, 1 is equal) are suggested for a misspelt one.
pub(super) const SIMILAR: f64 = 0.7;

impl Card {
    /// The cards of all variants, family by family, parents before children.
    pub fn all() -> impl Iterator<Item = &'static Self> + Clone {
        FAMILIES.iter().flat_map(|(_, cards)| cards.iter().copied())
    }

    /// Every option that any variant has, each once: as the first variant that has it.
    #[must_use]
    pub fn all_settings() -> Vec<&'static Setting> {
        let mut all: Vec<&Setting> = Vec::new();
        for setting in Self::all().flat_map(|card| card.settings.iter().copied().flatten()) {
            if all.iter().all(|other| other.name != setting.name) {
                all.push(setting);
            }
        }
        all
    }

    /// The family that it belongs to.
    #[must_use]
    pub fn family(&self) -> &'static str {
        let own = |cards: &[&Self]| cards.iter().any(|card| card.name == self.name);
        let family = FAMILIES.iter().find(|(_, cards)| own(cards));
        family.map_or("", |(name, _)| name)
    }

    /// The options that it has for data of this shape.
    pub fn options(&self, data: DataShape) -> impl Iterator<Item = &'static Setting> + use<> {
        let all = || self.settings.iter().copied().flatten();
        let mut options: Vec<&Setting> = Vec::new();
        for setting in all() {
            match options.iter_mut().find(|own| own.name == setting.name) {
                Some(own) => *own = setting,
                None => options.push(setting),
            }
        }
        options
            .into_iter()
            .filter(move |setting| setting.applies(data))
    }

    /// Its options with their values for data of this shape, as in its source.
    #[must_use]
    pub fn defaults(&self, data: DataShape) -> Settings {
        self.valued(data, Setting::default)
    }

    /// Its options at a small size: the same equations with few numbers, for checks and for looking
    /// at.
    #[must_use]
    pub fn miniature(&self, data: DataShape) -> Settings {
        self.valued(data, Setting::small_default)
    }

    pub(super) fn valued(
        &self,
        data: DataShape,
        value: impl Fn(&Setting, DataShape) -> Value,
    ) -> Settings {
        let options = self.options(data);
        options
            .map(|setting| (setting.name.to_owned(), value(setting, data)))
            .collect()
    }

    /// All options of the variant: those chosen, the others as in its source. They and the shape of
    /// the data decide the model's structure.
    ///
    /// # Errors
    /// If an option is one that the variant does not have, its value is out of range, or the
    /// variant makes no sense with them for the data.
    pub fn resolve(&self, chosen: &Settings, data: DataShape) -> Result<Settings, Misfit> {
        self.resolved(chosen, data).map_err(|reason| Misfit {
            variant: self.name,
            reason,
        })
    }

    fn resolved(&self, chosen: &Settings, data: DataShape) -> Result<Settings, String> {
        let known: Vec<&str> = self.options(data).map(|setting| setting.name).collect();
        if let Some((name, _)) = chosen.iter().find(|(name, _)| !known.contains(name)) {
            return Err(unknown(name, &known));
        }
        let value = |setting: &Setting| {
            let Some(value) = chosen.get(setting.name) else {
                return Ok((setting.name.to_owned(), setting.default(data)));
            };
            let read = setting.range.read(value);
            let read = read
                .ok_or_else(|| format!("{} = {value}: it must be {}", setting.name, setting.range));
            Ok::<_, String>((setting.name.to_owned(), read?))
        };
        let all: Settings = self.options(data).map(value).collect::<Result<_, _>>()?;
        if data.features() == 0 {
            return Err("the samples have no features".to_owned());
        }
        (self.check)(&all, data)?;
        Ok(all)
    }

    /// Whether data of this shape has what it needs: labels, or no holes. A model can be
    /// [built](Self::build) without; trained it cannot.
    ///
    /// ```
    /// use retrograd_autoencoders::{Card, DataShape};
    ///
    /// let conditional = Card::named("conditional").unwrap();
    /// let table = DataShape::table(18);
    /// let error = conditional.suits(table).unwrap_err();
    /// assert!(error.to_string().contains("needs the label of every sample"));
    /// assert!(conditional.suits(table.with_classes(Some(3))).is_ok());
    /// ```
    ///
    /// # Errors
    /// If it has not.
    pub fn suits(&self, data: DataShape) -> Result<(), Misfit> {
        let lacks = |need: &&Need| match need {
            Need::Classes => data.classes.is_none(),
            Need::Complete => data.missing,
        };
        let Some(need) = self.needs.iter().find(lacks) else {
            return Ok(());
        };
        let reason = match need {
            Need::Classes => LabelError::Missing.to_string(),
            Need::Complete => "it needs every number of a sample and the data has holes; fill them, leave their rows out, or use another variant, such as deep".to_owned(),
        };
        Err(Misfit {
            variant: self.name,
            reason,
        })
    }

    /// An untrained model for data of this shape, with these options and the variant's own where
    /// none is chosen. Its parameters are `f32`; [`cast`](retrograd_nn::Module::cast) changes that.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn build(
        &self,
        settings: &Settings,
        data: DataShape,
        rng: &mut Rng,
    ) -> Result<BoxedAutoencoder, Misfit> {
        let settings = self.resolve(settings, data)?;
        Ok((self.model)(&settings, data, rng))
    }
}

/// What to say of an option that there is not.
fn unknown(name: &str, known: &[&str]) -> String {
    let similarity = |other: &&&str| strsim::jaro_winkler(name, other);
    let nearest = known
        .iter()
        .max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let meant = match nearest.filter(|other| similarity(other) > SIMILAR) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => String::new(),
    };
    format!(
        "it has no option `{name}`; it has {}{meant}",
        known.join(", ")
    )
}

/// As what may stand after `it needs`.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classes => "the label of every sample",
            Self::Complete => "every number of a sample",
        })
    }
}

impl PartialEq for Card {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Card {}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({})", self.name)
    }
}
