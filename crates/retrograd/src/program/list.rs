//! `retrograd list`: every variant in short.

use retrograd::autoencoders::Card;

/// Name, summary and equation of each, for people.
pub(super) fn text() -> String {
    let width = Card::all().map(|card| card.name.len()).max().unwrap_or(0);
    let entry = |card: &Card| {
        format!(
            "{:<width$}  {}\n{:<width$}  {}\n",
            card.name, card.summary, "", card.equation
        )
    };
    Card::all().map(entry).collect()
}

/// The family tree as a table in Markdown: each variant as a change of another.
pub(super) fn markdown() -> String {
    let row = |card: &Card| {
        let cells = [
            format!("`{}`", card.name),
            card.family().to_owned(),
            card.parent
                .map_or(String::new(), |name| format!("`{name}`")),
            card.change.to_owned(),
            card.equation.to_owned(),
            card.source.to_owned(),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        format!("| {} |\n", cells.join(" | "))
    };
    let head = "| variant | family | child of | what it changes | minimises | source |\n|---|---|---|---|---|---|\n";
    std::iter::once(head.to_owned())
        .chain(Card::all().map(row))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_readme_has_the_table() {
        let readme = include_str!("../../../../README.md");
        let table = super::markdown();
        assert!(
            readme.contains(&table),
            "README.md is to hold what `retrograd list --markdown` prints:\n{table}"
        );
    }
}
