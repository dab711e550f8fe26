//! Labels by the names of their classes.

use std::collections::{BTreeSet, HashMap, HashSet};

use retrograd::datasets::{Dataset, Split};

/// Numbers the labels of both parts by the names of their classes, which are returned: in the order
/// of the training part, then those that the other has alone.
pub(crate) fn name_classes(split: &mut Split) -> Vec<String> {
    let mut classes = names_of(&split.train);
    let known: HashSet<String> = classes.iter().cloned().collect();
    let others = names_of(&split.held_out).into_iter();
    classes.extend(others.filter(|name| !known.contains(name)));
    for part in [&mut split.train, &mut split.held_out] {
        renumber(part, &classes);
    }
    classes
}

/// What the labels of a part are called, in order.
pub(super) fn names_of(data: &Dataset) -> Vec<String> {
    let Some(labels) = &data.labels else {
        return Vec::new();
    };
    if !data.classes.is_empty() {
        return data.classes.clone();
    }
    let numbers: BTreeSet<u32> = labels.iter().copied().collect();
    numbers.iter().map(u32::to_string).collect()
}

/// Numbers the labels by these classes, all of which are among them.
pub(super) fn renumber(data: &mut Dataset, classes: &[String]) {
    let Some(labels) = &mut data.labels else {
        return;
    };
    let numbers: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    for label in labels {
        let number = match data.classes.get(*label as usize) {
            Some(name) => numbers.get(name.as_str()),
            None => numbers.get(label.to_string().as_str()),
        };
        *label = number.copied().unwrap_or(0);
    }
    data.classes = classes.to_vec();
}
