"""A tenth of an epoch of published recipes in PyTorch.

The recipes are those of `benches/src/suites/epochs.rs`: sizes, losses, optimisers, a new order of
60 000 images of uniform noise in each run. Of the ways there are in PyTorch, each was taken that was
faster on a CPU: the cross-entropy of logits and not of probabilities, the fused Adam (RMSprop has
none, and its `foreach` gains nothing), `index_select` and not `samples[indices]`, and images with
channels last.
"""

import functools
import re

import torch
import torch.nn.functional as F
from torch import nn

from torch_steps import IMAGE, PICTURE, Variational, adam, convolutional, cross_entropy_of_logits
from torch_steps import evidence, perceptron

SAMPLES = 60_000
NAME = re.compile(r"row (\d+), (\d+) of \d+ batches of (\d+)")


@functools.cache
def images():
    return torch.rand(SAMPLES, IMAGE)


def rms_prop(network):
    return torch.optim.RMSprop(network.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)


def nats_per_sample(network, x):
    return evidence(network, x) / x.shape[0]


def deep():
    network = perceptron([IMAGE, 128, 32, 128, IMAGE], nn.ReLU)
    return network, cross_entropy_of_logits, adam(network), images()


def simple():
    network = perceptron([IMAGE, 32, IMAGE], nn.ReLU)
    return network, cross_entropy_of_logits, adam(network), images()


def convolutions():
    network, loss, _, _ = convolutional()
    network = network.to(memory_format=torch.channels_last)
    pictures = images().view(SAMPLES, *PICTURE).to(memory_format=torch.channels_last)
    return network, loss, adam(network), pictures


def plane():
    network = Variational([256], 2, nn.ReLU)
    return network, nats_per_sample, rms_prop(network), images()


def variational():
    network = Variational()
    return network, nats_per_sample, adam(network), images()


ROWS = {"2": deep, "3": simple, "8": convolutions, "13": plane, "17": variational}


def part(name, transform=lambda loss: loss):
    """A function whose every call puts the samples in a new order and trains on the first batches."""
    row, steps, batch = NAME.fullmatch(name).groups()
    steps, batch = int(steps), int(batch)
    network, loss, optimizer, samples = ROWS[row]()
    loss = transform(loss)

    def run():
        order = torch.randperm(SAMPLES)
        for indices in order[: steps * batch].split(batch):
            x = samples.index_select(0, indices)
            optimizer.zero_grad(set_to_none=True)
            loss(network, x).backward()
            optimizer.step()

    return run
