"""The model card."""

import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skxmr
from skxmr import CCA, DSCMR, MLCCA, LabelGraph, PerModality
from skxmr.persistence._card import model_card


def rows_of(card, title):
    """Return the table under a heading, row by row."""
    section = card.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_what_a_card_says(small, tmp_path):
    pairs, labels = small
    names = ["a|b", *(f"tag{j}" for j in range(7))]
    table = pd.DataFrame(labels, columns=names)
    model = make_pipeline(PerModality(), MLCCA(ridge=0.5)).fit(pairs, table)
    scores = {"test": {"image to text": 0.25, "text to image": 1 / 3}, "training": 0.5}
    skxmr.save(model, tmp_path / "model", scores=scores, notes="Drawings only.\n\nNot for photographs.")
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: skxmr\n") and "# MLCCA\n\nMulti-label canonical correlation" in card
    assert "## Notes\n\nDrawings only.\n\nNot for photographs.\n" in card
    trained = rows_of(card, "Trained on")
    assert ["rows", "120"] in trained and ["image features", "20"] in trained and ["text features", "30"] in trained
    assert ["8 labels", ", ".join([r"a\|b", *names[1:]])] in trained
    assert rows_of(card, "Scores")[2:] == [
        ["test", "image to text", "0.2500"], ["test", "text to image", "0.3333"], ["training", "score", "0.5000"],
    ]  # fmt: skip
    assert ["ridge", "`0.5`"] in rows_of(card, "Parameters")
    assert ["skxmr", skxmr.__version__] in rows_of(card, "Versions")
    assert 'skxmr.load("path/of/this/folder")' in card and "Pipeline(steps=" in card


def test_cards_of_searches_steps_and_what_is_not_fitted(small):
    search = GridSearchCV(CCA(), {"n_components": [2]}, cv=2).fit(small[0])
    assert ["labels", "none"] in rows_of(model_card(search), "Trained on")
    assert "This model has not been fitted." in model_card(GridSearchCV(CCA(), {}))
    assert "No scores were given" in model_card(CCA())
    assert model_card(LabelGraph()).count("# LabelGraph") == 1
    deep = DSCMR(4, hidden=8, max_epochs=2, random_state=0).fit(*small)
    assert ["epochs", f"2, of which epoch {deep.best_epoch_} was kept"] in rows_of(model_card(deep), "Trained on")


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (0.4, "scores is a float, but a dict is wanted that says on which rows each was measured, such as"),
        ({"test": "good"}, r"scores\['test'\]\['score'\] is 'good', but a number is wanted"),
        ({"test": {"map": None}}, r"scores\['test'\]\['map'\] is None, but a number is wanted"),
    ],
)
def test_scores_are_numbers_by_split(scores, message):
    with pytest.raises(TypeError, match=message):
        model_card(CCA(), scores)
