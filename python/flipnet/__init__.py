"""flipnet from Python: arrays in, runs, predictions, codes and weights out.

It calls flipnet's command line, so that runs, their identity and their numbers are those of every other way to make them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Run", "call", "train"]


def call(*arguments: object, stdin: str | None = None) -> str:
    """Calls the command line and returns what it prints.

    The command is that in the variable FLIPNET, or `flipnet` where it is installed, or `npx flipnet`.
    Raises ValueError for what flipnet refuses (exit status 2), RuntimeError for a run that failed.
    """
    own = os.environ.get("FLIPNET")
    command = shlex.split(own) if own else ["flipnet"] if shutil.which("flipnet") else ["npx", "flipnet"]
    try:
        done = subprocess.run([*command, *map(str, arguments)], input=stdin, capture_output=True, text=True)
    except FileNotFoundError as cause:
        raise RuntimeError("there is no flipnet: install Node 20.19 or newer, then npm install -g @flipnet/cli") from cause
    if done.returncode == 0:
        return done.stdout
    said = [line.removeprefix("error: ") for line in done.stderr.strip().splitlines()]
    message = said[-1] if said else f"flipnet ended with {done.returncode}"
    raise (ValueError if done.returncode == 2 else RuntimeError)(message)


def train(data: Any, y: Any = None, *, out: str | os.PathLike = "runs", **settings: Any) -> Run:
    """Trains on a table and returns the run; one that is there already is not trained again.

    data: an array [rows, columns], whose columns are called X.0, X.1 and so on; a DataFrame; or columns by name.
    y: the classes of the rows; or, with a table that has them, its column's name as `target`.
    settings: as the command line's, with underscores: hidden=[64], learning_rate=1e-3, task="table-bandit".
    """
    columns = _columns(data)
    if y is not None:
        columns["target"] = np.asarray(y)
        settings["target"] = "target"
    content = _npz(columns)
    # By its content: the same rows are kept once, and a run can go on where they are.
    path = Path(out) / "data" / f"{hashlib.sha256(content).hexdigest()[:16]}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(content)
    told = {re.sub(r"_(\w)", lambda m: m[1].upper(), name): _plain(value) for name, value in settings.items()}
    printed = call("train", "-", "--resume", "--quiet", "--json", stdin=json.dumps({**told, "data": str(path), "out": str(out)}))
    return Run(json.loads(printed.splitlines()[-1])["folder"])


class Run:
    """A run by its folder, whatever made it."""

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"flipnet.Run({str(self.folder)!r})"

    @property
    def config(self) -> dict[str, Any]:
        """All settings, defaults included."""
        return json.loads((self.folder / "config.json").read_text())

    @property
    def records(self) -> list[dict[str, Any]]:
        """The metrics, a record an epoch: pandas.DataFrame(run.records) has a column for each."""
        return [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """What the run came to."""
        return json.loads((self.folder / "summary.json").read_text())

    def predict(self, data: Any, *, samples: int = 100, seed: int = 0) -> dict[str, Any]:
        """The classes of rows: `prediction` [rows], `classes`, `probability` [rows, classes], `standardError` [rows]."""
        lines = self._ask("predict", data, "--samples", samples, "--seed", seed, "--format", "jsonl").splitlines()
        rows = [json.loads(line) for line in lines]
        names = [name for name in rows[0] if name.startswith("probability.")]
        return {
            "prediction": np.array([row["prediction"] for row in rows]),
            "classes": [name.removeprefix("probability.") for name in names],
            "probability": np.array([[row[name] for name in names] for row in rows]),
            "standardError": np.array([row["standardError"] for row in rows]),
        }

    def encode(self, data: Any) -> np.ndarray:
        """What each hidden unit does, most probably: [rows, units]."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "codes.npy"
            self._ask("encode", data, "-o", path)
            return np.load(path)

    def sample(self, count: int = 1, *, seed: int = 0) -> list[dict[str, Any]]:
        """Rows that an auto-encoder of a table draws."""
        lines = call("sample", self.folder, "--count", count, "--seed", seed, "--format", "jsonl").splitlines()
        return [json.loads(line) for line in lines]

    def weights(self) -> dict[str, np.ndarray]:
        """The parameters by name: layers.N.weights [units, inputs], layers.N.bias [units]. Wants the package safetensors."""
        from safetensors.numpy import load_file

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.safetensors"
            call("export", self.folder, "--format", "safetensors", "-o", path)
            return load_file(path)

    def _ask(self, command: str, data: Any, *flags: object) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.npz"
            path.write_bytes(_npz(_columns(data)))
            return call(command, self.folder, path, *flags)


def _plain(value: Any) -> Any:
    """A setting as JSON has it."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _columns(data: Any) -> dict[str, np.ndarray]:
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        return {str(name): np.asarray(data[name]) for name in data.columns}
    if isinstance(data, Mapping):
        return {str(name): np.asarray(column) for name, column in data.items()}
    table = np.asarray(data)
    if table.ndim != 2:
        raise ValueError(f"the rows have the shape {table.shape}; expected [rows, columns]")
    return {f"X.{k}": table[:, k] for k in range(table.shape[1])}


def _npz(columns: Mapping[str, np.ndarray]) -> bytes:
    """As numpy.savez writes it, whatever the columns are called, and the same bytes for the same columns."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, column in columns.items():
            if column.dtype.kind in "OMm" or not hasattr(column.dtype, "kind"):
                # Words, times, and what is missing among them.
                column = np.array(["" if value is None or value != value else str(value) for value in column.tolist()])
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(column), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return file.getvalue()
