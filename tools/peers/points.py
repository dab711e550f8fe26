"""Codes that are points: units that compete, codes near a prior, clusters, a sphere, a closed form."""

import math

import torch
import torch.nn.functional as F

from run import Body, discrepancy, largest, squares


def k_sparse(run):
    weight, bias, back = (run.param(name) for name in ("encoder.0.weight", "encoder.0.bias", "decoder.0.bias"))
    k, start = run.options["k"], run.options["start"]

    def objective(step):
        # From `start` to k on a line over half of the run.
        kept = math.floor(start + (k - start) * min(1.0, step / (0.5 * run.steps)) + 0.5)
        x = run.batches[step]
        h = largest(F.linear(x, weight, bias), kept)
        return (h @ weight + back - x).square().mean()

    return run.train(objective)


def winner_take_all(run):
    weight, bias, back = (run.param(name) for name in ("encoder.0.weight", "encoder.0.bias", "decoder.0.bias"))

    def objective(step):
        x = run.batches[step]
        winners = math.ceil(run.options["share"] * len(x))
        h = largest(F.linear(x, weight, bias).relu().T, winners).T
        return squares(h @ weight + back, x)

    return run.train(objective)


def matching(run, price):
    """Squared error and what a batch of codes costs at a step."""
    body = Body(run)

    def objective(step):
        x = run.batches[step]
        code = body.run("encoder", x)
        return squares(body.run("decoder", code), x) + price(body, code, step)

    return run.train(objective)


def wae_mmd(run):
    def price(_, code, step):
        return run.options["lambda"] * discrepancy(code, run.arrays["noise"][step])

    return matching(run, price)


def sliced(run):
    def price(_, code, step):
        directions = F.normalize(run.arrays["directions"][step])
        along = [directions @ codes.T for codes in (code, run.arrays["noise"][step])]
        ours, theirs = (numbers.sort(1).values for numbers in along)
        return run.options["lambda"] * (ours - theirs).square().mean()

    return matching(run, price)


def cramer_wold(run):
    def price(_, code, step):
        batch, width = code.shape
        g = (4 / (3 * batch)) ** 0.4

        def overlap(square, g):
            if width == 2:
                # The mean of exp(-s cos^2 / 4g) over all angles.
                return torch.special.i0e(square / (8 * g)) / math.sqrt(g)
            return (g + square / (2 * width - 3)).rsqrt()

        pairs = (code.unsqueeze(1) - code.unsqueeze(0)).square().sum(2)
        own = code.square().sum(1)
        distance = (1 + g) ** -0.5 + overlap(pairs, g).mean() - 2 * overlap(own, g + 0.5).mean()
        return run.options["lambda"] * distance.log()

    return matching(run, price)


def rae(run):
    def price(body, code, _):
        size = code.square().sum(1).mean() / 2
        decay = sum(param.square().sum() for layer in body.halves["decoder"] for param in layer)
        return run.options["beta"] * size + run.options["lambda"] * decay

    return matching(run, price)


def dec(run):
    body, centres = Body(run, ["encoder"]), run.param("centres")

    def log_q(x):
        code = body.run("encoder", x)
        apart = (code.unsqueeze(1) - centres.unsqueeze(0)).square().sum(2)
        closeness = 1 / (1 + apart)
        return (closeness / closeness.sum(1, keepdim=True)).log()

    # Of all samples, before the first step.
    q = log_q(run.x).detach().exp()
    p = q.square() / q.double().sum(0).to(q.dtype)
    p = (p / p.sum(1, keepdim=True)).reshape(run.steps, -1, len(centres))

    def objective(step):
        return (p[step] * (p[step].log() - log_q(run.batches[step]))).sum(1).mean()

    return run.train(objective, rate=0.1)


def svdd(run):
    body = Body(run, ["encoder"])
    centre = body.run("encoder", run.x).detach().double().mean(0)
    # No number of it is within 0.1 of 0.
    edge = torch.full_like(centre, 0.1)
    edge[centre < 0] = -0.1
    centre = torch.where(centre.abs() < 0.1, edge, centre).to(run.x.dtype)

    def objective(step):
        distance = squares(body.run("encoder", run.batches[step]), centre)
        decay = sum(weight.square().sum() for weight, _ in body.halves["encoder"]) / 2
        return distance + run.options["lambda"] * decay

    return run.train(objective)


def marginalised(run):
    """[W b] = P / Q of the samples' second moments, and the mean cost of a batch over all noise."""
    p, x = run.options["noise"], run.x.double()
    q = torch.tensor([1 - p] * x.shape[1] + [1.0], dtype=torch.float64)
    x1 = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)
    s = x1.T @ x1 / len(x)
    right = (s * q)[:-1]
    left = s * torch.outer(q, q)
    left.diagonal().copy_(s.diagonal() * q)
    left.diagonal()[:-1] += run.options["ridge"]
    solution = torch.linalg.solve(left, right.T).T.to(run.x.dtype)
    weight, bias = solution[:, :-1].contiguous(), solution[:, -1].contiguous()
    run.found = {"encoder.0.weight": weight, "encoder.0.bias": bias}

    def cost(x):
        spread = p * (1 - p) * x.square() @ weight.square().T
        return ((F.linear((1 - p) * x, weight, bias) - x).square() + spread).mean().item()

    return [cost(x) for x in run.batches]
