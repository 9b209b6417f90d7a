"""Vowpal Wabbit in a world: vw.py WORLD.json OPTIONS... prints what it earned.

`cb_explore_adf` with its defaults: the context is the shared namespace x, an action's only feature its number, in i.
"""
import json
import random
import sys

import numpy as np
import vowpalwabbit

path, *options = sys.argv[1:]
with open(path) as file:
    world = json.load(file)
K, T, d = world["actions"], world["visits"], world["inputs"]
read = lambda name, columns: np.fromfile(world[name], dtype=np.float32).reshape(T, columns)
contexts, rewards, expected = read("contexts", d), read("rewards", K), read("expected", K)

vw = vowpalwabbit.Workspace(" ".join(["--cb_explore_adf", "--quiet", *options]))
chance = random.Random(world["seed"])
actions = [f"|i k{k}" for k in range(K)]
earned = np.zeros(T)
for t in range(T):
    shared = "shared |x " + " ".join(f"{i}:{x:.5f}" for i, x in enumerate(contexts[t]) if x != 0)
    law = vw.predict([shared, *actions])
    draw, action = chance.random() * sum(law), 0
    while draw > law[action] and action < K - 1:
        draw -= law[action]
        action += 1
    label = f"0:{-rewards[t, action]:.5f}:{law[action]:.6f} "
    vw.learn([shared, *actions[:action], label + actions[action], *actions[action + 1 :]])
    earned[t] = expected[t, action]
earned.tofile(world["earned"])
