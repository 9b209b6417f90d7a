"""The steps in JAX, jitted whole. Everything points uphill. Weights are [parent, child]; bits are 0 and 1.

`credits_*` are pure functions of parameters, input and bits, so that all outcomes can be enumerated (check.py). `form`:

- "a", as HNCA's authors and its pseudocode have it: log-probabilities of every child with every parent forced on, and
  forced off, [batch, child, parent]. Weight Maximization: the update of every example's every weight.
- "b", as well as JAX does it: products of q + p e^d with tables of e^d, a logarithm for every eight of them, posterior
  minus prior. Weight Maximization: a product with the weights transposed. REINFORCE has one form.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import log_sigmoid, log_softmax, sigmoid, softmax, softplus

# Several steps a call measured up to a fifth faster than one. The default generator, Threefry, measured twice as fast as
# Philox ("rbg").
steps_a_call = 5


def entropy(logits):
    return softplus(logits) - logits * sigmoid(logits)


# What flipping a parent does to its children. All give [batch, parent].


def forced(weights, logits, shown, off):
    """The children's logits with each parent forced on and off, [batch, child, parent]."""
    w, x, l = weights.T[None], shown[:, None, :], logits[:, :, None]
    return l + w * (1 - x), l + w * (off - x)


def flip_a(weights, logits, outcome, bits, off, with_entropy=False):
    """Log-likelihood of the children's outcome, parent on less off; and the same of their entropy."""
    on, no = forced(weights, logits, shown(bits, off), off)
    sign = (2 * outcome - 1)[:, :, None]
    delta = jnp.sum(log_sigmoid(sign * on) - log_sigmoid(sign * no), 1)
    return delta, jnp.sum(entropy(on) - entropy(no), 1) if with_entropy else None


def flip_softmax_a(weights, logits, action, bits, off):
    on, no = forced(weights, logits, shown(bits, off), off)
    return jnp.sum(action[:, :, None] * (log_softmax(on, 1) - log_softmax(no, 1)), 1)


def groups(units, most):
    return next(size for size in range(min(units, most), 0, -1) if units % size == 0)


def flip_b(weights, logits, outcome, bits, off, with_entropy=False):
    """A parent that is off goes up, by d: q + p e^d; one that is on goes down: log(q + p e^-d) = log(p + q e^d) - d.

    A scan over groups of children, each an elementwise loop over [batch, parent], measured 3 to 40 times faster than a
    reduction of [batch, child, parent]. Eight factors stay within float32 for |d| up to 10.
    """
    d = (1 - off) * weights.T
    on = bits > 0
    inputs = [sigmoid(logits).T, sigmoid(-logits).T, jnp.exp(d)] + ([logits.T, d] if with_entropy else [])
    size = groups(len(d), 56)

    def group(sums, slices):
        logs, entropies = sums
        for first in range(0, size, 8):
            product = None
            for child in range(first, min(first + 8, size)):
                p, q = slices[0][child][:, None], slices[1][child][:, None]
                stay, move = jnp.where(on, p, q), jnp.where(on, q, p) * slices[2][child]
                factor = stay + move
                product = factor if product is None else product * factor
                if with_entropy:
                    # H' - H = log(q + p e^d) + l p - (l + d) p', where p' is the share of what is on of the factor.
                    l, step = slices[3][child][:, None], slices[4][child]
                    entropies += jnp.where(on, stay * (l - step), move * (l + step)) / factor
            logs += jnp.log(product)
        return (logs, entropies), None

    zero = jnp.zeros_like(bits)
    grouped = [x.reshape(-1, size, x.shape[1]) for x in inputs]
    (logs, moved), _ = lax.scan(group, (zero, zero), grouped)
    reach = outcome @ d
    total = d.sum(0)
    delta = jnp.where(on, reach - total + logs, reach - logs)
    if not with_entropy:
        return delta, None
    change = logs + jnp.sum(logits * sigmoid(logits), 1, keepdims=True) - moved
    return delta, jnp.where(on, total - change, change)


def flip_softmax_b(weights, logits, action, bits, off):
    d = (1 - off) * weights.T
    law = softmax(logits)
    up, down = jnp.log(law @ jnp.exp(d)), jnp.log(law @ jnp.exp(-d))
    return action @ d + jnp.where(bits > 0, down, -up)


# Credits.


def shown(bits, off):
    return bits + off * (1 - bits)


def hindsight(logits, delta):
    """rho of on and off: by how much the children's outcomes make each more likely (HNCA paper, equation 2)."""
    p, q = sigmoid(logits), sigmoid(-logits)
    return 1 / (p + q * jnp.exp(-delta)), 1 / (p * jnp.exp(delta) + q)


def linear(inputs, layer):
    return inputs @ layer[0] + layer[1]


def forward(layers, x, bits, off):
    """What each layer reads, and its logits, where the bits are given; `sample` gives the same of those it draws."""
    inputs = [x] + [shown(b, off) for b in bits[:-1]]
    return inputs, [linear(x, layer) for x, layer in zip(inputs, layers)]


def credits_reinforce(form, layers, inputs, logits, bits, reward, off):
    laws = [sigmoid(l) for l in logits[:-1]] + [softmax(logits[-1])]
    return [reward[:, None] * (b - p) for b, p in zip(bits, laws)]


def credits_hnca(form, layers, inputs, logits, bits, reward, off):
    flip, flip_softmax = (flip_a, flip_softmax_a) if form == "a" else (flip_b, flip_softmax_b)
    credits = [bits[-1] - softmax(logits[-1])]
    for i in range(len(layers) - 2, -1, -1):
        child = layers[i + 1][0], logits[i + 1], bits[i + 1], bits[i], off
        delta = flip_softmax(*child) if i == len(layers) - 2 else flip(*child)[0]
        if form == "a":
            rho_on, rho_off = hindsight(logits[i], delta)
            credits.insert(0, sigmoid(logits[i]) * sigmoid(-logits[i]) * (rho_on - rho_off))
        else:
            credits.insert(0, sigmoid(logits[i] + delta) - sigmoid(logits[i]))
    return [reward[:, None] * g for g in credits]


def log_likelihood(logits, bits):
    return log_sigmoid((2 * bits - 1) * logits)


def credits_f_hnca(form, encoder, inputs, logits, bits, decoder, prior):
    """Of the encoder's layers, then of the decoder's, each of which predicts the layer below, then of the prior."""
    flip = flip_a if form == "a" else flip_b
    seen = inputs[:1] + bits
    predicted = [linear(b, layer) for b, layer in zip(bits, decoder)] + [jnp.broadcast_to(prior, bits[-1].shape)]
    credits, above, above_entropy = [], 0, 0
    for i in range(len(encoder) - 1, -1, -1):
        l, own, observed = logits[i], predicted[i + 1], log_likelihood(predicted[i + 1], bits[i])
        p, q = sigmoid(l), sigmoid(-l)
        direct, _ = flip(decoder[i][0], predicted[i], seen[i], bits[i], 0)
        if i == len(encoder) - 1:
            credits.insert(0, p * q * (direct + own - l))
        else:
            delta, d_entropy = flip(encoder[i + 1][0], logits[i + 1], bits[i + 1], bits[i], 0, True)
            direct += d_entropy
            signal = jnp.sum(observed, 1, keepdims=True) + above
            if form == "a":
                rho_on, rho_off = hindsight(l, delta)
                others = signal - observed
                own = rho_on * log_sigmoid(own) - rho_off * log_sigmoid(-own)
                credits.insert(0, p * q * (direct - l + own + (rho_on - rho_off) * others))
            else:
                shift = sigmoid(l + delta) - p
                credits.insert(0, p * q * (direct + own - l) + shift * (signal + (q - bits[i]) * own))
        # What layers below are credited with through this one; its entropy only from the next but one on.
        above += jnp.sum(observed, 1, keepdims=True) + above_entropy
        above_entropy = jnp.sum(entropy(l), 1, keepdims=True)
    return credits + [b - sigmoid(l) for b, l in zip(seen, predicted)]


def credits_weight_max(form, layers, inputs, logits, bits, reward, off):
    """The paper's updates: 2, 8 and 32 times the gradient to first order. Hidden rule: REINFORCE, {-1,+1} units."""
    surprises = [2 * (b - sigmoid(l)) for b, l in zip(bits, logits)]
    credits = [reward[:, None] * surprises[-1]]
    for i in range(len(layers) - 2, -1, -1):
        weights, h = layers[i + 1][0], inputs[i + 1]
        if form == "a":
            updates = h[:, :, None] * credits[0][:, None, :]
            earned = 2 * jnp.sum(updates * weights[None], 2)
        else:
            earned = 2 * h * (credits[0] @ weights.T)
        credits.insert(0, earned * surprises[i])
    return credits


def gradients(inputs, credits):
    """Means over the batch; of a layer without inputs, the bias only."""
    batch = len(credits[0])
    weights = [x.T @ g / batch for x, g in zip(inputs, credits)]
    return [(w, jnp.mean(g, 0)) for w, g in zip(weights, credits)] + [
        jnp.mean(g, 0) for g in credits[len(inputs) :]
    ]


# Steps: sampling, credit, gradient, Adam.


def sample(layers, x, key, off, last):
    """What `forward` gives, and bits of all layers; `last` is "softmax" or "bernoulli"."""
    widths = [len(bias) for _, bias in layers]
    draws = [width if last == "bernoulli" or i < len(layers) - 1 else 1 for i, width in enumerate(widths)]
    uniforms = jax.random.uniform(key, (len(x), sum(draws)))
    inputs, logits, bits, at = [], [], [], 0
    for i, layer in enumerate(layers):
        l = linear(x, layer)
        inputs.append(x)
        logits.append(l)
        u = uniforms[:, at : at + draws[i]]
        at += draws[i]
        if draws[i] == widths[i]:
            bits.append((u < sigmoid(l)).astype(x.dtype))
            x = shown(bits[-1], off)
        else:
            choice = jnp.sum(u >= jnp.cumsum(softmax(l), 1)[:, :-1], 1)
            bits.append(jax.nn.one_hot(choice, widths[i], dtype=x.dtype))
    return inputs, logits, bits


def adam(parameters, slopes, moments, step, rate):
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], slopes)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, moments[1], slopes)
    size, scale = rate / (1 - 0.9**step), 1 / (1 - 0.999**step)
    moved = jax.tree.map(lambda p, m, v: p + size * m / (jnp.sqrt(v * scale) + 1e-8), parameters, m, v)
    return moved, (m, v)


def step(row, form, state, data):
    parameters, moments, count, key = state
    key, draw = jax.random.split(key)
    x = data["input"]
    if row["task"] == "vae":
        n = row["layers"]
        encoder, decoder, prior = parameters[:n], parameters[n : 2 * n], parameters[2 * n]
        inputs, logits, bits = sample(encoder, x, draw, 0, "bernoulli")
        credits = credits_f_hnca(form, encoder, inputs, logits, bits, decoder, prior)
        inputs = inputs + bits
    else:
        multiplexer = row["task"] == "multiplexer"
        inputs, logits, bits = sample(parameters, x, draw, -1, "bernoulli" if multiplexer else "softmax")
        if multiplexer:
            reward = jnp.where(bits[-1] == data["target"], 1.0, -1.0)[:, 0]
        else:
            reward = jnp.sum(bits[-1] * data["target"], 1)
        rule = {"hnca": credits_hnca, "reinforce": credits_reinforce, "weight-max": credits_weight_max}
        credits = rule[row["estimator"]](form, parameters, inputs, logits, bits, reward, -1)
    count += 1
    slopes = gradients(inputs, credits)
    parameters, moments = adam(parameters, slopes, moments, count, row["rate"])
    return parameters, moments, count, key


def prepare(row, form, mode, parameters, data):
    """`run(n)` takes n steps, a multiple of `steps_a_call`; there is one mode."""
    parameters = jax.tree.map(jnp.asarray, parameters)
    data = jax.tree.map(jnp.asarray, data)
    zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
    state = parameters, (zeros(), zeros()), jnp.zeros(()), jax.random.key(0)

    @partial(jax.jit, donate_argnums=0)
    def several(state, data):
        return lax.scan(lambda s, _: (step(row, form, s, data), None), state, length=steps_a_call)[0]

    def run(steps):
        nonlocal state
        for _ in range(steps // steps_a_call):
            state = several(state, data)
        jax.block_until_ready(state)

    return run
