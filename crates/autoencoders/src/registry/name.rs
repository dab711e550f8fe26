//! Finding a variant by what people call it.

use super::card::{Card, SIMILAR};

/// A name that is not a variant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no variant `{name}`; {}`retrograd list` shows all",
    suggestion(meant)
)]
pub struct UnknownVariant {
    name: String,
    meant: Vec<&'static str>,
}

/// `did you mean ...? `, if there is anything to suggest.
fn suggestion(meant: &[&str]) -> String {
    let names: Vec<String> = meant.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("did you mean {}? ", names.join(" or "))
}

impl Card {
    /// The card of the variant of this name.
    ///
    /// # Errors
    /// If there is none; the error suggests the nearest.
    pub fn named(name: &str) -> Result<&'static Self, UnknownVariant> {
        let lower = name.to_lowercase();
        let found = Self::all().find(|card| card.name == lower);
        found.ok_or_else(|| UnknownVariant {
            name: name.to_owned(),
            meant: meant(&lower),
        })
    }
}

/// What somebody may mean by a name that is none: by another name, else by its spelling.
fn meant(name: &str) -> Vec<&'static str> {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let short = plain
        .strip_suffix("autoencoder")
        .filter(|rest| !rest.is_empty());
    for alias in [Some(plain.as_str()), short].into_iter().flatten() {
        let known = Card::all().filter(|card| card.aliases.contains(&alias));
        let names: Vec<&str> = known.map(|card| card.name).collect();
        if !names.is_empty() {
            return names;
        }
    }
    let plain = short.unwrap_or(name);
    let similarity = |card: &&Card| strsim::jaro_winkler(card.name, plain);
    let nearest = Card::all().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let nearest = nearest.filter(|card| similarity(card) > SIMILAR);
    nearest.map(|card| card.name).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> String {
        Card::named(name).unwrap_err().to_string()
    }

    #[test]
    fn misspelt_names_get_a_suggestion() {
        assert_eq!(Card::named("Deep").unwrap().name, "deep");
        assert_eq!(
            words("depe"),
            "there is no variant `depe`; did you mean `deep`? `retrograd list` shows all"
        );
        assert_eq!(
            words("xyz"),
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
            ("sparse", "`sparse-l1` or `sparse-kl`?"),
            ("denoising-autoencoder", "`denoising`?"),
            ("variational_autoencoder", "`variational`?"),
        ] {
            let text = words(name);
            assert!(text.contains(&format!("did you mean {meant}")), "{text}");
        }
    }

    #[test]
    fn parents_come_first_and_names_are_unique() {
        let cards: Vec<&Card> = Card::all().collect();
        for (position, card) in cards.iter().enumerate() {
            let before = &cards[..position];
            let is_before = |name: &str| before.iter().any(|other| other.name == name);
            assert!(!is_before(card.name));
            match card.parent {
                Some(parent) => assert!(is_before(parent), "{card}"),
                None => assert_eq!(position, 0, "{card} is not the root"),
            }
        }
    }
}
