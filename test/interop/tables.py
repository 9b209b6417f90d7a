"""CSV by Python's csv, Parquet by pyarrow: float64 values are the same to the last bit."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from runs import Run, metrics_of, same

TEXTS = ["runId", "task", "estimator"]
COUNTS = ["layers", "seed", "epoch", "step"]


def expected_rows(runs: list[Run]) -> list[dict]:
    """What stands in the columns that every table has, and in those of metrics; a metric that is null is left out."""
    rows = []
    for run in runs:
        config = run.config
        about = {"runId": run.id, "task": config["task"], "estimator": config["estimator"]}
        about |= {"layers": len(config["hidden"]), "seed": config["seed"]}
        for record in run.records:
            metrics = {name: float(value) for name, value in metrics_of(record).items() if value is not None}
            rows.append({**about, "epoch": record["epoch"], "step": record["step"], **metrics})
    return rows


def check_rows(rows: list[dict], runs: list[Run], what: str) -> str:
    """Compares rows without nulls; checks settings for those runs that say them as a plain value."""
    expected = expected_rows(runs)
    configs = [run.config for run in runs for _ in run.records]
    assert len(rows) == len(expected), f"{what} has {len(rows)} rows, expected {len(expected)}"
    for i, (row, record, config) in enumerate(zip(rows, expected, configs)):
        metrics = {name: value for name, value in row.items() if not name.startswith("config.")}
        assert metrics.keys() == record.keys(), f"{what}, row {i}: {metrics.keys() ^ record.keys()}"
        for name, value in metrics.items():
            same(value, record[name], f"{what}, row {i}, {name}")
        settings = {name.removeprefix("config."): value for name, value in row.items() if name not in metrics}
        for name, value in settings.items():
            assert value in (config[name], json.dumps(config[name], separators=(",", ":"))), f"{what}, row {i}, {name}"
    values = sum(map(len, rows))
    return f"{what}: {len(rows)} rows of {len(runs)} runs, {values} values are the same"


def check_csv(runs: list[Run], exports: Path) -> str:
    with open(exports / "metrics.csv", newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        assert len(set(reader.fieldnames)) == len(reader.fieldnames), "a column stands twice"
        rows = [{name: text for name, text in row.items() if text != ""} for row in reader]
    return check_rows([{name: parse(name, text) for name, text in row.items()} for row in rows], runs, "CSV")


def parse(name: str, text: str):
    if name in TEXTS:
        return text
    if name in COUNTS:
        return int(text)
    if not name.startswith("config."):
        return float(text)
    words = {"true": True, "false": False}
    try:
        return words.get(text, float(text) if text not in words else None)
    except ValueError:
        return text


def check_parquet(runs: list[Run], exports: Path) -> str:
    file = pq.ParquetFile(exports / "metrics.parquet")
    schema = file.schema_arrow
    metrics = {name for run in runs for record in run.records for name in metrics_of(record)}
    for names, types in [(TEXTS, [pa.string()]), (COUNTS, [pa.int64()]), (sorted(metrics), [pa.float64()])]:
        for name in names:
            assert schema.field(name).type in types, f"Parquet: {name} is {schema.field(name).type}"
    about = json.loads(file.metadata.metadata[b"flipnet"])
    same([run["config"] for run in about["runs"]], [run.config for run in runs], "Parquet, configs")
    same([run["runId"] for run in about["runs"]], [run.id for run in runs], "Parquet, run ids")
    assert file.metadata.created_by.startswith("flipnet "), file.metadata.created_by

    table = file.read()
    table.validate(full=True)
    empty = sum(column.null_count for column in table.columns)
    assert empty > 0, "Parquet: no value is null, although runs differ in what they measure"
    rows = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    return f'{check_rows(rows, runs, "Parquet")}, {empty} are null'
