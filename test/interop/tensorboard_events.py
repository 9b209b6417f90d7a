"""Event files by TensorBoard's own reader: every tag, step and value, and the times."""

from datetime import datetime
from pathlib import Path

import numpy as np
from runs import Run, metrics_of, same
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.util import tensor_util


def check(runs: list[Run], exports: Path) -> str:
    folder = exports / "tensorboard"
    board = EventMultiplexer(size_guidance={"tensors": 0}).AddRunsFromDirectory(str(folder)).Reload()
    same(sorted(board.Runs()), [run.folder.name for run in runs], "TensorBoard, runs")
    values = sum(check_run(run, board.GetAccumulator(run.folder.name), folder / run.folder.name) for run in runs)
    return f"TensorBoard: {len(runs)} runs, {values} scalars are the same"


def check_run(run: Run, shown, folder: Path) -> int:
    name = run.folder.name
    [file] = folder.iterdir()
    # As scripts read it, beside what TensorBoard shows.
    events = EventAccumulator(str(file), size_guidance={"scalars": 0}).Reload()
    same(events.file_version, 2.0, f"{name}, version")
    began = datetime.fromisoformat(run.environment["starts"][0]["time"]).timestamp()
    same(events.FirstEventTimestamp(), began, f"{name}, first event")

    expected: dict[str, list] = {}
    for record in run.records:
        for metric, value in {"epoch": record["epoch"], **metrics_of(record)}.items():
            if value is not None:
                expected.setdefault(metric.replace(".", "/"), []).append((record["step"], np.float32(value)))
    same(sorted(events.Tags()["scalars"]), sorted(expected), f"{name}, tags")
    same(sorted(shown.PluginTagToContent("scalars")), sorted(expected), f"{name}, tags shown")
    for tag, points in expected.items():
        scalars = events.Scalars(tag)
        same([(s.step, np.float32(s.value)) for s in scalars], points, f"{name}, {tag}")
        tensors = [(s.step, tensor_util.make_ndarray(s.tensor_proto)[()]) for s in shown.Tensors(tag)]
        same(tensors, points, f"{name}, {tag} as shown")
        times = [s.wall_time for s in scalars]
        assert times == sorted(times) and times[0] > began, f"{name}, {tag}: times {times}"

    [config] = shown.Tensors("config")
    text = tensor_util.make_ndarray(config.tensor_proto)[()].decode()
    assert f'    "task": "{run.config["task"]}"' in text, text
    return sum(map(len, expected.values()))
