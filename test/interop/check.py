"""Reads what `flipnet export` wrote by the formats' own packages, and compares it with the runs it was made from.

python check.py RUNS EXPORTS: the folder of the runs, and that of what scripts/test-interop.mjs made of them.
"""

import sys
from pathlib import Path

import onnx_models
import parameters
import python_package
import tables
import tensorboard_events
from runs import read_runs

runs_folder, exports = map(Path, sys.argv[1:])
runs = read_runs(runs_folder)
scratch = exports.parent / "python"
scratch.mkdir()
for check in (tables.check_csv, tables.check_parquet, tensorboard_events.check, parameters.check, onnx_models.check):
    print(check(runs, exports), flush=True)
print(python_package.check(scratch), flush=True)
