"""Which protocol makes the figures that ACMR's paper prints for Wikipedia's shallow features (its Table 2).

Every combination of a split, a form of the features, a distance, a cut-off, a mean and the parameters of a method is a
cell. All cells are ranked on test rows, because the question is which of them was printed; nothing else is chosen here.
The fits of one method on one split and form of the features are lines of benchmarks/results/protocols.jsonl.

    python benchmarks/protocols.py [--acmr] [--docs]    # ACMR takes minutes; what is finished is not fitted again
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np
from common import RESULTS, append, recorded
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA, LatentDirichletAllocation
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from skxmr import ACMR, CCA, CCA3V, CFA, GMA, JFSSL, JRL, LCFS, Pairs, SemanticMatching
from skxmr.datasets import load_wikipedia

FILE = RESULTS / "protocols.jsonl"
SPLITS = ("2173/693", "1300/1566, 130 per class", "1300/1566, at random")
FEATURES = (
    "as they are",
    "unit length",
    "square roots",
    "standardised",
    "principal components",
    "topics of all texts",
)
DISTANCES = ("cosine", "correlation", "Euclidean", "inner product")
MAPS = ("all", "first 50", "first 50, by hits")
MEANS = ("queries", "classes")
PER_CLASS = 130
# A fit takes a view of each and gives one of each.
Fit = Callable[[Pairs, Any, Pairs, Any], tuple[Any, Any]]


def drawn(split: str, y: Any) -> tuple[Any, Any]:
    """Return the training rows and the test rows of a split of the labels y."""
    rows = np.arange(len(y))
    if split == "2173/693":
        return rows[:2173], rows[2173:]
    rng = np.random.default_rng(0)
    if split == "1300/1566, at random":
        order = rng.permutation(len(y))
        return order[:1300], order[1300:]
    of_classes = []
    for name in np.unique(y):
        of_classes.append(rng.permutation(np.flatnonzero(y == name))[:PER_CLASS])
    train = np.concatenate(of_classes)
    return train, np.setdiff1d(rows, train)


def formed(features: str, train: Any) -> Pairs:
    """Return all rows in a form that is learned from the training rows, or from all texts if it says so."""
    pairs = load_wikipedia("all", return_X_y=True)[0]
    image, text = np.asarray(pairs.image), np.asarray(pairs.text)
    steps: dict[str, Callable[[], Any]] = {
        "unit length": Normalizer,
        "standardised": StandardScaler,
        "principal components": lambda: PCA(0.99),
    }
    if features == "square roots":
        return Pairs(np.sqrt(image), np.sqrt(text))
    if features in steps:
        both = (steps[features]().fit(view[train]).transform(view) for view in (image, text))
        return Pairs(*both)
    if features == "topics of all texts":
        text = topics()
    return Pairs(image, text)


@lru_cache
def topics() -> Any:
    """Return ten topics of all texts, training and test rows together, learned from their 1,000 words."""
    words = load_wikipedia("all", text="tfidf", return_X_y=True)[0].text
    return LatentDirichletAllocation(10, random_state=0).fit_transform(words)


def similarities(image: Any, text: Any, distance: str) -> Any:
    """Return the similarity (n, n) of every image with every text."""
    if distance == "Euclidean":
        return -cdist(image, text)
    if distance == "correlation":
        image = image - image.mean(axis=1, keepdims=True)
        text = text - text.mean(axis=1, keepdims=True)
    if distance in ("cosine", "correlation"):
        image, text = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (image, text))
    return image @ text.T


def precisions(scores: Any, relevance: Any) -> dict[str, Any]:
    """Return the average precisions (n,) of all queries, each of `MAPS`; the last divides by what it found."""
    packed = np.negative(scores).astype(np.float32, order="C")
    # Values are sorted several times as fast as their places, so relevance travels in their last bit.
    bits = packed.view(np.int32)
    bits &= -2
    bits |= relevance
    packed.sort(axis=1)
    query, rank = np.nonzero(bits & 1)
    n_relevant = relevance.sum(axis=1)
    nth = np.arange(len(query)) - np.repeat(np.cumsum(n_relevant) - n_relevant, n_relevant)
    gains = (nth + 1) / (rank + 1)
    first = np.bincount(query, gains * (rank < 50), minlength=len(scores))
    found = np.maximum(np.bincount(query[rank < 50], minlength=len(scores)), 1)
    every = np.bincount(query, gains, minlength=len(scores))
    return dict(zip(MAPS, (every / n_relevant, first / np.minimum(n_relevant, 50), first / found), strict=True))


def measured(image: Any, text: Any, y: Any) -> Iterator[float]:
    """Yield both mAPs of every distance, cut-off and mean."""
    classes = np.unique(y)
    relevance = np.equal.outer(y, y).astype(np.int32)
    for distance in DISTANCES:
        scores = similarities(image, text, distance)
        both = [precisions(scores, relevance), precisions(scores.T, relevance)]
        for cut in MAPS:
            for mean in MEANS:
                for found in both:
                    of_classes = [found[cut][y == name].mean() for name in classes]
                    yield float(found[cut].mean() if mean == "queries" else np.mean(of_classes))


def fitted(make: Callable[[], Any]) -> Fit:
    """Return the fit of a retriever."""

    def fit(train: Pairs, y: Any, test: Pairs, y_test: Any) -> tuple[Any, Any]:
        model = make().fit(train, y)
        return model.encode_image(test), model.encode_text(test)

    return fit


def classified(make: Callable[[], Any], known: bool) -> Fit:
    """Return the fit of a classifier per view, whose probabilities are compared; or the true classes of texts."""

    def fit(train: Pairs, y: Any, test: Pairs, y_test: Any) -> tuple[Any, Any]:
        image = make().fit(train.image, y).predict_proba(test.image)
        if known:
            return image, (y_test[:, None] == np.unique(y)).astype(float)
        return image, make().fit(train.text, y).predict_proba(test.text)

    return fit


def trees() -> Any:
    """Return random trees."""
    return ExtraTreesClassifier(300, min_samples_leaf=3, random_state=0)


def logistic() -> Any:
    """Return logistic regression."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))


def fits(features: str, acmr: bool) -> Iterator[tuple[str, str, Fit]]:
    """Yield the methods with their parameters and fits; slow ones and classifiers for features as they are only."""
    if acmr:
        if features == FEATURES[0]:
            yield "ACMR", "default", fitted(partial(ACMR, random_state=0, device="cpu"))
            yield "ACMR", "paper", fitted(partial(ACMR.paper, validation_fraction=0, random_state=0, device="cpu"))
        return
    for k, (ridge, power) in itertools.product((5, 7, 9), ((0.0, 0.0), (1.0, 1.0))):
        name = f"{k} components, ridge={ridge:g}, correlation_power={power:g}"
        yield "CCA", name, fitted(partial(CCA, k, ridge=ridge, correlation_power=power))
    for k, (ridge, power) in itertools.product((7, 9), ((1e-4, 0.0), (1e-4, 4.0), (0.5, 4.0))):
        name = f"{k} components, ridge={ridge:g}, eigenvalue_power={power:g}"
        yield "CCA3V", name, fitted(partial(CCA3V, k, ridge=ridge, eigenvalue_power=power))
    for selection in (0.005, 0.02):
        yield "LCFS", f"selection={selection:g}", fitted(partial(LCFS, selection=selection))
    yield "CFA", "9 components", fitted(partial(CFA, 9))
    yield "GMA", "kind='lda'", fitted(partial(GMA, kind="lda"))
    yield "SemanticMatching", "default", fitted(SemanticMatching)
    if features == FEATURES[0]:
        yield "JFSSL", "default", fitted(JFSSL)
        yield "JRL", "default", fitted(JRL)
        for name, make in (("trees", trees), ("logistic regression", logistic)):
            yield "two classifiers", name, classified(make, known=False)
            yield "true classes as texts", name, classified(make, known=True)


def asked() -> Iterator[tuple[str, str]]:
    """Yield splits with forms of features: all features as they are first, and these alone on the random split."""
    for features in FEATURES:
        for split in SPLITS if features == FEATURES[0] else SPLITS[:2]:
            yield split, features


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acmr", action="store_true", help="fit ACMR as well")
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/results.md")
    arguments = parser.parse_args()
    kept = [[line[key] for key in ("split", "features", "method", "parameters")] for line in recorded(FILE)]
    y = np.asarray(load_wikipedia("all", return_X_y=True)[1])
    for split, features in asked():
        train, test = drawn(split, y)
        pairs = formed(features, train)
        for method, parameters, fit in fits(features, arguments.acmr):
            if [split, features, method, parameters] not in kept:
                image, text = fit(pairs[train], y[train], pairs[test], y[test])
                line = {"split": split, "features": features, "method": method, "parameters": parameters}
                append(FILE, line | {"found": np.round(list(measured(image, text, y[test])), 4).tolist()})
    if arguments.docs:
        import protocols_report

        protocols_report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
