//! `retrograd show`: everything that is known of a variant before it is trained.

use retrograd::autoencoders::{BatchSize, DataKind, Variant};

use crate::data;
use crate::failure::Failure;
use crate::{recipe, terminal};

/// A table of so many columns stands for tables.
const COLUMNS: usize = 10;

/// Prints the page.
pub(crate) fn run(variant: Variant) -> Result<(), Failure> {
    terminal::print(&page(variant))
}

/// What it is, its options, how it is trained.
fn page(variant: Variant) -> String {
    let card = variant.card();
    let parent = card.parent.map_or_else(
        || "it is the root of the family".to_owned(),
        |parent| format!("{} (changes `{parent}`)", card.change),
    );
    let mut text = format!(
        "{variant}: {}\n\n  equation  {}\n  change    {parent}\n  source    {}\n\nOptions\n",
        card.summary, card.equation, card.source
    );
    let kinds = kinds(variant);
    for (setting, own) in variant.options(kinds[0].0) {
        let others = kinds[1..].iter().filter_map(|(kind, name)| {
            let value = setting.of(&variant.settings(*kind))?;
            (value != own).then(|| format!("; {value} on {name}"))
        });
        let others: String = others.collect();
        text += &format!(
            "  --{} {own}{others}\n      {} It is {}.\n",
            setting.name, setting.meaning, setting.range
        );
    }
    text += "\nRecipe\n";
    for (kind, name) in &kinds {
        text += &format!("  on {name}: {}\n", words(variant, *kind));
    }
    text
}

/// Kinds of data that it can be built for, that which it is shown with first.
fn kinds(variant: Variant) -> Vec<(DataKind, String)> {
    let name = |kind: DataKind| match kind {
        DataKind::Images([_, height, width]) => format!("images of {height}x{width} pixels"),
        DataKind::Table(columns) => format!("a table of {columns} columns"),
        DataKind::Points(axes) => format!("points of {axes} coordinates"),
    };
    let own = data::default_kind(variant);
    let others = [DataKind::Images([1, 28, 28]), DataKind::Table(COLUMNS)].into_iter();
    let fits = |kind: &DataKind| {
        let is_other = std::mem::discriminant(kind) != std::mem::discriminant(&own);
        is_other && variant.resolve(&Default::default(), *kind).is_ok()
    };
    std::iter::once(own)
        .chain(others.filter(fits))
        .map(|kind| (kind, name(kind)))
        .collect()
}

fn words(variant: Variant, kind: DataKind) -> String {
    let recipe = variant.recipe(kind);
    let batches = match recipe.batch_size {
        BatchSize::Of(size) => format!("batches of {size}"),
        BatchSize::Full => "all samples in a step".to_owned(),
    };
    format!(
        "{} epochs, {batches}, {} at {}, {}",
        recipe.epochs,
        recipe.optimizer,
        recipe.learning_rate,
        recipe::schedule_name(&recipe.schedule)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_equation_source_options_and_recipe() {
        for variant in Variant::ALL {
            let page = page(variant);
            let card = variant.card();
            for words in [card.equation, card.source, "Options\n  --", "Recipe\n  on "] {
                assert!(page.contains(words), "{page}");
            }
            for (setting, _) in variant.options(data::default_kind(variant)) {
                assert!(page.contains(&format!("  --{} ", setting.name)), "{page}");
            }
        }
    }
}
