"""How the peers are asked and how they answer.

A peer reads questions, `SUITE NAME` a line, from standard input and answers each with a JSON
object on a line: `seconds` (median) and `best` of one run, or `skipped` with a reason. Its first
line says which system and version it is. The questions come from the programs of the package:

    cargo run --release -p retrograd-benches --bin steps -- --list | python torch_peer.py

Timing follows `benches/src/timing.rs`: a warm-up, then 7 samples of several runs each.
"""

import argparse
import json
import sys
import time

SAMPLES = 7
WARM_UP_RUNS = 3
WARM_UP_SHARE = 0.1


class Skipped(Exception):
    """The system has no counterpart of a case; the message says why."""


def options(modes=("eager",)):
    """The command line of a peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="a measurement takes this long")
    parser.add_argument("--mode", choices=modes, default=modes[0])
    return parser.parse_args()


def timed(run, count):
    start = time.perf_counter()
    for _ in range(count):
        run()
    return time.perf_counter() - start


def measure(run, budget):
    """Median and least time of a run, in seconds."""
    for _ in range(WARM_UP_RUNS):
        run()
    count = 1
    while (elapsed := max(timed(run, count), 1e-9)) < budget * WARM_UP_SHARE:
        count *= 2
    sample = budget * (1 - WARM_UP_SHARE) / SAMPLES
    count = max(1, int(sample / (elapsed / count)))
    samples = sorted(timed(run, count) / count for _ in range(SAMPLES))
    return samples[SAMPLES // 2], samples[0]


def say(**fields):
    print(json.dumps(fields), flush=True)


def serve(system, version, suites, args):
    """Answers questions until there are no more.

    `suites` maps the name of a suite to a function from the name of a case to what is to be
    measured: a function without arguments whose every call is a run.
    """
    say(system=system, version=version)
    for line in sys.stdin:
        suite, _, name = line.strip().partition(" ")
        answer = dict(suite=suite, name=name, system=system, threads=args.threads)
        try:
            if suite not in suites:
                raise Skipped(f"no suite {suite}")
            if name.startswith("mixed "):
                raise Skipped("mixed precision is measured of ours alone")
            seconds, best = measure(suites[suite](name), args.seconds)
            say(**answer, seconds=seconds, best=best)
        except Skipped as reason:
            say(**answer, skipped=str(reason))
        except Exception as error:  # a peer that fails at one case may do well at the next
            say(**answer, skipped=f"{type(error).__name__}: {error}".splitlines()[0])


def product(name):
    """`W1 forward NT 256x784x128` as ("NT", 256, 784, 128)."""
    *_, transposition, shape = name.split()
    return (transposition, *sizes(shape))


def reduction(name):
    """`sum rows 256x784` as ("sum", "rows", (256, 784))."""
    function, axis, shape = name.split()
    return function, axis, sizes(shape)


def sizes(text):
    return tuple(map(int, text.split("x")))


def convolution(name):
    """`W6 conv forward 128x1x28x28 16x1x3x3 stride 1 padding 1` as its parts, without the network:
    ("conv", "forward", (128, 1, 28, 28), (16, 1, 3, 3), 1, 1)."""
    _, kind, part, images, weight, _, stride, _, padding = name.split()
    return kind, part, sizes(images), sizes(weight), int(stride), int(padding)


def around(name):
    """`pool forward 128x16x28x28` as ("pool", "forward", (128, 16, 28, 28)); None if the name is of
    another kind."""
    operation, part, images, *rest = name.split()
    return None if rest else (operation, part, sizes(images))
