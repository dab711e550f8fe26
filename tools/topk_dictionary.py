#!/usr/bin/env python3
"""Trains a TopK dictionary in PyTorch, by the algorithm of the variant `topk`, and prints what it found and how
long a step took: a peer to compare with.

    python3 tools/topk_dictionary.py                                  # 256 atoms, k 4, planted data
    python3 tools/topk_dictionary.py --features 768 --atoms 16384 --k 32 --batch 1024 --steps 10

Per step, as `topk` has it: z = s x - b with mean |s x|^2 = features; f = relu of the k largest of W z + c;
x^ = b + f D; mean square over features and batch; a 32nd of the same for what dead atoms make of the
residual, which is held fixed; the gradient of D projected, Adam, rows of D brought back to norm 1.
All operations are those that PyTorch has for dense matrices.

`--data FILE` and `--planted FILE` read samples and known atoms from NPY files. The last line is JSON: `cosine` (mean
over known atoms of the largest cosine with a found one), `explained`, `seconds` a step (median).

Needs PyTorch and NumPy:

    python3 -m venv venv && venv/bin/pip install torch numpy
"""

import argparse
import json
import statistics
import sys
import time

try:
    import numpy
    import torch
except ImportError as missing:
    sys.exit(f"{missing}; install what this script needs with: pip install torch numpy")

# Atoms that a planted sample is made of.
ACTIVE = 4


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--atoms", type=int, default=256)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=1580)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--alpha", type=float, default=1 / 32)
    parser.add_argument("--dead", type=int, default=20_000, help="samples without firing")
    parser.add_argument("--cool", type=float, default=1.0, help="share of the run after which the rate falls to 0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", help="samples, an NPY file of [samples, features]")
    parser.add_argument("--planted", help="known atoms, an NPY file of [atoms, features]")
    return parser.parse_args()


def planted(atoms, features, samples, generator):
    """Atoms of norm 1, and sums of a few of them with coefficients from 1/2 to 3/2."""
    directions = unit(torch.randn(atoms, features, generator=generator))
    chosen = torch.rand(samples, atoms, generator=generator).topk(ACTIVE, 1).indices
    sizes = 0.5 + torch.rand(samples, ACTIVE, generator=generator)
    return directions, (sizes.unsqueeze(-1) * directions[chosen]).sum(1)


def unit(rows):
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)


def largest(values, k):
    """All but the k largest of each row set to 0, and negative ones."""
    top, places = values.topk(k, 1)
    return torch.zeros_like(values).scatter(1, places, top.relu())


def main():
    args = options()
    torch.set_num_threads(args.threads)
    generator = torch.Generator().manual_seed(args.seed)
    known = None
    if args.data:
        x = torch.from_numpy(numpy.load(args.data)).float()
        args.features = x.shape[1]
        if args.planted:
            known = torch.from_numpy(numpy.load(args.planted)).float()
    else:
        known, x = planted(args.atoms, args.features, args.samples, generator)
    scale = (args.features / x.square().sum(1).mean()).sqrt()
    decoder = unit(torch.randn(args.atoms, args.features, generator=generator)).requires_grad_()
    encoder = decoder.detach().clone().requires_grad_()
    offset = torch.zeros(args.atoms, requires_grad=True)
    bias = (scale * x.mean(0)).clone().requires_grad_()
    idle = torch.zeros(args.atoms)
    adam = torch.optim.Adam([encoder, offset, decoder, bias], lr=args.rate)
    times, order = [], None
    for step in range(args.steps):
        at = step * args.batch % (len(x) // args.batch * args.batch)
        if at == 0:
            order = torch.randperm(len(x), generator=generator)
        batch = scale * x[order[at : at + args.batch]]
        share = step / args.steps
        for group in adam.param_groups:
            fall = (1 - share) / (1 - args.cool) if args.cool < 1 else 1.0
            group["lr"] = args.rate * min(1.0, fall)
        start = time.perf_counter()
        z = batch - bias
        values = torch.nn.functional.linear(z, encoder, offset)
        code = largest(values, args.k)
        y = code @ decoder + bias
        loss = (batch - y).square().mean()
        dead = idle > args.dead
        if args.alpha > 0 and (count := int(dead.sum())):
            held = (batch - y).detach()
            few = min(args.features // 2, count)
            own = largest(values.masked_fill(~dead, -torch.inf), few)
            loss = loss + args.alpha * (held - own @ decoder).square().mean()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        with torch.no_grad():
            # Of the gradient, what turns atoms and does not stretch them.
            decoder.grad -= (decoder.grad * decoder).sum(1, keepdim=True) * decoder
            adam.step()
            decoder /= decoder.norm(dim=1, keepdim=True).clamp_min(1e-12)
            idle = torch.where((code > 0).any(0), 0.0, idle + len(batch))
        times.append(time.perf_counter() - start)
    with torch.no_grad():
        sample = scale * x[:2000]
        y = largest(torch.nn.functional.linear(sample - bias, encoder, offset), args.k) @ decoder + bias
        explained = 1 - (sample - y).square().mean() / (sample - sample.mean(0)).square().mean()
        found = dict(explained=explained.item(), dead=int((idle > args.dead).sum()))
        if known is not None:
            found["cosine"] = (unit(known) @ unit(decoder).T).max(1).values.mean().item()
    print(json.dumps(dict(found, seconds=statistics.median(times[len(times) // 4 :]), steps=args.steps)))


main()
