#!/usr/bin/env python3
"""Repeats trainings of variants in PyTorch, from their equations, and compares every loss and the last weights.

    cargo test --workspace --test variants peers        # writes target/tmp/peers, see tests/variants/peers.rs
    python3 tools/peers

Both programs start from the same weights and see the same batches (and normal draws and Gumbel noise, where
there are any); both make 20 steps of Adam. What is measured beforehand (scales, means, centres of a sphere,
targets of clusters) is measured here again. Every training is there in 32 and in 64 bits, and is repeated
three times:

    32, 32     ours in 32 bits, PyTorch in 32 bits
    32, 64     ours in 32 bits, PyTorch in 64 bits from the same start: what rounding alone makes of ours
    64, 64     both in 64 bits

Of each, `losses` is the largest |ours - theirs| / |theirs| of a loss of the 20 steps, and `weights` the largest
|ours - theirs| of a number of a tensor after them, over the largest number of that tensor; over all tensors
that were moved, and thresholds that follow the data.

The exit code is 1 where 64, 64 is above 1e-12, or both others are above 1e-6. (One may be: where a number
lies at a kink to the last bit, rounding decides on which side of it.)

Needs PyTorch, which nothing else here does:

    python3 -m venv venv && venv/bin/pip install torch safetensors numpy
"""

import argparse
import pathlib
import sys

try:
    import torch

    import autoregressive
    import dictionaries
    import discrete
    import distributions
    import ladder
    import points
    from run import Run
except ImportError as missing:
    sys.exit(f"{missing}; install what this script needs with: pip install torch safetensors numpy")

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SINGLE, DOUBLE = 1e-6, 1e-12

PEERS = {
    "topk": dictionaries.topk,
    "batch-topk": dictionaries.batch_topk,
    "matryoshka": dictionaries.batch_topk,
    "jumprelu": dictionaries.jumprelu,
    "gated": dictionaries.gated,
    "dictionary-l1": dictionaries.dictionary_l1,
    "transcoder": dictionaries.topk,
    "k-sparse": points.k_sparse,
    "winner-take-all": points.winner_take_all,
    "wae-mmd": points.wae_mmd,
    "sliced": points.sliced,
    "cramer-wold": points.cramer_wold,
    "rae": points.rae,
    "infovae": distributions.infovae,
    "dip": distributions.dip,
    "beta-tc": distributions.beta_tc,
    "free-bits": distributions.free_bits,
    "capacity": distributions.capacity,
    "vampprior": distributions.vampprior,
    "counts": distributions.counts,
    "tabular": distributions.tabular,
    "dec": points.dec,
    "svdd": points.svdd,
    "marginalised": points.marginalised,
    "made": autoregressive.made,
    "iwae": distributions.iwae,
    "miwae": distributions.miwae,
    "gmvae": distributions.gmvae,
    "m2": discrete.m2,
    "categorical": discrete.categorical,
    "joint": discrete.joint,
    "ladder": ladder.ladder,
    "concrete": discrete.concrete,
    "hashing": discrete.hashing,
}


def compare(folder, dtype):
    """How far apart losses are, and weights, and which of these most."""
    run = Run(folder, dtype)
    losses = torch.tensor(PEERS[run.variant](run), dtype=torch.float64)
    apart = ((run.losses - losses).abs() / losses.abs()).max().item()
    found = {name: own.detach() for name, own in run.found.items()}
    found |= {name: torch.tensor(own, dtype=torch.float64) for name, own in run.followed.items()}
    weights = {}
    for name, theirs in found.items():
        ours, theirs = run.end[name].double(), theirs.double()
        weights[name] = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    most = max(weights, key=weights.get)
    return apart, weights[most], most


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=ROOT / "target/tmp/peers")
    folder = parser.parse_args().folder
    torch.set_num_threads(1)
    names = sorted(path.name.removesuffix("-f32") for path in folder.glob("*-f32"))
    if not names:
        sys.exit(f"there is nothing in {folder}; cargo test --workspace --test variants peers writes it")
    print("| training | losses 32, 32 | weights | losses 32, 64 | weights | losses 64, 64 | weights |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    failed = []
    for name in names:
        pairs = (("f32", torch.float32), ("f32", torch.float64), ("f64", torch.float64))
        found = [compare(folder / f"{name}-{ours}", theirs) for ours, theirs in pairs]
        numbers = " | ".join(f"{losses:.1e} | {weights:.1e}" for losses, weights, _ in found)
        print(f"| {name} | {numbers} |")
        single, exact, double = (max(losses, weights) for losses, weights, _ in found)
        # A comparison with NaN is false.
        if not (min(single, exact) <= SINGLE and double <= DOUBLE):
            failed.append(f"{name} (most of {', '.join(most for _, _, most in found)})")
    if failed:
        sys.exit(f"further apart than {SINGLE} and {DOUBLE}: {', '.join(failed)}")


if __name__ == "__main__":
    main()
