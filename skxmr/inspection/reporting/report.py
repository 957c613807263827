"""How good a model is, query by query and label by label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.base import BaseEstimator

from skxmr._data.arguments import check_labels_of, need_both, need_pairs
from skxmr._data.kinds import LabelsLike
from skxmr._data.labels import encode_labels
from skxmr._data.option_checks import check_k
from skxmr._data.pairs import Pairs
from skxmr.inspection.reporting.facts import duplicates_of, facts_of
from skxmr.inspection.reporting.items import shown_items
from skxmr.inspection.reporting.rankings import rankings
from skxmr.inspection.reporting.reported import Report
from skxmr.inspection.reporting.tables import (
    confusion_table,
    hardest,
    label_frame,
    query_table,
    scope_table,
    summary_table,
)
from skxmr.inspection.reporting.tags import tag_table
from skxmr.metrics._asking import need_retriever, unwrapped

if TYPE_CHECKING:
    from skxmr.inspection.reporting.rankings import Ranked


def report(
    model: BaseEstimator,
    pairs: Pairs,
    labels: LabelsLike = None,
    *,
    train: Pairs | None = None,
    k: int = 10,
    n_hardest: int = 10,
) -> Report:
    """Measure a model on some rows, query by query and label by label, in tables and on a page.

    Parameters
    ----------
    model : fitted retriever, or a pipeline or search around one
        What is measured.
    pairs : Pairs
        Rows that the model has not learned from. An image that several rows share is one query, and has the labels of
        the first of them.
    labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
        Labels of the rows. Items that share a label are relevant. None, if fit had none either: then those of the same
        row or image are, and there is nothing about labels.
    train : Pairs or None, default=None
        The rows that the model learned from. Rows that are nearly the same as one of them are counted, because they
        make scores too good.
    k : int, default=10
        Number of first items that are looked at; all of them where there are fewer.
    n_hardest : int, default=10
        Number of queries of each direction among the hardest ones.

    Returns
    -------
    Report
        With ``to_frame()`` and ``save("report.html")``.

    Raises
    ------
    TypeError
        If the model is no retriever, or `pairs` or `train` is no `Pairs`.
    ValueError
        If there are no rows, a view is missing, or labels are missing for a model that was fitted with labels.

    Notes
    -----
    A query without a relevant item is unanswerable: it has no average precision and is left out of all means. A wrong
    item shares no label with the query. The best threshold of a label is the one with the largest F1 on these very
    rows, so that no threshold of fit can do better; a large gap means that thresholds do not carry over to new rows.

    Examples
    --------
    >>> from skxmr import SemanticMatching
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.inspection import report
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = SemanticMatching().fit(pairs[:150], labels[:150])
    >>> found = report(model, pairs[150:], labels[150:], train=pairs[:150])
    >>> found.to_frame()[["direction", "queries", "unanswerable", "map"]].round(2).to_numpy().tolist()
    [['image_to_text', 50, 0, 0.87], ['text_to_image', 50, 0, 0.88]]
    """
    need_retriever(model, "model")
    need_pairs(pairs, "report")
    if train is not None:
        need_pairs(train, "train of report")
    check_k(k, optional=False)
    check_k(n_hardest, optional=False, name="n_hardest")
    need_both(pairs.image, pairs.text, "a report")
    if len(pairs) == 0:
        raise ValueError("pairs has no rows, so there is nothing to report; pass at least one image with its text.")
    encoded = None
    if labels is not None:
        check_labels_of(pairs, labels)
        encoded = encode_labels(labels)
    ranked: list[Ranked] = list(rankings(model, pairs, labels, k))
    facts = facts_of(model, pairs, encoded)
    queries = query_table(ranked, encoded)
    tables: dict[str, Any] = {
        "summary": summary_table(ranked),
        "queries": queries,
        "hardest": hardest(queries, n_hardest),
        "unanswerable": queries[queries["n_relevant"] == 0].reset_index(drop=True),
        "scope": scope_table(ranked),
    }
    if encoded is not None:
        tables["labels"] = label_frame(ranked, encoded)
        tables["confusions"] = confusion_table(ranked, encoded)
        tables["tags"] = tag_table(model, pairs, encoded)
    if train is not None:
        tables["duplicates"], more = duplicates_of(train, pairs)
        facts |= more
    tables["facts"] = pd.DataFrame(list(facts.items()), columns=["fact", "value"])
    _, retriever = unwrapped(model)
    return Report(type(retriever).__name__, tables, shown_items(pairs, tables["hardest"]))
