"""Two folders are known to hold the same model, however often it was opened and saved."""

import json
import zipfile

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skxmr
from skxmr import DSCMR, PerModality, SemanticMatching
from skxmr.datasets import load_captioned_digits
from skxmr.persistence._same import MODEL, same_model

NETWORK = DSCMR(n_components=4, hidden=8, max_epochs=1, random_state=0)
SEARCH = GridSearchCV(SemanticMatching(), {"ridge": [1.0, 2.0]}, cv=2)


@pytest.mark.parametrize(
    ("method", "other"),
    [(NETWORK, {"dscmr__random_state": 1}), (SEARCH, {"gridsearchcv__estimator__ridge": 3.0})],
    ids=["network", "search"],
)
def test_a_model_is_the_same_after_it_was_saved_again(method, other, tmp_path):
    pairs, labels = load_captioned_digits("train", return_X_y=True)
    words = TfidfVectorizer(stop_words=["the", "a"])
    pipeline = make_pipeline(PerModality(image=StandardScaler(), text=words), method)
    skxmr.save(pipeline.fit(pairs[:200], labels[:200]), tmp_path / "first")
    for before, after in (("first", "second"), ("second", "third")):
        model = skxmr.load(tmp_path / before)
        # Some transformers keep where an object lay in memory when they were used.
        model.transform(pairs[:2])
        skxmr.save(model, tmp_path / after)
        assert same_model(tmp_path / "first", tmp_path / after)
    skxmr.save(pipeline.set_params(**other).fit(pairs[:200], labels[:200]), tmp_path / "other")
    assert not same_model(tmp_path / "first", tmp_path / "other")


def test_sets_have_no_order(tmp_path):
    def written(folder, words):
        (tmp_path / folder).mkdir()
        with zipfile.ZipFile(tmp_path / folder / MODEL, "w") as archive:
            archive.writestr("schema.json", json.dumps({"__loader__": "SetNode", "content": words}))
        return tmp_path / folder

    assert same_model(written("a", ["red", "blue"]), written("b", ["blue", "red"]))
    assert not same_model(written("c", ["red", "green"]), tmp_path / "a")
