//! `retrograd show`: everything that is known of a variant before it is trained.

use retrograd::autoencoders::{BatchSize, Card, DataShape, Recipe, Settings};

use crate::program::built_in::BuiltIn;
use crate::program::failure::Failure;
use crate::program::{recipe, terminal};

/// A table of so many rows and columns stands for tables, and an image of so many pixels for images.
const ROWS: usize = 300;
const COLUMNS: usize = 10;
const IMAGE: [usize; 3] = [1, 28, 28];

/// Prints the page.
pub(crate) fn run(variant: &'static Card) -> Result<(), Failure> {
    terminal::print(&page(variant))
}

/// What it is, its options, how it is trained.
fn page(variant: &'static Card) -> String {
    let parent = variant.parent.map_or_else(
        || "it is the root of the family".to_owned(),
        |parent| format!("{} (changes `{parent}`)", variant.change),
    );
    let mut text = format!(
        "{variant}: {}\n\n  equation  {}\n  change    {parent}\n  source    {}\n\nOptions\n",
        variant.summary, variant.equation, variant.source
    );
    for need in variant.needs {
        text.insert_str(
            text.len() - "\nOptions\n".len(),
            &format!("  needs     {need}\n"),
        );
    }
    let kinds = kinds(variant);
    let data = BuiltIn::of(variant).shape;
    for setting in variant.options(data) {
        let own = setting.default(data);
        let others = kinds[1..].iter().filter_map(|kind| {
            let value = kind.settings.get(setting.name)?;
            (*value != own).then(|| format!("; {value} on {}", kind.name))
        });
        let others: String = others.collect();
        text += &format!(
            "  --{} {own}{others}\n      {} [{}]\n",
            setting.name, setting.meaning, setting.range
        );
    }
    text += "\nRecipe\n";
    for kind in &kinds {
        text += &format!("  on {}: {}\n", kind.name, words(&kind.recipe));
    }
    text
}

/// Data that it can be built for, and what it then is without being told.
struct Kind {
    name: String,
    settings: Settings,
    recipe: Recipe,
}

/// What it is shown with, images, and a table of somebody's own.
fn kinds(variant: &'static Card) -> Vec<Kind> {
    let published = |kind: DataShape| Kind {
        name: match kind.image() {
            Some([_, height, width]) => format!("images of {height}x{width} pixels"),
            None if kind.is_unit() => format!("{} columns", kind.features()),
            None => format!("points of {} coordinates", kind.features()),
        },
        settings: variant.defaults(kind),
        recipe: (variant.recipe)(kind),
    };
    let own = BuiltIn::of(variant).shape;
    let mut kinds = vec![published(own)];
    let fits = |kind| variant.resolve(&Settings::new(), kind).is_ok();
    let images = DataShape::images(IMAGE);
    if own.layout != images.layout && fits(images) {
        kinds.push(published(images));
    }
    let table = DataShape::table(COLUMNS);
    if fits(table) {
        kinds.push(Kind {
            name: format!("your own {ROWS} rows of {COLUMNS} columns"),
            settings: variant.fitted_defaults(table),
            recipe: variant.fitted_recipe(table, ROWS),
        });
    }
    kinds
}

fn words(recipe: &Recipe) -> String {
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
        for variant in Card::all() {
            let page = page(variant);
            for words in [
                variant.equation,
                variant.source,
                "Options\n  --",
                "Recipe\n  on ",
            ] {
                assert!(page.contains(words), "{page}");
            }
            for setting in variant.options(BuiltIn::of(variant).shape) {
                assert!(page.contains(&format!("  --{} ", setting.name)), "{page}");
            }
        }
    }
}
