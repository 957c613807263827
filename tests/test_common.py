"""Scikit-learn's checks and ours, over every estimator."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

import skxmr
from skxmr import (
    ACMR,
    ALGCN,
    CCA,
    DAGNN,
    DCCA,
    DRCL,
    DSCMR,
    DSPE,
    IGNN,
    L2GCN,
    RACG,
    SCAN,
    VSEPP,
    AutoRetriever,
    BimodalAE,
    ComparingRetriever,
    CorrAE,
    CrossModalRetriever,
    DeepRetriever,
    HashingRetriever,
    LabelGraph,
    PairwiseRetriever,
    PerModality,
    Retriever,
)
from skxmr.testing import all_retrievers, check_retriever, retriever_checks
from tests.adapter import SplitColumns
from tests.deep.toy import Toy

SMALL = [cls(**parameters) for cls in all_retrievers() for parameters in cls._get_test_params()]
# Those that scikit-learn can check with a matrix, whose columns are dealt out to the two views.
OF_VECTORS = [
    retriever
    for retriever in SMALL
    if hasattr(retriever, "transform") and not get_tags(retriever).input_tags.three_d_array
]
# Those that scikit-learn can make without arguments.
NOT_COMBINED = [retriever for retriever in SMALL if isinstance(retriever, CrossModalRetriever | PairwiseRetriever)]
STEPS = [LabelGraph(), PerModality(image=MaxAbsScaler(), text=MaxAbsScaler())]

# Checks that cannot pass, each with its reason, by step.
NAMED = "scikit-learn wants 'X has 1 features, but ... is expecting 4 features'; ours names the modality"
LABELS_ONLY = "LabelGraph looks at the labels only; the views pass through unread"
LABELS_FIRST = "the labels that the check passes are complex as well, and are read first"
EXPECTED_FAILURES = {
    ("any", "check_n_features_in_after_fitting"): NAMED,
    ("AutoRetriever", "check_complex_data"): LABELS_FIRST,
    ("LabelGraph", "check_complex_data"): LABELS_ONLY,
    ("LabelGraph", "check_dtype_object"): LABELS_ONLY,
    ("LabelGraph", "check_estimators_empty_data_messages"): LABELS_ONLY,
    ("LabelGraph", "check_fit1d"): LABELS_ONLY,
    ("LabelGraph", "check_fit2d_predict1d"): LABELS_ONLY,
    ("LabelGraph", "check_transformer_general"): LABELS_ONLY,
}
# Checks that a missing optional part of the environment skips; scikit-learn raises SkipTest in them.
SKIPPED_BY_SCIKIT_LEARN = {"check_array_api_input": "needs SCIPY_ARRAY_API=1 before scipy is imported"}
# They fit a dozen times or more, so that the default suite runs them for the quickest deep method only.
OF_MANY_FITS = {
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimators_dtypes",
    "check_transformer_data_not_an_array",
}
# They share what is checked with DSCMR, DAGNN and SCAN.
OF_LONG_FITS = ACMR, ALGCN, BimodalAE, CorrAE, DCCA, DRCL, DSPE, IGNN, L2GCN, RACG, VSEPP
# The checks that do not fit anything, and so can run on the estimators themselves.
WITHOUT_DATA = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


def scikit_learns_checks():
    seen = set()
    for step in OF_VECTORS + STEPS:
        again = type(step) in seen
        seen.add(type(step))
        for estimator, check in estimator_checks_generator(SplitColumns(step), legacy=True):
            name = check.func.__name__
            if name not in SKIPPED_BY_SCIKIT_LEARN:
                yield pytest.param(estimator, check, id=f"{step}-{name}", marks=marks(step, name, again))


def marks(step, name, again):
    """Return the marks of a check; slow are those of a class with its other parameters, and most deep methods.

    Deep methods share their ``fit`` and ``transform``, which the default suite checks with DSCMR and DAGNN.
    """
    reasons = [EXPECTED_FAILURES.get((who, name)) for who in ("any", type(step).__name__)]
    quick = DSCMR if name in OF_MANY_FITS else DSCMR | DAGNN
    # A search is several fits.
    long = isinstance(step, AutoRetriever) or (isinstance(step, DeepRetriever) and not isinstance(step, quick))
    slow = again or long
    return [pytest.mark.xfail(reason=reason) for reason in reasons if reason] + [pytest.mark.slow] * slow


@pytest.mark.filterwarnings("ignore:at tau=.* the label graph connects no two labels")
@pytest.mark.parametrize(("estimator", "check"), list(scikit_learns_checks()))
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_the_adapter_lets_scikit_learn_check_a_lot():
    """If the tags hid the estimators from the checks, hardly any would run."""
    for step in OF_VECTORS + STEPS:
        assert len(list(estimator_checks_generator(SplitColumns(step), legacy=True))) > 40


@pytest.mark.parametrize("name", WITHOUT_DATA)
@pytest.mark.parametrize("step", NOT_COMBINED + STEPS, ids=str)
def test_scikit_learns_checks_without_data(step, name):
    getattr(estimator_checks, name)(type(step).__name__, step)


def our_checks():
    seen = set()
    for retriever in SMALL:
        again = type(retriever) in seen
        seen.add(type(retriever))
        for name, check in retriever_checks(retriever):
            slow = again or isinstance(retriever, OF_LONG_FITS)
            yield pytest.param(check, id=f"{retriever}-{name}", marks=[pytest.mark.slow] * slow)


@pytest.mark.filterwarnings("ignore:at tau=.* the label graph connects no two labels")
@pytest.mark.parametrize("check", list(our_checks()))
def test_our_checks(check):
    check()


def test_every_method_is_public_and_every_public_retriever_is_checked():
    public = {getattr(skxmr, name) for name in skxmr.__all__}
    classes = {value for value in public if isinstance(value, type) and hasattr(value, "similarity")}
    bases = {Retriever, CrossModalRetriever, ComparingRetriever, HashingRetriever, DeepRetriever, PairwiseRetriever}
    assert classes - bases == set(all_retrievers()) == {type(retriever) for retriever in SMALL}


class Broken(CCA):
    """A retriever with one fault at a time."""

    fault = ""

    def _fit(self, pairs, labels):
        super()._fit(pairs, labels)
        if self.fault == "modifies":
            pairs.image[0] = 0
        if self.fault == "random":
            self.image_projection_ = self.image_projection_ + np.random.default_rng().normal()

    def _encode_image(self, X):
        out = super()._encode_image(X)
        return out.astype(np.float64) if self.fault == "widens" else out

    def score(self, X, y=None, labels=None):
        if self.fault == "forgives" and labels is None and y is None:
            return 0.5
        return super().score(X, y, labels)


@pytest.mark.parametrize("fault", ["modifies", "random", "widens", "forgives"])
def test_our_checks_catch_a_broken_retriever(fault, monkeypatch):
    monkeypatch.setattr(Broken, "fault", fault)
    with pytest.raises(AssertionError):
        check_retriever(Broken())


def checks_of(estimator):
    return dict(retriever_checks(estimator))


class WithoutInputs(Toy):
    """A deep method whose `_build` makes no use of `standardize`, and that has no seed."""

    standardize: bool | str = False
    random_state: int | None = None


class GlobalDropout(Toy):
    """A deep method with the dropout of torch, which draws from the global generator."""

    random_state: int | None = None

    def _build(self, split):
        learner = super()._build(split)
        learner.network.image[0] = torch.nn.Dropout(0.5)
        return learner


def test_a_failed_check_says_what_it_requires_and_what_was_found():
    check = checks_of(WithoutInputs())["parameters_of_training_have_an_effect"]
    with pytest.raises(
        AssertionError, match=r"(?s)WithoutInputs .*'parameters_of_training.*make_inputs.*standardize=False"
    ):
        check()


@pytest.mark.filterwarnings("ignore:12 validation rows choose the epoch")
def test_fits_that_are_not_repeatable_are_told_apart_from_a_missing_seed():
    checks_of(WithoutInputs())["refit_and_copies_agree"]()
    with pytest.raises(AssertionError, match=r"(?s)random_state=0 differ.*skxmr\.nn\.Dropout"):
        checks_of(GlobalDropout())["refit_and_copies_agree"]()


def test_every_check_says_what_it_requires():
    for estimator in (CCA(), SCAN()):
        for name, check in retriever_checks(estimator):
            assert check.args[0].__doc__.startswith("Require "), name


def test_our_checks_do_not_touch_the_estimator():
    estimator = CCA()
    check_retriever(estimator)
    assert not hasattr(estimator, "n_features_")


@pytest.mark.parametrize("cls", [cls for cls in all_retrievers() if cls._requires_labels], ids=lambda cls: cls.__name__)
def test_labels_of_which_no_row_has_any_are_one_clear_error(cls, small):
    pairs, labels = small
    for model in (cls(), cls(validation_fraction=0.0)) if "validation_fraction" in cls().get_params() else (cls(),):
        with pytest.raises(ValueError, match="labels has no label in any row: all 8 columns of its 120 rows hold 0"):
            model.fit(pairs, np.zeros_like(labels))
        assert not hasattr(model, "fitted_with_labels_")
