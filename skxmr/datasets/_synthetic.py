"""Generated pairs of views with correlated labels."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from skxmr._data.kinds import IntArray, Seed
from skxmr._data.option_checks import check_k, flags_checked
from skxmr._data.pairs import Pairs


@flags_checked
def make_multilabel_pairs(
    n_samples: int = 200,
    *,
    n_image_features: int = 20,
    n_text_features: int = 30,
    n_labels: int = 8,
    noise: float = 1.0,
    sparse_text: bool = False,
    random_state: Seed = None,
) -> tuple[Pairs, IntArray]:
    """Generate image and text features that share nothing but correlated labels.

    Labels form a chain: each one switches on the next half of the time, so that the label graph has edges.
    Image features are a random linear map of the labels plus Gaussian noise, text features Poisson word counts whose
    rates depend on the labels.

    Parameters
    ----------
    n_samples : int, default=200
        Number of pairs.
    n_image_features : int, default=20
        Width of the images.
    n_text_features : int, default=30
        Width of the texts.
    n_labels : int, default=8
        Number of labels; every row has at least one.
    noise : float, default=1.0
        Standard deviation of the image noise, and a tenth of it is the rate of meaningless words.
    sparse_text : bool, default=False
        Return the text as a CSR array.
    random_state : int, RandomState or None, default=None
        Seed.

    Returns
    -------
    pairs : Pairs
        image (n_samples, n_image_features) float64, text (n_samples, n_text_features) float64.
    labels : ndarray of shape (n_samples, n_labels), int64
        Multi-hot.

    Raises
    ------
    ValueError
        If a size is not a positive integer or the noise is negative.

    Examples
    --------
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(50, sparse_text=True, random_state=0)
    >>> pairs
    Pairs(image=(50, 20) float64, text=(50, 30) csr float64)
    """
    sizes = {
        "n_samples": n_samples,
        "n_image_features": n_image_features,
        "n_text_features": n_text_features,
        "n_labels": n_labels,
    }
    for name, size in sizes.items():
        check_k(size, optional=False, name=name)
    if noise < 0:
        raise ValueError(f"noise must be 0 or more; got {noise}.")
    rng = check_random_state(random_state)
    Y = np.zeros((n_samples, n_labels), dtype=np.int64)
    Y[np.arange(n_samples), rng.randint(n_labels, size=n_samples)] = 1
    for j in range(1, n_labels):
        Y[:, j] |= Y[:, j - 1] & (rng.uniform(size=n_samples) < 0.5)
    image = Y @ rng.normal(size=(n_labels, n_image_features)) + noise * rng.normal(size=(n_samples, n_image_features))
    rates = rng.exponential(size=(n_labels, n_text_features)) * (rng.uniform(size=(n_labels, n_text_features)) < 0.3)
    text = rng.poisson(Y @ rates + 0.1 * noise).astype(np.float64)
    return Pairs(image, sp.csr_array(text) if sparse_text else text), Y
