//! What a run remembers of its data.

use retrograd::datasets::{Dataset, Layout, Role, Scaling};
use serde::{Deserialize, Serialize};

use super::options::DataOptions;

/// What a run remembers of its data, to bring other files into the same form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Source {
    /// What the labels are called, label 0 first.
    pub(crate) classes: Vec<String>,
    /// What the columns of the file are called, in its order; none without a header.
    pub(crate) names: Vec<String>,
    /// What each is for: `feature`, `label`, `id` or `left-out`.
    pub(crate) roles: Vec<String>,
    /// The values of each column of words, value 0 first, and nothing of the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<Vec<String>>,
    /// What 1 stands for in the file: 255 where the features were bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) white: Option<f64>,
    /// What stands for a missing number of each feature, where some may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fills: Vec<f64>,
    /// What the command line said of how to read it.
    pub(crate) options: DataOptions,
}

/// The roles of columns, and their words.
const ROLES: [(Role, &str); 4] = [
    (Role::Feature, "feature"),
    (Role::Label, "label"),
    (Role::Id, "id"),
    (Role::LeftOut, "left-out"),
];

impl Source {
    /// What is remembered of a table.
    pub(super) fn of(layout: &Layout, options: &DataOptions) -> Self {
        let word = |role: &Role| {
            ROLES
                .iter()
                .find(|(own, _)| own == role)
                .map(|(_, word)| *word)
        };
        Self {
            names: layout.names.clone(),
            words: layout.words.clone(),
            roles: layout
                .roles
                .iter()
                .filter_map(word)
                .map(str::to_owned)
                .collect(),
            options: options.clone(),
            ..Self::default()
        }
    }

    /// The columns of the table, if it was one.
    pub(super) fn layout(&self) -> Option<Layout> {
        let role = |word: &String| {
            ROLES
                .iter()
                .find(|(_, own)| own == word)
                .map(|(role, _)| *role)
        };
        let roles: Option<Vec<Role>> = self.roles.iter().map(role).collect();
        Some(Layout {
            names: self.names.clone(),
            words: self.words.clone(),
            roles: roles.filter(|roles| !roles.is_empty())?,
        })
    }

    /// What the features are called; nothing where they have no names.
    pub(crate) fn features(&self) -> Vec<String> {
        let layout = self.layout().unwrap_or_default();
        let names = layout.called(Role::Feature).into_iter();
        names.map(str::to_owned).collect()
    }

    /// The values of each feature that is words, value 0 first; nothing of one of numbers.
    pub(crate) fn feature_words(&self) -> Vec<Vec<String>> {
        let layout = self.layout().unwrap_or_default();
        let words = layout.feature_words().into_iter();
        words.map(<[String]>::to_vec).collect()
    }

    /// Which features are words; nothing where none is.
    pub(super) fn are_words(&self) -> Vec<bool> {
        let words = self.feature_words();
        words.iter().map(|words| !words.is_empty()).collect()
    }

    /// What the first column in a role is called; nothing if there is none.
    pub(crate) fn called(&self, role: Role) -> &str {
        let word = ROLES
            .iter()
            .find(|(own, _)| *own == role)
            .map(|(_, word)| *word);
        let mut columns = self.names.iter().zip(&self.roles);
        let found = columns.find(|(_, own)| Some(own.as_str()) == word);
        found.map_or("", |(name, _)| name)
    }

    /// Fills in what is still missing, and marks it as such.
    pub(super) fn mask(&self, data: &mut Dataset, scaling: Option<&Scaling>) {
        let scaled = |(feature, &fill): (usize, &f64)| match scaling {
            Some(scaling) => scaling.applied(feature, fill),
            None => fill as f32,
        };
        if !self.fills.is_empty() {
            let fills: Vec<f32> = self.fills.iter().enumerate().map(scaled).collect();
            data.mask(&fills);
        }
    }

    /// The label of this name.
    pub(crate) fn label(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|class| class == name)
    }
}
