//! The vectors of x86-64. All intrinsics of the project are in this folder.

mod avx2;
mod avx512;

pub use avx2::Avx2;
pub use avx512::Avx512;

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

pub(super) fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

pub(super) fn has_avx512_bf16() -> bool {
    has_avx512() && is_x86_feature_detected!("avx512bf16")
}

/// `methods! { fn add(a: V, b: V) -> V { _mm512_add_ps(a, b) } }` gives the method with `self`, the
/// attribute and the `unsafe` block that every intrinsic needs.
macro_rules! methods {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty $body:block)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($argument: $type),*) -> $output {
                // SAFETY: the token exists only where the machine has the instructions.
                unsafe { $body }
            }
        )*
    };
}
use methods;
