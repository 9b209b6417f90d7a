"""What is stepped: the networks, their first weights and the data, the same for both frameworks."""

import numpy as np

rows = {
    "HNCA bandit": {"task": "bandit", "estimator": "hnca", "rate": 1e-4},
    "f-HNCA VAE, 1 layer": {"task": "vae", "layers": 1, "rate": 1e-4},
    "f-HNCA VAE, 3 layers": {"task": "vae", "layers": 3, "rate": 1e-4},
    "Weight Maximization multiplexer": {"task": "multiplexer", "estimator": "weight-max", "rate": 1e-2},
    "REINFORCE bandit": {"task": "bandit", "estimator": "reinforce", "rate": 1e-4},
}


def chain(widths, random):
    """Glorot weights and no biases."""
    return [
        (random.uniform(-1, 1, (i, o)).astype("f") * np.float32(6 / (i + o)) ** 0.5, np.zeros(o, "f"))
        for i, o in zip(widths, widths[1:])
    ]


def setting(row, images, labels):
    """Parameters and data of a row; images are 0 and 1, [50, 784]."""
    random = np.random.default_rng(0)
    pixels = images.shape[1]
    if row["task"] == "bandit":
        return chain([pixels, 200, 200, 200, 10], random), {"input": images, "target": np.eye(10, dtype="f")[labels]}
    if row["task"] == "vae":
        widths = [pixels] + [200] * row["layers"]
        decoder = [layer for i, o in zip(widths, widths[1:]) for layer in chain([o, i], random)]
        return chain(widths, random) + decoder + [np.zeros(200, "f")], {"input": images}
    bits = random.integers(0, 2, (128, 37))
    address = bits[:, :5] @ (2 ** np.arange(4, -1, -1))
    target = bits[np.arange(128), 5 + address][:, None].astype("f")
    return chain([37, 64, 32, 1], random), {"input": (2 * bits - 1).astype("f"), "target": target}
