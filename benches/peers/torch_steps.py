"""Training steps of the networks W1 to W9 in PyTorch.

The definitions are those of `benches/src/networks`: sizes, losses, optimisers, batches of uniform
numbers that the steps go round. Adam is the fused one, PyTorch's fastest on a CPU.
"""

import torch
import torch.nn.functional as F
from torch import nn

BATCHES = 8
IMAGE = 784
PICTURE = (1, 28, 28)


def perceptron(sizes, between, last=nn.Identity):
    """Layers of these sizes with an activation between them and one after the last."""
    layers = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(inputs, outputs), between()]
    return nn.Sequential(*layers[:-1], last())


def adam(network, rate=1e-3):
    return torch.optim.Adam(network.parameters(), lr=rate, fused=True)


def squares(network, x):
    return F.mse_loss(network(x), x)


def cross_entropy(network, x):
    return F.binary_cross_entropy(network(x), x)


def cross_entropy_of_logits(network, x):
    return F.binary_cross_entropy_with_logits(network(x), x)


def deep():
    network = perceptron([IMAGE, 128, 32, 128, IMAGE], nn.ReLU, nn.Sigmoid)
    return network, cross_entropy, adam(network), (256, IMAGE)


def squares_with_weight_cost(network, x):
    weights = (p for p in network.parameters() if p.dim() == 2)
    return squares(network, x) + 1e-3 * sum((w * w).sum() for w in weights)


def stacked():
    network = perceptron([IMAGE, 300, 150, 300, IMAGE], nn.ELU)
    return network, squares_with_weight_cost, adam(network, 1e-2), (150, IMAGE)


class Variational(nn.Module):
    def __init__(self, hidden=(500, 500), codes=20, between=nn.ELU):
        super().__init__()
        self.encoder = perceptron([IMAGE, *hidden], between, between)
        self.mean = nn.Linear(hidden[-1], codes)
        self.log_variance = nn.Linear(hidden[-1], codes)
        self.decoder = perceptron([codes, *reversed(hidden), IMAGE], between)


def evidence(network, x):
    h = network.encoder(x)
    mean, log_variance = network.mean(h), network.log_variance(h)
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(log_variance)
    error = F.binary_cross_entropy_with_logits(network.decoder(z), x, reduction="sum")
    return error + 0.5 * torch.sum(torch.exp(log_variance) + mean * mean - 1 - log_variance)


def variational():
    network = Variational()
    return network, evidence, adam(network), (150, IMAGE)


def tabular():
    network = perceptron([18, 15, 11, 11, 8, 11, 11, 15, 18], nn.Sigmoid, nn.ReLU)
    return network, squares, torch.optim.Adadelta(network.parameters(), lr=1.0), (1000, 18)


def linear():
    network = perceptron([3, 2, 3], nn.Identity)
    return network, squares, adam(network, 1e-2), (100, 3)


def convolutional():
    conv = lambda inputs, outputs: nn.Conv2d(inputs, outputs, 3, padding=1)
    network = nn.Sequential(
        *(conv(1, 16), nn.ReLU(), nn.MaxPool2d(2)),
        *(conv(16, 8), nn.ReLU(), nn.MaxPool2d(2)),
        *(conv(8, 8), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)),
        *(conv(8, 8), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(conv(8, 8), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Upsample(scale_factor=2)),
        conv(16, 1),
    )
    return network, cross_entropy_of_logits, adam(network), (128, *PICTURE)


class Pair(nn.Module):
    """An encoder and a decoder of one layer each."""

    def __init__(self, inputs, codes):
        super().__init__()
        self.encoder = nn.Linear(inputs, codes)
        self.decoder = nn.Linear(codes, inputs)


def contraction(network, x):
    h = torch.sigmoid(network.encoder(x))
    slope = h * (1 - h)
    penalty = torch.sum((slope**2) @ (network.encoder.weight**2).sum(1)) / x.shape[0]
    return F.binary_cross_entropy_with_logits(network.decoder(h), x) + 1e-4 * penalty


def contractive():
    network = Pair(IMAGE, 500)
    return network, contraction, adam(network), (128, IMAGE)


def squares_of_largest(network, x):
    codes = network.encoder(x - network.decoder.bias)
    values, places = codes.topk(32, dim=-1)
    kept = torch.zeros_like(codes).scatter_(-1, places, F.relu(values))
    return F.mse_loss(network.decoder(kept), x)


def sparse():
    network = Pair(256, 4096)
    return network, squares_of_largest, adam(network), (512, 256)


def strided():
    network = nn.Sequential(
        *(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(64 * 49, 16)),
        *(nn.Linear(16, 64 * 49), nn.Unflatten(1, (64, 7, 7)), nn.ReLU()),
        *(nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1)),
    )
    return network, cross_entropy_of_logits, adam(network), (128, *PICTURE)


NETWORKS = {
    "W1": deep,
    "W2": stacked,
    "W3": variational,
    "W4": tabular,
    "W5": linear,
    "W6": convolutional,
    "W7": contractive,
    "W8": sparse,
    "W9": strided,
}


def step(name, transform=lambda loss: loss):
    """A function whose every call is a training step on the next batch."""
    network, loss, optimizer, shape = NETWORKS[name]()
    loss = transform(loss)
    batches = [torch.rand(shape) for _ in range(BATCHES)]
    steps = 0

    def run():
        nonlocal steps
        x = batches[steps % BATCHES]
        steps += 1
        optimizer.zero_grad(set_to_none=True)
        loss(network, x).backward()
        optimizer.step()

    return run
