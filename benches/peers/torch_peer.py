"""PyTorch's side of the comparison; see protocol.py.

`--mode compile` answers for training alone, with the loss through torch.compile.
"""

import functools

import protocol

ARGS = protocol.options(modes=("eager", "compile"))
SYSTEM = "torch.compile" if ARGS.mode == "compile" else "torch"

try:
    import torch
except ImportError as error:
    protocol.say(system=SYSTEM, missing=str(error))
    raise SystemExit(0)

import torch_epochs
import torch_kernels
import torch_steps


def main():
    torch.set_num_threads(ARGS.threads)
    torch.manual_seed(0)
    if ARGS.mode == "compile":
        # Compiling takes long, so a network that is asked for again goes on where it was.
        suites = {
            "steps": functools.cache(lambda name: torch_steps.step(name, torch.compile)),
            "epochs": functools.cache(lambda name: torch_epochs.part(name, torch.compile)),
        }
    else:
        training = {"steps": torch_steps.step, "epochs": torch_epochs.part}
        suites = {**torch_kernels.SUITES, **training}
    protocol.serve(SYSTEM, torch.__version__, suites, ARGS)


main()
