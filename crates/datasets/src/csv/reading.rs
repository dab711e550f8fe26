//! The rows of a table, put together from its pieces.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use rayon::prelude::*;
use retrograd_tensor::Array;

use super::failed;
use super::guess::Format;
use super::layout::{self, Layout, Role, Slot};
use super::piece::{Fault, Piece, Pieces, Plan};
use crate::dataset::Dataset;
use crate::error::DatasetError;
use crate::natural;
use crate::samples::stem;
use crate::source::printable;
use crate::table::Table;

/// Numbers of a block, of 32 MB: what is as large, an allocator gives back when it is let go of, and
/// keeps what is smaller.
const BLOCK: usize = 1 << 22;
/// Pieces for each thread that are read at a time.
const AT_ONCE: usize = 2;

/// Puts numbers to those that there are, in blocks as large as they may be.
fn keep(blocks: &mut Vec<Vec<f64>>, values: Vec<f64>) {
    match blocks.last_mut() {
        None => blocks.push(values),
        Some(last) if last.len() + values.len() <= BLOCK => last.extend(values),
        Some(_) => {
            let mut block = Vec::with_capacity(BLOCK.max(values.len()));
            block.extend(values);
            blocks.push(block);
        }
    }
}

/// What has been read so far.
pub(super) struct Reading<'a> {
    path: &'a Path,
    layout: &'a Layout,
    plan: &'a Plan,
    rows: usize,
    /// Lines before the next piece.
    lines: u64,
    blocks: Vec<Vec<f64>>,
    /// The label of every row, as a position in the order in which they came.
    labels: Vec<u32>,
    known: BTreeMap<String, u32>,
    /// The words of each feature whose words are not known before, with their order of arrival.
    words: Vec<BTreeMap<String, u32>>,
    ids: Vec<String>,
    latin: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn new(path: &'a Path, layout: &'a Layout, plan: &'a Plan) -> Self {
        Self {
            path,
            layout,
            plan,
            rows: 0,
            lines: 0,
            blocks: Vec::new(),
            labels: Vec::new(),
            known: BTreeMap::new(),
            words: vec![BTreeMap::new(); plan.features],
            ids: Vec::new(),
            latin: false,
        }
    }

    /// Reads all pieces: some of them are made numbers of while the next come from the file.
    pub(super) fn read(
        &mut self,
        mut pieces: Pieces<impl Read + Send>,
        header: bool,
    ) -> Result<(), DatasetError> {
        let (plan, path) = (self.plan, self.path);
        let mut first = header;
        let mut some = || {
            let mut some = Vec::new();
            while some.len() < AT_ONCE * rayon::current_num_threads() {
                match pieces.next().map_err(|cause| failed(path, cause))? {
                    Some(piece) => some.push((piece, std::mem::take(&mut first))),
                    None => break,
                }
            }
            Ok(some)
        };
        let read = |(bytes, header): (Vec<u8>, bool)| plan.read(&bytes, header);
        let mut next = some()?;
        // One piece is read here, where whoever counts memory sees it.
        if next.len() == 1 {
            return next
                .into_iter()
                .map(read)
                .try_for_each(|piece| self.add(piece));
        }
        while !next.is_empty() {
            let now = std::mem::take(&mut next);
            let parse = || now.into_par_iter().map(read).collect::<Vec<Piece>>();
            let (more, parsed) = rayon::join(&mut some, parse);
            parsed.into_iter().try_for_each(|piece| self.add(piece))?;
            next = more?;
        }
        Ok(())
    }

    fn add(&mut self, mut piece: Piece) -> Result<(), DatasetError> {
        if let Some(fault) = piece.fault {
            return Err(self.fault(fault));
        }
        let numbers = arrived(&mut self.known, piece.known);
        for (at, words) in piece.words.into_iter().enumerate() {
            if !words.is_empty() {
                let numbers = arrived(&mut self.words[at], words);
                renumber(&mut piece.values, at, self.plan.features, &numbers);
            }
        }
        let labels = piece.labels.iter().map(|&label| numbers[label as usize]);
        self.labels.extend(labels);
        self.rows += piece.rows;
        self.lines += piece.lines;
        keep(&mut self.blocks, piece.values);
        self.ids.extend(piece.ids);
        self.latin |= piece.latin;
        Ok(())
    }

    pub(super) fn finish(
        mut self,
        known: Option<&[String]>,
        mut layout: Layout,
        header: bool,
        mut notes: Vec<String>,
    ) -> Result<Table, DatasetError> {
        let (rows, features) = (self.rows, self.plan.features);
        if rows == 0 || features == 0 {
            return Err(DatasetError::Empty {
                path: self.path.into(),
                dims: vec![rows, features],
            });
        }
        if self.latin {
            notes.push("the text is not UTF-8, and is read as Windows-1252 (Latin-1)".into());
        }
        layout.words = self.named_words();
        let labelled = layout.count(Role::Label) > 0;
        let (labels, classes) = numbered(self.labels, self.known, known);
        let one = |role| {
            layout
                .called(role)
                .first()
                .map_or_else(String::new, ToString::to_string)
        };
        let mut columns = vec![String::new(); features];
        for (name, slot) in layout.names.iter().zip(&self.plan.slots) {
            if let Slot::Feature(at) = slot {
                columns[*at].clone_from(name);
            }
        }
        if layout.names.is_empty() {
            columns.clear();
        }
        notes.insert(0, self.plan.understood(&layout, rows, header, &classes));
        let about = Dataset {
            labels: labelled.then_some(labels),
            classes,
            columns,
            label_column: one(Role::Label),
            ids: self.ids,
            id_column: one(Role::Id),
            ..Dataset::new(stem(self.path), Array::<f32>::zeros([0, features]))
        };
        Ok(Table::new(about, features, self.blocks).read_as(layout, notes))
    }

    /// The words of every column, in whose order their numbers are from here on.
    fn named_words(&mut self) -> Vec<Vec<String>> {
        let plan = self.plan;
        let mut words = vec![Vec::new(); plan.slots.len()];
        for (column, slot) in plan.slots.iter().enumerate() {
            let Slot::Feature(at) = *slot else { continue };
            let found = std::mem::take(&mut self.words[at]);
            words[column] = match &plan.words[at] {
                None => continue,
                Some(known) if !known.is_empty() => known.clone(),
                Some(_) => {
                    let (numbers, names) = in_order(found);
                    for block in &mut self.blocks {
                        renumber(block, at, plan.features, &numbers);
                    }
                    names
                }
            };
        }
        match words.iter().all(Vec::is_empty) {
            true => Vec::new(),
            false => words,
        }
    }

    fn fault(&self, fault: Fault) -> DatasetError {
        let column = match self.layout.names.get(fault.column) {
            Some(name) => format!("{} ({})", fault.column + 1, printable(name)),
            None => (fault.column + 1).to_string(),
        };
        DatasetError::Field {
            path: self.path.into(),
            line: self.lines + fault.line,
            column,
            found: fault.found,
            expected: fault.expected,
            hint: fault.hint,
        }
    }
}

impl Plan {
    /// How the table was read, in a line.
    fn understood(&self, layout: &Layout, rows: usize, header: bool, classes: &[String]) -> String {
        let columns = match self.slots.len() {
            1 => "1 column".to_owned(),
            more => format!(
                "{more} columns between {}",
                Format::named(self.format.separator)
            ),
        };
        let mut line = format!(
            "{rows} rows of {columns}, decimals after a {}, {}",
            if self.format.decimal == b',' {
                "comma"
            } else {
                "point"
            },
            if header {
                "the first row being names"
            } else {
                "no header"
            },
        );
        if layout.count(Role::Label) > 0 {
            line += &format!("; labels: {}", layout.listed(Role::Label));
            if !classes.is_empty() {
                line += &format!(" ({})", layout::listed(classes.to_vec()));
            }
        }
        let words = layout.words.iter().enumerate();
        let words = words.filter(|(_, words)| !words.is_empty());
        let words = words.map(|(at, words)| format!("{} ({})", layout.name(at), words.len()));
        let words: Vec<String> = words.collect();
        if !words.is_empty() {
            line += &format!("; words: {}", layout::listed(words));
        }
        for (role, what) in [(Role::Id, "ids"), (Role::LeftOut, "left out")] {
            if layout.count(role) > 0 {
                line += &format!("; {what}: {}", layout.listed(role));
            }
        }
        line
    }
}

/// Where each of a piece's words stands among all, by their order of arrival.
fn arrived(all: &mut BTreeMap<String, u32>, words: Vec<String>) -> Vec<u32> {
    let place = |word| {
        let next = all.len() as u32;
        *all.entry(word).or_insert(next)
    };
    words.into_iter().map(place).collect()
}

/// Words by their order of arrival: where each stands in natural order, and they in that order.
fn in_order(arrived: BTreeMap<String, u32>) -> (Vec<u32>, Vec<String>) {
    let mut words: Vec<(String, u32)> = arrived.into_iter().collect();
    words.sort_by(|(a, _), (b, _)| natural::order(a, b));
    let mut numbers = vec![0; words.len()];
    for (number, (_, place)) in words.iter().enumerate() {
        numbers[*place as usize] = number as u32;
    }
    (numbers, words.into_iter().map(|(word, _)| word).collect())
}

/// Puts other numbers for the words of a feature, in rows of so many.
fn renumber(values: &mut [f64], feature: usize, features: usize, numbers: &[u32]) {
    for value in values.iter_mut().skip(feature).step_by(features) {
        if !value.is_nan() {
            *value = f64::from(numbers[*value as usize]);
        }
    }
}

/// The labels as numbers, and their names if they are words or known.
fn numbered(
    labels: Vec<u32>,
    known: BTreeMap<String, u32>,
    classes: Option<&[String]>,
) -> (Vec<u32>, Vec<String>) {
    let mut numbers = vec![0; known.len()];
    let mut names = Vec::new();
    if let Some(classes) = classes {
        for (text, label) in known {
            let position = classes.iter().position(|class| *class == text);
            numbers[label as usize] = position.unwrap_or(0) as u32;
        }
        names = classes.to_vec();
    } else if known.keys().all(|text| text.parse::<u32>().is_ok()) {
        for (text, label) in known {
            numbers[label as usize] = text.parse().unwrap_or_default();
        }
    } else {
        (numbers, names) = in_order(known);
    }
    (
        labels
            .iter()
            .map(|&label| numbers[label as usize])
            .collect(),
        names,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_in_blocks_that_an_allocator_gives_back() {
        let mut blocks = Vec::new();
        (0..5).for_each(|_| keep(&mut blocks, vec![0.5; BLOCK / 2 - 7]));
        keep(&mut blocks, vec![0.5; BLOCK + 1]);
        let lengths: Vec<usize> = blocks.iter().map(Vec::len).collect();
        let two = BLOCK - 14;
        assert_eq!(lengths, [two, two, BLOCK / 2 - 7, BLOCK + 1]);
        assert!(blocks[1..].iter().all(|block| block.capacity() >= BLOCK));
    }
}
