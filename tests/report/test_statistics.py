"""Against the definitions, and scipy's own interval."""

import pytest
from scipy import stats

from rpo.report.statistics import harmonic_mean, summarise


def test_a_summary():
    summary = summarise([80.0, 84.0, 88.0])
    assert summary.mean == 84 and summary.n == 3 and (summary.low, summary.high) == (80, 88)
    assert summary.std == pytest.approx((32 / 3) ** 0.5)


def test_the_confidence_interval_is_students():
    values = [33.9, 33.8, 34.9]
    low, high = stats.t.interval(0.95, 2, loc=34.2, scale=stats.sem(values))
    assert summarise(values).ci95 == pytest.approx((high - low) / 2)


def test_one_number_has_no_interval_and_none_no_summary():
    assert summarise([50.0]).ci95 is None
    assert summarise([]) is None


@pytest.mark.parametrize(
    ("base", "new", "harmonic"), [(100, 50, 66.66667), (40, 40, 40), (0, 5, 0)]
)
def test_harmonic_mean(base, new, harmonic):
    assert harmonic_mean(base, new) == pytest.approx(harmonic)
