"""Runs as they stand on disk: plain JSON, read without flipnet."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Run:
    folder: Path
    config: dict
    environment: dict
    records: list[dict]

    @property
    def id(self) -> str:
        return self.environment["runId"]

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "latest.safetensors"


def read_runs(folder: Path) -> list[Run]:
    """The runs in a folder, by name."""
    return [read_run(path.parent) for path in sorted(folder.glob("*/config.json"))]


def read_run(folder: Path) -> Run:
    read = lambda name: json.loads((folder / name).read_text())
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return Run(folder, read("config.json"), read("environment.json"), [json.loads(line) for line in lines])


def metrics_of(record: dict) -> dict:
    """A record without what says where it stands."""
    return {name: value for name, value in record.items() if name not in ("type", "epoch", "step")}


def same(found, expected, where) -> None:
    assert type(found) is type(expected) and found == expected, f"{where}: {found!r}, expected {expected!r}"
