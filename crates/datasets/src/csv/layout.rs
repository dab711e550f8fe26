//! Which column of a table is what.

use std::path::Path;

use super::{CsvReader, LabelColumn};
use crate::error::DatasetError;
use crate::source::printable;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A number of the sample.
    Feature,
    /// What the sample is.
    Label,
    /// What the sample goes by.
    Id,
    /// Nothing.
    LeftOut,
}

/// The columns of a table, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// What they are called; empty if the table does not say.
    pub names: Vec<String>,
    /// What each is for.
    pub roles: Vec<Role>,
    /// The values of each column of words, value 0 first, and nothing of the others; empty without such.
    pub words: Vec<Vec<String>>,
}

/// Names by which a column of labels is found when nobody says which it is.
const LABEL_NAMES: [&str; 4] = ["label", "labels", "class", "target"];

/// What becomes of the fields of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The feature at this position.
    Feature(usize),
    Label,
    Id,
    LeftOut,
}

impl Layout {
    /// Features of these names, which may be none.
    pub(crate) fn of(names: &[String], width: usize) -> Self {
        Self {
            names: names.to_vec(),
            roles: vec![Role::Feature; width],
            words: Vec::new(),
        }
    }

    /// The names of the columns in this role; none if the table has no names.
    pub fn called(&self, role: Role) -> Vec<&str> {
        let columns = self.names.iter().zip(&self.roles);
        let columns = columns.filter(|(_, own)| **own == role);
        columns.map(|(name, _)| name.as_str()).collect()
    }

    /// The values of each feature that is words, value 0 first; nothing of one of numbers.
    pub fn feature_words(&self) -> Vec<&[String]> {
        let features = (0..self.roles.len()).filter(|&at| self.roles[at] == Role::Feature);
        let words = features.map(|at| self.words.get(at).map_or(&[][..], Vec::as_slice));
        words.collect()
    }

    /// How many columns are in this role.
    pub fn count(&self, role: Role) -> usize {
        self.roles.iter().filter(|own| **own == role).count()
    }

    /// The columns in this role, by their names or else their positions, counted from 1; the first
    /// few of them.
    pub(super) fn listed(&self, role: Role) -> String {
        let columns = (0..self.roles.len()).filter(|&column| self.roles[column] == role);
        listed(columns.map(|column| self.name(column)).collect())
    }

    /// What a column is called, or else its position, counted from 1.
    pub(super) fn name(&self, column: usize) -> String {
        match self.names.get(column) {
            Some(name) => printable(name),
            None => (column + 1).to_string(),
        }
    }

    /// The column that somebody calls so: by its name, or by that in other letters if there is one
    /// such; without names by its position, counted from 1.
    fn find(&self, wanted: &str) -> Option<usize> {
        if self.names.is_empty() {
            let position: usize = wanted.parse().ok()?;
            return (1..=self.roles.len())
                .contains(&position)
                .then(|| position - 1);
        }
        let exact = self.names.iter().position(|name| name == wanted);
        exact.or_else(|| {
            let wanted = wanted.trim().to_lowercase();
            let alike = |column: &usize| self.names[*column].to_lowercase() == wanted;
            let mut alike = (0..self.names.len()).filter(alike);
            alike.next().filter(|_| alike.next().is_none())
        })
    }

    fn slots(&self) -> Vec<Slot> {
        let mut features = 0..;
        let slot = |role: &Role| match role {
            Role::Feature => Slot::Feature(features.next().unwrap_or(0)),
            Role::Label => Slot::Label,
            Role::Id => Slot::Id,
            Role::LeftOut => Slot::LeftOut,
        };
        self.roles.iter().map(slot).collect()
    }
}

/// What is known of the columns before their roles.
pub(super) struct Columns<'a> {
    pub(super) path: &'a Path,
    /// All in the role of features.
    pub(super) layout: Layout,
    /// Which of them hold measurements, as far as one sees.
    pub(super) continuous: Vec<bool>,
    /// Which hold nothing and have no name.
    pub(super) empty: Vec<bool>,
}

impl Columns<'_> {
    /// The roles of the columns, and what becomes of each; notes are added.
    pub(super) fn resolve(
        mut self,
        reader: &CsvReader,
        notes: &mut Vec<String>,
    ) -> Result<(Layout, Vec<Slot>), DatasetError> {
        for (column, empty) in self.empty.iter().enumerate() {
            if *empty {
                self.layout.roles[column] = Role::LeftOut;
            }
        }
        for wanted in &reader.drop {
            let column = self.wanted(wanted, "--drop")?;
            self.layout.roles[column] = Role::LeftOut;
        }
        if let Some(like) = &reader.like {
            return self.like(like, reader, notes);
        }
        if let Some(only) = &reader.only {
            let chosen = only.iter().map(|wanted| self.wanted(wanted, "--columns"));
            let chosen = chosen.collect::<Result<Vec<_>, _>>()?;
            for (column, role) in self.layout.roles.iter_mut().enumerate() {
                if !chosen.contains(&column) {
                    *role = Role::LeftOut;
                }
            }
        }
        self.named(reader)?;
        if reader.labels == LabelColumn::Guess && reader.only.is_none() {
            self.guess_label(notes);
        }
        let slots = self.layout.slots();
        Ok((self.layout, slots))
    }

    /// The columns that options name for labels and ids.
    fn named(&mut self, reader: &CsvReader) -> Result<(), DatasetError> {
        let label = match &reader.labels {
            LabelColumn::Guess | LabelColumn::None => None,
            LabelColumn::Name(wanted) => Some(self.wanted(wanted, "the labels")?),
            LabelColumn::Index(index) if *index < self.layout.roles.len() => Some(*index),
            LabelColumn::Index(index) => {
                return Err(self.missing(&format!("at position {index}"), "the labels"));
            }
        };
        if let Some(column) = label {
            self.layout.roles[column] = Role::Label;
        }
        if let Some(wanted) = &reader.id {
            let column = self.wanted(wanted, "--id-column")?;
            self.layout.roles[column] = Role::Id;
        }
        Ok(())
    }

    fn is_called_label(&self, column: usize) -> bool {
        let name = self.layout.names[column].to_lowercase();
        LABEL_NAMES.contains(&name.as_str())
    }

    fn is_label(&self, column: usize) -> bool {
        self.is_called_label(column) && !self.continuous[column]
    }

    fn guess_label(&mut self, notes: &mut Vec<String>) {
        let found = (0..self.layout.names.len()).find(|&column| {
            self.is_called_label(column) && self.layout.roles[column] == Role::Feature
        });
        let Some(column) = found else { return };
        if self.continuous[column] {
            let name = self.layout.name(column);
            notes.push(format!(
                "column {} ({name}) holds measurements, so it is a feature and no label; --drop {name} leaves it out, --label-column {name} takes it for labels",
                column + 1
            ));
        } else {
            self.layout.roles[column] = Role::Label;
        }
    }

    /// The columns that another table had, in its order.
    fn like(
        mut self,
        like: &Layout,
        reader: &CsvReader,
        notes: &mut Vec<String>,
    ) -> Result<(Layout, Vec<Slot>), DatasetError> {
        if like.names.is_empty() || self.layout.names.is_empty() {
            self.by_position(like, notes)?;
            self.named(reader)?;
            let slots = self.layout.slots();
            return Ok((self.layout, slots));
        }
        let roles = std::mem::replace(
            &mut self.layout.roles,
            vec![Role::LeftOut; self.layout.names.len()],
        );
        let (mut slots, mut lacking) = (vec![Slot::LeftOut; roles.len()], Vec::new());
        for (position, name) in like.called(Role::Feature).into_iter().enumerate() {
            match self
                .layout
                .find(name)
                .filter(|&column| roles[column] != Role::LeftOut)
            {
                Some(column) if self.layout.roles[column] == Role::LeftOut => {
                    self.layout.roles[column] = Role::Feature;
                    slots[column] = Slot::Feature(position);
                }
                _ => lacking.push(printable(name)),
            }
        }
        if !lacking.is_empty() {
            return Err(DatasetError::Unsupported {
                path: self.path.into(),
                found: format!("no column called {}", listed(lacking)),
                expected: format!("the columns {}", like.listed(Role::Feature)),
                hint: "the model was trained on these; rename the columns, or --header no takes them by position",
            });
        }
        for (role, slot) in [(Role::Label, Slot::Label), (Role::Id, Slot::Id)] {
            let column = like
                .called(role)
                .first()
                .and_then(|name| self.layout.find(name));
            let free = |column: &usize| {
                self.layout.roles[*column] == Role::LeftOut && roles[*column] != Role::LeftOut
            };
            let wanted = role != Role::Label || reader.labels != LabelColumn::None;
            if let Some(column) = column.filter(free).filter(|_| wanted) {
                self.layout.roles[column] = role;
                slots[column] = slot;
            }
        }
        if like.count(Role::Label) == 0 && reader.labels == LabelColumn::Guess {
            let found = (0..slots.len()).find(|&column| {
                let free = self.layout.roles[column] == Role::LeftOut;
                free && roles[column] != Role::LeftOut && self.is_label(column)
            });
            if let Some(column) = found {
                self.layout.roles[column] = Role::Label;
                slots[column] = Slot::Label;
            }
        }
        let before = self.layout.roles.clone();
        self.named(reader)?;
        for column in 0..slots.len() {
            if before[column] != self.layout.roles[column] {
                slots[column] = match self.layout.roles[column] {
                    Role::Label => Slot::Label,
                    Role::Id => Slot::Id,
                    _ => slots[column],
                };
            }
        }
        Ok((self.layout, slots))
    }

    /// One of the tables has no names.
    fn by_position(&mut self, like: &Layout, notes: &mut Vec<String>) -> Result<(), DatasetError> {
        let kept: Vec<usize> = (0..self.layout.roles.len())
            .filter(|&column| self.layout.roles[column] != Role::LeftOut)
            .collect();
        let features = like.count(Role::Feature);
        if self.layout.roles.len() == like.roles.len() {
            self.layout.roles.clone_from(&like.roles);
        } else if kept.len() != features {
            return Err(DatasetError::Unsupported {
                path: self.path.into(),
                found: format!(
                    "{} columns, not all of which have names to go by",
                    kept.len()
                ),
                expected: format!(
                    "{features} features, or {} columns as the model was trained on",
                    like.roles.len()
                ),
                hint: "give the table a header with the names of its columns",
            });
        }
        notes.push(
            "there are no names on both sides, so columns are taken by their position".into(),
        );
        Ok(())
    }

    pub(super) fn wanted(&self, wanted: &str, what: &str) -> Result<usize, DatasetError> {
        let found = self.layout.find(wanted);
        found.ok_or_else(|| self.missing(&format!("called {wanted:?}"), what))
    }

    fn missing(&self, wanted: &str, what: &str) -> DatasetError {
        DatasetError::Unsupported {
            path: self.path.into(),
            found: format!("no column {wanted} for {what}"),
            expected: match self.layout.names.is_empty() {
                true => format!(
                    "one of {} columns without names, counted from 1",
                    self.layout.roles.len()
                ),
                false => {
                    let names = self.layout.names.iter();
                    format!(
                        "one of the columns {}",
                        listed(names.map(|n| printable(n)).collect())
                    )
                }
            },
            hint: "name another column",
        }
    }
}

/// The first few of some names.
pub(super) fn listed(mut names: Vec<String>) -> String {
    /// Names that are written out.
    const SHOWN: usize = 8;
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let names = names.join(", ");
    if more > 0 {
        format!("{names} and {more} more")
    } else {
        names
    }
}
