"""save: a fitted model as a folder that is safe to open."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from sklearn.base import BaseEstimator

from skxmr._data.warn import warn
from skxmr.persistence._card import Scores, model_card
from skxmr.persistence._config import write_config, written_files
from skxmr.persistence._folder import written_folder
from skxmr.persistence._loading import FORMAT, KIND, MODEL, opened, untrusted_names
from skxmr.persistence._packing import Packing
from skxmr.persistence._trust import Trust, found


def save(
    model: BaseEstimator, path: str | os.PathLike[str], *, scores: Scores | None = None, notes: str | None = None
) -> None:
    """Save a model as a folder, which opens without pickle, on any machine, with or without a GPU.

    The folder holds ``model.skops``, the model itself; ``config.json``, the format, the versions that wrote it, the
    digest of every file, and the names of classes that are not part of skxmr, scikit-learn or torch; and ``README.md``,
    a model card. The folder is complete or unchanged: where saving fails, an older model in it stays as it was.

    Callbacks, and the `memory` of pipelines, are not saved; a warning says so. Nor is `checkpoint`.

    Parameters
    ----------
    model : estimator
        A retriever, a step, or a pipeline, column transformer or search of scikit-learn around them.
    path : path
        The folder, new, or one that was saved to before.
    scores : dict or None, default=None
        For the model card: for every split, such as ``"test"``, a number or a dict of numbers by name.
    notes : str or None, default=None
        For the model card: what the data were, what the model is for, and what it is not for.

    Raises
    ------
    FileExistsError
        If `path` is a file, or a folder of other files.
    OSError
        If the disk is full or not writable.
    TypeError
        If the model holds a class or a function that would not be found again, such as a lambda, a network of
        others for which no factory is given, or an index, which has its own `save`.

    See Also
    --------
    load : Open the folder.

    Examples
    --------
    >>> import tempfile
    >>> import skxmr
    >>> pairs, labels = skxmr.datasets.make_multilabel_pairs(random_state=0)
    >>> model = skxmr.MLCCA().fit(pairs, labels)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skxmr.save(model, folder, scores={"training": model.score(pairs, labels)})
    ...     again = skxmr.load(folder)
    >>> bool((again.transform(pairs).image == model.transform(pairs).image).all())
    True
    """
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"model is a {type(model).__name__}, but an estimator is wanted, such as a fitted retriever.")
    card = model_card(model, scores, notes)
    packing = Packing()
    twin = packing.pack(model)
    with written_folder(path, lambda folder: written_files(folder, KIND)) as folder:
        foreign = _written(twin, folder / MODEL, packing.named)
        (folder / "README.md").write_text(card, encoding="utf-8")
        write_config(folder, KIND, FORMAT, **{"class": type(model).__name__, "foreign": foreign})
    for sentence in sorted(packing.not_saved):
        warn(f"{sentence}.")


def _written(twin: BaseEstimator, file: Path, named: set[str]) -> list[str]:
    """Write the twin of a model and open it once; return the foreign names that it holds."""
    import skops.io

    try:
        skops.io.dump(twin, file)
    except RecursionError as error:
        raise ValueError("the model contains itself or is nested too deeply, so that it cannot be saved.") from error
    except (TypeError, ValueError) as error:
        raise TypeError(f"the model holds what cannot be saved: {error}") from error
    with open(file, "rb") as handle:
        names = untrusted_names(handle)
        lost = [name for name in names if name.startswith("__main__.") or "<" in name or found(name) is None]
        lost += [name for name in sorted(named) if name.startswith("__main__.") or found(name) is None]
        if lost:
            raise TypeError(
                f"the model holds {', '.join(lost)}, which would not be found again when it is loaded; define it in a "
                "module that can be imported, at the top level and not as a lambda."
            )
        trust = Trust()
        own = [name for name in trust.unknown(names) if name.startswith("skxmr.search.")]
        if own:
            raise TypeError(
                f"the model holds {', '.join(own)}, which are no parts of a saved model; save an index by its own save "
                "method, and set it again after load."
            )
        foreign = trust.unknown(names) + [name for name in sorted(named) if not trust.layer(name)]
        try:
            # What there is to say of it is said by whoever opens it.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                opened(handle, Trust(foreign))
        except Exception as error:
            # Whatever it is, the folder could not be opened later.
            raise TypeError(
                f"the model holds what could not be opened again ({type(error).__name__}: {error}); keep such values "
                "as numpy arrays, numbers or strings."
            ) from error
    return foreign
