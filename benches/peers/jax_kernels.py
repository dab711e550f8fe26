"""Products, functions, reductions and convolutions in JAX, each one compiled function.

Names are those of `benches/src/suites`.
"""

import jax
import jax.numpy as jnp
import numpy as np

import jax_steps
from protocol import Skipped, around, convolution, product, reduction

RNG = np.random.default_rng(0)


def normal(*sizes):
    return jnp.asarray(RNG.standard_normal(sizes), dtype=jnp.float32)


def compiled(compute, *inputs):
    """A run of the compiled function that waits for its result."""
    compute = jax.jit(compute)
    return lambda: compute(*inputs).block_until_ready()


def gemm(name):
    transposition, m, k, n = product(name)
    if name.startswith("f64"):
        raise Skipped("JAX computes in f32 unless all of it is told otherwise")
    if transposition == "TN":
        return compiled(lambda a, b: a.T @ b, normal(k, m), normal(k, n))
    if transposition == "NT":
        return compiled(lambda a, b: a @ b.T, normal(m, k), normal(n, k))
    return compiled(lambda a, b: a @ b, normal(m, k), normal(k, n))


FUNCTIONS = {
    **{name: getattr(jnp, name) for name in "exp expm1 sin cos tanh square abs".split()},
    **{name: getattr(jax.nn, name) for name in "sigmoid softplus relu elu silu".split()},
    "copy": jnp.copy,
    "erf": jax.scipy.special.erf,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "recip": lambda x: 1 / x,
}
POSITIVE = {"sqrt": jnp.sqrt, "log": jnp.log, "log1p": jnp.log1p}


def bce_with_logits(logits, targets):
    losses = jnp.maximum(logits, 0) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    return losses.mean()


def math(name):
    function, size = name.split()
    size = int(size)
    x, y = normal(size), normal(size)
    positive = jnp.asarray(RNG.random(size) * 1.9 + 0.1, dtype=jnp.float32)
    if function in FUNCTIONS:
        return compiled(FUNCTIONS[function], x)
    if function in POSITIVE:
        return compiled(POSITIVE[function], positive)
    if function == "add":
        return compiled(jnp.add, x, y)
    if function == "pow":
        return compiled(jnp.power, positive, y)
    if function == "bce_with_logits":
        both = jax.jit(jax.value_and_grad(bce_with_logits))
        return lambda: jax.block_until_ready(both(x, positive / 2))
    raise Skipped("no counterpart")


def reduce(name):
    function, axis, sizes = reduction(name)
    turn = axis == "columns-of-transpose"
    along = {"all": (0, 1), "columns": 0, "rows": 1, "columns-of-transpose": 0}[axis]
    if function == "logsumexp":
        compute = jax.scipy.special.logsumexp
    else:
        compute = getattr(jnp, function)
    return compiled(lambda x: compute(x.T if turn else x, axis=along), normal(*sizes))


def between(operation, part, images):
    """Pooling or upsampling, alone or with its backward sweep."""
    operation = {"pool": jax_steps.pool, "upsample": jax_steps.upsample}[operation]
    batch, channels, height, width = images
    x = normal(batch, height, width, channels)
    if part == "forward":
        return compiled(operation, x)

    @jax.jit
    def swept(x, cotangent):
        y, pull = jax.vjp(operation, x)
        return y, pull(cotangent)

    cotangent = jnp.ones_like(operation(x))
    return lambda: jax.block_until_ready(swept(x, cotangent))


def conv(name):
    """Images are `[batch, height, width, channels]` and weights `[taps, taps, inputs, outputs]`,
    as JAX prefers."""
    if parts := around(name):
        return between(*parts)
    kind, part, (batch, channels, height, width), weight, stride, padding = convolution(name)
    outputs = weight[1] if kind == "transposed" else weight[0]
    x, bias = normal(batch, height, width, channels), normal(outputs)
    w = normal(weight[2], weight[3], channels, outputs)
    if kind == "transposed":
        forward = lambda x, w: jax_steps.conv_transpose((w, bias), x)
    else:
        around_image = ((padding, padding), (padding, padding))
        forward = lambda x, w: jax_steps.conv((w, bias), x, around_image, stride)
    if part == "forward":
        return compiled(forward, x, w)
    g = normal(*jax.eval_shape(forward, x, w).shape)
    # What the forward pass computes is not used, and the compiler leaves it out.
    if part == "input":
        return compiled(lambda x, w, g: jax.vjp(lambda x: forward(x, w), x)[1](g)[0], x, w, g)
    return compiled(lambda x, w, g: jax.vjp(lambda w: forward(x, w), w)[1](g)[0], x, w, g)


SUITES = {"gemm": gemm, "math": math, "reduce": reduce, "conv": conv}
