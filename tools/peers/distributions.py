"""Variational models: the decoder's likelihood, and the price of codes."""

import math

import torch
import torch.nn.functional as F

from run import Body, discrepancy


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


def log_likelihood(options, told, x):
    """log p(x|z) of every number of x, by what the decoder told of it."""
    if options["decoder"] == "gaussian":
        return torch.distributions.Normal(told, options["deviation"]).log_prob(x)
    if options["decoder"] == "bernoulli":
        return -F.binary_cross_entropy_with_logits(told, x, reduction="none")
    assert options["decoder"] == "student"
    place, scale, freedom = told.chunk(3, -1)
    scale, freedom = F.softplus(scale) + 0.001, F.softplus(freedom) + 3
    return torch.distributions.StudentT(freedom, place, scale).log_prob(x)


def variational(run, price):
    """-log p(x|z) and price(own, posterior, z, step)."""
    own = Variational(run)

    def objective(step):
        x = run.batches[step]
        posterior = own.posterior(x)
        z = own.draw(posterior, step)
        likely = log_likelihood(run.options, own.decode(z), x)
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


def gmvae(run):
    """KL(q(z|x) q(y|x) || p(z|y) p(y)) for the best q(y|x), which is in proportion to p(y) exp(-KL_y)."""
    logits, means, log_variances = (run.param(f"clusters.{name}") for name in ("logits", "means", "log_variances"))

    def price(own, posterior, z, step):
        mean, log_variance = (part.unsqueeze(1) for part in posterior)
        code = torch.distributions.Normal(mean, (log_variance / 2).exp())
        clusters = torch.distributions.Normal(means, (log_variances / 2).exp())
        apart = torch.distributions.kl_divergence(code, clusters).sum(2)
        share = logits.log_softmax(0)
        log_q = (share - apart).log_softmax(1)
        return (log_q.exp() * (log_q - share + apart)).sum(1).mean()

    return variational(run, price)


def log_weights(likely, posterior, z):
    """log p(x|z) p(z) / q(z|x) of draws z [k, batch, code], given log p of every number of x."""
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(z)
    return likely.sum(2) + (prior - log_density(posterior, z)).sum(2)


def bound(weights):
    """-log of the mean weight of the draws, [k, batch] as logarithms."""
    return (math.log(len(weights)) - weights.logsumexp(0)).mean()


def iwae(run):
    own = Variational(run)
    decoder = own.body.halves["decoder"]
    fixed = lambda parts: tuple(part.detach() for part in parts)

    def plain(x, posterior, z):
        return bound(log_weights(log_likelihood(run.options, own.decode(z), x), posterior, z))

    def dreg(x, posterior, z):
        """By the decoder draws count by their shares; by the encoder by their squares, with q held fixed."""
        likely = log_likelihood(run.options, own.decode(z.detach()), x)
        weights = log_weights(likely, fixed(posterior), z).detach()
        share = weights.softmax(0)
        of_decoder = -(share * likely.sum(2)).sum(0).mean()
        own.body.halves["decoder"] = [fixed(layer) for layer in decoder]
        likely = log_likelihood(run.options, own.decode(z), x)
        own.body.halves["decoder"] = decoder
        of_encoder = -(share.square() * log_weights(likely, fixed(posterior), z)).sum(0).mean()
        gradient = of_decoder + of_encoder
        return bound(weights) + (gradient - gradient.detach())

    estimator = {"plain": plain, "dreg": dreg}[run.options["estimator"]]

    def objective(step):
        x = run.batches[step]
        posterior = own.posterior(x)
        return estimator(x, posterior, own.draw(posterior, step))

    return run.train(objective)


def miwae(run):
    """The encoder reads 0 in holes and what was observed; only that is to be told."""
    own = Variational(run)
    observed = run.arrays["observed"].view_as(run.batches)

    def objective(step):
        x, known = run.batches[step] * observed[step], observed[step]
        posterior = own.posterior(torch.cat([x, known], 1) if run.options["mask"] else x)
        z = own.draw(posterior, step)
        likely = known * log_likelihood(run.options, own.decode(z), x)
        return bound(log_weights(likely, posterior, z))

    return run.train(objective)


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
