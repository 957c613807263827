"""Raw sentences become words with part-of-speech tags and dependencies, by a pipeline of spaCy."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from joblib import effective_n_jobs
from tqdm.auto import tqdm

from skxmr._data.option_checks import check_k
from skxmr._data.sentences import Sentences

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Token

_DEFAULT = "en_core_web_sm"
# Components of the default pipeline on which neither tags nor heads depend.
_UNUSED = ("ner", "lemmatizer")
# What a pipeline has to give, and what gives it.
_ANNOTATIONS = {
    "POS": "part-of-speech tags (token.pos_; a tagger with an attribute_ruler, or a morphologizer, sets them)",
    "DEP": "dependencies (token.head and token.dep_; a parser sets them)",
}
# Characters of a text that an error shows.
_SHOWN = 60
# Texts whose words are remembered per pipeline, some 600 bytes each.
_REMEMBERED = 200_000
_DENSE = "or use Sentences(texts), without tags and heads; all words of a text are then connected"


class _Parsed(NamedTuple):
    """Words of a text, their tags, and the place of the word that each depends on."""

    words: list[str]
    tags: list[str]
    heads: list[int]


class _Loaded(NamedTuple):
    """A pipeline, and what it made of texts before."""

    language: Language
    remembered: dict[str, _Parsed]


def parse_sentences(
    texts: Iterable[str],
    parser: str | Path | Language = "spacy",
    *,
    batch_size: int = 256,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Sentences:
    """Cut raw texts into words with universal part-of-speech tags and dependencies, by a pipeline of spaCy.

    Words are spaCy's tokens in lower case ("isn't" is two). Tokens without a letter or digit, such as punctuation, are
    dropped; a word that depends on a dropped token is attached to that token's nearest kept ancestor, or to none. A
    text may hold several sentences, each with its root.

    A pipeline that is given by name or folder is loaded once, and what it made of up to 200,000 texts is remembered
    within the process, so that the folds of a search and the members of an ensemble do not parse the same texts again.
    A loaded pipeline is asked every time, because its owner may change it.

    Parameters
    ----------
    texts : sequence of n str
        Texts as they were written, because a parser uses capitals and punctuation.
    parser : str, Path or spacy.Language, default="spacy"
        ``"spacy"`` is the pipeline ``en_core_web_sm``; otherwise the name or folder of another pipeline, or a loaded
        one. It has to give both tags and heads, because without one of them the graph of a text would differ
        unnoticed.
    batch_size : int, default=256
        Number of texts that spaCy processes together.
    n_jobs : int or None, default=None
        Number of processes, as in joblib; each loads a copy of the pipeline, so this helps with many texts only.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Sentences
        With tags (``"X"`` for a word that the parser gave none) and heads (-1 for roots).

    Raises
    ------
    ImportError
        If spaCy is missing.
    OSError
        If the pipeline does not exist.
    TypeError
        If `texts` is a single string or holds something else, or `parser` is not a pipeline.
    ValueError
        If a text has no words, or the pipeline gives no tags or no heads.

    Examples
    --------
    A pipeline of two rules stands for a trained one, such as the one that ``parse_sentences(captions)`` uses.

    >>> import spacy
    >>> from skxmr import parse_sentences
    >>> english = spacy.blank("en")
    >>> rules = english.add_pipe("attribute_ruler")
    >>> rules.add([[{"LOWER": "dogs"}]], {"POS": "NOUN", "DEP": "ROOT"})
    >>> rules.add([[{"LOWER": "bark"}]], {"POS": "VERB", "DEP": "ROOT"})
    >>> sentences = parse_sentences(["Dogs bark.", "Dogs!"], english)
    >>> sentences, sentences.tokens(0)
    (Sentences(2 texts, 3 words, with tags, heads), ['dogs', 'bark'])
    """
    check_k(batch_size, optional=False, name="batch_size")
    strings = _strings(texts)
    language, remembered = _pipeline(parser)
    new = [text for text in dict.fromkeys(strings) if text not in remembered]
    docs = language.pipe(new, batch_size=batch_size, n_process=effective_n_jobs(n_jobs))
    bar = tqdm(docs, total=len(new), unit="text", disable=not verbose)
    found = {}
    for text, doc in zip(new, bar, strict=True):
        _check_annotated(doc, text, strings, language)
        found[text] = _parsed(doc)
    # Nothing is ever forgotten, so that another thread may rely on what it has seen here.
    remembered.update(islice(found.items(), max(0, _REMEMBERED - len(remembered))))
    rows = [found[text] if text in found else remembered[text] for text in strings]
    return Sentences([row.words for row in rows], [row.tags for row in rows], [row.heads for row in rows])


def _strings(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, (str, bytes)) or not hasattr(texts, "__iter__"):
        raise TypeError(f"texts is a {type(texts).__name__}; pass a list of strings, a single one as [text].")
    strings = list(texts)
    for i, text in enumerate(strings):
        if not isinstance(text, str):
            way = "Words that are tagged and parsed already are Sentences(words, tags, heads)"
            raise TypeError(f"text {i} is a {type(text).__name__}; raw strings are parsed. {way}.")
    # As in Sentences, a letter with an accent is one character. Strings of numpy become plain ones.
    return [str(unicodedata.normalize("NFC", text)) for text in strings]


def _pipeline(parser: str | Path | Language) -> _Loaded:
    """Return the loaded pipeline and what it remembers; spaCy is imported only here."""
    try:
        import spacy
    except ImportError as error:
        raise ImportError(f'parse_sentences needs spaCy ({error}): pip install "skxmr[text]".') from error
    if isinstance(parser, spacy.language.Language):
        return _Loaded(parser, {})
    if not isinstance(parser, (str, Path)):
        wanted = "'spacy', the name or folder of a pipeline, or spacy.load(...)"
        raise TypeError(f"parser is a {type(parser).__name__}; pass {wanted}.")
    name = _DEFAULT if parser == "spacy" else parser
    exclude = _UNUSED if parser == "spacy" else ()
    if spacy.util.is_package(str(name)):
        return _loaded(str(name), exclude, changed=None)
    if not Path(name).is_dir():
        raise OSError(
            f"parser={str(parser)!r} needs the pipeline {str(name)!r}, which is neither installed nor a folder here. "
            f"Install it by python -m spacy download {name if isinstance(name, str) else _DEFAULT}, {_DENSE}."
        )
    return _loaded(str(Path(name).resolve()), exclude, _changed(Path(name)))


def _changed(folder: Path) -> int | None:
    """Return when the pipeline of a folder was written, None if it is none; spaCy then says what is missing."""
    meta = folder / "meta.json"
    return meta.stat().st_mtime_ns if meta.exists() else None


@lru_cache(maxsize=2)
def _loaded(name: str, exclude: tuple[str, ...], changed: int | None) -> _Loaded:
    """Load a pipeline and keep it, because a retriever with a parser asks for it in every call.

    A folder that was `changed` since is loaded again.
    """
    import spacy

    return _Loaded(spacy.load(name, exclude=exclude), {})


def _parsed(doc: Doc) -> _Parsed:
    """Return the words of a text; equal strings are one object, because they are remembered."""
    kept = [token for token in doc if _is_word(token)]
    words = [sys.intern(token.lower_) for token in kept]
    return _Parsed(words, [sys.intern(token.pos_ or "X") for token in kept], _heads(kept))


def _is_word(token: Token) -> bool:
    return any(sign.isalnum() for sign in token.text)


def _heads(kept: list[Token]) -> list[int]:
    """Return the place of the nearest ancestor that was kept, or -1, for each token."""
    place = {token.i: at for at, token in enumerate(kept)}
    return [next((place[above.i] for above in token.ancestors if above.i in place), -1) for token in kept]


def _check_annotated(doc: Doc, text: str, texts: list[str], pipeline: Language) -> None:
    """Refuse a text without words, and one without tags or heads, because the pipeline then lacks a component."""
    if not any(_is_word(token) for token in doc):
        raise ValueError(f"{_named(text, texts)}, has no words; drop it, or write what it should say.")
    lacking = [wanted for layer, wanted in _ANNOTATIONS.items() if not doc.has_annotation(layer)]
    if lacking:
        raise ValueError(
            f"the parser gave {_named(text, texts)}, no {' and no '.join(lacking)}; its components are "
            f"{pipeline.pipe_names}. Take a pipeline with both, such as {_DEFAULT!r}, {_DENSE}."
        )


def _named(text: str, texts: list[str]) -> str:
    return f"text {texts.index(text)}, {text[:_SHOWN]!r}"
