#!/usr/bin/env python3
"""The test functions of Moré, Garbow and Hillstrom (1981) by SymPy, as crates/nn/tests/nn/published/more.txt.

For each function: its number and name, the standard start, a point beside it, the value and gradient there, and
the upper half of the Hessian, by rows; derived by SymPy from the formulas of the paper, and computed with 40
digits. Function 11 has y - x2 where the paper has a misprint.

    pip install sympy && python tools/more_garbow_hillstrom.py > crates/nn/tests/nn/published/more.txt
"""

from sympy import Rational, S, atan, chebyshevt, cos, diff, exp, log, pi, prod, sin, sqrt, symbols

R = Rational
DECIMALS = {
    8: "0.14 0.18 0.22 0.25 0.29 0.32 0.35 0.39 0.37 0.58 0.73 0.96 1.34 2.10 4.39",
    9: "0.0009 0.0044 0.0175 0.0540 0.1295 0.2420 0.3521 0.3989 0.3521 0.2420 0.1295 0.0540 0.0175 0.0044 0.0009",
    10: "34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872",
    15: "0.1957 0.1947 0.1735 0.1600 0.0844 0.0627 0.0456 0.0342 0.0323 0.0235 0.0246",
    17: "0.844 0.908 0.932 0.936 0.925 0.908 0.881 0.850 0.818 0.784 0.751 0.718 0.685 0.658 0.628 0.603 0.580"
    " 0.558 0.538 0.522 0.506 0.490 0.478 0.467 0.457 0.448 0.438 0.431 0.424 0.420 0.414 0.411 0.406",
    19: "1.366 1.191 1.112 1.013 0.991 0.885 0.831 0.847 0.786 0.725 0.746 0.679 0.608 0.655 0.616 0.606 0.602"
    " 0.626 0.651 0.724 0.649 0.649 0.694 0.644 0.624 0.661 0.612 0.558 0.533 0.495 0.500 0.423 0.395 0.375"
    " 0.372 0.391 0.396 0.405 0.428 0.429 0.523 0.562 0.607 0.653 0.672 0.708 0.633 0.668 0.645 0.632 0.591"
    " 0.559 0.597 0.625 0.739 0.710 0.729 0.720 0.636 0.581 0.428 0.292 0.162 0.098 0.054",
}
Y = {key: [R(y) for y in text.split()] for key, text in DECIMALS.items()}
U15 = [R(u) for u in "4 2 1 0.5 0.25 0.167 0.125 0.1 0.0833 0.0714 0.0625".split()]


def discretised(x, f):
    """x with 0 at both ends, and f for its inside, called with i, t, h."""
    n, x = len(x), [0, *x, 0]
    h = R(1, n + 1)
    return [f(x, i, i * h, h) for i in range(1, n + 1)]


def integral(x, i, t, h):
    cube = lambda j: (x[j] + j * h + 1) ** 3
    left = sum(j * h * cube(j) for j in range(1, i + 1))
    right = sum((1 - j * h) * cube(j) for j in range(i + 1, len(x) - 1))
    return x[i] + h * ((1 - t) * left + t * right) / 2


def banded(x):
    n = len(x)
    near = lambda i: [j for j in range(max(0, i - 5), min(n, i + 2)) if j != i]
    return [x[i] * (2 + 5 * x[i] ** 2) + 1 - sum(x[j] * (1 + x[j]) for j in near(i)) for i in range(n)]


def watson(x):
    def at(t):
        slope = sum(j * x[j] * t ** (j - 1) for j in range(1, len(x)))
        return slope - sum(c * t**j for j, c in enumerate(x)) ** 2 - 1

    return [*(at(R(i, 29)) for i in range(1, 30)), x[0], x[1] - x[0] ** 2 - 1]


def penalty2(x):
    a, n = sqrt(R("1e-5")), len(x)
    y = [exp(R(i + 1, 10)) + exp(R(i, 10)) for i in range(n)]
    first = [a * (exp(x[i] / 10) + exp(x[i - 1] / 10) - y[i]) for i in range(1, n)]
    second = [a * (exp(x[i] / 10) - exp(-R(1, 10))) for i in range(1, n)]
    return [x[0] - R("0.2"), *first, *second, sum((n - i) * c**2 for i, c in enumerate(x)) - 1]


def variably(x):
    s = sum((i + 1) * (c - 1) for i, c in enumerate(x))
    return [*(c - 1 for c in x), s, s**2]


def chebyquad(x):
    integral = lambda i: R(-1, i * i - 1) if i % 2 == 0 else 0
    u = symbols("u")
    shifted = [chebyshevt(i, 2 * u - 1).expand() for i in range(len(x) + 1)]
    return [sum(shifted[i].subs(u, c) for c in x) / len(x) - integral(i) for i in range(1, len(x) + 1)]


def each(m, f):
    return [f(R(i)) for i in range(1, m + 1)]


def pairs(x, k, f):
    return [r for i in range(0, len(x), k) for r in f(*x[i : i + k])]


def rosenbrock(a, b):
    return [10 * (b - a**2), 1 - a]


def powell(a, b, c, d):
    return [a + 10 * b, sqrt(5) * (c - d), (b - 2 * c) ** 2, sqrt(10) * (a - d) ** 2]


def ramp(x, m, inner):
    """The linear functions of rank 1."""
    s = sum((j + 1) * c for j, c in enumerate(x) if not inner or 0 < j < len(x) - 1)
    return [(i - inner) * s - 1 if not inner or 1 < i < m else S(-1) for i in range(1, m + 1)]


T = R(1, 10)
FUNCTIONS = [
    (1, "rosenbrock", "-1.2 1", lambda x: rosenbrock(*x)),
    (2, "freudenstein_roth", "0.5 -2", lambda x: [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]),
    (3, "powell_badly_scaled", "0 1", lambda x: [10**4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - R("1.0001")]),
    (4, "brown_badly_scaled", "1 1", lambda x: [x[0] - 10**6, x[1] - R("2e-6"), x[0] * x[1] - 2]),
    (5, "beale", "1 1", lambda x: [y - x[0] * (1 - x[1] ** (i + 1)) for i, y in enumerate([R("1.5"), R("2.25"), R("2.625")])]),
    (6, "jennrich_sampson", "0.3 0.4", lambda x: each(10, lambda i: 2 + 2 * i - (exp(i * x[0]) + exp(i * x[1])))),
    # The angle of the left half plane, where the start is.
    (7, "helical_valley", "-1 0 0", lambda x: [10 * (x[2] - 10 * (atan(x[1] / x[0]) / (2 * pi) + R(1, 2))), 10 * (sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]),
    (8, "bard", "1 1 1", lambda x: each(15, lambda u: Y[8][u - 1] - (x[0] + u / ((16 - u) * x[1] + min(u, 16 - u) * x[2])))),
    (9, "gaussian", "0.4 1 0", lambda x: each(15, lambda i: x[0] * exp(-x[1] * ((8 - i) / 2 - x[2]) ** 2 / 2) - Y[9][i - 1])),
    (10, "meyer", "0.02 4000 250", lambda x: each(16, lambda i: x[0] * exp(x[1] / (45 + 5 * i + x[2])) - Y[10][i - 1])),
    (11, "gulf", "5 2.5 0.15", lambda x: each(99, lambda i: exp(-((25 + (-50 * log(i / 100)) ** R(2, 3) - x[1]) ** x[2]) / x[0]) - i / 100)),
    (12, "box", "0 10 20", lambda x: each(10, lambda i: exp(-i * T * x[0]) - exp(-i * T * x[1]) - x[2] * (exp(-i * T) - exp(-i)))),
    (13, "powell_singular", "3 -1 0 1", lambda x: powell(*x)),
    (14, "wood", "-3 -1 -3 -1", lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0], sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2], sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / sqrt(10)]),
    (15, "kowalik_osborne", "0.25 0.39 0.415 0.39", lambda x: [y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3]) for y, u in zip(Y[15], U15)]),
    (16, "brown_dennis", "25 5 -5 -1", lambda x: each(20, lambda i: (x[0] + i / 5 * x[1] - exp(i / 5)) ** 2 + (x[2] + x[3] * sin(i / 5) - cos(i / 5)) ** 2)),
    (17, "osborne_1", "0.5 1.5 -1 0.01 0.02", lambda x: each(33, lambda i: Y[17][i - 1] - (x[0] + x[1] * exp(-10 * (i - 1) * x[3]) + x[2] * exp(-10 * (i - 1) * x[4])))),
    (18, "biggs_exp6", "1 2 1 1 1 1", lambda x: each(13, lambda i: x[2] * exp(-i * T * x[0]) - x[3] * exp(-i * T * x[1]) + x[5] * exp(-i * T * x[4]) - (exp(-i * T) - 5 * exp(-i) + 3 * exp(-4 * i * T)))),
    (19, "osborne_2", "1.3 0.65 0.65 0.7 0.6 3 5 7 2 4.5 5.5", lambda x: each(65, lambda i: Y[19][i - 1] - (x[0] * exp(-(i - 1) / 10 * x[4]) + sum(x[k] * exp(-(((i - 1) / 10 - x[7 + k]) ** 2) * x[4 + k]) for k in (1, 2, 3))))),
    (20, "watson", "0 0 0 0 0 0 0 0 0", watson),
    (21, "extended_rosenbrock", "-1.2 1 " * 5, lambda x: pairs(x, 2, rosenbrock)),
    (22, "extended_powell_singular", "3 -1 0 1 " * 2, lambda x: pairs(x, 4, powell)),
    (23, "penalty_1", "1 2 3 4 5 6 7 8 9 10", lambda x: [*(sqrt(R("1e-5")) * (c - 1) for c in x), sum(c**2 for c in x) - R(1, 4)]),
    (24, "penalty_2", "0.5 " * 10, penalty2),
    (25, "variably_dimensioned", "0.9 0.8 0.7 0.6 0.5 0.4 0.3 0.2 0.1 0", variably),
    (26, "trigonometric", "0.1 " * 10, lambda x: [10 - sum(cos(c) for c in x) + (i + 1) * (1 - cos(c)) - sin(c) for i, c in enumerate(x)]),
    (27, "brown_almost_linear", "0.5 " * 10, lambda x: [*(c + sum(x) - 11 for c in x[:-1]), prod(x) - 1]),
    (28, "discrete_boundary_value", None, lambda x: discretised(x, lambda x, i, t, h: 2 * x[i] - x[i - 1] - x[i + 1] + h**2 * (x[i] + t + 1) ** 3 / 2)),
    (29, "discrete_integral_equation", None, lambda x: discretised(x, integral)),
    (30, "broyden_tridiagonal", "-1 " * 10, lambda x: discretised(x, lambda x, i, t, h: (3 - 2 * x[i]) * x[i] - x[i - 1] - 2 * x[i + 1] + 1)),
    (31, "broyden_banded", "-1 " * 10, banded),
    (32, "linear_full_rank", "1 " * 10, lambda x: [(x[i] if i < 10 else 0) - sum(x) / 10 - 1 for i in range(20)]),
    (33, "linear_rank_1", "1 " * 10, lambda x: ramp(x, 20, 0)),
    (34, "linear_rank_1_inner", "1 " * 10, lambda x: ramp(x, 20, 1)),
    (35, "chebyquad", "1/9 2/9 3/9 4/9 5/9 6/9 7/9 8/9", chebyquad),
]

print("# The test functions of Moré, Garbow and Hillstrom (1981) by tools/more_garbow_hillstrom.py, which SymPy")
print("# differentiates: number, name, standard start, a point, the value and gradient there, the upper Hessian by rows.")
for number, name, start, residuals in FUNCTIONS:
    start = [R(i * (i - 11), 121) for i in range(1, 11)] if start is None else [R(c) for c in start.split()]
    # Numbers of few binary digits, so that all sides compute at the same point.
    point = [R(round((float(c) * (1 + R(i % 3 + 1, 16)) + R(i + 1, 4 * len(start))) * 4096), 4096) for i, c in enumerate(start)]
    x = symbols(f"x:{len(start)}")
    r = residuals(x)
    at = dict(zip(x, point))
    number_of = lambda e: S(e).subs(at).evalf(40)
    values = [number_of(e) for e in r]
    slopes = [[number_of(diff(e, a)) for a in x] for e in r]
    f = sum(v**2 for v in values)
    size = range(len(x))
    gradient = [2 * sum(v * s[j] for v, s in zip(values, slopes)) for j in size]
    bend = lambda e, v, s, i, j: s[i] * s[j] + v * number_of(diff(e, x[i], x[j]))
    hessian = [2 * sum(bend(e, v, s, i, j) for e, v, s in zip(r, values, slopes)) for i in size for j in size if j >= i]
    line = lambda numbers: " ".join(str(float(v)).removesuffix(".0") for v in numbers)
    print(f"[{number} {name}]", line(start), line(point), line([f, *gradient]), line(hessian), sep="\n")
