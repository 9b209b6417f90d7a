"""Credits of estimators by automatic differentiation, on given uniforms: writes estimators.json beside this file.

Independent of flipnet: the estimators' definitions in JAX, float64. `pip install jax`, then `python estimators.py`.
"""
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(20261130)
B, I, J0, J1 = 4, 3, 3, 2
HALF_STEP = 2.0**-25  # flipnet's uniforms are multiples of 2^-24


def some(*shape):
    return np.round(rng.uniform(-1.5, 1.5, shape), 3)


X = rng.integers(0, 2, (B, I)).astype(float)
W = [some(J0, I), some(J1, J0)]
C = [some(J0), some(J1)]
IMAGE, BELOW, BOTH, TOP = ((some(r, n), some(r)) for r, n in ((I, J0), (J0, J1), (2, J0 + J1), (1, J1)))


def uniforms(rows, columns):
    return np.floor(rng.uniform(0, 1, (rows, columns)) * 2**24) / 2**24


def softplus(l):
    return jnp.logaddexp(l, 0.0)


def log_likelihood(l, t):
    return (t * l - softplus(l)).sum(-1)


class Net:
    def __init__(self, plus_minus):
        self.shown = (lambda b: 2 * b - 1) if plus_minus else (lambda b: b)

    def logits(self, layer, below):
        x = X if layer == 0 else self.shown(below)
        return x @ W[layer].T + C[layer]

    def f(self, b0, b1, of=0):
        """What lies downstream of a layer, on every example."""
        x0, x1 = self.shown(b0), self.shown(b1)
        x = jnp.concatenate([x0, x1], -1)
        total = log_likelihood(x1 @ BELOW[0].T + BELOW[1], b0)
        total += ((x @ BOTH[0].T + BOTH[1]) ** 2).sum(-1) + jnp.tanh(x1 @ TOP[0].T + TOP[1]).sum(-1)
        return total + (log_likelihood(x0 @ IMAGE[0].T + IMAGE[1], X) if of == 0 else 0)

    def sample(self, u0, u1):
        b0 = 1.0 * (u0 < jax.nn.sigmoid(self.logits(0, None)))
        return b0, 1.0 * (u1 < jax.nn.sigmoid(self.logits(1, b0)))


def leave_one_out(f, bits, p):
    K = len(f)
    return sum((f[k] - sum(f[j] for j in range(K) if j != k) / (K - 1))[:, None] * (bits[k] - p) for k in range(K)) / K


def resampled(net, K, joint):
    """A main pass, and K - 1 more samples of each layer and of what follows. `joint` draws a layer's samples from one matrix."""
    given = {}

    def draw(layer, branch, rows, columns):
        return given.setdefault(f"{layer},{branch}", uniforms(rows, columns))

    p0 = jax.nn.sigmoid(net.logits(0, None))
    all0 = joint(p0, lambda k: draw(0, 0 if k == 0 else 1 + k, B, J0), lambda: draw(0, 0, (K - 1) * B, J0), K)
    p1 = jax.nn.sigmoid(net.logits(1, all0[0]))
    all1 = joint(p1, lambda k: draw(1, 0 if k == 0 else 1 + K + k, B, J1), lambda: draw(1, 0, (K - 1) * B, J1), K)
    samples0 = [(all0[0], all1[0])]
    for k in range(1, K):
        q = jax.nn.sigmoid(net.logits(1, all0[k]))
        samples0.append((all0[k], 1.0 * (draw(1, 1 + k, B, J1) < q)))
    samples1 = [(all0[0], one) for one in all1]
    return given, (p0, samples0), (p1, samples1)


def independent(p, each, _, K):
    return [1.0 * (each(k) < p) for k in range(K)]


def dirichlet(p, _, together, K):
    cuts = together().reshape(K - 1, *p.shape)
    cuts = jnp.sort(jnp.where(p >= 0.5, 1 - cuts, cuts), axis=0)
    ends = jnp.concatenate([jnp.zeros((1, *p.shape)), cuts, jnp.ones((1, *p.shape))])
    u = (1 - jnp.diff(ends, axis=0)) ** (K - 1)
    return [1.0 * (jnp.where(p >= 0.5, 1 - one, one) < p) for one in u]


def arms(net, K):
    given, *layers = resampled(net, K, dirichlet)
    credits = []
    for of, (p, samples) in enumerate(layers):
        rare = jnp.maximum(0, 2 * p ** (1 / (K - 1)) - 1) ** (K - 1)
        common = 2 * p - 1 + jnp.maximum(0, 2 * (1 - p) ** (1 / (K - 1)) - 1) ** (K - 1)
        rho = jnp.where(p < 0.5, rare, common)
        f = [net.f(*s, of) for s in samples]
        credits.append(p * (1 - p) / (p - rho) * leave_one_out(f, [s[of] for s in samples], p))
    return given, credits


def double_cv(net, K, alpha):
    given, *layers = resampled(net, K, independent)
    credits = []
    for of, (p, samples) in enumerate(layers):
        slope = jax.grad(lambda b0, b1, of: net.f(b0, b1, of).sum(), argnums=of)
        slopes = [slope(*s, of) for s in samples]
        f = [net.f(*s, of) for s in samples]
        bits = [s[of] for s in samples]
        others = [sum(slopes[j] for j in range(K) if j != k) / (K - 1) for k in range(K)]
        c = [alpha * (others[k] * (bits[k] - p)).sum(-1) for k in range(K)]
        g = leave_one_out([f[k] + c[k] for k in range(K)], bits, p)
        credits.append(g - alpha * sum(slopes) / K * p * (1 - p))
    return given, credits


def surrogate(net, given, unit):
    """`unit` is what stands for a bit: its value is the bit, and its derivative by the logit is what it is to be."""

    def total(shift0, shift1):
        l0 = net.logits(0, None) + shift0
        b0 = unit(l0, 0)
        l1 = net.logits(1, b0) + shift1
        return net.f(b0, unit(l1, 1)).sum()

    return jax.grad(total, argnums=(0, 1))(jnp.zeros((B, J0)), jnp.zeros((B, J1)))


def through(bit, soft):
    return jax.lax.stop_gradient(bit - soft) + soft


def plain(net):
    return {"0,0": uniforms(B, J0), "1,0": uniforms(B, J1)}


def straight_through(net):
    given = plain(net)
    unit = lambda l, n: through(1.0 * (given[f"{n},0"] < jax.nn.sigmoid(l)), jax.nn.sigmoid(l))
    return given, surrogate(net, given, unit)


def reinmax(net, temperature):
    given = plain(net)

    def unit(l, n):
        b = jax.lax.stop_gradient(1.0 * (given[f"{n},0"] < jax.nn.sigmoid(l)))
        pi1 = (b + jax.nn.sigmoid(l / temperature)) / 2
        logit = jax.lax.stop_gradient(jnp.log(pi1) - jnp.log(1 - pi1))
        # The authors' two terms: a softmax at pi1, whose logit moves as l does, and the law itself.
        one = jax.nn.sigmoid(l - jax.lax.stop_gradient(l) + logit)
        soft = 2 * one - jax.nn.sigmoid(l) / 2
        return through(b, soft)

    return given, surrogate(net, given, unit)


def z_of(l, u):
    return l + jnp.log1p(-(u + HALF_STEP)) - jnp.log(u + HALF_STEP)


def z_given(l, b, v):
    """The noise anew given the bit, which is on where u < p: u = p v, or p + q v. Differentiable by l."""
    p = jax.nn.sigmoid(l)
    v = v + HALF_STEP
    u = jnp.where(b == 1, p * v, p + (1 - p) * v)
    return l + jnp.log1p(-u) - jnp.log(u)


def gumbel_softmax(net, t):
    given = plain(net)
    unit = lambda l, n: through(1.0 * (given[f"{n},0"] < jax.nn.sigmoid(l)), jax.nn.sigmoid(z_of(l, given[f"{n},0"]) / t))
    return given, surrogate(net, given, unit)


def gumbel_rao(net, t, M):
    given = {"0,0": uniforms((1 + M) * B, J0), "1,0": uniforms((1 + M) * B, J1)}

    def unit(l, n):
        u = given[f"{n},0"].reshape(1 + M, B, -1)
        b = jax.lax.stop_gradient(1.0 * (u[0] < jax.nn.sigmoid(l)))
        soft = 0
        for v in u[1:]:
            z = jax.lax.stop_gradient(z_given(l, b, v))
            soft = soft + jax.nn.sigmoid((z + l - jax.lax.stop_gradient(l)) / t) / M
        return through(b, soft)

    return given, surrogate(net, given, unit)


def concrete(net, t):
    given = plain(net)
    unit = lambda l, n: jax.nn.sigmoid(z_of(l, given[f"{n},0"]) / t)
    return given, surrogate(net, given, unit)


def rebar(net, t, eta):
    given = {"0,0": uniforms(2 * B, J0), "1,0": uniforms(2 * B, J1)}
    parts = [given[f"{n},0"].reshape(2, B, -1) for n in (0, 1)]
    l0 = net.logits(0, None)
    b0, b1 = net.sample(parts[0][0], parts[1][0])
    l1 = net.logits(1, b0)

    def relaxed0(s):
        return net.f(s, jax.nn.sigmoid(net.logits(1, s)), 0)

    def credit(l, b, uv, hard, relaxed):
        free = lambda l: relaxed(jax.nn.sigmoid(z_of(l, uv[0]) / t))
        bound = lambda l: relaxed(jax.nn.sigmoid(z_given(l, b, uv[1]) / t))
        score = b - jax.nn.sigmoid(l)
        slope = lambda h: jax.grad(lambda l: h(l).sum())(l)
        return (hard - eta * bound(l))[:, None] * score + eta * slope(free) - eta * slope(bound)

    return given, [
        credit(l0, b0, parts[0], net.f(b0, b1, 0), relaxed0),
        credit(l1, b1, parts[1], net.f(b0, b1, 1), lambda s: net.f(b0, s, 1)),
    ]


def relax(net, t, eta, H, with_objective):
    """Credits with a network as control variate; its parameters, and uphill on minus the mean of g^2 by each of them."""
    given = {"0,0": uniforms(2 * B, J0), "1,0": uniforms(2 * B, J1)}
    parts = [given[f"{n},0"].reshape(2, B, -1) for n in (0, 1)]
    b = net.sample(parts[0][0], parts[1][0])
    parameters, climbs, credits = {}, {}, []
    for n, below in enumerate((X, net.shown(b[0]))):
        name, J = f"estimator.relax.{n}", (J0, J1)[n]
        inner = some(below.shape[1] + J + 1, H)
        at = {f"{name}.hidden": inner, f"{name}.output": some(H + 1)}
        if with_objective:
            at = {name: np.array([eta]), **at}

        def control(s, of):
            hidden = jnp.tanh((jnp.concatenate([below, s], -1) @ of[f"{name}.hidden"][:-1] + of[f"{name}.hidden"][-1]) / 2)
            learned = hidden @ of[f"{name}.output"][:-1] + of[f"{name}.output"][-1]
            if not with_objective:
                return learned
            relaxed = net.f(s, jax.nn.sigmoid(net.logits(1, s)), 0) if n == 0 else net.f(b[0], s, 1)
            return learned + of[name][0] * relaxed

        def credit(of):
            l = net.logits(n, b[0])
            free = lambda l: control(jax.nn.sigmoid(z_of(l, parts[n][0]) / t), of)
            bound = lambda l: control(jax.nn.sigmoid(z_given(l, b[n], parts[n][1]) / t), of)
            slope = lambda h: jax.grad(lambda l: h(l).sum())(l)
            return (net.f(*b, n) - bound(l))[:, None] * (b[n] - jax.nn.sigmoid(l)) + slope(free) - slope(bound)

        credits.append(credit(at))
        parameters |= at
        climbs |= jax.grad(lambda of: -(credit(of) ** 2).mean())(at)
    return given, credits, {name: {"value": digits(parameters[name]), "climb": digits(climbs[name])} for name in parameters}


def vimco(net, K):
    given = {f"{n},{k}": uniforms(B, (J0, J1)[n]) for k in range(K) for n in (0, 1)}
    samples = [net.sample(given[f"0,{k}"], given[f"1,{k}"]) for k in range(K)]
    log_w = jnp.stack([net.f(*s) for s in samples])
    bound = lambda f: jax.scipy.special.logsumexp(f, axis=0) - jnp.log(K)
    credits = []
    for k, (b0, b1) in enumerate(samples):
        others = jnp.delete(log_w, k, axis=0).mean(0)
        signal = bound(log_w) - bound(log_w.at[k].set(others))
        log_q = lambda s0, s1: (
            log_likelihood(net.logits(0, None) + s0, b0) + log_likelihood(net.logits(1, b0) + s1, b1)
        )
        loss = lambda s0, s1: (signal * log_q(s0, s1)).sum()
        credits += jax.grad(loss, argnums=(0, 1))(jnp.zeros((B, J0)), jnp.zeros((B, J1)))
    return given, credits


def flipped(net, threshold):
    """DisARM of undecided units, and one flip among the others. A third sample of each layer, after the pair."""
    given = {}
    draw = lambda layer, branch, columns: given.setdefault(f"{layer},{branch}", uniforms(B, columns))
    p0 = jax.nn.sigmoid(net.logits(0, None))
    u0 = draw(0, 0, J0)
    first, second = 1.0 * (1 - u0 <= p0), 1.0 * (u0 < p0)
    below = lambda b: jax.nn.sigmoid(net.logits(1, b))

    def other(b, p, pick):
        b, few = np.array(b), np.minimum(p, 1 - p) < (1 / (2 * p.shape[1]) if threshold is None else threshold)
        for row in range(B):
            places = np.flatnonzero(few[row])
            if len(places) > 0:
                unit = places[int(pick[row, 0] * len(places))]
                b[row, unit] = 1 - b[row, unit]
        return jnp.asarray(b), jnp.asarray(1.0 * few)

    third, few0 = other(first, np.asarray(p0), draw(0, 3, 1))
    p1, u1 = below(first), draw(1, 0, J1)
    top, top2 = 1.0 * (1 - u1 <= p1), 1.0 * (u1 < p1)
    top3, few1 = other(top, np.asarray(p1), draw(1, 6, 1))
    children = [1.0 * (draw(1, k, J1) < below(b)) for k, b in ((2, second), (3, third))]
    layers = [
        (0, p0, few0, (first, top), (second, children[0]), (third, children[1])),
        (1, p1, few1, (first, top), (first, top2), (first, top3)),
    ]
    credits = []
    for n, p, few, a, b, c in layers:
        f = [net.f(*one, n)[:, None] for one in (a, b, c)]
        pair = (f[0] - f[1]) / 2 * (a[n] - b[n]) * jnp.maximum(p, 1 - p)
        flip = few.sum(-1, keepdims=True) * p * (1 - p) * (f[0] - f[2]) * (a[n] - c[n])
        credits.append(jnp.where(few == 1, flip, pair))
    return given, credits


def go(net):
    """The derivative of the distribution function of each unit, and what children are then worth by their likelihood."""
    given = plain(net)
    b = net.sample(given["0,0"], given["1,0"])
    at = lambda b0, b1, n: net.f(b0, b1, n)
    log_q1 = lambda b0, b1: log_likelihood(net.logits(1, b0), b1)
    image = lambda b0: log_likelihood(net.shown(b0) @ IMAGE[0].T + IMAGE[1], X)
    credits = []
    for n in (0, 1):
        dF = -jax.grad(lambda l: jax.nn.sigmoid(-l).sum())(net.logits(n, b[0]))  # by each logit, of P(off)
        q = jax.nn.sigmoid(-net.logits(n, b[0]))
        g = np.zeros(q.shape)
        for unit in range(q.shape[1]):
            on = [b[0], b[1]]
            on[n] = b[n].at[:, unit].set(1)
            if n == 0:
                # What only the layer itself is read by needs no child.
                ratio = jnp.exp(log_q1(on[0], b[1]) - log_q1(*b))
                own, through = image(on[0]) - image(b[0]), (at(*on, 0) - image(on[0])) * ratio - (at(*b, 0) - image(b[0]))
                gain = own + through
            else:
                gain = at(*on, 1) - at(*b, 1)
            g[:, unit] = jnp.where(b[n][:, unit] == 0, (dF / q)[:, unit] * gain, 0)
        credits.append(jnp.asarray(g))
    return given, credits


def rodeo(net, K, H, start):
    """Credits, the network's parameters, and uphill on minus the mean of g^2 by each of them."""
    given, *layers = resampled(net, K, independent)
    credits, parameters, climbs = [], {}, {}
    for n, (p, samples) in enumerate(layers):
        name = f"estimator.rodeo.{n}"
        at = {name: np.array([start, -start]), f"{name}.hidden": some(3, H), f"{name}.output": some(H + 1, 2)}
        slope = jax.grad(lambda b0, b1, of: net.f(b0, b1, of).sum(), argnums=n)
        f, bits = [net.f(*s, n) for s in samples], [s[n] for s in samples]
        slopes = [slope(*s, n) for s in samples]
        D = p.shape[1]

        def credit(of):
            def network(x, z):
                a = jnp.stack([x, z], -1) @ of[f"{name}.hidden"][:2] + of[f"{name}.hidden"][2]
                return jnp.where(a > 0, a, 0.3 * a) @ of[f"{name}.output"][:H] + of[f"{name}.output"][H]

            def surrogates(k, y):
                others = [j for j in range(K) if j != k]
                x = sum((slopes[j] * (y - bits[j])).sum(-1) for j in others) / (K - 1)
                return network(x, sum(f[j] for j in others) / (K - 1))

            def operator(function, b):
                """Gibbs: the mean over units of what drawing each anew is expected to change."""
                total = 0
                for i in range(D):
                    turned = b.at[:, i].set(1 - b[:, i])
                    chance = jnp.where(b[:, i] == 1, 1 - p[:, i], p[:, i])
                    total = total + chance[:, None] * (function(turned) - function(b)) / D
                return total

            first = [operator(lambda y: surrogates(k, y)[:, :1], bits[k])[:, 0] for k in range(K)]
            second = [operator(lambda y: surrogates(k, y)[:, 1:] * (y - p), bits[k]) for k in range(K)]
            alpha, beta = of[name]
            g = 0
            for k in range(K):
                others = sum(f[j] + alpha * first[j] for j in range(K) if j != k) / (K - 1)
                g = g + ((f[k] - others)[:, None] * (bits[k] - p) + beta * second[k]) / K
            return g

        credits.append(credit(at))
        parameters |= at
        climbs |= jax.grad(lambda of: -(credit(of) ** 2).mean())(at)
    return given, credits, {name: {"value": digits(parameters[name]), "climb": digits(climbs[name])} for name in parameters}


def local_disarm(net, K):
    given = {}
    draw = lambda layer, branch: given.setdefault(f"{layer},{branch}", uniforms(B, (J0, J1)[layer]))
    below = lambda b: jax.nn.sigmoid(net.logits(1, b))
    p0 = jax.nn.sigmoid(net.logits(0, None))
    mains, others = [], []
    for k in range(K):
        u0 = draw(0, k)
        b0, other0 = 1.0 * (1 - u0 <= p0), 1.0 * (u0 < p0)
        p1, u1 = below(b0), draw(1, k)
        mains.append((b0, 1.0 * (1 - u1 <= p1)))
        child = 1.0 * (draw(1, K + k) < below(other0))
        others.append(((other0, child), (b0, 1.0 * (u1 < p1))))
    log_w = jnp.stack([net.f(*s) for s in mains])
    bound = lambda f: jax.scipy.special.logsumexp(f, axis=0) - jnp.log(K)
    credits = []
    for k in range(K):
        for n, p in ((0, p0), (1, below(mains[k][0]))):
            half = (bound(log_w) - bound(log_w.at[k].set(net.f(*others[k][n])))) / 2
            credits.append(half[:, None] * (mains[k][n] - others[k][n][n]) * jnp.maximum(p, 1 - p))
    return given, credits


CASES = {
    "arms:samples=2": lambda net: arms(net, 2),
    "arms:samples=3": lambda net: arms(net, 3),
    "arms:samples=4": lambda net: arms(net, 4),
    "double-cv:samples=2:start=-0.7": lambda net: double_cv(net, 2, -0.7),
    "double-cv:samples=3:start=0.4": lambda net: double_cv(net, 3, 0.4),
    "straight-through": straight_through,
    "reinmax": lambda net: reinmax(net, 1.0),
    "reinmax:temperature=1.3": lambda net: reinmax(net, 1.3),
    "gumbel-softmax:temperature=0.4": lambda net: gumbel_softmax(net, 0.4),
    "gumbel-rao:temperature=0.4:noises=3": lambda net: gumbel_rao(net, 0.4, 3),
    "concrete:temperature=0.6": lambda net: concrete(net, 0.6),
    "rebar:temperature=0.5:start=0.8": lambda net: rebar(net, 0.5, 0.8),
    "vimco:samples=3": lambda net: vimco(net, 3),
    "relax:temperature=0.5:hidden=3": lambda net: relax(net, 0.5, 0.8, 3, True),
    "relax:temperature=0.7:hidden=2:objective=false": lambda net: relax(net, 0.7, 0, 2, False),
}


def digits(a):
    return np.asarray(a).round(12).ravel().tolist()


class ChoiceNet:
    """Two softmax units of three choices, below one of four and two Bernoulli units that read both."""

    widths, choices = (6, 4, 2), (3, 4, 1)

    def __init__(self, plus_minus):
        self.shown = (lambda b: 2 * b - 1) if plus_minus else (lambda b: b)

    def logits(self, layer, below):
        x = X if layer == 0 else jnp.concatenate(below[:layer], -1)
        return x @ CHOICE_W[layer].T + CHOICE_C[layer]

    def law(self, layer, below):
        l = self.logits(layer, below)
        n = self.choices[layer]
        if n == 1:
            return jax.nn.sigmoid(l)
        return jax.nn.softmax(l.reshape(B, -1, n), -1).reshape(B, -1)

    def f(self, bits):
        """The whole function: what lies upstream of a layer cancels in differences."""
        return self.below(bits, 0)

    def below(self, bits, layer):
        """What lies downstream of a layer."""
        b0, b1, b2 = bits
        x = jnp.concatenate([b0, b1, self.shown(b2)], -1)
        total = ((x @ CHOICE_ALL[0].T + CHOICE_ALL[1]) ** 2).sum(-1)
        return total + (log_likelihood(b0 @ CHOICE_IMAGE[0].T + CHOICE_IMAGE[1], X) if layer == 0 else 0)

    def independent(self, layer, below, u):
        """By the inverse of the distribution function."""
        p, n = self.law(layer, below), self.choices[layer]
        if n == 1:
            return 1.0 * (u < p)
        chosen = (u[..., None] >= jnp.cumsum(p.reshape(B, -1, n), -1)).sum(-1)
        return jax.nn.one_hot(chosen, n).reshape(B, -1)


def forked(net, K, joint, columns, rows):
    """A main pass and K - 1 more samples of each layer and of what follows; `joint` draws all K of a layer."""
    given, chosen, main, all_samples = {}, [], [], []
    draw = lambda layer, branch, rows, columns: given.setdefault(f"{layer},{branch}", uniforms(rows, columns))
    for layer in range(3):
        together = joint(net, layer, main, draw(layer, 0, *((B, 2) if net.choices[layer] == 1 and K == 2 else (rows(layer), columns(layer)))))
        chosen.append(together)
        main = main + [together[0]]
    for layer in range(3):
        samples = []
        for k, own in enumerate(chosen[layer]):
            bits = main[:layer] + [own]
            for later in range(layer + 1, 3):
                if k == 0:
                    bits = bits + [main[later]]
                else:
                    u = draw(later, 1 + K * layer + k, B, net.widths[later] // net.choices[later])
                    bits = bits + [net.independent(later, bits, u)]
            samples.append(bits)
        all_samples.append(samples)
    return given, main, all_samples


def halves(first, end):
    return (first + end + 1) // 2


def forks(split, first, end):
    """(first, middle, end), the root first and each left side before its right."""
    if end - first < 2:
        return []
    middle = split(first, end)
    return [(first, middle, end)] + forks(split, first, middle) + forks(split, middle, end)


def fork_logits(l, tree):
    """Of each fork: how likely it is to go left."""
    lse = jax.scipy.special.logsumexp
    return jnp.stack([lse(l[..., a:m], -1) - lse(l[..., m:e], -1) for a, m, e in tree], -1)


def antithetic_forks(split):
    def joint(net, layer, below, u):
        n = net.choices[layer]
        if n == 1:
            p = net.law(layer, below)
            return [1.0 * (1 - u <= p), 1.0 * (u < p)]
        l = net.logits(layer, below).reshape(B, -1, n)
        tree = forks(split, 0, n)
        P = jax.nn.sigmoid(fork_logits(l, tree))
        u = u.reshape(*P.shape)
        both = []
        for left in (1 - u <= P, u < P):
            # A choice is made where every fork above it goes its way.
            made = jnp.stack([jnp.stack([jnp.where(k < m, left[..., i], ~left[..., i]) for i, (a, m, e) in enumerate(tree) if a <= k < e], -1).all(-1) for k in range(n)], -1)
            both.append((1.0 * made).reshape(B, -1))
        return both

    return joint


def disarm_forks(net, split):
    columns = lambda layer: net.widths[layer] // net.choices[layer] * max(1, net.choices[layer] - 1)
    given, main, samples = forked(net, 2, antithetic_forks(split), columns, lambda layer: B)
    credits = []
    for layer in range(3):
        one, two = samples[layer]
        half = (net.f(one) - net.f(two)) / 2
        z, other = one[layer], two[layer]
        n = net.choices[layer]
        if n == 1:
            p = net.law(layer, main)
            credits.append(half[:, None] * (z - other) * jnp.maximum(p, 1 - p))
            continue
        tree = forks(split, 0, n)
        l = net.logits(layer, main).reshape(B, -1, n)
        at = lambda bits: [bits.reshape(B, -1, n)[..., a:e].sum(-1) for a, _, e in tree]
        lefts = lambda bits: [bits.reshape(B, -1, n)[..., a:m].sum(-1) for a, m, _ in tree]
        phi = fork_logits(l, tree)
        P = jax.nn.sigmoid(phi)
        weights = []
        for i, (r, r2, b, b2) in enumerate(zip(at(z), at(other), lefts(z), lefts(other))):
            p = P[..., i]
            weights.append(r * r2 * (b - b2) * jnp.maximum(p, 1 - p) + r * (1 - r2) * (b - p) - (1 - r) * r2 * (b2 - p))
        weights = jnp.stack(weights, -1) * half[:, None, None]
        back = jax.grad(lambda l: (fork_logits(l, tree) * weights).sum())(l)
        credits.append(back.reshape(B, -1))
    return given, credits


def orders(p):
    """For each two choices a way to lay out [0, 1): the rarer first, the other last."""
    n = len(p)
    for i in range(n):
        for j in range(i + 1, n):
            rarer, other = (i, j) if p[i] <= p[j] else (j, i)
            yield [rarer] + [k for k in range(n) if k not in (i, j)] + [other]


def stretches(p, order):
    ends = np.cumsum([p[k] for k in order])
    ends[-1] = 1
    return {k: (ends[i - 1] if i > 0 else 0.0, ends[i]) for i, k in enumerate(order)}


def repelling_choices(K):
    def joint(net, layer, below, u):
        p, n = np.asarray(net.law(layer, below)), net.choices[layer]
        if n == 1:
            return dirichlet(p, None, lambda: u, K)
        parts = u.reshape(K, B, -1)
        out = np.zeros((K, B, p.shape[1]))
        for b in range(B):
            for unit in range(p.shape[1] // n):
                law = p[b, unit * n : unit * n + n]
                cuts = np.concatenate([[0], np.sort(parts[: K - 1, b, unit]), [1]])
                numbers = (1 - np.diff(cuts)) ** (K - 1)
                options = list(orders(law))
                where = stretches(law, options[int(parts[K - 1, b, unit] * len(options))])
                for k, number in enumerate(numbers):
                    made = [c for c, (low, high) in where.items() if low <= number < high]
                    out[k, b, unit * n + made[0]] = 1
        return [jnp.asarray(one) for one in out]

    return joint


def carms(net, K):
    rows = lambda layer: B * (K - 1 if net.choices[layer] == 1 else K)
    given, main, samples = forked(net, K, repelling_choices(K), lambda layer: net.widths[layer] // net.choices[layer], rows)
    both = lambda s, t: max(0.0, s ** (1 / (K - 1)) + t ** (1 / (K - 1)) - 1) ** (K - 1)
    credits = []
    for layer in range(3):
        f = [np.asarray(net.f(bits)) for bits in samples[layer]]
        z = [np.asarray(bits[layer]) for bits in samples[layer]]
        p, n = np.asarray(net.law(layer, main)), net.choices[layer]
        g = np.zeros_like(p)
        for b in range(B):
            for unit in range(p.shape[1] // n):
                place = slice(unit * n, unit * n + n)
                law = p[b, place] if n > 1 else np.array([p[b, unit], 1 - p[b, unit]])
                made = [one[b, place] if n > 1 else np.array([one[b, unit], 1 - one[b, unit]]) for one in z]
                for k in range(K):
                    for m in range(K):
                        i, j = int(made[k].argmax()), int(made[m].argmax())
                        if i == j:
                            continue
                        chances = []
                        for order in orders(law):
                            (a, c), (d, e) = (stretches(law, order)[x] for x in (i, j))
                            chances.append(both(c, e) - both(a, e) - both(c, d) + both(a, d))
                        ratio = law[i] * law[j] / np.mean(chances)
                        score = ratio * (f[k][b] - f[m][b]) * (made[k] - law) / (K * (K - 1))
                        if n > 1:
                            g[b, place] += score
                        else:
                            g[b, unit] += score[0]
        credits.append(g)
    return given, credits


def arsm(net):
    """By races, all of whose pairs of times are swapped in turn; Bernoulli units by ARM."""
    given, main, rows = {}, [], []
    draw = lambda layer, branch, rows, columns: given.setdefault(f"{layer},{branch}", uniforms(rows, columns))
    swaps = lambda n: [(0, 0)] + [(i, j) for i in range(n) for j in range(i + 1, n)]
    most = max(2 if n == 1 else len(swaps(n)) for n in net.choices)
    drawn = []
    for layer, n in enumerate(net.choices):
        units = net.widths[layer] // n
        u = draw(layer, 0, B * n, units)
        if n == 1:
            p = net.law(layer, main)
            drawn.append((u - 0.5, [1.0 * (1 - u <= p), 1.0 * (u < p)]))
        else:
            times = -jnp.log(u.reshape(n, B, units) + HALF_STEP).transpose(1, 2, 0)
            shares = times / times.sum(-1, keepdims=True)
            l = net.logits(layer, main).reshape(B, units, n)
            made = []
            for i, j in swaps(n):
                order = np.arange(n)
                order[[i, j]] = order[[j, i]]
                made.append(jax.nn.one_hot(jnp.argmin(jnp.log(shares[..., order]) - l, -1), n).reshape(B, -1))
            drawn.append((shares, made))
        main = main + [drawn[-1][1][0]]
    credits = []
    for layer, n in enumerate(net.choices):
        noise, made = drawn[layer]
        f = []
        for k, own in enumerate(made):
            bits = main[:layer] + [own]
            for later in range(layer + 1, 3):
                fresh = lambda: net.independent(later, bits, draw(later, 1 + most * layer + k, B, net.widths[later] // net.choices[later]))
                bits = bits + [main[later] if k == 0 else fresh()]
            f.append(net.f(bits))
        if n == 1:
            credits.append((f[0] - f[1])[:, None] * noise)
            continue
        F = np.zeros((n, n, B))
        for value, (i, j) in zip(f, swaps(n)):
            F[i, j] = F[j, i] = value
        for i in range(n):
            F[i, i] = f[0]
        away = F - F.mean(0, keepdims=True)
        g = np.einsum("cjb,buj->buc", away, 1 - n * np.asarray(noise)) / n
        credits.append(jnp.asarray(g.reshape(B, -1)))
    return given, credits


def choice_surrogate(net, times, unit):
    """As `surrogate`, of the network with softmax units: `unit` has logits and uniforms, both [..., units, choices] where a unit is softmax."""
    given = {f"{n},0": uniforms(times * B, net.widths[n]) for n in range(3)}

    def total(*shifts):
        shown = []
        for n, choices in enumerate(net.choices):
            apart = lambda m: m.reshape(*m.shape[:-1], -1, choices) if choices > 1 else m
            l = net.logits(n, shown) + shifts[n]
            u = given[f"{n},0"].reshape(times, B, -1)
            shown.append(unit(apart(l), apart(u), choices).reshape(B, -1))
        return net.f(shown).sum()

    return given, jax.grad(total, argnums=(0, 1, 2))(*(jnp.zeros((B, n)) for n in net.widths))


def exponential(u):
    return -jnp.log(u + HALF_STEP)


def gumbel_choice(l, u):
    return l - jnp.log(exponential(u))


def chosen(l, u):
    return jax.lax.stop_gradient(jax.nn.one_hot(jnp.argmax(gumbel_choice(l, u), -1), l.shape[-1]))


def gumbel_given(l, d, u):
    """Gumbels anew given the choice, as the paper's appendix has them: by the sum of all rates."""
    e, rate = exponential(u), jnp.exp(l)
    total = rate.sum(-1, keepdims=True)
    own = (e * d).sum(-1, keepdims=True)
    return jnp.where(d == 1, -jnp.log(own) + jnp.log(total), -jnp.log(e / rate + own / total))


def gumbel_softmax_choices(net, t):
    def unit(l, u, choices):
        if choices == 1:
            return through(1.0 * (u[0] < jax.nn.sigmoid(l)), jax.nn.sigmoid(z_of(l, u[0]) / t))
        return through(chosen(l, u[0]), jax.nn.softmax(gumbel_choice(l, u[0]) / t, -1))

    return choice_surrogate(net, 1, unit)


def gumbel_rao_choices(net, t, M):
    def unit(l, u, choices):
        still = jax.lax.stop_gradient
        b = still(1.0 * (u[0] < jax.nn.sigmoid(l))) if choices == 1 else chosen(l, u[0])
        soft = 0
        for v in u[1:]:
            z = (z_given if choices == 1 else gumbel_given)(l, b, v)
            moved = (still(z) + l - still(l)) / t
            soft = soft + (jax.nn.sigmoid(moved) if choices == 1 else jax.nn.softmax(moved, -1)) / M
        return through(b, soft)

    return choice_surrogate(net, 1 + M, unit)


def concrete_choices(net, t):
    def unit(l, u, choices):
        return jax.nn.sigmoid(z_of(l, u[0]) / t) if choices == 1 else jax.nn.softmax(gumbel_choice(l, u[0]) / t, -1)

    return choice_surrogate(net, 1, unit)


def relaxed_choices(net, t, control):
    """REBAR's and RELAX's credits: `control(layer, below, s, relaxed)` is what is subtracted, `relaxed` the objective with `s` in the layer's place."""
    given = {f"{n},0": uniforms(2 * B, net.widths[n]) for n in range(3)}
    bits, parts = [], []
    for n, choices in enumerate(net.choices):
        apart = lambda m, choices=choices: m.reshape(*m.shape[:-1], -1, choices) if choices > 1 else m
        u, v = given[f"{n},0"].reshape(2, B, -1)
        l = net.logits(n, bits)
        own = chosen(apart(l), apart(u)) if choices > 1 else 1.0 * (u < jax.nn.sigmoid(l))
        parts.append((n, list(bits), l, own, apart, u, v))
        bits.append(own.reshape(B, -1))

    def credit(n, below, l, own, apart, u, v, *of):
        def relaxed(s):
            shown = below + [s]
            for later in range(n + 1, 3):
                shown.append(net.law(later, shown))
            return net.below(shown, n)

        if net.choices[n] > 1:
            soft = lambda z: jax.nn.softmax(z / t, -1).reshape(B, -1)
            free, bound = (lambda l: soft(gumbel_choice(apart(l), apart(u)))), (lambda l: soft(gumbel_given(apart(l), own, apart(v))))
        else:
            free, bound = (lambda l: jax.nn.sigmoid(z_of(l, u) / t)), (lambda l: jax.nn.sigmoid(z_given(l, own, v) / t))
        at = lambda way: lambda l: control(n, below, way(l), relaxed, *of)
        slope = lambda way: jax.grad(lambda l: at(way)(l).sum())(l)
        score = own.reshape(B, -1) - net.law(n, below)
        return (net.below(bits, n) - at(bound)(l))[:, None] * score + slope(free) - slope(bound)

    return given, [lambda *of, part=part: credit(*part, *of) for part in parts]


def rebar_choices(net, t, eta):
    given, credits = relaxed_choices(net, t, lambda n, below, s, relaxed: eta * relaxed(s))
    return given, [credit() for credit in credits]


def relax_choices(net, t, eta, H):
    def control(n, below, s, relaxed, of):
        name = f"estimator.relax.{n}"
        read = jnp.concatenate([*(below or [X]), s], -1)
        hidden = jnp.tanh((read @ of[f"{name}.hidden"][:-1] + of[f"{name}.hidden"][-1]) / 2)
        return hidden @ of[f"{name}.output"][:-1] + of[f"{name}.output"][-1] + of[name][0] * relaxed(s)

    given, credits = relaxed_choices(net, t, control)
    parameters, climbs = {}, {}
    for n, credit in enumerate(credits):
        name = f"estimator.relax.{n}"
        read = I if n == 0 else sum(net.widths[:n])
        at = {name: np.array([eta]), f"{name}.hidden": some(read + net.widths[n] + 1, H), f"{name}.output": some(H + 1)}
        parameters |= at
        climbs |= jax.grad(lambda of: -(credit(of) ** 2).mean())(at)
    learned = {name: {"value": digits(parameters[name]), "climb": digits(climbs[name])} for name in parameters}
    return given, [credit(parameters) for credit in credits], learned


CHOICE_CASES = {
    "disarm-tree": lambda net: disarm_forks(net, halves),
    "disarm-sb": lambda net: disarm_forks(net, lambda first, end: first + 1),
    "carms:samples=2": lambda net: carms(net, 2),
    "carms:samples=3": lambda net: carms(net, 3),
    "carms:samples=4": lambda net: carms(net, 4),
}

spec = {
    "layers": [{"weights": W[n].tolist(), "bias": C[n].tolist()} for n in (0, 1)],
    "contexts": X.astype(int).tolist(),
    "components": [
        {"name": name, "reads": reads, "weights": w.tolist(), "bias": c.tolist(), "eta": eta, **more}
        for name, reads, (w, c), eta, more in (
            ("image", [0], IMAGE, "log-likelihood", {"target": "input"}),
            ("below", [1], BELOW, "log-likelihood", {"target": 0}),
            ("both", [0, 1], BOTH, "square", {}),
            ("top", [1], TOP, "tanh", {}),
        )
    ],
}
cases = []


def add_cases(made, net_of, **more):
    for units in ("zero-one", "plus-minus"):
        for estimator, make in made.items():
            given, credits, *learned = make(net_of(units == "plus-minus"))
            cases.append(
                {
                    "units": units,
                    **more,
                    "estimator": estimator,
                    "uniforms": {site: (u * 2**24).astype(int).ravel().tolist() for site, u in given.items()},
                    "credits": [digits(g) for g in credits],
                    **({"learned": learned[0]} if learned else {}),
                }
            )


add_cases(CASES, Net)
CHOICE_W = [some(6, I), some(4, 6), some(2, 10)]
CHOICE_C = [some(6), some(4), some(2)]
CHOICE_ALL, CHOICE_IMAGE = (some(3, 12), some(3)), (some(I, 6), some(I))
choice_spec = {
    "layers": [
        {
            "weights": CHOICE_W[n].tolist(),
            "bias": CHOICE_C[n].tolist(),
            **({"kind": "softmax", "choices": ChoiceNet.choices[n]} if ChoiceNet.choices[n] > 1 else {}),
            **({"parents": [0, 1]} if n == 2 else {}),
        }
        for n in range(3)
    ],
    "contexts": X.astype(int).tolist(),
    "components": [
        {"name": "all", "reads": [0, 1, 2], "weights": CHOICE_ALL[0].tolist(), "bias": CHOICE_ALL[1].tolist(), "eta": "square"},
        {"name": "image", "reads": [0], "weights": CHOICE_IMAGE[0].tolist(), "bias": CHOICE_IMAGE[1].tolist(), "eta": "log-likelihood", "target": "input"},
    ],
}
add_cases(CHOICE_CASES, ChoiceNet, softmax=True)
LATER_CASES = {
    "ugc": lambda net: flipped(net, None),
    "ugc:threshold=0.3": lambda net: flipped(net, 0.3),
    "ugc:threshold=1": lambda net: flipped(net, 1),
    "go": go,
    "rodeo:samples=2:hidden=3": lambda net: rodeo(net, 2, 3, 0.6),
    "rodeo:samples=3:hidden=2": lambda net: rodeo(net, 3, 2, -0.8),
    "local-disarm:samples=3": lambda net: local_disarm(net, 3),
}
add_cases(LATER_CASES, Net)
add_cases({"arsm": arsm}, ChoiceNet, softmax=True)
RELAXED_CHOICES = {
    "gumbel-softmax:temperature=0.4": lambda net: gumbel_softmax_choices(net, 0.4),
    "gumbel-rao:temperature=0.4:noises=3": lambda net: gumbel_rao_choices(net, 0.4, 3),
    "concrete:temperature=0.6": lambda net: concrete_choices(net, 0.6),
}
add_cases(RELAXED_CHOICES, ChoiceNet, softmax=True)
RELAXED_VARIATES = {
    "rebar:temperature=0.5:start=0.8": lambda net: rebar_choices(net, 0.5, 0.8),
    "relax:temperature=0.6:hidden=3": lambda net: relax_choices(net, 0.6, 0.7, 3),
}
add_cases(RELAXED_VARIATES, ChoiceNet, softmax=True)
made = {"by": f"jax {jax.__version__}, float64", "spec": spec, "softmaxSpec": choice_spec, "cases": cases}
path = pathlib.Path(__file__).with_name("estimators.json")
path.write_text(json.dumps(made, separators=(",", ":")) + "\n")
