"""Reference fits of multinomial and binary logistic regression for Tests/LayerAnalysisTests.

Run: python scripts/golden/logistic.py  (scikit-learn 1.9.1, numpy 2.4.6); writes Tests/LayerAnalysisTests/Golden/logistic.json.
Features are made by numpy's seeded generator, rounded to four decimals and stored, so that both sides fit the same numbers.
"""
import json
import os

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

# name, rows, columns, classes, C, standardised
CASES = [
    ("binary", 60, 12, 2, 1.0, True), ("binary-wide", 40, 90, 2, 1.0, True), ("binary-strong", 60, 30, 2, 0.01, True),
    ("six", 90, 20, 6, 1.0, True), ("six-wide", 60, 100, 6, 1.0, True), ("six-strong", 90, 20, 6, 0.01, True),
    ("thirty-one", 124, 24, 31, 1.0, True), ("thirty-one-wide", 93, 120, 31, 1.0, True),
    ("thirty-one-strong", 93, 120, 31, 0.01, True), ("raw", 70, 8, 3, 1.0, False),
]


def case(index, name, rows, columns, classes, c, standardised):
    random = np.random.default_rng(1000 + index)
    labels = np.arange(rows) % classes
    centres = random.normal(size=(classes, columns))
    scale, shift = random.uniform(0.3, 3, columns), random.normal(size=columns) * (0.5 if not standardised else 5)

    def draw(y):
        return np.round((0.6 * centres[y] + random.normal(size=(len(y), columns))) * scale + shift, 4).astype(np.float32)

    train, held = draw(labels), np.arange(20) % classes
    test = draw(held)
    a, b = train.astype(np.float64), test.astype(np.float64)
    if standardised:
        scaler = StandardScaler().fit(a)
        a, b = scaler.transform(a), scaler.transform(b)
    model = LogisticRegression(C=c, tol=1e-9, max_iter=20000).fit(a, labels)
    short = lambda x: [float(f"{v:.6g}") for v in np.ravel(x)]
    return {"name": name, "rows": rows, "columns": columns, "classes": classes, "c": c, "standardised": standardised,
            "labels": labels.tolist(), "train": short(train), "test": short(test), "coefficients": short(model.coef_),
            "intercepts": short(model.intercept_), "probabilities": short(model.predict_proba(b)),
            "predictions": model.predict(b).tolist()}


if __name__ == "__main__":
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/LayerAnalysisTests/Golden")
    with open(os.path.join(folder, "logistic.json"), "w") as file:
        json.dump({"scikit-learn": sklearn.__version__, "numpy": np.__version__,
                   "cases": [case(i, *c) for i, c in enumerate(CASES)]}, file, separators=(",", ":"))
        file.write("\n")
