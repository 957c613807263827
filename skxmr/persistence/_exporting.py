"""export_onnx: both encoders of a model for programs without skxmr, torch and Python."""

from __future__ import annotations

import os
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skxmr._data.kinds import MODALITIES
from skxmr.base import CrossModalRetriever
from skxmr.persistence._config import write_config, written_files
from skxmr.persistence._folder import written_folder
from skxmr.steps.label_graph import LabelGraph

KIND = "skxmr encoders"
FORMAT = 1


def export_onnx(model: Any, path: str | os.PathLike[str]) -> None:
    """Write the encoders of both modalities as ONNX files, for programs without skxmr and torch.

    The folder holds ``image.onnx`` and ``text.onnx``, each with the input ``x`` (n, d) and the output ``embedding``
    (n, n_components), both float32, for any number of rows n, and ``config.json`` with the names and numbers of the
    features. The outputs equal those of `encode_image` and `encode_text` up to 1e-5; a similarity is their cosine.

    Parameters
    ----------
    model : estimator
        A fitted deep method, or one that ends in a projection, such as :class:`CCA`, :class:`MLCCA` or
        :class:`SemanticMatching`; also in a search, and in a pipeline whose other steps leave the features as they are.
    path : path
        The folder, new, or one that was exported to before. It is complete or unchanged, whatever happens.

    Raises
    ------
    FileExistsError
        If `path` is a file, or a folder of other files.
    ImportError
        If the extra `onnx` is missing.
    OSError
        If the disk is full or not writable.
    TypeError
        If the model does not embed by a network or by a projection.

    Examples
    --------
    >>> import skxmr
    >>> pairs, labels = skxmr.datasets.make_multilabel_pairs(random_state=0)
    >>> model = skxmr.MLCCA().fit(pairs, labels)
    >>> skxmr.export_onnx(model, "encoders")  # doctest: +SKIP
    """
    retriever = _retriever(model)
    check_is_fitted(retriever)
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(f"ONNX files need the extra 'onnx' ({error}): pip install 'skxmr[onnx]'.") from error
    from skxmr.persistence._encoders import encoder_of, write_onnx

    encoders = {name: encoder_of(retriever, name) for name in MODALITIES}
    with written_folder(path, lambda folder: written_files(folder, KIND)) as folder:
        for name, encoder in encoders.items():
            write_onnx(encoder, retriever.n_features_[name], folder / f"{name}.onnx")
        about = {"class": type(retriever).__name__, "n_features": retriever.n_features_}
        write_config(folder, KIND, FORMAT, **about, columns=retriever._columns)


def _retriever(model: Any) -> CrossModalRetriever:
    """Return the retriever in searches and pipelines; refuse steps that change the features."""
    if hasattr(model, "best_estimator_"):
        return _retriever(model.best_estimator_)
    if isinstance(model, Pipeline):
        for name, step in model.steps[:-1]:
            if not (isinstance(step, LabelGraph) or step in (None, "passthrough")):
                raise TypeError(
                    f"the step {name!r} of the pipeline changes the features, which ONNX files of the encoders do not; "
                    "export model[-1], and give the encoders what the steps before return."
                )
        return _retriever(model.steps[-1][1])
    if not isinstance(model, CrossModalRetriever):
        raise TypeError(
            f"a {type(model).__name__} has no embeddings; export_onnx takes retrievers that embed, such as MLCCA and "
            "DAGNN."
        )
    return model
