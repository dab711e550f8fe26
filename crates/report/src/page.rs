//! One HTML page per run: self-contained, readable by everybody, at ease in light and dark.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Value, context};

use crate::picture::Body;
use crate::{Picture, ReportError};

/// The page's skeleton. Its name ends in `.html`, which makes minijinja escape every value.
const TEMPLATE_NAME: &str = "report.html";
const TEMPLATE: &str = include_str!("report.html");

/// The widest picture, in screen pixels, that need not have a line of its own.
const NARROW: u64 = 440;

/// Everything a page says, from top to bottom. What is empty is left out.
///
/// Every string is plain text: the page shows it as it is, whatever it contains.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was trained: the name of the variant.
    pub title: String,
    /// One sentence on the run.
    pub summary: String,
    /// The objective, as Unicode text; it may have several lines.
    pub equation: String,
    /// The final figures.
    pub cards: Vec<Card>,
    /// Charts and pictures.
    pub sections: Vec<Section>,
    /// Everything measured, epoch by epoch.
    pub epochs: Table,
    /// The settings of the run: names and values.
    pub configuration: Vec<(String, String)>,
    /// The command that made the run.
    pub command: String,
}

/// One figure that people will quote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// What it is: "Held-out error".
    pub name: String,
    /// Its value, as with [`number`](crate::number()).
    pub value: String,
    /// Its unit, or what it means: "nats per image".
    pub note: String,
}

impl Card {
    /// A figure with its name, its value and its unit or explanation.
    pub fn new(name: impl Into<String>, value: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            note: note.into(),
        }
    }
}

/// Pictures that answer one question.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// The question, or the answer, in a few words.
    pub heading: String,
    /// What to look for in the pictures; may be empty.
    pub text: String,
    /// What was found, above the pictures.
    pub notes: Vec<Note>,
    /// The pictures. Charts share a line where there is room.
    pub pictures: Vec<Picture>,
    /// Figures, below the pictures.
    pub table: Table,
}

/// Something that was found: a figure, and how it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// The figure, in a few words: "12 of 32 units are active".
    pub title: String,
    /// What it means, and what to try where it looks bad.
    pub text: String,
    /// Whether it looks bad.
    pub alarm: bool,
}

/// Figures in rows, such as one per epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns, the first being that of what the rows are called by.
    pub columns: Vec<String>,
    /// The cells, `[row, column]`, as with [`number`](crate::number()).
    pub rows: Vec<Vec<String>>,
}

impl Table {
    fn check(&self) -> Result<(), ReportError> {
        let expected = self.columns.len();
        let ragged = self.rows.iter().position(|row| row.len() != expected);
        ragged.map_or(Ok(()), |row| {
            Err(ReportError::RaggedTable {
                row,
                expected,
                found: self.rows[row].len(),
            })
        })
    }
}

impl Report {
    /// The page as one HTML document without a script and without anything to fetch.
    ///
    /// # Errors
    ///
    /// [`ReportError::RaggedTable`] when a row of [`epochs`](Self::epochs), or of a section's table,
    /// does not have one cell per column.
    pub fn to_html(&self) -> Result<String, ReportError> {
        self.epochs.check()?;
        let mut tables = self.sections.iter().map(|section| &section.table);
        tables.try_for_each(Table::check)?;
        let mut environment = Environment::new();
        // A line that only holds a tag leaves no empty line behind.
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()?,
        );
        environment.add_template(TEMPLATE_NAME, TEMPLATE)?;
        let page = environment.get_template(TEMPLATE_NAME)?;
        Ok(page.render(context! {
            title => &self.title,
            summary => &self.summary,
            equation => &self.equation,
            cards => list(&self.cards, card),
            sections => list(&self.sections, section),
            columns => list(&self.epochs.columns, Value::from),
            rows => list(&self.epochs.rows, |row| list(row, Value::from)),
            configuration => list(&self.configuration, |(name, value)| context! { name, value }),
            command => &self.command,
            version => env!("CARGO_PKG_VERSION"),
        })?)
    }
}

fn list<'a, T>(items: &'a [T], value: impl Fn(&'a T) -> Value) -> Value {
    items.iter().map(value).collect()
}

fn card(card: &Card) -> Value {
    context! { name => &card.name, value => &card.value, note => &card.note }
}

fn section(section: &Section) -> Value {
    context! {
        heading => &section.heading,
        text => &section.text,
        notes => list(&section.notes, note),
        pictures => list(&section.pictures, picture),
        columns => list(&section.table.columns, Value::from),
        rows => list(&section.table.rows, |row| list(row, Value::from)),
    }
}

fn note(note: &Note) -> Value {
    context! { title => &note.title, text => &note.text, alarm => note.alarm }
}

fn picture(picture: &Picture) -> Value {
    let caption = &picture.caption;
    match &picture.body {
        Body::Chart(svg) => context! {
            caption,
            // Drawn by this crate, every name in it escaped.
            svg => Value::from_safe_string(svg.to_string()),
        },
        Body::Grid {
            source,
            alt,
            width,
            height,
            labels,
            beside,
        } => context! {
            caption,
            source,
            alt,
            width => *width,
            height => *height,
            wide => *width > NARROW,
            beside => *beside,
            labels => list(labels, |(name, height)| context! { name, height => *height }),
        },
    }
}
