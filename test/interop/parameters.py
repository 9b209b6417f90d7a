"""safetensors by its own package: the exported parameters are the checkpoint's, as float32."""

import json
from pathlib import Path

import numpy as np
from runs import Run, same
from safetensors import safe_open

STATE = ("optimizer.", "estimator.", "training.")


def read(path: Path) -> tuple[dict, dict]:
    with safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()


def check(runs: list[Run], exports: Path) -> str:
    counts = [check_run(run, exports / "safetensors" / run.folder.name) for run in runs]
    return f"safetensors: {len(runs)} runs, {sum(counts)} parameters are the same"


def check_run(run: Run, folder: Path) -> int:
    name = run.folder.name
    checkpoint, sealed = read(run.checkpoint)
    parameters, metadata = read(folder / "parameters.safetensors")
    same(metadata["runId"], run.id, f"{name}, run id")
    same(metadata["step"], sealed["step"], f"{name}, step")
    same(json.loads(metadata["config"]), run.config, f"{name}, config")
    same_tensors(parameters, {k: v for k, v in checkpoint.items() if not k.startswith(STATE)}, name)

    units, inputs = parameters["layers.0.weights"].shape
    same((units,), parameters["layers.0.bias"].shape, f"{name}, shapes")
    assert inputs > 0, name

    with_optimizer, _ = read(folder / "with-optimizer.safetensors")
    same_tensors(with_optimizer, {k: v for k, v in checkpoint.items() if not k.startswith(STATE[1:])}, name)
    return sum(tensor.size for tensor in parameters.values())


def same_tensors(found: dict, expected: dict, where: str) -> None:
    same(sorted(found), sorted(expected), f"{where}, tensors")
    for name, tensor in found.items():
        assert tensor.dtype == np.float32, f"{where}, {name} is {tensor.dtype}"
        same(tensor.shape, expected[name].shape, f"{where}, shape of {name}")
        assert np.array_equal(tensor, expected[name].astype(np.float32)), f"{where}, {name} differs"
