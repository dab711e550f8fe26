"""Products, functions, reductions, convolutions and small operations in PyTorch.

Names are those of `benches/src/suites`. Where PyTorch can write into a buffer that exists (`out=`),
it does: then it allocates nothing, which is its best case.
"""

import torch
import torch.nn.functional as F

from protocol import Skipped, around, convolution, product, reduction


def gemm(name):
    transposition, m, k, n = product(name)
    kind = torch.float64 if name.startswith("f64") else torch.float32
    draw = lambda rows, columns: torch.randn(rows, columns, dtype=kind)
    a = draw(k, m).t() if transposition == "TN" else draw(m, k)
    b = draw(n, k).t() if transposition == "NT" else draw(k, n)
    c = torch.empty(m, n, dtype=kind)
    return lambda: torch.mm(a, b, out=c)


FUNCTIONS = "sqrt exp expm1 log log1p sin cos tanh sigmoid erf square abs".split()
POSITIVE = ("sqrt", "log", "log1p")
ACTIVATIONS = {"softplus": F.softplus, "relu": F.relu, "elu": F.elu, "gelu": F.gelu, "silu": F.silu}


def math(name):
    function, size = name.split()
    size = int(size)
    x, y, out = torch.randn(size), torch.randn(size), torch.empty(size)
    positive = torch.rand(size) * 1.9 + 0.1
    if function in FUNCTIONS:
        compute, x = getattr(torch, function), positive if function in POSITIVE else x
        return lambda: compute(x, out=out)
    if function in ACTIVATIONS:
        activation = ACTIVATIONS[function]
        return lambda: activation(x)
    others = {
        "copy": lambda: out.copy_(x),
        "add": lambda: torch.add(x, y, out=out),
        "pow": lambda: torch.pow(positive, y, out=out),
        "recip": lambda: torch.reciprocal(x, out=out),
        "bce_with_logits": loss_and_gradient(x, positive / 2),
    }
    if function not in others:
        raise Skipped("no counterpart")
    return others[function]


def loss_and_gradient(logits, targets):
    z = logits.clone().requires_grad_()

    def run():
        z.grad = None
        F.binary_cross_entropy_with_logits(z, targets).backward()

    return run


def reduce(name):
    function, axis, sizes = reduction(name)
    x = torch.randn(sizes)
    if axis == "columns-of-transpose":
        x, axis = x.t(), "columns"
    along = {"all": (0, 1), "columns": 0, "rows": 1}[axis]
    compute = getattr(torch, {"max": "amax", "min": "amin"}.get(function, function))
    return lambda: compute(x, dim=along)


def pool(x):
    return F.max_pool2d(x, 2, ceil_mode=True)


def upsample(x):
    return F.interpolate(x, scale_factor=2)


def between(operation, part, images):
    """Pooling or upsampling, alone or with its backward sweep."""
    operation = {"pool": pool, "upsample": upsample}[operation]
    x = torch.randn(images)
    if part == "forward":
        return lambda: operation(x)
    leaf = x.requires_grad_()
    cotangent = torch.ones_like(operation(leaf))

    def run():
        leaf.grad = None
        operation(leaf).backward(cotangent)

    return run


def conv(name):
    if parts := around(name):
        return between(*parts)
    kind, part, images, weight, stride, padding = convolution(name)
    transposed = kind == "transposed"
    x, w = torch.randn(images), torch.randn(weight)
    bias = torch.randn(weight[1] if transposed else weight[0])
    forward = F.conv_transpose2d if transposed else F.conv2d
    if part == "forward":
        return lambda: forward(x, w, bias, stride, padding)
    g = torch.randn_like(forward(x, w, None, stride, padding))
    options = ([stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1)
    wanted = [part == "input", part == "weight", False]
    return lambda: torch.ops.aten.convolution_backward(g, x, w, None, *options, wanted)


LENGTH = 100


def leaf(value):
    return value.detach().clone().requires_grad_()


def sines(x):
    for _ in range(LENGTH):
        x = torch.sin(x)
    return x


def recorded_sweep(one):
    x = leaf(one)
    torch.autograd.grad(sines(x), x, create_graph=True)


def small_layer():
    layer, x = torch.nn.Linear(8, 8), torch.randn(4, 8)

    def run():
        layer.zero_grad(set_to_none=True)
        layer(x).sum().backward()

    return run


def overhead(name):
    one, row = torch.tensor(1.0), torch.ones(16)
    if name.startswith("zeros "):
        size = int(name.split()[1])
        return lambda: torch.zeros(size)
    cases = {
        "sine on tensors": lambda: sines(one),
        "sine recorded": lambda: sines(leaf(one)),
        "sine recorded and swept": lambda: sines(leaf(one)).backward(),
        "sine recorded, sweep recorded": lambda: recorded_sweep(one),
        "add of 16": lambda: row + row,
        "linear 4x8x8 swept": small_layer(),
    }
    if name not in cases:
        raise Skipped("no counterpart")
    return cases[name]


SUITES = {"gemm": gemm, "math": math, "reduce": reduce, "conv": conv, "overhead": overhead}
