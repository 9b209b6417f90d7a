"""Writes five tables as CSV, cut into rows to learn from and rows to measure on, and says what others make of them.

python tables.py FOLDER SPLITS [PATTERN]: FOLDER/NAME/SPLIT/{train,test}.csv, the class in the column `target`; FOLDER/others.json has
the accuracy of logistic regression and of gradient boosting on the same rows, with scikit-learn's defaults.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from palmerpenguins import load_penguins
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")


def of_sklearn(load) -> pd.DataFrame:
    bunch = load(as_frame=True)
    names = [str(name) for name in bunch.target_names]
    return bunch.data.assign(target=[names[label] if not names[label].isdigit() else f"d{label}" for label in bunch.target])


def affairs() -> pd.DataFrame:
    """Fair 1978: what 6,366 women said of their marriages; whether they had an affair."""
    table = sm.datasets.fair.load_pandas().data
    for name in ("occupation", "occupation_husb"):
        table[name] = [f"o{int(code)}" for code in table[name]]
    return table.drop(columns="affairs").assign(target=np.where(table["affairs"] > 0, "yes", "no"))


TABLES = {
    "breast cancer": lambda: of_sklearn(datasets.load_breast_cancer),
    "wine": lambda: of_sklearn(datasets.load_wine),
    "digits": lambda: of_sklearn(datasets.load_digits),
    "penguins": lambda: load_penguins().drop(columns="year").rename(columns={"species": "target"}),
    "affairs": affairs,
}


def prepared(model):
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (words, make_column_selector(dtype_exclude="number")),
        sparse_threshold=0,
    )
    return make_pipeline(columns, model)


OTHERS = {
    "logistic regression": lambda: LogisticRegression(max_iter=5000),
    "gradient boosting": lambda: HistGradientBoostingClassifier(random_state=0),
}

if __name__ == "__main__":
    folder, splits, pattern = Path(sys.argv[1]), int(sys.argv[2]), (sys.argv[3:] or [""])[0]
    rows = []
    for name, load in TABLES.items():
        if pattern not in name:
            continue
        table = load()
        for split in range(splits):
            train, test = train_test_split(table, test_size=0.2, random_state=split, stratify=table["target"])
            place = folder / name / str(split)
            place.mkdir(parents=True, exist_ok=True)
            train.to_csv(place / "train.csv", index=False)
            test.to_csv(place / "test.csv", index=False)
            for other, model in OTHERS.items():
                fitted = prepared(model()).fit(train.drop(columns="target"), train["target"])
                accuracy = float(fitted.score(test.drop(columns="target"), test["target"]))
                rows.append({"table": name, "split": split, "learner": other, "accuracy": accuracy})
    (folder / "others.json").write_text(json.dumps(rows))
