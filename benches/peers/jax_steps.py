"""Training steps of the networks W1 to W9 in JAX, each step one compiled function.

The definitions are those of `benches/src/networks`: sizes, losses, optimisers, batches of uniform
numbers that the steps go round. Images are `[batch, height, width, channels]`, as JAX prefers.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

BATCHES = 8
IMAGE = 784
PICTURE = (28, 28, 1)
RNG = np.random.default_rng(0)


def array(numbers):
    return jnp.asarray(numbers, dtype=jnp.float32)


def linear_layer(inputs, outputs):
    weight = RNG.standard_normal((inputs, outputs)) / np.sqrt(inputs)
    return array(weight), jnp.zeros(outputs, jnp.float32)


def layers(*sizes):
    return [linear_layer(a, b) for a, b in zip(sizes[:-1], sizes[1:])]


def affine(layer, x):
    weight, bias = layer
    return x @ weight + bias


def identity(x):
    return x


def perceptron(params, x, between, last=identity):
    for layer in params[:-1]:
        x = between(affine(layer, x))
    return last(affine(params[-1], x))


def cross_entropy(logits, x):
    """With the logit of a probability: JAX has no clamped logarithm, and this is its faster way."""
    return jnp.maximum(logits, 0) - logits * x + jnp.log1p(jnp.exp(-jnp.abs(logits)))


def squares(y, x):
    return ((y - x) ** 2).mean()


def deep():
    def loss(params, x, key):
        return cross_entropy(perceptron(params, x, jax.nn.relu), x).mean()

    return layers(IMAGE, 128, 32, 128, IMAGE), loss, optax.adam(1e-3), (256, IMAGE)


def stacked():
    def loss(params, x, key):
        cost = sum((weight * weight).sum() for weight, _ in params)
        return squares(perceptron(params, x, jax.nn.elu), x) + 1e-3 * cost

    return layers(IMAGE, 300, 150, 300, IMAGE), loss, optax.adam(1e-2), (150, IMAGE)


def variational():
    params = dict(
        encoder=layers(IMAGE, 500, 500),
        mean=linear_layer(500, 20),
        log_variance=linear_layer(500, 20),
        decoder=layers(20, 500, 500, IMAGE),
    )

    def loss(params, x, key):
        h = perceptron(params["encoder"], x, jax.nn.elu, jax.nn.elu)
        mean, log_variance = affine(params["mean"], h), affine(params["log_variance"], h)
        noise = jax.random.normal(key, mean.shape, jnp.float32)
        z = mean + jnp.exp(0.5 * log_variance) * noise
        error = cross_entropy(perceptron(params["decoder"], z, jax.nn.elu), x).sum()
        return error + 0.5 * jnp.sum(jnp.exp(log_variance) + mean * mean - 1 - log_variance)

    return params, loss, optax.adam(1e-3), (150, IMAGE)


def tabular():
    def loss(params, x, key):
        return squares(perceptron(params, x, jax.nn.sigmoid, jax.nn.relu), x)

    return layers(18, 15, 11, 11, 8, 11, 11, 15, 18), loss, optax.adadelta(1.0), (1000, 18)


def linear():
    def loss(params, x, key):
        return squares(perceptron(params, x, identity), x)

    return layers(3, 2, 3), loss, optax.adam(1e-2), (100, 3)


def kernel(height, inputs, outputs):
    weight = RNG.standard_normal((height, height, inputs, outputs)) * 0.1
    return array(weight), jnp.zeros(outputs, jnp.float32)


IMAGES = ("NHWC", "HWIO", "NHWC")


def conv(layer, x, padding="SAME", stride=1):
    weight, bias = layer
    strides = (stride, stride)
    y = jax.lax.conv_general_dilated(x, weight, strides, padding, dimension_numbers=IMAGES)
    return y + bias


def conv_transpose(layer, x):
    """Twice as high and wide, as kernel 4, stride 2 and padding 1 make it."""
    weight, bias = layer
    y = jax.lax.conv_transpose(x, weight, (2, 2), "SAME", dimension_numbers=IMAGES)
    return y + bias


def pool(x):
    window = (1, 2, 2, 1)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "SAME")


def upsample(x):
    return jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)


def convolutional():
    channels = [(1, 16), (16, 8), (8, 8), (8, 8), (8, 8), (8, 16), (16, 1)]
    params = [kernel(3, inputs, outputs) for inputs, outputs in channels]

    def loss(params, x, key):
        y = x
        for layer in params[:3]:
            y = pool(jax.nn.relu(conv(layer, y)))
        for layer in params[3:5]:
            y = upsample(jax.nn.relu(conv(layer, y)))
        y = upsample(jax.nn.relu(conv(params[5], y, "VALID")))
        return cross_entropy(conv(params[6], y), x).mean()

    return params, loss, optax.adam(1e-3), (128, *PICTURE)


def contractive():
    def loss(params, x, key):
        encoder, decoder = params
        h = jax.nn.sigmoid(affine(encoder, x))
        slope = h * (1 - h)
        penalty = jnp.sum((slope**2) @ (encoder[0] ** 2).sum(0)) / x.shape[0]
        return cross_entropy(affine(decoder, h), x).mean() + 1e-4 * penalty

    return layers(IMAGE, 500, IMAGE), loss, optax.adam(1e-3), (128, IMAGE)


def sparse():
    def loss(params, x, key):
        encoder, decoder = params
        codes = affine(encoder, x - decoder[1])
        values, places = jax.lax.top_k(codes, 32)
        rows = jnp.arange(codes.shape[0])[:, None]
        kept = jnp.zeros_like(codes).at[rows, places].set(jax.nn.relu(values))
        return squares(affine(decoder, kept), x)

    return layers(256, 4096, 256), loss, optax.adam(1e-3), (512, 256)


def strided():
    params = dict(
        down=[kernel(4, 1, 32), kernel(4, 32, 64)],
        middle=layers(64 * 49, 16, 64 * 49),
        up=[kernel(4, 64, 32), kernel(4, 32, 1)],
    )

    def loss(params, x, key):
        y, around = x, ((1, 1), (1, 1))
        for layer in params["down"]:
            y = jax.nn.relu(conv(layer, y, around, stride=2))
        y = perceptron(params["middle"], y.reshape(x.shape[0], -1), identity)
        y = jax.nn.relu(y.reshape(-1, 7, 7, 64))
        y = jax.nn.relu(conv_transpose(params["up"][0], y))
        return cross_entropy(conv_transpose(params["up"][1], y), x).mean()

    return params, loss, optax.adam(1e-3), (128, *PICTURE)


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
COMPILED = {}


def compiled(name):
    """The network and its step, which is compiled once however often it is asked for."""
    if name not in COMPILED:
        params, loss, optimizer, shape = NETWORKS[name]()

        @jax.jit
        def update(params, state, x, key):
            value, gradients = jax.value_and_grad(loss)(params, x, key)
            updates, state = optimizer.update(gradients, state, params)
            return optax.apply_updates(params, updates), state, value

        COMPILED[name] = params, optimizer, shape, update
    return COMPILED[name]


def step(name):
    """A function whose every call is a training step on the next batch.

    Noise is drawn from the same key in every step, which is as much work as from another.
    """
    params, optimizer, shape, update = compiled(name)
    batches = [array(RNG.random(shape)) for _ in range(BATCHES)]
    state, key, steps = optimizer.init(params), jax.random.PRNGKey(0), 0

    def run():
        nonlocal params, state, steps
        x = batches[steps % BATCHES]
        steps += 1
        params, state, loss = update(params, state, x, key)
        loss.block_until_ready()

    return run
