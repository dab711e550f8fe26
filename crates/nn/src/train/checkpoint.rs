//! A training that can go on, as two files.
//!
//! `NAME.safetensors` has all tensors: those of the model under PyTorch's names, and under `trainer/`
//! what the optimiser and others remember. `NAME.json` has all else: where the run stands, single
//! values, and length and checksum of the first file. It is written last and vouches for both, so a
//! checkpoint is there, whole, or it is not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use retrograd_tensor::{DType, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::best::Best;
use super::shelf::Shelf;
use super::standing::Standing;
use super::{Player, Trainer};
use crate::checkpoint::{
    self as files, CheckpointError, Disk, Stored, System, decode, encode, printable, write_on,
};
use crate::module::Module;
use crate::snapshot::{Snapshot, SnapshotError, Stateful, Value};

/// What says that a file is one of ours.
const FORMAT: &str = "retrograd training checkpoint";
/// Changes when older programs can no longer read what newer ones write.
const VERSION: u32 = 1;
/// In front of the names of tensors that are not the model's.
const TRAINER: &str = "trainer/";
/// Where players other than the first have what they remember.
const PLAYERS: &str = "players";

/// Everything that a training needs to go on to the bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// How far the run has come.
    pub standing: Standing,
    /// The seed of the run.
    pub seed: u64,
    model: Vec<(String, Stored)>,
    /// What optimiser, plateau and others remember.
    trainer: Snapshot,
}

/// The second file: what it says, as text, and the checksum of that text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    crc32c: u32,
    checkpoint: Box<RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: String,
    version: u32,
    retrograd: String,
    element: String,
    seed: u64,
    standing: Standing,
    values: BTreeMap<String, Value>,
    tensors: Tensors,
}

/// The first file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensors {
    file: String,
    bytes: u64,
    crc32c: u32,
}

impl Checkpoint {
    /// Writes `path` with `.json` and `.safetensors`, each whole or not at all.
    ///
    /// # Errors
    /// If one cannot be written; an earlier checkpoint of another name is then untouched.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        self.write_on(&System, path)
    }

    pub(super) fn write_on(&self, disk: &dyn Disk, path: &Path) -> Result<(), CheckpointError> {
        let (tensors, json) = (
            path.with_extension("safetensors"),
            path.with_extension("json"),
        );
        let bytes = self.tensors(&tensors)?;
        let text = self
            .sealed(&tensors, &bytes)
            .map_err(|error| CheckpointError::Format {
                path: json.clone(),
                reason: error.to_string(),
            })?;
        for (path, bytes) in [(tensors, bytes), (json, text)] {
            write_on(disk, &path, &bytes).map_err(|source| CheckpointError::Io { path, source })?;
        }
        Ok(())
    }

    fn tensors(&self, path: &Path) -> Result<Vec<u8>, CheckpointError> {
        let mut named = self.model.clone();
        let own = self.trainer.tensors.iter();
        named.extend(
            own.map(|(name, tensor)| (format!("{TRAINER}{name}"), Stored::Tensor(tensor.clone()))),
        );
        encode(&named).map_err(|error| CheckpointError::Format {
            path: path.into(),
            reason: error.to_string(),
        })
    }

    fn sealed(&self, tensors: &Path, bytes: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        let file = tensors.file_name().unwrap_or_default();
        let content = Content {
            format: FORMAT.to_owned(),
            version: VERSION,
            retrograd: env!("CARGO_PKG_VERSION").to_owned(),
            element: element(&self.model).unwrap_or_default().name().to_owned(),
            seed: self.seed,
            standing: self.standing.clone(),
            values: self.trainer.values.clone(),
            tensors: Tensors {
                file: file.to_string_lossy().into_owned(),
                bytes: bytes.len() as u64,
                crc32c: crc32c::crc32c(bytes),
            },
        };
        let checkpoint = serde_json::value::to_raw_value(&content)?;
        serde_json::to_vec(&Sealed {
            crc32c: crc32c::crc32c(checkpoint.get().as_bytes()),
            checkpoint,
        })
    }

    /// Reads what [`write`](Self::write) wrote to `path` with `.json`.
    ///
    /// # Errors
    /// If a file cannot be read, is damaged, is no checkpoint, or one of another version or element
    /// type.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let path = path.with_extension("json");
        let content = unsealed(&path, &bytes_of(&path)?)?;
        let format = |reason: String| CheckpointError::Format {
            path: path.clone(),
            reason,
        };
        let Tensors {
            file,
            bytes,
            crc32c,
        } = content.tensors;
        if Path::new(&file).file_name() != Some(file.as_ref()) {
            let name = printable(&file);
            return Err(format(format!(
                "`{name}` is not the name of a file beside it"
            )));
        }
        let tensors = path.with_file_name(file);
        let found = bytes_of(&tensors)?;
        if found.len() as u64 != bytes || crc32c::crc32c(&found) != crc32c {
            let problem = format!(
                "it is not the file of {bytes} bytes that {} names",
                path.display()
            );
            return Err(CheckpointError::Damaged {
                path: tensors,
                problem,
            });
        }
        let (model, trainer) = parted(decode(&tensors, &found)?);
        Ok(Self {
            standing: content.standing,
            seed: content.seed,
            model,
            trainer: Snapshot {
                tensors: trainer,
                values: content.values,
            },
        })
    }

    /// Reads the second file alone, from bytes; whether it is in order.
    ///
    /// # Errors
    /// If it is damaged, no checkpoint, or one of another version.
    pub fn check_json(bytes: &[u8]) -> Result<Standing, CheckpointError> {
        Ok(unsealed(Path::new("bytes"), bytes)?.standing)
    }

    /// Sets the weights and buffers of `model`.
    ///
    /// # Errors
    /// If they are not those of the checkpoint by name, shape and element type; nothing is changed then.
    pub fn set_model(&self, model: &dyn Module) -> Result<(), CheckpointError> {
        let needed = model.params().first().map(|(_, param)| param.dtype());
        if let (Some(found), Some(needed)) = (element(&self.model), needed)
            && found != needed
        {
            return Err(CheckpointError::Format {
                path: "the checkpoint".into(),
                reason: format!("its numbers are {found}, and {needed} are needed here"),
            });
        }
        files::set(model, Path::new("the checkpoint"), &self.model)
    }
}

/// The element type of a model's tensors.
fn element(model: &[(String, Stored)]) -> Option<DType> {
    model.iter().find_map(|(_, stored)| match stored {
        Stored::Tensor(tensor) => Some(tensor.dtype()),
        Stored::Count(_) => None,
    })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    fs::read(path).map_err(|source| CheckpointError::Io {
        path: path.into(),
        source,
    })
}

/// What the second file says, if it is what was written and this version reads it.
fn unsealed(path: &Path, bytes: &[u8]) -> Result<Content, CheckpointError> {
    let damaged = |problem: String| CheckpointError::Damaged {
        path: path.into(),
        problem,
    };
    let unreadable = |error: serde_json::Error| damaged(printable(&error.to_string()));
    let sealed: Sealed = serde_json::from_slice(bytes).map_err(unreadable)?;
    let text = sealed.checkpoint.get();
    if crc32c::crc32c(text.as_bytes()) != sealed.crc32c {
        return Err(damaged("its checksum is wrong".to_owned()));
    }
    /// The part that all versions share.
    #[derive(Deserialize)]
    struct Head {
        format: String,
        version: u32,
    }
    let head: Head = serde_json::from_str(text).map_err(unreadable)?;
    if head.format != FORMAT || head.version != VERSION {
        return Err(CheckpointError::Unsupported {
            path: path.into(),
            problem: format!(
                "it is `{}`, version {}; this program reads `{FORMAT}`, version {VERSION}",
                printable(&head.format),
                head.version
            ),
        });
    }
    serde_json::from_str(text).map_err(unreadable)
}

type Named<V> = Vec<(String, V)>;

/// What belongs to the model, and what to the trainer.
fn parted(stored: Named<Stored>) -> (Named<Stored>, BTreeMap<String, Tensor>) {
    let mut model = Vec::new();
    let mut trainer = BTreeMap::new();
    for (name, value) in stored {
        match (name.strip_prefix(TRAINER), value) {
            (Some(rest), Stored::Tensor(tensor)) => {
                trainer.insert(rest.to_owned(), tensor);
            }
            (_, value) => model.push((name, value)),
        }
    }
    (model, trainer)
}

impl<V> Trainer<'_, V> {
    /// Everything that is needed to go on from here.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let mut model = files::stored(self.model);
        model.sort_by(|(a, _), (b, _)| a.cmp(b));
        Checkpoint {
            standing: self.standing.clone(),
            seed: self.seed,
            model,
            trainer: self.snapshot(),
        }
    }

    /// Goes on from a checkpoint: the next [`fit`](Self::fit) gives what it would have given there,
    /// to the bit, if players, schedules and data are those of then.
    ///
    /// # Errors
    /// If seed, model, players or optimisers are not those of the checkpoint; nothing is changed then.
    pub fn resume(&mut self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let mismatch = |problem: String| CheckpointError::Mismatch {
            path: "the checkpoint".into(),
            problem,
        };
        if checkpoint.seed != self.seed {
            let (there, here) = (checkpoint.seed, self.seed);
            return Err(mismatch(format!(
                "its seed is {there}, and here it is {here}"
            )));
        }
        let before = self.snapshot();
        let restored = self
            .restore(&checkpoint.trainer)
            .map_err(|error| mismatch(error.to_string()))
            .and_then(|()| checkpoint.set_model(self.model));
        if let Err(error) = restored {
            // It was ours a moment ago, so it fits.
            let _ = self.restore(&before);
            return Err(error);
        }
        self.standing = checkpoint.standing.clone();
        self.last = None;
        Ok(())
    }
}

/// What a player remembers, in a snapshot: the first one's directly, others' under their names.
fn of_player<V>(player: &Player<'_, V>, what: &str) -> String {
    if player.is_first() {
        what.to_owned()
    } else {
        format!("{PLAYERS}/{}/{what}", player.name())
    }
}

/// Optimisers, plateaus, patience, average and the model after its best epoch, under these names.
impl<V> Stateful for Trainer<'_, V> {
    fn snapshot(&self) -> Snapshot {
        let mut all = Snapshot::new();
        for player in &self.players {
            let optimizer = player.optimizer.snapshot();
            all = all.nest(&of_player(player, "optimizer"), optimizer);
            if let Some(plateau) = &player.plateau {
                all = all.nest(&of_player(player, "plateau"), plateau.snapshot());
            }
        }
        if let Some(stopping) = &self.stopping {
            all = all.nest("stopping", stopping.snapshot());
        }
        if let Some(average) = &self.average {
            all = all.nest("average", average.snapshot());
        }
        if let Some(shelf) = &self.saving {
            all = all.nest("shelf", shelf.snapshot());
        }
        if let Some(best) = &self.best {
            all = all.nest("best", best.snapshot());
        }
        all
    }

    /// A part that was not in use then starts afresh, and one that is not in use now is left out. After
    /// an error some parts may be those of the snapshot.
    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let used = |name: &str| Some(snapshot.part(name)).filter(|part| !part.values.is_empty());
        self.know_players(snapshot)?;
        if let (Some(stopping), Some(part)) = (&mut self.stopping, used("stopping")) {
            stopping.restore(&part)?;
        }
        if let Some(best) = &mut self.best {
            best.set(Best::read(&snapshot.part("best"), self.model)?);
        }
        if let (Some(average), Some(part)) = (&mut self.average, used("average")) {
            average.restore(&part)?;
        }
        for player in &mut self.players {
            let plateau = used(&of_player(player, "plateau"));
            if let (Some(plateau), Some(part)) = (&mut player.plateau, plateau) {
                plateau.restore(&part)?;
            }
            let optimizer = snapshot.part(&of_player(player, "optimizer"));
            player.optimizer.restore(&optimizer)?;
        }
        if let (Some(shelf), Some(part)) = (&mut self.saving, used("shelf")) {
            shelf.set_best(Shelf::best_of(&part)?);
        }
        Ok(())
    }
}

impl<V> Trainer<'_, V> {
    /// An error if a snapshot is of players that are not here.
    fn know_players(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let part = snapshot.part(PLAYERS);
        let is_known = |name: &str| {
            let mut players = self.players.iter();
            players.any(|player| {
                let rest = name.strip_prefix(player.name());
                !player.is_first() && rest.is_some_and(|rest| rest.starts_with('/'))
            })
        };
        let names = part.values.keys().filter(|name| !is_known(name));
        let names: Vec<String> = names.map(|name| format!("{PLAYERS}/{name}")).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(SnapshotError::Extra { names })
    }
}
