//! The folder that a run leaves behind.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use retrograd::nn::checkpoint::write_atomically;

use crate::failure::Failure;

/// The file that marks a folder as a run's.
pub(crate) const CONFIG: &str = "config.toml";
/// A line of JSON an epoch.
pub(crate) const METRICS: &str = "metrics.jsonl";
/// The trained parameters.
pub(crate) const MODEL: &str = "model.safetensors";
/// The page that shows it all.
pub(crate) const REPORT: &str = "report.html";
/// Everything a run may write besides the above.
pub(crate) const PICTURES: [&str; 4] = [
    "loss.svg",
    "reconstructions.png",
    "reconstructions-xy.svg",
    "reconstructions-xz.svg",
];

/// A folder of our own to write to.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder, or empties it of an earlier run if `overwrite`.
    ///
    /// A folder that holds anything else is never touched.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, Failure> {
        let refuse = |problem: &str| Failure::run(format!("{}: {problem}", path.display()));
        if path.exists() {
            let entries = entries(path).map_err(|error| {
                refuse(&format!(
                    "the output folder cannot be read ({error}); choose another with --out"
                ))
            })?;
            let is_run = entries.iter().any(|name| name == CONFIG);
            match (entries.is_empty(), is_run, overwrite) {
                (true, ..) => {}
                (false, true, true) => remove_run(path, &entries).map_err(|error| {
                    refuse(&format!("the earlier run cannot be removed ({error})"))
                })?,
                (false, true, false) => {
                    return Err(refuse(
                        "a run is there already; choose another folder with --out, or replace it with --overwrite",
                    ));
                }
                (false, false, _) => {
                    return Err(refuse(
                        "the folder exists and is not a run's; choose another with --out",
                    ));
                }
            }
        }
        fs::create_dir_all(path).map_err(|error| {
            refuse(&format!(
                "the output folder cannot be made ({error}); choose another with --out"
            ))
        })?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Where the file of this name is, or will be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a whole file.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
        let path = self.file(name);
        write_atomically(&path, contents.as_ref()).map_err(|error| cannot_write(&path, &error))
    }

    /// A file to add lines to.
    pub(crate) fn lines(&self, name: &str) -> Result<LineFile, Failure> {
        let path = self.file(name);
        let file = File::create_new(&path).map_err(|error| cannot_write(&path, &error))?;
        Ok(LineFile { file, path })
    }
}

/// A file that grows line by line; each line is there once it is written.
#[derive(Debug)]
pub(crate) struct LineFile {
    file: File,
    path: PathBuf,
}

impl LineFile {
    pub(crate) fn push(&mut self, line: &str) -> Result<(), Failure> {
        self.file
            .write_all(format!("{line}\n").as_bytes())
            .map_err(|error| cannot_write(&self.path, &error))
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::run(format!(
        "{}: cannot be written ({error}); choose another folder with --out",
        path.display()
    ))
}

fn entries(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Removes the files that runs write, and no others.
fn remove_run(folder: &Path, entries: &[String]) -> io::Result<()> {
    let ours = |name: &&String| {
        [METRICS, MODEL, REPORT, CONFIG].contains(&name.as_str())
            || PICTURES.contains(&name.as_str())
    };
    entries
        .iter()
        .filter(ours)
        .try_for_each(|name| fs::remove_file(folder.join(name)))
}
