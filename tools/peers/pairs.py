"""The pair protocol in NumPy and scikit-learn, as face-recognition toolkits write it: a peer to compare numbers and time with.

    python3 tools/peers/pairs.py reference > tests/golden/peers/pair_pca.json     numbers, with and without PCA
    python3 tools/peers/pairs.py time embeddings.npy same.npy               seconds and figures of [2n, dim] embeddings
"""
import json
import sys
import time

import numpy as np


def hash32(x):
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def unit(seed, count):
    start = hash32(np.array([seed], np.uint32))
    return hash32(start + np.arange(count, dtype=np.uint32)) / 2.0**32


def fill(seed, count):
    return (-1 + 2 * unit(seed, count)).astype(np.float32).astype(np.float64)


def normalize(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def folds_of(count, folds):
    return [np.asarray(part) for part in np.array_split(np.arange(count), folds)]


def distance(first, second, kind):
    if kind == "euclidean":
        return np.sum(np.square(first - second), 1)
    return np.arccos(np.clip(np.sum(first * second, 1), -1, 1)) / np.pi


def accuracy(threshold, dist, same):
    return np.mean(np.less(dist, threshold) == same)


def rates(threshold, dist, same):
    accepted = np.less(dist, threshold)
    return np.sum(accepted & same) / max(1, np.sum(same)), np.sum(accepted & ~same) / max(1, np.sum(~same))


def protocol(rows, same, kind="cosine", folds=10, pca=0, far_target=1e-3):
    unit_rows = normalize(rows)
    first, second = unit_rows[0::2], unit_rows[1::2]
    thresholds, fine = np.arange(0, 4, 0.01), np.arange(0, 4, 0.001)
    accuracies, vals, fars = [], [], []
    parts = folds_of(len(same), folds)
    for f, test in enumerate(parts):
        train = np.concatenate([part for other, part in enumerate(parts) if other != f])
        a, b = first, second
        if pca:
            a, b = project(first, second, train, pca)
        dist = distance(a, b, kind)
        scores = [accuracy(threshold, dist[train], same[train]) for threshold in thresholds]
        accuracies.append(accuracy(thresholds[int(np.argmax(scores))], dist[test], same[test]))
        squared = distance(a, b, "euclidean")
        far = np.array([rates(threshold, squared[train], same[train])[1] for threshold in fine])
        if np.max(far) >= far_target:
            at = int(np.argmax(far >= far_target))
            if at == 0:
                threshold = fine[0]
            else:
                share = (far_target - far[at - 1]) / (far[at] - far[at - 1])
                threshold = fine[at - 1] + share * (fine[at] - fine[at - 1])
        else:
            threshold = 0
        val, met = rates(threshold, squared[test], same[test])
        vals.append(val)
        fars.append(met)
    return {
        "accuracy": float(np.mean(accuracies)),
        "accuracy_folds": [float(value) for value in accuracies],
        "std": float(np.std(accuracies)),
        "val": float(np.mean(vals)),
        "far": float(np.mean(fars)),
    }


def project(first, second, train, components):
    from sklearn.decomposition import PCA

    model = PCA(n_components=components, svd_solver="full")
    model.fit(np.concatenate([first[train], second[train]]))
    return normalize(model.transform(first)), normalize(model.transform(second))


def synthetic(seed, pairs, dim, noise):
    """As in pair_protocol.json: the second embedding is the first and noise, or another."""
    first = fill(seed, pairs * dim).reshape(pairs, dim)
    other = fill(seed + 1, pairs * dim).reshape(pairs, dim)
    jitter = fill(seed + 2, pairs * dim).reshape(pairs, dim)
    same = unit(seed + 3, pairs) < 0.5
    # axes of unequal variance, so that the principal ones are well apart
    scale = 1 / np.sqrt(1 + np.arange(dim))
    second = np.where(same[:, None], first + noise * jitter, other)
    rows = np.empty((2 * pairs, dim))
    rows[0::2], rows[1::2] = first * scale, second * scale
    return rows, same


def main():
    if sys.argv[1:2] == ["reference"]:
        cases = []
        for seed, pairs, dim, noise, pca in [(9100, 400, 32, 1.2, 8), (9200, 605, 24, 2.0, 24), (9300, 300, 64, 1.0, 3)]:
            rows, same = synthetic(seed, pairs, dim, noise)
            case = {"seed": seed, "pairs": pairs, "dim": dim, "noise": noise, "pca": pca, "same": int(same.sum())}
            for kind in ["cosine", "euclidean"]:
                case[kind] = protocol(rows, same, kind, pca=pca)
            cases.append(case)
        print(json.dumps({"made_by": "tools/peers/pairs.py reference", "cases": cases}, indent=1))
        return
    if sys.argv[1:2] != ["time"] or len(sys.argv) != 4:
        sys.exit(__doc__)
    from sklearn.metrics import auc, roc_curve

    rows, same = np.load(sys.argv[2]), np.load(sys.argv[3]).astype(bool)
    start = time.perf_counter()
    result = protocol(rows, same)
    unit_rows = normalize(rows)
    fpr, tpr, _ = roc_curve(same, -distance(unit_rows[0::2], unit_rows[1::2], "cosine"), drop_intermediate=False)
    result["auc"] = float(auc(fpr, tpr))
    result["seconds"] = time.perf_counter() - start
    print(json.dumps(result))


if __name__ == "__main__":
    main()
