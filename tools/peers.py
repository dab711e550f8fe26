#!/usr/bin/env python3
"""Repeats trainings of variants in PyTorch, from their equations, and compares every loss and the last weights.

    cargo test --workspace --test variants peers        # writes target/tmp/peers, see tests/variants/peers.rs
    python3 tools/peers.py

Both programs start from the same weights and see the same batches (and normal draws, where there are
any); both make 20 steps of Adam. What is measured beforehand (scales, means, centres of a sphere, targets of
clusters) is measured here again. Every training is there in 32 and in 64 bits, and is repeated three times:

    32, 32     ours in 32 bits, PyTorch in 32 bits
    32, 64     ours in 32 bits, PyTorch in 64 bits from the same start: what rounding alone makes of ours
    64, 64     both in 64 bits

Of each, `losses` is the largest |ours - theirs| / |theirs| of a loss of the 20 steps, and `weights` the largest
|ours - theirs| of a number of a tensor after them, over the largest number of that tensor; over all tensors
that were moved, and thresholds that follow the data.

The exit code is 1 where 64, 64 is above 1e-12, or both others are above 1e-6. (One may be: where a number
lies at a kink to the last bit, rounding decides on which side of it.)

Needs PyTorch, which nothing else here does:

    python3 -m venv venv && venv/bin/pip install torch safetensors numpy
"""

import argparse
import math
import pathlib
import sys
import tomllib

try:
    import numpy
    import torch
    import torch.nn.functional as F
    from safetensors.torch import load_file
except ImportError as missing:
    sys.exit(f"{missing}; install what this script needs with: pip install torch safetensors numpy")

ROOT = pathlib.Path(__file__).resolve().parent.parent
SINGLE, DOUBLE = 1e-6, 1e-12


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


# Dictionaries: z = s x - b, x^ = b + f D, rows of D of norm 1, means of squares over features and batch.


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


# One layer and its transpose, with units that compete.


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


# Dense bodies with a linear code and a linear output.

UNITS = {"elu": F.elu, "relu": F.relu, "leaky-relu": F.leaky_relu}


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


class Variational:
    """Heads of mean and log variance on the units of an encoder."""

    def __init__(self, run):
        self.body, self.noise = Body(run), run.arrays["noise"]
        self.heads = [[run.param(f"{head}.{kind}") for kind in ("weight", "bias")] for head in ("mean", "log_variance")]

    def posterior(self, x):
        """Means and log variances."""
        units = self.body.units(self.body.run("encoder", x))
        return tuple(F.linear(units, *head) for head in self.heads)

    def draw(self, posterior, step):
        mean, log_variance = posterior
        return mean + (log_variance / 2).exp() * self.noise[step]

    def decode(self, code):
        return self.body.run("decoder", code)


def nats(posterior):
    """KL(q || N(0, 1)) of every number of every code."""
    mean, log_variance = posterior
    return (log_variance.exp() + mean.square() - 1 - log_variance) / 2


def log_density(posterior, z):
    """log q of every number of z."""
    mean, log_variance = posterior
    return torch.distributions.Normal(mean, (log_variance / 2).exp()).log_prob(z)


def matching(run, price):
    """Squared error and what a batch of codes costs at a step."""
    body = Body(run)

    def objective(step):
        x = run.batches[step]
        code = body.run("encoder", x)
        return squares(body.run("decoder", code), x) + price(body, code, step)

    return run.train(objective)


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


# Variational, of any numbers: a normal decoder of fixed deviation, and prices on codes.


def variational(run, price):
    """-log p(x|z) and price(own, posterior, z, step)."""
    own = Variational(run)
    assert run.options["decoder"] == "gaussian"

    def objective(step):
        x = run.batches[step]
        posterior = own.posterior(x)
        z = own.draw(posterior, step)
        likely = torch.distributions.Normal(own.decode(z), run.options["deviation"]).log_prob(x)
        return price(own, posterior, z, step) - likely.sum(1).mean()

    return run.train(objective)


def infovae(run):
    alpha, weight = run.options["alpha"], run.options["lambda"]

    def price(_, posterior, z, step):
        whole = discrepancy(z, run.arrays["prior"][step])
        return (1 - alpha) * nats(posterior).sum(1).mean() + (alpha + weight - 1) * whole

    return variational(run, price)


def dip(run):
    def price(_, posterior, z, step):
        mean, log_variance = posterior
        covariance = mean.T.cov(correction=0)
        if run.options["kind"] == "ii":
            covariance = covariance + log_variance.exp().mean(0).diag()
        variances = covariance.diagonal()
        off = covariance.square().sum() - variances.square().sum()
        whole = run.options["covariance"] * off + run.options["variance"] * (variances - 1).square().sum()
        return nats(posterior).sum(1).mean() + whole

    return variational(run, price)


def beta_tc(run):
    o = run.options
    assert o["estimator"] == "weighted"

    def price(_, posterior, z, step):
        # log q(z_i|x_j) of each number, [i, j, code]; a sample stands for N of M.
        each = log_density(posterior, z.unsqueeze(1))
        all = math.log(max(o["population"], len(z)) * len(z))
        joint = each.sum(2).logsumexp(1) - all
        product = (each.logsumexp(1) - all).sum(1)
        own = log_density(posterior, z).sum(1)
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
        parts = o["alpha"] * (own - joint) + o["beta"] * (joint - product) + o["gamma"] * (product - prior)
        return parts.mean()

    return variational(run, price)


def free_bits(run):
    price = lambda _, posterior, z, step: nats(posterior).mean(0).clamp_min(run.options["floor"]).sum()
    return variational(run, price)


def capacity(run):
    def price(_, posterior, z, step):
        now = run.options["capacity"] * min(1.0, step / (run.options["rise"] * run.steps))
        return run.options["gamma"] * (nats(posterior).sum(1).mean() - now).abs()

    return variational(run, price)


def vampprior(run):
    pseudo = run.param("pseudo_inputs")

    def price(own, posterior, z, step):
        each = log_density(own.posterior(pseudo), z.unsqueeze(1)).sum(2)
        prior = each.logsumexp(1) - math.log(len(pseudo))
        return (log_density(posterior, z).sum(1) - prior).mean()

    return variational(run, price)


# Variational, of counts and of tables.


def counts(run):
    own, log_dispersion = Variational(run), run.param("log_dispersion")
    width, features = run.options["latent"], run.x.shape[1]
    log_sums = (run.x.double().sum(1, keepdim=True) + 1e-8).log()
    center, deviation = log_sums.mean().item(), log_sums.std(correction=0).item()

    def objective(step):
        x = run.batches[step]
        posterior = own.posterior(x.log1p())
        code = own.draw(posterior, step)
        if run.options["library"] == "learnt":
            log_size = code[:, width:] * deviation + center
        else:
            log_size = (x.sum(1, keepdim=True) + 1e-8).log()
        told = own.decode(code[:, :width])
        log_mean = told[:, :features].log_softmax(1) + log_size
        # (mean/(mean + r))^x (r/(mean + r))^r Gamma(x + r) / (Gamma(r) x!)
        both = torch.logaddexp(log_mean, log_dispersion)
        r = log_dispersion.exp()
        likely = (x + r).lgamma() - r.lgamma() - (x + 1).lgamma()
        likely = likely + x * (log_mean - both) + r * (log_dispersion - both)
        if run.options["decoder"] == "zinb":
            gate = told[:, features:]
            other = F.logsigmoid(-gate) + likely
            likely = torch.where(x == 0, torch.logaddexp(F.logsigmoid(gate), other), other)
        return nats(posterior).sum(1).mean() - likely.sum(1).mean()

    return run.train(objective)


def tabular(run):
    """What columns are taken for (numbers or categories, modes or values, shares) is ours."""
    own, raw = Variational(run), run.param("deviation")
    number, center, scale, log_share = (run.start[name] for name in ("number", "centre", "scale", "share"))
    columns = run.x.shape[1]

    def objective(step):
        x = run.batches[step]
        off = (x.unsqueeze(2) - center) / scale
        mode = F.one_hot((log_share - scale.log() - off.square() / 2).argmax(2), center.shape[1]).to(x.dtype)
        place = number * (off * mode).sum(2) / 4
        posterior = own.posterior(torch.cat([place, mode.flatten(1)], 1))
        code = own.draw(posterior, step)
        told = own.decode(code)
        logits = told[:, columns:].view_as(mode).masked_fill(log_share <= -1e9, -1e9)
        sigma = F.softplus(raw) + 0.01
        normal = torch.distributions.Normal(told[:, :columns].tanh(), sigma)
        likely = number * normal.log_prob(place) + (mode * logits.log_softmax(2)).sum(2)
        return nats(posterior).sum(1).mean() - likely.sum(1).mean()

    return run.train(objective)


# Second phases.


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


PEERS = {
    "topk": topk,
    "batch-topk": batch_topk,
    "matryoshka": batch_topk,
    "jumprelu": jumprelu,
    "gated": gated,
    "dictionary-l1": dictionary_l1,
    "transcoder": topk,
    "k-sparse": k_sparse,
    "winner-take-all": winner_take_all,
    "wae-mmd": wae_mmd,
    "sliced": sliced,
    "cramer-wold": cramer_wold,
    "rae": rae,
    "infovae": infovae,
    "dip": dip,
    "beta-tc": beta_tc,
    "free-bits": free_bits,
    "capacity": capacity,
    "vampprior": vampprior,
    "counts": counts,
    "tabular": tabular,
    "dec": dec,
    "svdd": svdd,
    "marginalised": marginalised,
}


def compare(folder, dtype):
    """How far apart losses are, and weights, and which of these most."""
    run = Run(folder, dtype)
    losses = torch.tensor(PEERS[run.variant](run), dtype=torch.float64)
    apart = ((run.losses - losses).abs() / losses.abs()).max().item()
    found = {name: own.detach() for name, own in run.found.items()}
    found |= {name: torch.tensor(own, dtype=torch.float64) for name, own in run.followed.items()}
    weights = {}
    for name, theirs in found.items():
        ours, theirs = run.end[name].double(), theirs.double()
        weights[name] = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    most = max(weights, key=weights.get)
    return apart, weights[most], most


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=ROOT / "target/tmp/peers")
    folder = parser.parse_args().folder
    torch.set_num_threads(1)
    names = sorted(path.name.removesuffix("-f32") for path in folder.glob("*-f32"))
    if not names:
        sys.exit(f"there is nothing in {folder}; cargo test --workspace --test variants peers writes it")
    print("| training | losses 32, 32 | weights | losses 32, 64 | weights | losses 64, 64 | weights |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    failed = []
    for name in names:
        pairs = (("f32", torch.float32), ("f32", torch.float64), ("f64", torch.float64))
        found = [compare(folder / f"{name}-{ours}", theirs) for ours, theirs in pairs]
        numbers = " | ".join(f"{losses:.1e} | {weights:.1e}" for losses, weights, _ in found)
        print(f"| {name} | {numbers} |")
        single, exact, double = (max(losses, weights) for losses, weights, _ in found)
        # A comparison with NaN is false.
        if not (min(single, exact) <= SINGLE and double <= DOUBLE):
            failed.append(f"{name} (most of {', '.join(most for _, _, most in found)})")
    if failed:
        sys.exit(f"further apart than {SINGLE} and {DOUBLE}: {', '.join(failed)}")


if __name__ == "__main__":
    main()
