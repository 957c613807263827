"""A short run under load, and what the check of its answers finds; `python -m tests.faults.soak` is the long run."""

import sys

import numpy as np
import pytest

from tests.faults.soak import failures, soaked
from tests.faults.soak_check import faults, older
from tests.faults.soak_clients import Answer
from tests.faults.soak_versions import Version, text_of


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_answers_are_exact_under_load(tmp_path):
    found = soaked(tmp_path, clients=10, seconds=5, items=1000, stops=(0.5,))
    assert failures(found, is_long=False) == []
    assert found["restarts"] == 1 and found["versions seen"] > 1 and found["answers"] > 100, found


def answer(items, scores, version="a", **asked):
    return Answer({"limit": 3, **asked}, 0.0, 0.0, version, 40, np.array(items), scores)


def test_the_check_of_a_run_sees_what_is_wrong():
    """Items 8 and 9 have the same words, so that their scores are equal and the smaller number comes first."""
    versions = {"a": Version(np.arange(40), np.zeros(40, int), 0.0), "b": Version(np.arange(40), np.ones(40, int), 1.0)}
    right = answer([0, 1, 2], [None] * 3)
    assert faults([right], versions) == []
    near = answer([8, 9], [1.0, 1.0], like="item 0000007", limit=2)._replace(total=39)
    assert "other items" in faults([near], versions)[0]
    assert "other items" in faults([answer([1, 0, 2], [None] * 3)], versions)[0]
    assert "total is 40, and 0 items fit" in faults([right._replace(asked={"limit": 3, "tag": "tag 1"})], versions)[0]
    assert "nobody saved" in faults([right._replace(version="c")], versions)[0]
    assert "said to be missing" in faults([right._replace(total=-1, asked={"like": "item 0000003"})], versions)[0]
    assert older([right, right._replace(version="b"), right], versions) == 1


def test_equal_scores_are_in_the_order_of_the_ids():
    versions = {"a": Version(np.arange(40)[::-1], np.zeros(40, int), 0.0)}
    both = answer([8, 9], [1.0, 1.0], text=text_of(8), limit=2)
    assert faults([both], versions) == []
    assert "in another order" in faults([both._replace(items=np.array([9, 8]))], versions)[0]
    assert faults([both._replace(scores=[1.0, 0.999])], versions)[0].endswith("other scores")
