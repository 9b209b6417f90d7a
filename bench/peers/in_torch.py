"""The steps in PyTorch, eager and compiled whole. What in_jax.py says holds here; form "b" is arranged as PyTorch likes.

Credits are by hand, so nothing is recorded for autograd.
"""

import torch
from torch import sigmoid, softmax
from torch.nn.functional import log_softmax, logsigmoid, one_hot, softplus

torch.set_flush_denormal(True)


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
    delta = (logsigmoid(sign * on) - logsigmoid(sign * no)).sum(1)
    return delta, (entropy(on) - entropy(no)).sum(1) if with_entropy else None


def flip_softmax_a(weights, logits, action, bits, off):
    on, no = forced(weights, logits, shown(bits, off), off)
    return (action[:, :, None] * (log_softmax(on, 1) - log_softmax(no, 1))).sum(1)


def groups(units, most):
    return next(size for size in range(min(units, most), 0, -1) if units % size == 0)


def flip_b(weights, logits, outcome, bits, off, with_entropy=False):
    """A parent that is off goes up, by d: q + p e^d; one that is on goes down: log(q + p e^-d) = log(p + q e^d) - d.

    The compiler makes one vectorised loop of it. Eight factors stay within float32 for |d| up to 10.
    """
    d = ((1 - off) * weights.T).contiguous()
    up, p, q = torch.exp(d), sigmoid(logits), sigmoid(-logits)
    on = (bits > 0)[:, None, :]
    size = groups(len(d), 8)
    product = moved = None
    for first in range(size):
        every = slice(first, None, size)
        pp, qq = p[:, every, None], q[:, every, None]
        stay, move = torch.where(on, pp, qq), torch.where(on, qq, pp) * up[every]
        factor = stay + move
        product = factor if product is None else product * factor
        if with_entropy:
            # H' - H = log(q + p e^d) + l p - (l + d) p', where p' is the share of what is on of the factor.
            l, step = logits[:, every, None], d[every]
            part = torch.where(on, stay * (l - step), move * (l + step)) / factor
            moved = part if moved is None else moved + part
    logs = product.log().sum(1)
    on = bits > 0
    reach = outcome @ d
    total = d.sum(0)
    delta = torch.where(on, reach - total + logs, reach - logs)
    if not with_entropy:
        return delta, None
    change = logs + (logits * p).sum(1, keepdim=True) - moved.sum(1)
    return delta, torch.where(on, total - change, change)


def flip_softmax_b(weights, logits, action, bits, off):
    d = (1 - off) * weights.T
    law = softmax(logits, 1)
    up, down = torch.log(law @ torch.exp(d)), torch.log(law @ torch.exp(-d))
    return action @ d + torch.where(bits > 0, down, -up)


# Credits.


def shown(bits, off):
    return bits + off * (1 - bits)


def hindsight(logits, delta):
    """rho of on and off: by how much the children's outcomes make each more likely (HNCA paper, equation 2)."""
    p, q = sigmoid(logits), sigmoid(-logits)
    return 1 / (p + q * torch.exp(-delta)), 1 / (p * torch.exp(delta) + q)


def linear(inputs, layer):
    return torch.addmm(layer[1], inputs, layer[0])


def forward(layers, x, bits, off):
    """What each layer reads, and its logits, where the bits are given; `sample` gives the same of those it draws."""
    inputs = [x] + [shown(b, off) for b in bits[:-1]]
    return inputs, [linear(x, layer) for x, layer in zip(inputs, layers)]


def credits_reinforce(form, layers, inputs, logits, bits, reward, off):
    laws = [sigmoid(l) for l in logits[:-1]] + [softmax(logits[-1], 1)]
    return [reward[:, None] * (b - p) for b, p in zip(bits, laws)]


def credits_hnca(form, layers, inputs, logits, bits, reward, off):
    flip, flip_softmax = (flip_a, flip_softmax_a) if form == "a" else (flip_b, flip_softmax_b)
    credits = [bits[-1] - softmax(logits[-1], 1)]
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
    return logsigmoid((2 * bits - 1) * logits)


def credits_f_hnca(form, encoder, inputs, logits, bits, decoder, prior):
    """Of the encoder's layers, then of the decoder's, each of which predicts the layer below, then of the prior."""
    flip = flip_a if form == "a" else flip_b
    seen = inputs[:1] + bits
    predicted = [linear(b, layer) for b, layer in zip(bits, decoder)] + [prior.expand_as(bits[-1])]
    credits, above, above_entropy = [], 0, 0
    for i in range(len(encoder) - 1, -1, -1):
        l, own, observed = logits[i], predicted[i + 1], log_likelihood(predicted[i + 1], bits[i])
        p, q = sigmoid(l), sigmoid(-l)
        direct, _ = flip(decoder[i][0], predicted[i], seen[i], bits[i], 0)
        if i == len(encoder) - 1:
            credits.insert(0, p * q * (direct + own - l))
        else:
            delta, d_entropy = flip(encoder[i + 1][0], logits[i + 1], bits[i + 1], bits[i], 0, True)
            direct = direct + d_entropy
            signal = observed.sum(1, keepdim=True) + above
            if form == "a":
                rho_on, rho_off = hindsight(l, delta)
                others = signal - observed
                own = rho_on * logsigmoid(own) - rho_off * logsigmoid(-own)
                credits.insert(0, p * q * (direct - l + own + (rho_on - rho_off) * others))
            else:
                shift = sigmoid(l + delta) - p
                credits.insert(0, p * q * (direct + own - l) + shift * (signal + (q - bits[i]) * own))
        # What layers below are credited with through this one; its entropy only from the next but one on.
        above = above + observed.sum(1, keepdim=True) + above_entropy
        above_entropy = entropy(l).sum(1, keepdim=True)
    return credits + [b - sigmoid(l) for b, l in zip(seen, predicted)]


def credits_weight_max(form, layers, inputs, logits, bits, reward, off):
    """The paper's updates: 2, 8 and 32 times the gradient to first order. Hidden rule: REINFORCE, {-1,+1} units."""
    surprises = [2 * (b - sigmoid(l)) for b, l in zip(bits, logits)]
    credits = [reward[:, None] * surprises[-1]]
    for i in range(len(layers) - 2, -1, -1):
        weights, h = layers[i + 1][0], inputs[i + 1]
        if form == "a":
            updates = h[:, :, None] * credits[0][:, None, :]
            earned = 2 * (updates * weights[None]).sum(2)
        else:
            earned = 2 * h * (credits[0] @ weights.T)
        credits.insert(0, earned * surprises[i])
    return credits


def gradients(inputs, credits):
    """Means over the batch; of a layer without inputs, the bias only."""
    batch = len(credits[0])
    weights = [x.T @ (g / batch) for x, g in zip(inputs, credits)]
    return [(w, g.mean(0)) for w, g in zip(weights, credits)] + [g.mean(0) for g in credits[len(inputs) :]]


# Steps: sampling, credit, gradient, Adam.


def draws_of(row, parameters):
    """Uniforms that each layer takes of an example: one a unit, and one for a softmax unit's choice."""
    layers = parameters[: row["layers"]] if row["task"] == "vae" else parameters
    widths = [len(bias) for _, bias in layers]
    return widths[:-1] + [1] if row["task"] == "bandit" else widths


def sample(layers, x, uniforms, off):
    """What `forward` gives, and bits of all layers; a layer with fewer uniforms than units is one softmax unit."""
    inputs, logits, bits = [], [], []
    for layer, u in zip(layers, uniforms):
        l = linear(x, layer)
        inputs.append(x)
        logits.append(l)
        if u.shape == l.shape:
            bits.append((u < sigmoid(l)).to(x.dtype))
            x = shown(bits[-1], off)
        else:
            choice = (u >= softmax(l, 1).cumsum(1)[:, :-1]).sum(1, keepdim=True)
            bits.append((choice == torch.arange(l.shape[1])).to(x.dtype))
    return inputs, logits, bits


def slopes(row, form, parameters, data, uniforms):
    """Gradients of one sample, in the order of the parameters."""
    x = data["input"]
    if row["task"] == "vae":
        n = row["layers"]
        encoder, decoder, prior = parameters[:n], parameters[n : 2 * n], parameters[2 * n]
        inputs, logits, bits = sample(encoder, x, uniforms, 0)
        credits = credits_f_hnca(form, encoder, inputs, logits, bits, decoder, prior)
        return flat(gradients(inputs + bits, credits))
    inputs, logits, bits = sample(parameters, x, uniforms, -1)
    if row["task"] == "multiplexer":
        reward = torch.where(bits[-1] == data["target"], 1.0, -1.0)[:, 0]
    else:
        reward = (bits[-1] * data["target"]).sum(1)
    rule = {"hnca": credits_hnca, "reinforce": credits_reinforce, "weight-max": credits_weight_max}
    return flat(gradients(inputs, rule[row["estimator"]](form, parameters, inputs, logits, bits, reward, -1)))


def flat(parameters):
    return [x for layer in parameters for x in (layer if isinstance(layer, tuple) else [layer])]


def prepare(row, form, mode, parameters, data):
    """`run(n)` takes n steps; mode "eager" or "compile".

    What is compiled is all but the uniforms and Adam: PyTorch's own generator and fused Adam measured four times and
    1.7 times faster than what the compiler made of them.
    """
    tensor = lambda x: torch.from_numpy(x).clone()
    parameters = [tuple(map(tensor, x)) if isinstance(x, tuple) else tensor(x) for x in parameters]
    data = {name: tensor(x) for name, x in data.items()}
    weights = flat(parameters)
    optimizer = torch.optim.Adam(weights, lr=row["rate"], maximize=True, fused=True)
    compute = torch.compile(slopes, dynamic=False) if mode == "compile" else slopes
    draws = draws_of(row, parameters)

    @torch.no_grad()
    def run(steps):
        for _ in range(steps):
            uniforms = torch.rand(len(data["input"]), sum(draws)).split(draws, 1)
            for p, g in zip(weights, compute(row, form, parameters, data, uniforms)):
                p.grad = g
            optimizer.step()

    return run
