"""Exact variances of estimators on one layer, enumerated: writes variances.json beside this file.

Independent of flipnet: laws and rules from their definitions, in NumPy, float64. `pip install numpy`, then `python variances.py`.
"""
import itertools
import json
import pathlib

import numpy as np

rng = np.random.default_rng(20261201)


def some(*shape):
    return np.round(rng.uniform(-1.5, 1.5, shape), 3)


def sigmoid(l):
    return 1 / (1 + np.exp(-l))


class Problem:
    """Units, all alike in their number of choices, and the sum of two squares of what they show."""

    def __init__(self, units, choices):
        self.units, self.choices = units, choices
        width = units * choices
        self.weights, self.bias = some(width, 2), some(width)
        self.onto, self.constant = some(2, width), some(2)
        self.logits = self.weights.sum(1) + self.bias  # the context is all ones
        self.p = sigmoid(self.logits) if choices == 1 else np.concatenate(
            [np.exp(l) / np.exp(l).sum() for l in self.logits.reshape(units, choices)]
        )

    def f(self, bits):
        return ((self.onto @ bits + self.constant) ** 2).sum()

    def slope(self, bits):
        return 2 * self.onto.T @ (self.onto @ bits + self.constant)

    def unit_laws(self):
        """Of each unit: its outcomes as columns, with their probabilities."""
        if self.choices == 1:
            return [[(1 - p, np.array([0.0])), (p, np.array([1.0]))] for p in self.p]
        each = self.p.reshape(self.units, self.choices)
        return [[(p, np.eye(self.choices)[k]) for k, p in enumerate(law)] for law in each]

    def spec(self):
        layer = {"weights": self.weights.tolist(), "bias": self.bias.tolist()}
        if self.choices > 1:
            layer |= {"kind": "softmax", "choices": self.choices}
        component = {"name": "f", "reads": [0], "weights": self.onto.tolist(), "bias": self.constant.tolist(), "eta": "square"}
        return {"units": "zero-one", "layers": [layer], "contexts": [[1, 1]], "components": [component]}


def states(per_unit):
    """All that units can do that are independent of each other: [(probability, [what unit 0 did, ...])]."""
    for way in itertools.product(*per_unit):
        yield np.prod([p for p, _ in way]), [what for _, what in way]


def moments(per_unit, credit):
    """Exact mean and variance of a credit."""
    total, mean, square = 0, 0, 0
    for p, way in states(per_unit):
        g = credit(way)
        total, mean, square = total + p, mean + p * g, square + p * g**2
    assert abs(total - 1) < 1e-12
    return mean, square - mean**2


def samples_of(problem, K):
    """K independent samples of every unit, and what turns a way into K samples of the layer."""
    laws = [
        [(np.prod([p for p, _ in several]), [x for _, x in several]) for several in itertools.product(law, repeat=K)]
        for law in problem.unit_laws()
    ]
    return laws


def columns(way, k):
    return np.concatenate([unit[k] for unit in way])


def leave_one_out(f, bits, p):
    K = len(f)
    return sum((f[k] - (sum(f) - f[k]) / (K - 1)) * (bits[k] - p) for k in range(K)) / K


def by_samples(problem, K, laws=None, factor=1):
    def credit(way):
        bits = [columns(way, k) for k in range(K)]
        return factor * leave_one_out([problem.f(b) for b in bits], bits, problem.p)

    return moments(laws or samples_of(problem, K), credit)


def reinforce(problem):
    return moments(samples_of(problem, 1), lambda way: problem.f(columns(way, 0)) * (columns(way, 0) - problem.p))


def pair_law(p, nodes):
    """Of one coin: where its uniform lies, and the pair that it gives. Points and weights of a quadrature on every stretch."""
    ends = sorted({0.0, p, 1 - p, 1.0})
    law = []
    for low, high in zip(ends, ends[1:]):
        for x, w in nodes:
            u = low + (high - low) * x
            law.append(((high - low) * w, (np.array([1.0 * (u > 1 - p)]), np.array([1.0 * (u < p)]), u)))
    return law


def disarm(problem):
    laws = [pair_law(p, [(0.5, 1.0)]) for p in problem.p]

    def credit(way):
        one, two = columns(way, 0), columns(way, 1)
        return (problem.f(one) - problem.f(two)) / 2 * (one - two) * np.maximum(problem.p, 1 - problem.p)

    return moments(laws, credit)


def arm(problem):
    x, w = np.polynomial.legendre.leggauss(3)
    laws = [pair_law(p, list(zip((x + 1) / 2, w / 2))) for p in problem.p]

    def credit(way):
        u = np.array([unit[2] for unit in way])
        return (problem.f(columns(way, 0)) - problem.f(columns(way, 1))) * (u - 0.5)

    return moments(laws, credit)


def longer(K, lengths):
    """The probability that given ones of K lengths, uniform on the simplex, are each longer than these."""
    return max(0.0, 1 - sum(lengths)) ** (K - 1)


def boxes(K, chosen):
    """The probability that `(1 - d_k)^(K-1)` lies in a stretch for each of K."""
    total = 0
    for corner in itertools.product((0, 1), repeat=len(chosen)):
        lengths = [1 - stretch[1 - side] ** (1 / (K - 1)) for stretch, side in zip(chosen, corner)]
        total += (-1) ** sum(corner) * longer(K, lengths)
    return total


def arms(problem, K):
    laws, factors = [], []
    for p in problem.p:
        rare = min(p, 1 - p)
        stretches = {1: (0, rare), 0: (rare, 1)}  # whether the rarer outcome
        law = []
        for way in itertools.product((0, 1), repeat=K):
            bits = [np.array([float(r if p < 0.5 else 1 - r)]) for r in way]
            law.append((boxes(K, [stretches[r] for r in way]), bits))
        laws.append(law)
        both = boxes(K, [(0, rare)] * 2)
        factors.append(p * (1 - p) / (rare - both))
    return by_samples(problem, K, laws, np.array(factors))


def double_cv(problem, K, alpha):
    def credit(way):
        bits = [columns(way, k) for k in range(K)]
        f, slopes = [problem.f(b) for b in bits], [problem.slope(b) for b in bits]
        c = []
        for k in range(K):
            others = sum(slopes[j] for j in range(K) if j != k) / (K - 1)
            c.append(alpha * others @ (bits[k] - problem.p))
        g = leave_one_out([a + b for a, b in zip(f, c)], bits, problem.p)
        return g - alpha * sum(slopes) / K * problem.p * (1 - problem.p)

    return moments(samples_of(problem, K), credit)


def turned(bits, i):
    return np.where(np.arange(len(bits)) == i, 1 - bits, bits)


def local_expectation(problem):
    """Each unit's own expectation, all others as they are."""
    n = problem.choices

    def credit(way):
        bits, g = columns(way, 0), np.zeros(len(problem.p))
        for unit in range(problem.units):
            place = slice(unit * n, unit * n + n)
            for p, outcome in problem.unit_laws()[unit]:
                tried = bits.copy()
                tried[place] = outcome
                g[place] += p * problem.f(tried) * (outcome - problem.p[place])
        return g

    return moments(samples_of(problem, 1), credit)


def bit_flip(problem):
    D = problem.units
    picks = [[(1 / D, j) for j in range(D)]]

    def credit(way):
        *units, j = way
        bits, g = columns(units, 0), np.zeros(D)
        on, off = bits.copy(), bits.copy()
        on[j], off[j] = 1, 0
        g[j] = D * problem.p[j] * (1 - problem.p[j]) * (problem.f(on) - problem.f(off))
        return g

    return moments(samples_of(problem, 1) + picks, credit)


def go(problem):
    n = problem.choices

    def credit(way):
        bits, g = columns(way, 0), np.zeros(len(problem.p))
        for unit in range(problem.units):
            place = slice(unit * n, unit * n + n)
            p = problem.p[place] if n > 1 else np.array([1 - problem.p[unit], problem.p[unit]])
            made = int(bits[place].argmax()) if n > 1 else int(bits[unit])
            if made == len(p) - 1:
                continue
            tried = bits.copy()
            tried[place] = np.eye(n)[made + 1] if n > 1 else 1
            # By each logit: how the chance of this choice or an earlier one moves.
            slope = p * ((np.arange(len(p)) <= made) - p[: made + 1].sum())
            gain = -slope / p[made] * (problem.f(tried) - problem.f(bits))
            g[place] = gain if n > 1 else gain[1]
        return g

    return moments(samples_of(problem, 1), credit)


def muprop(problem):
    f0, slope = problem.f(problem.p), problem.slope(problem.p)

    def credit(way):
        b = columns(way, 0)
        away = b - problem.p
        return (problem.f(b) - f0 - slope @ away) * away + slope * problem.p * (1 - problem.p)

    return moments(samples_of(problem, 1), credit)


def surrogate(problem, of):
    def credit(way):
        b = columns(way, 0)
        return of(b, problem.slope(b))

    return moments(samples_of(problem, 1), credit)


def coupled(problem, split):
    """Down a tree of forks, by an antithetic pair of coins at each."""
    n = problem.choices

    def tree(first, end):
        if end - first < 2:
            return []
        middle = split(first, end)
        return [(first, middle, end)] + tree(first, middle) + tree(middle, end)

    forks = tree(0, n)

    def leaf(lefts):
        return next(k for k in range(n) if all(lefts[i] == (k < m) for i, (a, m, e) in enumerate(forks) if a <= k < e))

    laws = []
    for p in problem.p.reshape(problem.units, n):
        P = [p[a:m].sum() / p[a:e].sum() for a, m, e in forks]
        law = []
        for chance, coins in states([pair_law(one, [(0.5, 1.0)]) for one in P]):
            z = [leaf([bool(coin[side][0]) for coin in coins]) for side in (0, 1)]
            factor = np.zeros(n)
            for one, (a, m, e) in zip(P, forks):
                r, r2 = (a <= k < e for k in z)
                b, b2 = (float(k < m) for k in z)
                w = (b - b2) * max(one, 1 - one) if r and r2 else b - one if r else one - b2 if r2 else 0.0
                factor[a:m] += w * p[a:m] / p[a:m].sum()
                factor[m:e] -= w * p[m:e] / p[m:e].sum()
            law.append((chance, (np.eye(n)[z[0]], np.eye(n)[z[1]], factor)))
        laws.append(law)

    def credit(way):
        half = (problem.f(columns(way, 0)) - problem.f(columns(way, 1))) / 2
        return half * columns(way, 2)

    return moments(laws, credit)


def carms(problem, K):
    n = problem.choices
    laws, ratios = [], []
    for p in problem.p.reshape(problem.units, n):
        layouts = []
        for i, j in itertools.combinations(range(n), 2):
            rarer, other = (i, j) if p[i] <= p[j] else (j, i)
            order = [rarer] + [k for k in range(n) if k not in (i, j)] + [other]
            ends = np.minimum(1, np.cumsum([0.0] + [p[k] for k in order]))
            ends[-1] = 1
            layouts.append({k: (ends[at], ends[at + 1]) for at, k in enumerate(order)})
        joint = lambda chosen: np.mean([boxes(K, [layout[k] for k in chosen]) for layout in layouts])
        ways = itertools.product(range(n), repeat=K)
        laws.append([(joint(way), [np.eye(n)[k] for k in way]) for way in ways])
        ratios.append([[p[i] * p[j] / joint((i, j)) if i != j else 0 for j in range(n)] for i in range(n)])

    def credit(way):
        bits = [columns(way, k) for k in range(K)]
        f, g = [problem.f(b) for b in bits], np.zeros(len(problem.p))
        for k, m in itertools.permutations(range(K), 2):
            for unit in range(problem.units):
                place = slice(unit * n, unit * n + n)
                i, j = int(bits[k][place].argmax()), int(bits[m][place].argmax())
                g[place] += ratios[unit][i][j] * (f[k] - f[m]) * (bits[k][place] - problem.p[place]) / (K * (K - 1))
        return g

    return moments(laws, credit)


RULES = {
    "reinforce": reinforce,
    "reinforce-loo:samples=2": lambda one: by_samples(one, 2),
    "reinforce-loo:samples=3": lambda one: by_samples(one, 3),
    "local-expectation": local_expectation,
    "go": go,
}
COINS = {
    **RULES,
    "f-hnca": local_expectation,
    "disarm": disarm,
    "arm": arm,
    "arms:samples=3": lambda one: arms(one, 3),
    "double-cv:samples=2:start=-0.7": lambda one: double_cv(one, 2, -0.7),
    "double-cv:samples=3:start=0.4": lambda one: double_cv(one, 3, 0.4),
    "bit-flip": bit_flip,
    "muprop": muprop,
    "straight-through": lambda one: surrogate(one, lambda b, a: a * one.p * (1 - one.p)),
    "reinmax": lambda one: surrogate(one, lambda b, a: a * (b - 0.5) * (b - one.p)),
}
DICE = {
    **RULES,
    "disarm-tree": lambda one: coupled(one, lambda first, end: (first + end + 1) // 2),
    "disarm-sb": lambda one: coupled(one, lambda first, end: first + 1),
    "carms:samples=2": lambda one: carms(one, 2),
    "carms:samples=3": lambda one: carms(one, 3),
}

made = []
for problem, rules in ((Problem(3, 1), COINS), (Problem(2, 4), DICE)):
    found = {}
    for name, rule in rules.items():
        mean, variance = rule(problem)
        found[name] = {"mean": mean.round(12).tolist(), "variance": variance.round(12).tolist()}
    made.append({"spec": problem.spec(), "estimators": found})
path = pathlib.Path(__file__).with_name("variances.json")
path.write_text(json.dumps({"by": f"numpy {np.__version__}, float64", "problems": made}, separators=(",", ":")) + "\n")
