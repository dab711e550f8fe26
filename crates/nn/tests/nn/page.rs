//! The page of names has all of them.

use std::collections::HashSet;

/// The page, whose words in code marks count.
const PAGE: &str = include_str!("../../../../docs/layers.md");

/// The names in all lists `pub use of::{...}` of a source file, or of all modules.
fn exported(source: &str, of: Option<&str>) -> Vec<String> {
    let mut names = Vec::new();
    for list in source.split("\npub use ").skip(1) {
        let Some((path, _)) = list.split_once(';') else {
            panic!("a list without an end: {list}")
        };
        let Some((module, listed)) = path.split_once("::") else {
            panic!("no module: {path}")
        };
        if of.is_none_or(|of| of == module) {
            let listed = listed.trim_matches(['{', '}']).split(',');
            names.extend(listed.map(|name| name.trim().to_owned()));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The cases of an enum in a source file.
fn cases(source: &str, name: &str) -> Vec<String> {
    let start = format!("pub enum {name} {{\n");
    let Some((_, rest)) = source.split_once(&start) else {
        panic!("no enum {name}")
    };
    let body = rest.split("\n}").next().unwrap_or_default();
    let case = |line: &str| {
        let word = line.strip_prefix("    ")?;
        let starts = word.starts_with(|c: char| c.is_ascii_uppercase());
        starts.then(|| {
            word.split(|c: char| !c.is_alphanumeric())
                .next()
                .map(str::to_owned)
        })?
    };
    body.lines().filter_map(case).collect()
}

#[test]
fn every_public_name_is_on_the_page() {
    let spans = PAGE.split('`').skip(1).step_by(2);
    let words = spans.flat_map(|span| span.split(|c: char| !(c.is_alphanumeric() || c == '_')));
    let words: HashSet<&str> = words.collect();
    let library = include_str!("../../src/lib.rs");
    let families = [
        ("layers", exported(library, Some("layers"))),
        ("optim", exported(library, Some("optim"))),
        ("schedule", exported(library, Some("schedule"))),
        (
            "loss",
            exported(include_str!("../../src/loss/mod.rs"), None),
        ),
        (
            "activation",
            cases(include_str!("../../src/layers/activation.rs"), "Activation"),
        ),
        ("init", cases(include_str!("../../src/init.rs"), "Init")),
        (
            "schedules",
            cases(include_str!("../../src/schedule/mod.rs"), "Schedule"),
        ),
    ];
    for (family, names) in families {
        assert!(names.len() > 5, "{family}: only {names:?} were found");
        let missing: Vec<&String> = names
            .iter()
            .filter(|name| !words.contains(name.as_str()))
            .collect();
        assert!(
            missing.is_empty(),
            "{family}: docs/layers.md lacks {missing:?}"
        );
    }
}
