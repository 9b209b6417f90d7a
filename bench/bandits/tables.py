"""Writes scikit-learn's tables, standardised, as JSON: tables.py OUT NAME..."""
import json
import sys

from sklearn import datasets
from sklearn.preprocessing import StandardScaler

out, *names = sys.argv[1:]
tables = {}
for name in names:
    table = getattr(datasets, f"load_{name}")()
    features = StandardScaler().fit_transform(table.data)
    tables[name] = {
        "rows": len(features),
        "inputs": features.shape[1],
        "classes": len(table.target_names),
        "features": [round(float(x), 5) for x in features.ravel()],
        "labels": [int(label) for label in table.target],
    }
with open(out, "w") as file:
    json.dump(tables, file)
