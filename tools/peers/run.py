"""A training that is repeated: its files, its parameters, and dense layers of these."""

import tomllib

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Run:
    """What a folder holds, and the parameters that have been asked for."""

    def __init__(self, folder, dtype):
        record = tomllib.loads((folder / "options.toml").read_text())
        self.variant, self.rate, self.options = record["variant"], record["rate"], record["options"]
        load = lambda name: {path: own.to(dtype) for path, own in load_file(folder / f"{name}.safetensors").items()}
        self.start, self.end = load("start"), load("end")
        self.arrays = {path.stem: torch.from_numpy(numpy.load(path)).to(dtype) for path in folder.glob("*.npy")}
        self.losses = torch.from_numpy(numpy.load(folder / "losses.npy"))
        self.steps = len(self.losses)
        self.x = self.arrays["x"]
        self.batches = self.x.reshape(self.steps, -1, self.x.shape[1])
        self.found, self.followed = {}, {}

    def param(self, name):
        """A parameter, to be moved from where ours started."""
        if name not in self.found:
            self.found[name] = self.start[name].clone().requires_grad_()
        return self.found[name]

    def layers(self, half):
        """Weight and bias, if there is one, of each layer of a half."""
        names = [name for name in self.start if name.startswith(f"{half}.") and name.endswith("weight")]
        bias = lambda name: name.replace("weight", "bias")
        return [
            (self.param(name), self.param(bias(name)) if bias(name) in self.start else None)
            for name in sorted(names, key=lambda name: int(name.split(".")[1]))
        ]

    def train(self, objective, rate=1.0, before=lambda: None, after=lambda: None):
        """Steps of Adam on the loss of each step, with something done before and after each."""
        adam = torch.optim.Adam(self.found.values(), lr=rate * self.rate)
        losses = []
        for step in range(self.steps):
            loss = objective(step)
            losses.append(loss.item())
            adam.zero_grad()
            loss.backward()
            with torch.no_grad():
                before()
                adam.step()
                after()
        return losses


def squares(y, x):
    """Squared error of a sample: summed over features, averaged over the batch."""
    return (y - x).square().sum(1).mean()


def largest(rows, k):
    """All but the k largest of each row set to 0."""
    values, places = rows.topk(k, 1)
    return torch.zeros_like(rows).scatter(1, places, values)


UNITS = {"elu": F.elu, "relu": F.relu, "leaky-relu": F.leaky_relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


class Body:
    def __init__(self, run, halves=("encoder", "decoder")):
        self.units = UNITS[run.options["activation"]]
        assert run.options.get("output", "real") == "real"
        self.halves = {half: run.layers(half) for half in halves}

    def run(self, half, x):
        layers = self.halves[half]
        for weight, bias in layers[:-1]:
            x = self.units(F.linear(x, weight, bias))
        return F.linear(x, *layers[-1])


def discrepancy(a, b):
    """The square of the maximum mean discrepancy of two samples, by inverse multiquadrics of seven widths."""

    def kernel(a, b):
        apart = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(2)
        widths = [2 * a.shape[1] * scale for scale in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
        return sum(width / (width + apart) for width in widths)

    def within(a):
        # Without what a code has with itself.
        all = kernel(a, a)
        return (all.sum() - all.diagonal().sum()) / (len(a) * (len(a) - 1))

    return within(a) + within(b) - 2 * kernel(a, b).mean()
