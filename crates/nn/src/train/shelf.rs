//! A folder of checkpoints: when they are written, and which are kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::checkpoint::Checkpoint;
use super::observer::Observer;
use super::{TrainError, Trainer};
use crate::checkpoint::{CheckpointError, Disk, System, UNFINISHED};
use crate::snapshot::{Snapshot, SnapshotError};

/// How names of checkpoints begin.
const STEP: &str = "step";
/// How that of the best epoch's begins.
const BEST: &str = "best";

/// How often something is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Every {
    /// After so many steps.
    Steps(u64),
    /// After so many epochs.
    Epochs(u64),
    /// When so many seconds have passed.
    Seconds(f64),
}

/// Keeps the last few checkpoints of a run in a folder, and the best.
///
/// Files are called by their step, `step-00001234`; that of the epoch that was judged
/// best is `best-00001234`, written when the next one is due. A checkpoint never takes the place of
/// another, so that whatever fails, those of before are whole.
#[doc(alias = "ModelCheckpoint")]
pub struct Shelf {
    folder: PathBuf,
    every: Every,
    last: usize,
    keeps_best: bool,
    best: Option<f64>,
    saved: Instant,
    disk: Box<dyn Disk>,
}

/// The newest checkpoint that is whole, and what was wrong with newer ones.
#[derive(Debug)]
pub struct Latest {
    /// Its file.
    pub path: PathBuf,
    /// What is in it.
    pub checkpoint: Checkpoint,
    /// Newer ones that are damaged.
    pub damaged: Vec<CheckpointError>,
}

impl Shelf {
    /// A shelf in this folder, which is made if it does not exist: a checkpoint an epoch, of which
    /// the last 3 are kept, and the best.
    ///
    /// What a process that was killed left unfinished there is removed.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, CheckpointError> {
        let folder = folder.into();
        let io = |source| CheckpointError::Io {
            path: folder.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(io)?;
        for name in names(&folder).map_err(io)? {
            if name.starts_with(UNFINISHED) {
                fs::remove_file(folder.join(name)).map_err(io)?;
            }
        }
        Ok(Self {
            folder,
            every: Every::Epochs(1),
            last: 3,
            keeps_best: true,
            best: None,
            saved: Instant::now(),
            disk: Box::new(System),
        })
    }

    /// How often a checkpoint is written.
    #[must_use]
    pub fn every(self, every: Every) -> Self {
        Self { every, ..self }
    }

    /// How many are kept besides the best, at least 1.
    #[must_use]
    pub fn keeping(self, last: usize) -> Self {
        Self {
            last: last.max(1),
            ..self
        }
    }

    /// Whether the best is kept.
    #[must_use]
    pub fn keeping_best(self, keeps_best: bool) -> Self {
        Self { keeps_best, ..self }
    }

    /// The checkpoint with the most steps that is whole; `None` if there is none at all.
    ///
    /// # Errors
    /// If the folder cannot be read, or every checkpoint in it is damaged.
    pub fn latest(folder: &Path) -> Result<Option<Latest>, CheckpointError> {
        Self::newest(folder, &[STEP, BEST])
    }

    /// That of the best epoch; `None` if there is none.
    ///
    /// # Errors
    /// As [`latest`](Self::latest).
    pub fn best(folder: &Path) -> Result<Option<Latest>, CheckpointError> {
        Self::newest(folder, &[BEST])
    }

    /// Removes checkpoints with more steps, for a training that goes on from one of before.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn forget_after(folder: &Path, last: u64) -> Result<(), CheckpointError> {
        let io = |source| CheckpointError::Io {
            path: folder.into(),
            source,
        };
        let names = names(folder).map_err(io)?;
        for kind in [STEP, BEST] {
            for step in steps(&names, kind).into_iter().filter(|step| *step > last) {
                remove(&file(folder, kind, step)).map_err(io)?;
            }
        }
        Ok(())
    }

    /// The newest of the first of these kinds of which there is one that is whole.
    fn newest(folder: &Path, kinds: &[&'static str]) -> Result<Option<Latest>, CheckpointError> {
        let io = |source| CheckpointError::Io {
            path: folder.into(),
            source,
        };
        let names = names(folder).map_err(io)?;
        let paths = kinds.iter().flat_map(|kind| {
            let newest_first = steps(&names, kind).into_iter().rev();
            newest_first.map(move |step| file(folder, kind, step))
        });
        let mut damaged = Vec::new();
        for path in paths {
            match Checkpoint::read(&path) {
                Ok(checkpoint) => {
                    return Ok(Some(Latest {
                        path,
                        checkpoint,
                        damaged,
                    }));
                }
                Err(error) => damaged.push(error),
            }
        }
        damaged.into_iter().next().map_or(Ok(None), Err)
    }

    /// Whether it is time for a checkpoint after a step.
    fn is_due_after_step(&self, steps: u64) -> bool {
        match self.every {
            Every::Steps(every) => every > 0 && steps.is_multiple_of(every),
            Every::Seconds(seconds) => self.saved.elapsed().as_secs_f64() >= seconds,
            Every::Epochs(_) => false,
        }
    }

    fn is_due_after_epoch(&self, epochs: u64) -> bool {
        match self.every {
            Every::Epochs(every) => epochs.is_multiple_of(every.max(1)),
            Every::Seconds(seconds) => self.saved.elapsed().as_secs_f64() >= seconds,
            Every::Steps(_) => false,
        }
    }

    /// Writes a checkpoint, then removes those that are no longer kept.
    fn put(&mut self, checkpoint: &Checkpoint) -> Result<PathBuf, CheckpointError> {
        let path = file(&self.folder, STEP, checkpoint.standing.steps);
        checkpoint.write_on(self.disk.as_ref(), &path)?;
        self.saved = Instant::now();
        // What cannot be removed is in nobody's way but the disk's.
        let _ = self.tidy(STEP, self.last, checkpoint.standing.steps);
        Ok(path)
    }

    /// Removes all of a kind but the last few, and tensors that no second file names.
    fn tidy(&self, kind: &str, last: usize, newest: u64) -> std::io::Result<()> {
        let names = names(&self.folder)?;
        let mut old = steps(&names, kind);
        old.retain(|&step| step <= newest);
        old.truncate(old.len().saturating_sub(last));
        for step in old {
            remove(&file(&self.folder, kind, step))?;
        }
        for name in names.iter().filter(|name| name.starts_with(kind)) {
            let json = self.folder.join(name).with_extension("json");
            if name.ends_with(".safetensors") && !json.exists() {
                let _ = fs::remove_file(self.folder.join(name));
            }
        }
        Ok(())
    }

    /// Takes note of what an epoch cost; whether its checkpoint is to be kept as the best.
    fn is_best(&mut self, cost: f64) -> bool {
        let is_best = self.keeps_best && cost < self.best.unwrap_or(f64::INFINITY);
        if is_best {
            self.best = Some(cost);
        }
        is_best
    }

    fn put_best(&self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let step = checkpoint.standing.steps;
        checkpoint.write_on(self.disk.as_ref(), &file(&self.folder, BEST, step))?;
        let _ = self.tidy(BEST, 1, step);
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn on(self, disk: impl Disk + 'static) -> Self {
        Self {
            disk: Box::new(disk),
            ..self
        }
    }
}

/// The best cost, as part of what a trainer remembers.
impl Shelf {
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::new().with("best", self.best.into_iter().collect::<Vec<_>>())
    }

    pub(super) fn best_of(part: &Snapshot) -> Result<Option<f64>, SnapshotError> {
        let mut reader = part.reader();
        let best = reader.numbers("best")?.first().copied();
        reader.finish()?;
        Ok(best)
    }

    pub(super) fn set_best(&mut self, best: Option<f64>) {
        self.best = best;
    }
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            folder,
            every,
            last,
            ..
        } = self;
        write!(f, "Shelf({}, {every:?}, the last {last})", folder.display())
    }
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?;
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// The steps that there are checkpoints of a kind of, in their order.
fn steps(names: &[String], kind: &str) -> Vec<u64> {
    let step = |name: &String| {
        let number = name.strip_prefix(kind)?.strip_prefix('-')?;
        number.strip_suffix(".json")?.parse().ok()
    };
    let mut steps: Vec<u64> = names.iter().filter_map(step).collect();
    steps.sort_unstable();
    steps
}

/// Removes both files of a checkpoint: in this order what is left, if the process dies between, is no
/// checkpoint.
fn remove(json: &Path) -> std::io::Result<()> {
    fs::remove_file(json)?;
    fs::remove_file(json.with_extension("safetensors"))
}

fn file(folder: &Path, kind: &str, step: u64) -> PathBuf {
    folder.join(format!("{kind}-{step:08}.json"))
}

impl<V> Trainer<'_, V> {
    /// Saves what there is now, if checkpoints are saved at all, and the best before it if there is a
    /// new one; never a model that an update has ruined.
    pub(super) fn save(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        if self.saving.is_none() {
            return Ok(());
        }
        self.check_parameters(self.standing.epoch())?;
        let checkpoint = self.checkpoint();
        let best = self.best_checkpoint.take();
        let Some(shelf) = &mut self.saving else {
            return Ok(());
        };
        if let Some(best) = best {
            shelf.put_best(&best).map_err(TrainError::Save)?;
        }
        let path = shelf.put(&checkpoint).map_err(TrainError::Save)?;
        self.last_checkpoint = None;
        observer.saved(&path).map_err(TrainError::Observer)
    }

    /// Saves what there was after the last epoch, if that is not saved yet.
    pub(super) fn save_last(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let (last, best) = (self.last_checkpoint.take(), self.best_checkpoint.take());
        let (Some(last), Some(shelf)) = (last, &mut self.saving) else {
            return Ok(());
        };
        if let Some(best) = best {
            shelf.put_best(&best).map_err(TrainError::Save)?;
        }
        let path = shelf.put(&last).map_err(TrainError::Save)?;
        observer.saved(&path).map_err(TrainError::Observer)
    }

    pub(super) fn save_after_step(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let steps = self.standing.steps;
        match &self.saving {
            Some(shelf) if shelf.is_due_after_step(steps) => self.save(observer),
            _ => Ok(()),
        }
    }

    pub(super) fn save_after_epoch(
        &mut self,
        cost: f64,
        is_over: bool,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let Some(shelf) = &mut self.saving else {
            return Ok(());
        };
        let is_best = shelf.is_best(cost);
        let is_due = shelf.is_due_after_epoch(self.standing.epochs);
        let checkpoint = Arc::new(self.checkpoint());
        if is_best {
            self.best_checkpoint = Some(Arc::clone(&checkpoint));
        }
        if is_due || is_over {
            return self.save(observer);
        }
        self.last_checkpoint = Some(checkpoint);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::faults;
    use crate::{Adam, DataLoader, Linear, Module, Optimizer, Reduction, Terms, loss};
    use retrograd_autograd::Var;
    use retrograd_tensor::{DType, Tensor, random};

    /// Trains for `epochs` epochs in all, going on from what is there.
    fn train(folder: &Path, epochs: u64, disk: impl Disk + 'static) -> Result<(), TrainError> {
        let model = Linear::new(3, 3, &mut random::rng(1));
        let objective =
            |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
        let data = Tensor::normal([8, 3], 0.0, 1.0, &mut random::rng(2), DType::F32);
        let loader = DataLoader::new(data, 4).unwrap();
        let shelf = Shelf::open(folder).unwrap().keeping(1).on(disk);
        let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, 3).saving(shelf);
        if let Some(latest) = Shelf::latest(folder).unwrap() {
            assert!(latest.damaged.is_empty(), "{:?}", latest.damaged);
            trainer.resume(&latest.checkpoint).unwrap();
        }
        trainer.fit(epochs, &loader, None, &mut ()).map(drop)
    }

    #[test]
    fn a_failing_disk_leaves_the_checkpoint_before() {
        for fault in faults::ALL {
            let folder = tempfile::tempdir().unwrap();
            train(folder.path(), 1, System).unwrap();
            let before = Shelf::latest(folder.path()).unwrap().unwrap();
            let text = train(folder.path(), 2, fault).unwrap_err().to_string();
            assert!(text.contains("injected") && !text.contains('\n'), "{text}");
            let after = Shelf::latest(folder.path()).unwrap().unwrap();
            assert!(after.damaged.is_empty(), "{fault:?}: {:?}", after.damaged);
            assert_eq!(after.checkpoint, before.checkpoint, "{fault:?}");
            // The disk works again, and so does the run.
            train(folder.path(), 2, System).unwrap();
            let after = Shelf::latest(folder.path()).unwrap().unwrap();
            assert_eq!(after.checkpoint.standing.epochs, 2, "{fault:?}");
        }
    }
}
