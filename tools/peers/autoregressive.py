"""Each number told from those before it in an order."""

import torch
import torch.nn.functional as F

from run import UNITS


def made(run):
    units, features = UNITS[run.options["activation"]], run.x.shape[1]
    # Of inputs and outputs 1 to D, by their place; of hidden units 1 to D - 1, evenly.
    places = run.start["order"] + 1
    numbers = [places]
    for width in run.options["hidden"]:
        numbers.append(1 + torch.arange(width) * (features - 1) // width)
    masks = [(to[:, None] >= source).to(run.x.dtype) for source, to in zip(numbers, numbers[1:])]
    last = (places[:, None] > numbers[-1]).to(run.x.dtype)
    hidden = run.layers("hidden")
    output = run.param("output.weight"), run.param("output.bias")
    direct = run.param("direct.weight") if run.options["direct"] else None
    before = (places[:, None] > places).to(run.x.dtype)

    def objective(step):
        x = h = run.batches[step]
        for mask, (weight, bias) in zip(masks, hidden, strict=True):
            h = units(F.linear(h, mask * weight, bias))
        logits = F.linear(h, last * output[0], output[1])
        if direct is not None:
            logits = logits + F.linear(x, before * direct)
        return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()

    return run.train(objective)
