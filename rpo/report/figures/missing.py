"""Which figures some runs do not give, and what would make them."""

from collections.abc import Sequence

from rpo.report.figures import groups
from rpo.report.figures.gallery import mask_forms
from rpo.report.figures.overview import base_and_new, over_seeds, over_shots
from rpo.report.record import Record


def left_out(records: Sequence[Record]) -> list[str]:
    """Which figures the runs do not give, and what would make them."""
    at_home = [record for record in records if record.trained_on == record.dataset]
    missing = []
    if not any(over_shots(at_home)):
        missing.append(
            "Accuracy over shots: every method was trained with one number of shots only. "
            "Runs with SHOTS=1, 2, 4, 8 and 16 make it."
        )
    if not any(over_seeds(at_home)):
        missing.append("Variance over seeds: there are fewer than three seeds of each run.")
    if not any(base_and_new(at_home)):
        missing.append("Base against new: no method was evaluated on both base and new classes.")
    if not mask_forms(records):
        missing.append("Attention masks: there is no run of RPO.")
    if not groups.histories(records):
        missing.append(
            "Loss curves: no results.json holds a history. Runs trained with this version do."
        )
    if not any(groups.details([record]) for record in records):
        missing.append(
            "Accuracy of each class, confusions and calibration: no results.json holds details. "
            "Evaluating the runs again with this version records them."
        )
    return missing
