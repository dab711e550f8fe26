//! The variants by family, a file each: the equation, what it changes, its source, its options and its
//! recipe. A new variant is a file and its name below.

use crate::registry::Card;

/// The modules of all variants, and the list of their cards.
macro_rules! families {
    ($($family:ident { $($variant:ident)* })*) => {
        $(
            pub(crate) mod $family {
                $(pub(crate) mod $variant;)*
            }
        )*

        /// The cards of all variants, family by family, parents before children.
        pub(crate) const FAMILIES: &[(&str, &[&Card])] = &[
            $((stringify!($family), &[$(&$family::$variant::CARD),*])),*
        ];
    };
}

families! {
    dense { linear undercomplete simple deep stacked tied greedy hashing }
    sparse { sparse_l1 sparse_kl overcomplete k_sparse winner_take_all }
    dictionary { dictionary_l1 topk batch_topk matryoshka jumprelu gated transcoder }
    robust { denoising contractive marginalised }
    convolutional { convolutional strided }
    matching { wae_mmd sliced cramer_wold rae }
    variational { variational beta annealed capacity beta_tc free_bits infovae dip vampprior conditional iwae miwae counts tabular }
    discrete { categorical joint m2 m1_m2 gmvae }
    autoregressive { made }
    tasks { svdd dec concrete ladder }
}
