//! One compilation of the tile kernel for each instruction set, chosen at run time.
//!
//! The kernel is portable Rust; inlined into a function with wider target features, the compiler
//! vectorises it for them. Neon needs no choice: every 64-bit Arm has it.

use super::{Plan, Scratch, Tile};
use crate::element::Element;
use crate::error::Result;

/// What is compiled for each instruction set. Each kernel is a function of its own: in one function
/// with all of them the compiler stops inlining.
pub(crate) trait Kernel: Sync {
    fn tile<E: Element, const FMA: bool>(
        &self,
        plan: &Plan<'_, E>,
        tile: Tile<'_, E>,
        scratch: &mut Scratch<E::Real>,
    ) -> Result<()>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Isa {
    /// The widest that this machine has (the standard library caches the answer).
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if avx512 {
                return Isa::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Isa::Avx2;
            }
        }
        Isa::Portable
    }

    pub fn run<K: Kernel, E: Element>(
        self,
        kernel: &K,
        plan: &Plan<'_, E>,
        tile: Tile<'_, E>,
        scratch: &mut Scratch<E::Real>,
    ) -> Result<()> {
        match self {
            // SAFETY: `detect` gives these only where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512::<K, E>(kernel, plan, tile, scratch) },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::<K, E>(kernel, plan, tile, scratch) },
            Isa::Portable => {
                kernel.tile::<E, { cfg!(target_arch = "aarch64") }>(plan, tile, scratch)
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn avx512<K: Kernel, E: Element>(
    kernel: &K,
    plan: &Plan<'_, E>,
    tile: Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
) -> Result<()> {
    kernel.tile::<E, true>(plan, tile, scratch)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<K: Kernel, E: Element>(
    kernel: &K,
    plan: &Plan<'_, E>,
    tile: Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
) -> Result<()> {
    kernel.tile::<E, true>(plan, tile, scratch)
}
