"""Checks one framework's credits: `python check.py jax|torch CASES.json`, cases being `[{ spec, exact }]`.

The mean of the credits' gradient over everything that can happen to a small network, in float64, against the exact
gradient that `flipnet audit` gave; for Weight Maximization against the audit's mean of that rule. Exit status 1 where
one differs by more than rounding.
"""

import importlib
import itertools
import json
import sys

import numpy as np

name, path = sys.argv[1:]
if name == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)
peer = importlib.import_module(f"in_{name}")


def array(x):
    x = np.asarray(x, "d")
    return jax.numpy.asarray(x) if name == "jax" else peer.torch.from_numpy(x)


def sigmoid(l):
    return 1 / (1 + np.exp(-l))


def outcomes(x, layers, off, last="bernoulli"):
    """`(bits of all layers, probability)` of everything that can happen on an input."""
    if not layers:
        yield [], 1.0
        return
    weights, bias = layers[0]
    logits = x @ weights + bias
    if len(layers) == 1 and last == "softmax":
        law = np.exp(logits) / np.exp(logits).sum()
        yield from (([choice], p) for choice, p in zip(np.eye(len(law)), law))
        return
    p = sigmoid(logits)
    for bits in itertools.product([0.0, 1.0], repeat=len(p)):
        bits = np.array(bits)
        chance = np.prod(np.where(bits > 0, p, 1 - p))
        for rest, q in outcomes(bits + off * (1 - bits), layers[1:], off, last):
            yield [bits, *rest], chance * q


def layers_of(specs):
    return [(np.array(layer["weights"], "d").T, np.array(layer["bias"], "d")) for layer in specs]


def states(spec):
    """Inputs, bits by layer, rewards and probabilities of all states; parameters; which credits."""
    if "encoder" in spec:
        encoder, decoder = layers_of(spec["encoder"]), layers_of(spec["decoder"])[::-1]
        found = [(x, *state, 0) for x in np.array(spec["images"], "d") for state in outcomes(x, encoder, 0)]
        parameters = [encoder, decoder, np.array(spec["prior"], "d")]
    else:
        parameters = [layers_of(spec["layers"])]
        last = spec["layers"][-1].get("kind", "softmax")
        off = -1 if spec["units"] == "plus-minus" else 0
        found = []
        for x, reward in zip(np.array(spec["contexts"], "d"), spec["reward"]):
            for bits, chance in outcomes(x, parameters[0], off, last):
                action = int(bits[-1][0]) if last == "bernoulli" else int(bits[-1].argmax())
                found.append((x, bits, chance, reward[action]))
    inputs, bits, chances, rewards = zip(*found)
    count = len(spec.get("images") or spec["contexts"])
    return np.array(inputs), [np.array(b) for b in zip(*bits)], np.array(chances) / count, np.array(rewards), parameters


def tensors(x):
    return tuple(map(tensors, x)) if isinstance(x, (tuple, list)) else array(x)


def mean_gradient(rule, form, spec):
    x, bits, chances, reward, parameters = states(spec)
    layers, bits = tensors(parameters[0]), list(map(array, bits))
    off = -1 if spec.get("units") == "plus-minus" else 0
    inputs, logits = peer.forward(layers, array(x), bits, off)
    rest = tensors(parameters[1:]) if rule == "f_hnca" else (array(reward), off)
    credits = getattr(peer, f"credits_{rule}")(form, layers, inputs, logits, bits, *rest)
    inputs = inputs + bits if rule == "f_hnca" else inputs
    inputs, credits = [np.asarray(i) for i in inputs], [np.asarray(g) for g in credits]
    if rule == "weight_max":
        credits = [g / scale for g, scale in zip(credits, [2 * 4**n for n in range(len(credits))][::-1])]
    weighted = [g * chances[:, None] for g in credits]
    found = [(g.T @ x, g.sum(0)) for x, g in zip(inputs, weighted)] + [(g.sum(0),) for g in weighted[len(inputs) :]]
    if rule == "f_hnca":
        # The audit has the decoder's layers top first.
        n = len(parameters[0])
        found = found[:n] + found[n : 2 * n][::-1] + found[2 * n :]
    return np.concatenate([part.ravel() for layer in found for part in layer]), credits


failed = False
for case in json.load(open(path)):
    rule, spec, exact = case["rule"], case["spec"], np.array(case["exact"])
    by_form = {}
    for form in ["b"] if rule == "reinforce" else ["a", "b"]:
        mean, by_form[form] = mean_gradient(rule, form, spec)
        error = np.abs(mean - exact).max()
        failed |= not error < 1e-12
        print(f"{name} {case['name']}, form {form}: largest error of {len(exact)} parameters {error:.1e}")
    if len(by_form) == 2:
        apart = max(np.abs(a - b).max() for a, b in zip(*by_form.values()))
        failed |= not apart < 1e-12
        print(f"{name} {case['name']}: credits of the two forms at most {apart:.1e} apart")
sys.exit(failed)
