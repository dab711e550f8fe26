"""Labels, symbols, columns and bits: choices, guessed or made soft by noise."""

import math

import torch
import torch.nn.functional as F

from distributions import Variational, log_likelihood, nats
from run import Body


def m2(run):
    own, classifier, classes = Variational(run), Body(run, ["classifier"]), run.options["classes"]
    labels = run.arrays["labels"].long().view(run.steps, -1)
    weights = run.arrays["weights"].view(run.steps, -1)

    def cost(x, y, noise):
        """-log p(x|y, z) - log p(y) + KL(q(z|x, y) || p(z)) of every sample."""
        label = F.one_hot(y, classes).to(x.dtype)
        mean, log_variance = own.posterior(torch.cat([x, label], 1))
        z = mean + (log_variance / 2).exp() * noise
        likely = log_likelihood(run.options, own.decode(torch.cat([z, label], 1)), x)
        return nats((mean, log_variance)).sum(1) - likely.sum(1) + math.log(classes)

    def objective(step):
        x, y, weight, noise = run.batches[step], labels[step], weights[step], own.noise[step]
        told = y >= 0
        count, others = int(told.sum()), int((~told).sum())
        log_q = classifier.run("classifier", x).log_softmax(1)
        given = cost(x[told], y[told], noise[:count])
        # The draws of the samples with the first label come first, then those with the second.
        of_label = noise[count : count + classes * others].view(classes, others, -1)
        each = [cost(x[~told], torch.full([others], label), of_label[label]) for label in range(classes)]
        # sum q L - H(q)
        guess = log_q[~told]
        guessed = (guess.exp() * (torch.stack(each, 1) + guess)).sum(1)
        bound = ((weight[told] * given).sum() + (weight[~told] * guessed).sum()) / len(x)
        return bound - run.options["alpha"] * log_q[told, y[told]].mean()

    return run.train(objective)


class Symbols:
    """Groups of one of n symbols, drawn between them at a temperature."""

    def __init__(self, run):
        self.options, self.body, self.gumbel = run.options, Body(run), run.arrays["gumbel"]
        self.head = run.param("logits.weight"), run.param("logits.bias")

    def units(self, x):
        return self.body.units(self.body.run("encoder", x))

    def log_shares(self, units):
        scores = F.linear(units, *self.head)
        return scores.view(len(units), self.options["groups"], self.options["categories"]).log_softmax(2)

    def draw(self, log_shares, step):
        # The temperature falls every 1000 steps.
        noisy = log_shares + self.gumbel[step]
        z = (noisy / self.options["temperature"]).softmax(2)
        if self.options["straight-through"]:
            hard = F.one_hot(noisy.argmax(2), z.shape[2]).to(z.dtype)
            z = hard + (z - z.detach())
        return z.flatten(1)

    def nats(self, log_shares):
        """KL from uniform symbols of every sample."""
        return (log_shares.exp() * (log_shares + math.log(log_shares.shape[2]))).sum((1, 2))

    def cost(self, z, x):
        return -log_likelihood(self.options, self.body.run("decoder", z), x).sum(1).mean()


def categorical(run):
    own = Symbols(run)

    def objective(step):
        x = run.batches[step]
        log_shares = own.log_shares(own.units(x))
        return own.cost(own.draw(log_shares, step), x) + own.nats(log_shares).mean()

    return run.train(objective)


def joint(run):
    own, o = Symbols(run), run.options
    heads = [[run.param(f"{head}.{kind}") for kind in ("weight", "bias")] for head in ("mean", "log_variance")]
    # A group says log n nats at most.
    most = min(o["symbol-capacity"], o["groups"] * math.log(o["categories"]))

    def objective(step):
        x = run.batches[step]
        units = own.units(x)
        log_shares = own.log_shares(units)
        mean, log_variance = (F.linear(units, *head) for head in heads)
        z = mean + (log_variance / 2).exp() * run.arrays["noise"][step]
        cost = own.cost(torch.cat([z, own.draw(log_shares, step)], 1), x)
        rise = min(1.0, step / (o["rise"] * run.steps))
        normal = (nats((mean, log_variance)).sum(1).mean() - rise * o["capacity"]).abs()
        symbol = (own.nats(log_shares).mean() - rise * most).abs()
        use = log_shares.exp().mean(0)
        imbalance = (use * (use.log() + math.log(o["categories"]))).sum()
        return cost + o["gamma"] * (normal + symbol) + o["balance"] * imbalance

    return run.train(objective)


def concrete(run):
    body, logits = Body(run, ["decoder"]), run.param("logits")
    first, last = run.options["temperature"], run.options["coldest"]

    def objective(step):
        x = run.batches[step]
        temperature = first * (last / first) ** (step / run.steps)
        share = ((logits.log_softmax(1) + run.arrays["gumbel"][step]) / temperature).softmax(1)
        return (body.run("decoder", x @ share.T) - x).square().mean()

    return run.train(objective)


def hashing(run):
    body, rounded = Body(run), run.options["bits"] == "straight-through"

    def objective(step):
        x = run.batches[step]
        a = body.run("encoder", x)
        if rounded:
            soft = a.sigmoid()
            h = (a > 0).to(a.dtype) + (soft - soft.detach())
        else:
            deviation = run.options["noise"] * min(1.0, step / (0.8 * run.steps))
            h = (a + deviation * run.arrays["noise"][step]).sigmoid()
        return (body.run("decoder", h) - x).square().mean()

    return run.train(objective)
