//! Which instruction sets there are, and which one to use.

use std::fmt;
use std::sync::OnceLock;

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// What the compiler makes of plain code for the target; on x86-64, SSE2.
    Scalar,
    /// AVX2 with fused multiply-add: 8 `f32` or 4 `f64` at a time.
    Avx2,
    /// AVX-512 (F, BW, DQ, VL): 16 `f32` or 8 `f64` at a time.
    Avx512,
}

/// What the sizes of kernels follow from.
///
/// The caches are those of common machines with the instructions and not asked for: a sum is cut
/// where blocks end, so asking would make results differ between machines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    /// Bytes of a vector.
    pub(crate) vector: usize,
    /// Rows of a product's tile, and its vectors of columns: as many as the registers hold.
    pub(crate) tile: [usize; 2],
    /// Bytes of the first-level cache, and of the second-level cache.
    pub(crate) caches: [usize; 2],
}

impl Resources {
    /// Numbers of type `T` in a vector.
    pub(crate) const fn lanes<T>(&self) -> usize {
        self.vector / size_of::<T>()
    }
}

/// `RETROGRAD_ISA` asks for what cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}: found `{found}`, expected one of {}, which this machine has; unset it to use the best",
    Isa::VARIABLE,
    names(&Isa::available())
)]
pub struct IsaError {
    found: String,
}

impl Isa {
    /// Every instruction set, the best last.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];
    /// The environment variable that forces one.
    pub const VARIABLE: &str = "RETROGRAD_ISA";

    /// Its name, as `RETROGRAD_ISA` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// What there is of registers and caches.
    ///
    /// 8 x 3 vectors of AVX-512 are 24 multiply-adds for 11 loads, and 24 running sums are more than
    /// the 8 that two multiply-add units with a latency of 4 cycles need to be always busy. AVX2 has
    /// 16 registers: 6 x 2 vectors are 12 running sums, two columns and a factor, and one register is
    /// left. With 4 x 3 none would be, and the compiler keeps a running sum in memory, which costs
    /// more than half of the speed. Plain code leaves more to the compiler.
    pub(crate) const fn resources(self) -> Resources {
        let (vector, tile, caches) = match self {
            // Such as ARM's, or SSE2.
            Self::Scalar => (16, [4, 2], [32 << 10, 256 << 10]),
            // Haswell to Zen 3: 32 KB, 256 to 512 KB.
            Self::Avx2 => (32, [6, 2], [32 << 10, 256 << 10]),
            // Sapphire Rapids: 48 KB and 2 MB; Zen 4: 32 KB and 1 MB.
            Self::Avx512 => (64, [8, 3], [48 << 10, 2 << 20]),
        };
        Resources {
            vector,
            tile,
            caches,
        }
    }

    /// Those that this machine has, the best last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|isa| isa.is_available())
            .collect()
    }

    /// Whether this machine has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::x86_64::has_avx2(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::x86_64::has_avx512(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// Whether it has an instruction that multiplies pairs of bf16s on this machine: AVX512-BF16.
    pub(crate) fn multiplies_bf16(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::x86_64::has_avx512_bf16(),
            _ => false,
        }
    }

    /// The best that this machine has, or the one that `RETROGRAD_ISA` names.
    ///
    /// # Errors
    /// If the variable names none of this machine.
    pub fn detect() -> Result<Self, IsaError> {
        match std::env::var_os(Self::VARIABLE) {
            Some(name) if !name.is_empty() => Self::named(&name.to_string_lossy()),
            _ => Ok(Self::available().pop().unwrap_or(Self::Scalar)),
        }
    }

    fn named(name: &str) -> Result<Self, IsaError> {
        Self::available()
            .into_iter()
            .find(|isa| isa.name() == name)
            .ok_or_else(|| IsaError {
                found: name.to_owned(),
            })
    }

    /// The one in use, [detected](Self::detect) once.
    ///
    /// # Panics
    /// If `RETROGRAD_ISA` names none of this machine; programs check that with
    /// [`detect`](Self::detect) first.
    #[inline]
    #[must_use]
    pub fn current() -> Self {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            #[cfg(unoptimized)]
            warn_of_slow_kernels();
            Self::detect().unwrap_or_else(|error| panic!("{error}"))
        })
    }
}

/// What a library can do about a profile that is not its own: say what to write.
#[cfg(unoptimized)]
fn warn_of_slow_kernels() {
    eprintln!(
        "warning: retrograd-tensor is compiled without optimisation, which makes it some 70 times slower; \
         in Cargo.toml of your workspace write\n\n    [profile.dev.package.\"*\"]\n    opt-level = 3\n"
    );
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn names(sets: &[Isa]) -> String {
    let names: Vec<&str> = sets.iter().map(|isa| isa.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        let message = Isa::named("avx3").unwrap_err().to_string();
        assert!(
            message.starts_with("RETROGRAD_ISA: found `avx3`, expected one of scalar"),
            "{message}"
        );
        assert_eq!(Isa::named("scalar"), Ok(Isa::Scalar));
    }
}
