//! The folder that a run leaves behind.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use retrograd::nn::checkpoint::write_atomically;

use crate::program::failure::Failure;

/// The file that marks a folder as a run's.
pub(crate) const CONFIG: &str = "config.toml";
/// A line of JSON an epoch.
pub(crate) const METRICS: &str = "metrics.jsonl";
/// What the training came to.
pub(crate) const RESULT: &str = "result.json";
/// The trained parameters.
pub(crate) const MODEL: &str = "model.safetensors";
/// The page that shows it all.
pub(crate) const REPORT: &str = "report.html";
/// The losses.
pub(crate) const LOSS: &str = "loss.svg";
/// Samples and their reconstructions, as images or rows.
pub(crate) const RECONSTRUCTIONS: &str = "reconstructions.png";
/// The same as points, seen along z and along y.
pub(crate) const RECONSTRUCTIONS_XY: &str = "reconstructions-xy.svg";
pub(crate) const RECONSTRUCTIONS_XZ: &str = "reconstructions-xz.svg";
/// The terms of the loss.
pub(crate) const TERMS: &str = "terms.svg";
/// What is watched beside the loss, and weights of terms that change.
pub(crate) const WATCHED: &str = "watched.svg";
pub(crate) const WEIGHTS: &str = "weights.svg";
/// The network after every phase.
pub(crate) const PHASES: &str = "phases.png";
/// The weights of the first layer.
pub(crate) const FILTERS: &str = "filters.png";
/// How often each value of the code occurs, and how busy each unit is.
pub(crate) const CODES: &str = "codes.svg";
/// Maps of the codes: as they are, flattened, and with neighbours kept together.
pub(crate) const LATENT: &str = "latent.svg";
pub(crate) const LATENT_PRINCIPAL: &str = "latent-pca.svg";
pub(crate) const LATENT_NEIGHBOURS: &str = "latent-tsne.svg";
/// Singular values of the derivative of the code.
pub(crate) const JACOBIAN: &str = "jacobian.svg";
/// Samples with noise and without, and the error that is left.
pub(crate) const DENOISED: &str = "denoised.png";
pub(crate) const NOISE: &str = "noise.svg";
/// New samples, as images or rows and as points.
pub(crate) const SAMPLES: (&str, &str) = ("samples.png", "samples.svg");
/// The same of codes from a normal distribution that is fitted to codes, and from a mixture.
pub(crate) const SAMPLES_NORMAL: (&str, &str) = ("samples-normal.png", "samples-normal.svg");
pub(crate) const SAMPLES_MIXTURE: (&str, &str) = ("samples-mixture.png", "samples-mixture.svg");
/// The plane of a code of two numbers.
pub(crate) const MANIFOLD: &str = "manifold.png";
/// What lies between samples.
pub(crate) const INTERPOLATIONS: &str = "interpolations.png";
/// What each unit of the code carries: nats, or variance; how often units fire and symbols occur.
pub(crate) const DIVERGENCES: &str = "divergences.svg";
pub(crate) const UNITS: &str = "units.svg";
pub(crate) const FIRING: &str = "firing.svg";
pub(crate) const SYMBOLS: &str = "symbols.svg";
/// What each unit does, and which go together.
pub(crate) const TRAVERSAL: &str = "traversal.png";
pub(crate) const CORRELATIONS: &str = "correlations.png";
/// Samples and reconstructions along principal components, and the variance they keep.
pub(crate) const PROJECTIONS: &str = "projections.svg";
pub(crate) const EXPLAINED: &str = "explained.svg";
/// Where the run can go on.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// Curves for TensorBoard.
pub(crate) const TENSORBOARD: &str = "tensorboard";
/// What the files of exhibits begin with, and of measures over the epochs.
const EXHIBIT: &str = "exhibit-";
const MEASURED: &str = "measured-";

/// The file of a measure over the epochs.
pub(crate) fn measured(name: &str) -> String {
    format!("{MEASURED}{name}.svg")
}

/// The file of a phase that is not the last.
pub(crate) fn of_phase(phase: &str, file: &str) -> String {
    format!("{MEASURED}{}-{file}", phase.replace(' ', "-"))
}

/// The file of an exhibit.
pub(crate) fn exhibit(name: &str) -> String {
    format!("{EXHIBIT}{name}")
}

/// The files a run may write.
const FILES: [&str; 37] = [
    METRICS,
    RESULT,
    MODEL,
    REPORT,
    LOSS,
    RECONSTRUCTIONS,
    RECONSTRUCTIONS_XY,
    RECONSTRUCTIONS_XZ,
    TERMS,
    WATCHED,
    WEIGHTS,
    PHASES,
    FILTERS,
    CODES,
    LATENT,
    LATENT_PRINCIPAL,
    LATENT_NEIGHBOURS,
    JACOBIAN,
    DENOISED,
    NOISE,
    SAMPLES.0,
    SAMPLES.1,
    SAMPLES_NORMAL.0,
    SAMPLES_NORMAL.1,
    SAMPLES_MIXTURE.0,
    SAMPLES_MIXTURE.1,
    MANIFOLD,
    INTERPOLATIONS,
    DIVERGENCES,
    UNITS,
    FIRING,
    SYMBOLS,
    TRAVERSAL,
    CORRELATIONS,
    PROJECTIONS,
    EXPLAINED,
    // Last: as long as it is there, the folder is a run's.
    CONFIG,
];

/// The folders of which all is the run's.
const FOLDERS: [&str; 2] = [CHECKPOINTS, TENSORBOARD];

/// A folder of our own to write to.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Refuses a folder that a run must not be written to: one that holds anything else, ever, and
    /// one that holds a run, unless `overwrite`.
    pub(crate) fn check(path: &Path, overwrite: bool) -> Result<(), Failure> {
        if !path.exists() {
            return Ok(());
        }
        let entries = entries(path).map_err(|error| {
            refusal(
                path,
                &format!("the output folder cannot be read ({error}); choose another with --out"),
            )
        })?;
        let is_run = entries.iter().any(|name| name == CONFIG);
        match (entries.is_empty(), is_run, overwrite) {
            (true, ..) | (false, true, true) => Ok(()),
            (false, true, false) => Err(refusal(
                path,
                "a run is there already; choose another folder with --out, or replace it with --overwrite",
            )),
            (false, false, _) => Err(refusal(
                path,
                "the folder exists and is not a run's; choose another with --out",
            )),
        }
    }

    /// Makes the folder, or empties it of an earlier run if `overwrite`.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, Failure> {
        Self::check(path, overwrite)?;
        if path.exists() {
            remove_run(path).map_err(|error| {
                refusal(
                    path,
                    &format!("the earlier run cannot be removed ({error})"),
                )
            })?;
        }
        fs::create_dir_all(path).map_err(|error| {
            refusal(
                path,
                &format!("the output folder cannot be made ({error}); choose another with --out"),
            )
        })?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The folder of a run that is there.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if !path.join(CONFIG).is_file() {
            return Err(refusal(
                path,
                "no run is there to go on with: the folder has no config.toml",
            ));
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file of this name is, or will be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where the checkpoints of a phase are, counted from 1, or of the only one.
    pub(crate) fn checkpoints(&self, phase: Option<usize>) -> PathBuf {
        let folder = self.file(CHECKPOINTS);
        match phase {
            Some(number) => folder.join(format!("phase-{number}")),
            None => folder,
        }
    }

    /// Writes a whole file.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
        let path = self.file(name);
        write_atomically(&path, contents.as_ref()).map_err(|error| cannot_write(&path, &error))
    }

    /// A file to add lines to.
    pub(crate) fn lines(&self, name: &str) -> Result<LineFile, Failure> {
        let path = self.file(name);
        let file = File::options()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|error| cannot_write(&path, &error))?;
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
fn remove_run(folder: &Path) -> io::Result<()> {
    let folders = FOLDERS.iter().map(|name| folder.join(name));
    folders
        .filter(|folder| folder.exists())
        .try_for_each(fs::remove_dir_all)?;
    let others = entries(folder)?.into_iter();
    let others = others.filter(|name| [EXHIBIT, MEASURED].iter().any(|own| name.starts_with(own)));
    let written = FILES.iter().map(|name| folder.join(name));
    let written = written.chain(others.map(|name| folder.join(name)));
    written
        .filter(|file| file.exists())
        .try_for_each(fs::remove_file)
}

fn refusal(path: &Path, problem: &str) -> Failure {
    Failure::run(format!("{}: {problem}", path.display()))
}
