"""ONNX files by its own package: they are valid, all shapes follow, and its reference evaluator computes what flipnet did.

Of each run there are `sample.onnx`, `noise.onnx` and `mean-field.onnx`, and of the latter two what goes in and has to come out,
as passes.mjs computed it with flipnet; of an auto-encoder also its parts.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from parameters import read
from runs import Run, same

# Sums of at most some hundred float32 terms are rounded in another order here: some dozens of roundings of 2^-24, of the sum's
# parts. A bit that differs is off by 1.
TOLERANCE = 5e-6


def check(runs: list[Run], exports: Path) -> str:
    folders = [exports / "onnx" / run.folder.name for run in runs]
    values = sum(map(check_run, runs, folders))
    graphs = sum(len(list(folder.glob("*.onnx"))) for folder in folders)
    return f"ONNX: {graphs} graphs of {len(runs)} runs are valid, {values} values are the same"


def check_run(run: Run, folder: Path) -> int:
    for part in folder.glob("part-*.onnx"):
        load(run, part)
    check_sample(run, load(run, folder / "sample.onnx"))
    return sum(check_computed(run, folder / graph) for graph in ("noise", "mean-field"))


def load(run: Run, path: Path) -> onnx.ModelProto:
    """A model that the checker accepts, whose shapes all follow, and that says which run it is of."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    declared = {value.name: value for value in model.graph.output}
    for value in inferred.graph.output:
        same(value.type, declared[value.name].type, f"{path}, type of {value.name}")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    same(metadata["runId"], run.id, f"{path}, run id")
    same(json.loads(metadata["config"]), run.config, f"{path}, config")
    same(model.producer_name, "flipnet", f"{path}, producer")
    return model


def names_of(values) -> list[str]:
    return sorted(value.name for value in values)


def check_computed(run: Run, path: Path) -> int:
    """A graph that draws nothing computes what flipnet does."""
    model = load(run, path.with_suffix(".onnx"))
    tensors, _ = read(path.with_suffix(".safetensors"))
    fed = {name[3:]: value for name, value in tensors.items() if name.startswith("in:")}
    expected = {name[4:]: value for name, value in tensors.items() if name.startswith("out:")}
    same(names_of(model.graph.input), sorted(fed), f"{path}, inputs")
    same(names_of(model.graph.output), sorted(expected), f"{path}, outputs")
    names = list(expected)
    for name, found in zip(names, ReferenceEvaluator(model).run(names, fed)):
        wanted = expected[name].reshape(found.shape)
        error = np.max(np.abs(found - wanted) / (1 + np.abs(wanted)))
        assert error < TOLERANCE, f"{path}: {name} is off by {error}"
    return sum(value.size for value in expected.values())


def check_sample(run: Run, model: onnx.ModelProto) -> None:
    """A graph that draws by itself gives outcomes that there are, and others the next time."""
    rows = 50
    [source] = model.graph.input
    columns = source.type.tensor_type.shape.dim[1].dim_value
    fed = {source.name: np.random.default_rng(0).integers(0, 2, (rows, columns)).astype(np.float32)}
    names = names_of(model.graph.output)
    evaluator = ReferenceEvaluator(model)
    first, second = (dict(zip(names, evaluator.run(names, fed))) for _ in range(2))
    codes = [name for name in names if name.startswith("hidden.")]
    for name in codes:
        assert first[name].shape[0] == rows and not set(np.unique(first[name])) - {-1, 0, 1}, name
    assert any(np.any(first[name] != second[name]) for name in codes), f"{run.folder.name} draws the same twice"
