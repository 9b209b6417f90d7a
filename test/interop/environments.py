"""Writes what Gymnasium's environments do, for packages/flipnet/test/environments: python environments.py > gymnasium.json

Needs the package gymnasium. Each state, of float64, is put into the environment, and each action taken once; then one walk of
50 steps at most, with actions in turn.
"""
import json

import gymnasium
import numpy as np

environments = {
    "cart-pole": ("CartPole-v1", [2.6, 3, 0.23, 3]),
    "acrobot": ("Acrobot-v1", [np.pi, np.pi, 4 * np.pi, 9 * np.pi]),
    "mountain-car": ("MountainCar-v0", [0.9, 0.07]),
}


def fresh(name, state):
    env = gymnasium.make(name).unwrapped
    env.reset(seed=0)
    env.state = np.array(state, dtype=np.float64)
    if hasattr(env, "steps_beyond_terminated"):
        env.steps_beyond_terminated = None
    return env


def step(env, action):
    _, reward, ended, _, _ = env.step(action)
    return {"state": [float(x) for x in env.state], "reward": float(reward), "ended": bool(ended)}


generator = np.random.default_rng(1)
found = {"gymnasium": gymnasium.__version__}
for ours, (name, scale) in environments.items():
    count = int(fresh(name, np.zeros(len(scale))).action_space.n)
    steps = []
    for n in range(12):
        state = (2 * generator.random(len(scale)) - 1) * np.array(scale)
        if ours == "mountain-car":
            state[0] = [-1.2, -1.19, 0.49, 0.499][n] if n < 4 else state[0] - 0.3
            state[1] = [-0.01, -0.07, 0.03, 0.02][n] if n < 4 else state[1]
        for action in range(count):
            steps.append({"from": [float(x) for x in state], "action": action, **step(fresh(name, state), action)})
    env = fresh(name, [0.01 * (i + 1) for i in range(len(scale))])
    walk = []
    for t in range(50):
        walk.append({"action": (t * t) % count, **step(env, (t * t) % count)})
        if walk[-1]["ended"]:
            break
    found[ours] = {"steps": steps, "begin": [0.01 * (i + 1) for i in range(len(scale))], "walk": walk}
print(json.dumps(found))
