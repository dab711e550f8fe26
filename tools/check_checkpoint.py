#!/usr/bin/env python3
"""Opens the checkpoint of a run in PyTorch and compares what both programs compute.

    retrograd train deep                      # leaves runs/deep
    python3 tools/check_checkpoint.py runs/deep

The model is built anew from the run's config.toml, takes the parameters of model.safetensors as they
are, and computes codes and reconstructions of random samples. The program computes the same (through
`retrograd encode` and `reconstruct`), and the largest difference of both is printed; above the tolerance the
exit code is 1.

Needs PyTorch, which nothing else here does:

    python3 -m venv venv && venv/bin/pip install torch safetensors numpy
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import tomllib

try:
    import numpy
    import torch
    from safetensors.torch import load_file
except ImportError as missing:
    sys.exit(f"{missing}; install what this script needs with: pip install torch safetensors numpy")

# Both compute in 32 bits and add up in other orders: a few units of the seventh digit a layer.
TOLERANCE = 1e-5
SAMPLES = 64
ROOT = pathlib.Path(__file__).resolve().parent.parent


class Autoencoder(torch.nn.Module):
    """An encoder and a decoder under the names of the checkpoint."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x):
        code = self.encoder(x)
        return code, self.decoder(code)


def dense(widths, activation, last):
    """Linear layers with an activation between them, and `last` after the last if there is one."""
    layers = []
    for position, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        layers += [activation()] if position else []
        layers += [torch.nn.Linear(inputs, outputs)]
    return torch.nn.Sequential(*layers, *([last()] if last else []))


def build(config):
    """The model that a configuration describes."""
    variant, widths = config["variant"], config["layers"]
    table = config["kind"] == "table"
    relu, sigmoid = torch.nn.ReLU, torch.nn.Sigmoid
    # (activation of the hidden layers and the code, activation of the output)
    activations = {
        "linear": (None, None),
        "simple": (sigmoid if table else relu, sigmoid),
        "deep": (sigmoid if table else relu, relu if table else sigmoid),
    }
    if variant not in activations:
        sys.exit(f"this script does not know the variant {variant}; it knows {', '.join(activations)}")
    activation, output = activations[variant]
    middle = len(widths) // 2
    encoder = dense(widths[: middle + 1], activation, activation)
    return Autoencoder(encoder, dense(widths[middle:], activation, output))


def program_outputs(run, config, x, program):
    """What our program computes for x, which it reads and writes in the units of the run's data."""
    outputs = {}
    scaling = config.get("scaling", {"offset": [0.0], "scale": [1.0]})
    offset, scale = (numpy.array(scaling[name], numpy.float32) for name in ("offset", "scale"))
    with tempfile.TemporaryDirectory() as folder:
        inputs = pathlib.Path(folder) / "x.npy"
        numpy.save(inputs, x.numpy() * scale + offset)
        for command, name in (("encode", "code"), ("reconstruct", "y")):
            output = inputs.with_name(f"{name}.npy")
            files = ["--data", str(inputs), "--out", str(output)]
            subprocess.run([*program, command, str(run.resolve()), *files], check=True, cwd=ROOT)
            outputs[name] = numpy.load(output)
    outputs["y"] = (outputs["y"] - offset) / scale
    return {name: torch.from_numpy(values) for name, values in outputs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path, help="the folder that `retrograd train` left behind")
    parser.add_argument("--program", help="a built `retrograd`, instead of cargo run")
    options = parser.parse_args()
    cargo = ["cargo", "run", "--quiet", "--release", "-p", "retrograd", "--"]
    program = [options.program] if options.program else cargo

    config = tomllib.loads((options.run / "config.toml").read_text())
    model = build(config)
    model.load_state_dict(load_file(options.run / "model.safetensors"), strict=True)
    torch.manual_seed(0)
    x = torch.rand(SAMPLES, config["features"])
    with torch.no_grad():
        theirs = dict(zip(("code", "y"), model(x)))
    ours = program_outputs(options.run, config, x, program)

    worst = 0.0
    for name, expected in theirs.items():
        found = ours[name]
        if found.shape != expected.shape:
            sys.exit(f"{name}: shape {list(found.shape)}, and {list(expected.shape)} in PyTorch")
        scale = expected.abs().max().item() or 1.0
        difference = (found - expected).abs().max().item()
        worst = max(worst, difference / scale)
        print(f"{name}: largest difference {difference:.2e} of values up to {scale:.3g}")
    verdict = "same" if worst <= TOLERANCE else "DIFFERENT"
    print(f"{config['variant']} on {config['data']}: {verdict} (relative {worst:.2e}, tolerance {TOLERANCE:.0e})")
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
