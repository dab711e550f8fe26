//! `retrograd report`: the page of a run, written again from its files.

use std::path::Path;

use super::run::Run;
use crate::program::data;
use crate::program::failure::Failure;
use crate::program::folder::{REPORT, RunFolder};
use crate::program::pictures::Show;
use crate::program::results::{self, Figures};
use crate::program::terminal;

/// Writes the page and its pictures over those that are there.
pub(super) fn run(path: &Path) -> Result<(), Failure> {
    let run = Run::open(path)?;
    let records = run.records()?;
    let data = data::load(&run.config.wanted()?)?;
    let folder = RunFolder::open(path)?;
    run.config.check_data(&data)?;
    let model = run.model.as_ref();
    let figures = Figures::of(&records, &run.outcome, model.unit());
    let show = Show {
        folder: &folder,
        model,
        data: &data,
        config: &run.config,
        records: &records,
    };
    let page = results::report(&show, &figures)?;
    folder.write(REPORT, page.to_html().map_err(Failure::run)?)?;
    terminal::print(&format!("{}\n", folder.file(REPORT).display()))
}
