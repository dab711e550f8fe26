"""The ladder network: a classifier each of whose layers takes noise away from itself."""

import torch
import torch.nn.functional as F

from run import UNITS


def moments(z, told):
    """Mean and deviation of every unit, over the samples whose label is told and over the others: for each row."""
    pair = lambda part: (part.mean(0), (part.var(0, correction=0) + 1e-5).sqrt())
    return [torch.where(told[:, None], *own) for own in zip(pair(z[told]), pair(z[~told]))]


def normal(z, by):
    mean, deviation = by
    return (z - mean) / deviation


def denoise(noisy, u, numbers):
    """g(z, u) = (z - m(u)) v(u) + m(u)"""
    curve = lambda a: a[0] * (a[1] * u + a[2]).sigmoid() + a[3] * u + a[4]
    mean, share = curve(numbers[:5]), curve(numbers[5:])
    return (noisy - mean) * share + mean


def ladder(run):
    o, units = run.options, UNITS[run.options["activation"]]
    layers = range(1, len(o["hidden"]) + 2)
    # Of each layer; at 0, the sample, g alone.
    part = lambda name: [None] + [run.param(f"rungs.{layer - 1}.{name}") for layer in layers]
    up, down, beta = part("up.weight"), part("down.weight"), part("shift")
    g = [run.param("estimate")] + part("estimate")[1:]
    gamma = run.param("scale")
    prices = [o["lambda"], o["lambda-first"]] + [o["lambda-rest"]] * (len(layers) - 1)
    labels = run.arrays["labels"].long().view(run.steps, -1)
    weights = run.arrays["weights"].view(run.steps, -1, 1)

    def rise(x, told, noise):
        """z of all layers, the moments that each was normalised by, and the logits."""
        h = x + noise[0]
        z, scales = [h], [None]
        for layer in layers:
            before = h @ up[layer].T
            scales.append(moments(before, told))
            z.append(normal(before, scales[-1]) + noise[layer])
            h = z[-1] + beta[layer]
            if layer != layers[-1]:
                h = units(h)
        return z, scales, gamma * h

    def objective(step):
        x, y = run.batches[step], labels[step]
        told = y >= 0
        clean, scales, _ = rise(x, told, [0.0] * (len(layers) + 1))
        noisy, _, logits = rise(x, told, [run.arrays[f"noise-{layer}"][step] for layer in [0, *layers]])
        loss = F.cross_entropy(logits[told], y[told])
        below = logits.softmax(1)
        for layer in [*reversed(layers), 0]:
            estimate = denoise(noisy[layer], normal(below, moments(below, told)), g[layer])
            if layer > 0:
                below = estimate @ down[layer].T
                estimate = normal(estimate, scales[layer])
            loss = loss + prices[layer] * (weights[step] * (clean[layer] - estimate).square()).mean()
        return loss

    return run.train(objective)
