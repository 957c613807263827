"""Refusal: what a request is answered that cannot be served, as a status of HTTP and one sentence."""

from __future__ import annotations

from collections.abc import Mapping


class RefusalError(Exception):
    """A request cannot be served.

    Parameters
    ----------
    status : int
        Of HTTP, such as 400 for a bad request and 413 for a large one.
    sentence : str
        What is wrong, and what to do.
    headers : mapping or None, default=None
        Further headers of the answer.
    """

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})
