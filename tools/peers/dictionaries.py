"""Sparse dictionaries: z = s x - b, x^ = b + f D, rows of D of norm 1; means of squares over features and batch."""

import math

import torch
import torch.nn.functional as F

from run import largest


class Dictionary:
    def __init__(self, run):
        self.run, self.options = run, run.options
        self.weight, self.offset = run.param("encoder.weight"), run.param("encoder.bias")
        self.atoms, self.bias = run.param("decoder"), run.param("bias")
        target = run.arrays.get("target")
        self.before = self.bias if target is None else run.param("before")
        self.x = self.scaled(run.x, self.before)
        self.y = self.x if target is None else self.scaled(target, self.bias)
        self.idle = run.start["idle"].clone()

    def scaled(self, x, bias):
        """Batches scaled to a mean square of 1 a number; the bias starts at their mean."""
        x64 = x.double()
        scale = x64.square().mean().rsqrt().item()
        with torch.no_grad():
            bias.copy_(scale * x64.mean(0))
        return (scale * x).reshape(self.run.steps, -1, x.shape[1])

    def train(self, code, objective):
        """Steps on objective(z, f, x, x^), where f = code(z)."""

        def loss(step):
            z = self.x[step] - self.before
            self.f = code(z)
            x = self.y[step]
            return objective(z, self.f, x, self.decode(self.f))

        def project():
            along = (self.atoms.grad * self.atoms).sum(1, keepdim=True)
            self.atoms.grad -= along * self.atoms

        def renormalise():
            self.atoms /= self.atoms.norm(dim=1, keepdim=True)
            self.idle = torch.where((self.f > 0).any(0), 0.0, self.idle + len(self.f))

        with torch.no_grad():
            self.atoms /= self.atoms.norm(dim=1, keepdim=True)
        return self.run.train(loss, before=project, after=renormalise)

    def encode(self, z):
        return F.linear(z, self.weight, self.offset)

    def decode(self, f):
        return f @ self.atoms + self.bias

    def auxiliary(self, z, x, y):
        """alpha times the error of the k' largest dead atoms as a reconstruction of the residual, held fixed."""
        dead = self.idle > self.options["dead"]
        count = min(self.options["aux"], int(dead.sum()))
        if count == 0:
            return 0.0
        own = largest(self.encode(z).masked_fill(~dead, -math.inf), count)
        residual = (x - y).detach()
        return self.options["alpha"] * (own.relu() @ self.atoms - residual).square().mean()


def topk(run):
    own = Dictionary(run)
    code = lambda z: largest(own.encode(z), run.options["k"]).relu()
    return own.train(code, lambda z, f, x, y: (y - x).square().mean() + own.auxiliary(z, x, y))


def batch_topk(run):
    own = Dictionary(run)
    run.followed["threshold"] = run.start["threshold"].item()
    batches = int(run.start["batches"])

    def code(z):
        nonlocal batches
        all = own.encode(z).relu()
        kept = all.flatten().topk(run.options["k"] * len(z))
        batches += 1
        least = kept.values[kept.values > 0].min().item()
        old = run.followed["threshold"]
        run.followed["threshold"] = old + max(0.01, 1 / batches) * (least - old)
        chosen = torch.zeros_like(all).flatten().scatter(0, kept.indices, kept.values)
        return chosen.view_as(all)

    def objective(z, f, x, y):
        error = (y - x).square().mean() + own.auxiliary(z, x, y)
        for end in run.options.get("prefixes", []):
            first = f[:, :end] @ own.atoms[:end] + own.bias
            error = error + (first - x).square().mean()
        return error

    return own.train(code, objective)


class Jump(torch.autograd.Function):
    """z [z > t], with the slope -(t/w) [|z - t| < w/2] by t."""

    @staticmethod
    def forward(context, z, t, w):
        context.save_for_backward(z, t)
        context.w = w
        return z * (z > t)

    @staticmethod
    def backward(context, g):
        (z, t), w = context.saved_tensors, context.w
        near = ((z - t).abs() < w / 2) / w
        return g * (z > t), -(g * t * near).sum(0), None


class Fires(torch.autograd.Function):
    """[z > t], with the slope -(1/w) [|z - t| < w/2] by t and none by z."""

    @staticmethod
    def forward(context, z, t, w):
        context.save_for_backward(z, t)
        context.w = w
        return (z > t).to(z.dtype)

    @staticmethod
    def backward(context, g):
        (z, t), w = context.saved_tensors, context.w
        return None, -(g * ((z - t).abs() < w / 2) / w).sum(0), None


def jumprelu(run):
    own, log_threshold, width = Dictionary(run), run.param("log_threshold"), run.options["bandwidth"]
    step = 0

    def objective(z, f, x, y):
        nonlocal step
        rise = min(1.0, step / (run.options["rise"] * run.steps))
        step += 1
        count = Fires.apply(own.encode(z), log_threshold.exp(), width).sum(1).mean()
        return (y - x).square().mean() + rise * run.options["lambda"] * count

    return own.train(lambda z: Jump.apply(own.encode(z), log_threshold.exp(), width), objective)


def gated(run):
    own, log_factor, offset = Dictionary(run), run.param("log_factor"), run.param("offset")

    def code(z):
        size = z @ (own.weight * log_factor.exp().unsqueeze(1)).T + offset
        return (own.encode(z) > 0) * size.relu()

    def objective(z, f, x, y):
        open = own.encode(z).relu()
        alone = open @ own.atoms.detach() + own.bias.detach()
        price = run.options["lambda"] * open.sum(1).mean()
        return (y - x).square().mean() + price + (alone - x).square().mean()

    return own.train(code, objective)


def dictionary_l1(run):
    own = Dictionary(run)

    def objective(z, f, x, y):
        return (y - x).square().mean() + run.options["lambda"] * f.sum(1).mean()

    return own.train(lambda z: own.encode(z).relu(), objective)
