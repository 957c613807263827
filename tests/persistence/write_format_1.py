"""Write the folders of format 1 that the tests open: python -m tests.persistence.write_format_1 FOLDER.

It was run once. The folders stay as they are, so that every later version is seen to open them.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skxmr
from skxmr import DAGNN, MLCCA, RACG, LabelGraph, Pairs, PerModality, Regions, SemanticMatching, Sentences
from skxmr.datasets import load_captioned_digits, make_captioned_scenes, make_multilabel_pairs


def search():
    pairs, labels = load_captioned_digits(return_X_y=True)
    model = make_pipeline(PerModality(image=StandardScaler(), text=TfidfVectorizer()), MLCCA(n_components=3))
    found = GridSearchCV(model, {"mlcca__ridge": [0.1, 0.3]}, cv=KFold(2)).fit(pairs[:60], labels[:60])
    return found, {"image": np.asarray(pairs.image[:5]), "text": np.asarray(pairs.text[:5], dtype=str)}


def graph():
    pairs, labels = make_multilabel_pairs(80, random_state=0)
    names = [f"tag{i}" for i in range(8)]
    vectors = pd.DataFrame(np.random.default_rng(0).normal(size=(8, 4)), index=names)
    sizes = {"n_components": 4, "hidden": 8, "width": 8, "max_epochs": 2, "random_state": 0}
    sizes |= {"discriminator": "embedding", "device": "cpu"}
    model = make_pipeline(LabelGraph(tau=0.2), DAGNN(**sizes, label_embedding=vectors))
    model.fit(pairs, pd.DataFrame(labels, columns=names))
    return model, {"image": pairs.image[:5], "text": np.asarray(pairs.text[:5])}


def regression():
    pairs, labels = make_multilabel_pairs(80, random_state=0)
    model = SemanticMatching().partial_fit(pairs, labels)
    return model, {"image": pairs.image[:5], "text": np.asarray(pairs.text[:5])}


def scenes(made):
    return Pairs(Regions(made["regions"], made["boxes"]), Sentences([text.split() for text in made["text"].tolist()]))


def words():
    made = make_captioned_scenes(12, random_state=0)
    sizes = {"n_components": 8, "n_heads": 2, "word_width": 4, "max_epochs": 1, "random_state": 0, "batch_size": 8}
    pairs = Pairs(Regions(made.regions, made.boxes), Sentences(made.tokens), image_index=made.image_index)
    given = {"regions": made.regions[:5], "boxes": made.boxes[:5]}
    given["text"] = np.asarray([" ".join(sentence) for sentence in made.tokens[:5]])
    return RACG(**sizes, device="cpu", validation_fraction=0).fit(pairs), given


MODELS = {"search": search, "graph": graph, "regression": regression, "words": words}


def answers(model, name, given):
    return skxmr.similarity(model, scenes(given) if name == "words" else Pairs(given["image"], given["text"]))


if __name__ == "__main__":
    for name, make in MODELS.items():
        model, given = make()
        place = Path(sys.argv[1]) / name
        skxmr.save(model, place, scores={"training": 0.5}, notes="Made for the tests.")
        np.savez_compressed(place.with_suffix(".npz"), similarity=answers(model, name, given), **given)
