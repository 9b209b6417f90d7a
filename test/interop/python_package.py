"""The package in python/, and the program of docs/python.md, which prints what stands below it."""

import contextlib
import io
import os
import re
from pathlib import Path

import flipnet
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]


def check(scratch: Path) -> str:
    os.chdir(scratch)
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    program, expected = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "docs/python.md", "exec"), {})
    assert printed.getvalue() == expected, f"docs/python.md prints {printed.getvalue()}"
    assert Path("figure.pdf").read_bytes().startswith(b"%PDF") and Path("curves.png").stat().st_size > 1000

    # Words, numbers and what is missing among both, under names of all kinds; the same rows are the same run.
    table = pd.DataFrame({"a/b, file": [1.5, 2, None, 3] * 20, "job": ["x", None, "ü", "z"] * 20})
    table["paid"] = ["lo", "hi", "lo", "hi"] * 20
    run = flipnet.train(table, target="paid", epochs=3, learning_rate=0.01, units="zero-one")
    assert run.config["learningRate"] == 0.01 and len(run.records) == 3
    columns = {name: list(table[name]) for name in table}
    assert flipnet.train(columns, target="paid", epochs=3, learning_rate=0.01, units="zero-one").folder == run.folder
    assert run.predict(table)["probability"].shape == (80, 2)
    shown = flipnet.Run(run.folder).encode(table[:3])
    assert shown.shape == (3, run.weights()["layers.0.weights"].shape[0]) and set(np.unique(shown)) <= {0, 1}
    drawn = pd.DataFrame(flipnet.train(table, task="table-vae", epochs=1).sample(5, seed=1))
    assert list(drawn.columns) == list(table.columns) and len(drawn) == 5
    for settings, message in (({"target": "pay"}, 'has no column "pay"'), ({"hiden": 3}, 'did you mean "hidden"')):
        try:
            flipnet.train(table, **{"target": "paid", **settings})
        except ValueError as error:
            assert message in str(error), error
        else:
            raise AssertionError(f"{settings} was not refused")
    return "Python: the page's program prints what it says; tables, predictions, codes, weights and errors come through"
