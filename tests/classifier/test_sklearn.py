"""scikit-learn's own tools on the classifier."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import estimator_checks as checks

from rpo import FewShotClassifier


def test_parameters_are_only_stored(classifier):
    unfitted = classifier()
    assert vars(unfitted).keys() == unfitted.get_params().keys()
    assert clone(unfitted).get_params() == unfitted.get_params()
    assert unfitted.set_params(shots=1).shots == 1


def test_a_clone_is_not_fitted(fitted):
    assert not hasattr(clone(fitted), "classes_")


def test_cross_validation_and_search(classifier, files):
    labels = [file.parent.name for file in files]
    scores = cross_val_score(classifier(), files, labels, cv=2)
    assert scores.shape == (2,) and ((scores >= 0) & (scores <= 1)).all()
    paths = np.array([str(file) for file in files])
    search = GridSearchCV(classifier(), {"shots": [1, 2]}, cv=2).fit(paths, labels)
    assert search.best_params_["shots"] in (1, 2)


# The estimator checks that a matrix of numbers is not needed for; all others feed one.
CHECKS = (
    checks.check_estimator_cloneable,
    checks.check_estimator_repr,
    checks.check_estimator_tags_renamed,
    checks.check_valid_tag_types,
    checks.check_no_attributes_set_in_init,
    checks.check_parameters_default_constructible,
    checks.check_get_params_invariance,
    checks.check_set_params,
    checks.check_mixin_order,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_estimator_checks(check):
    check(FewShotClassifier.__name__, FewShotClassifier())


def test_scikit_learn_runs_no_other_check():
    """Its own list for input that is no matrix is within ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = {check.func for _, check in checks.estimator_checks_generator(FewShotClassifier())}
    for check in own - set(CHECKS):
        check(FewShotClassifier.__name__, FewShotClassifier())
