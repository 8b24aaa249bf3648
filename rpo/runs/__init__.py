"""A run's folder: the one place that knows what lies in it, whose it is and how far it got.

    log.txt                      what the run printed
    run.json                     its configuration, whether it has finished, its seconds so far
    history.json                 the means of every epoch
    results.json                 what was measured, and where it comes from: version 1 of
                                 rpo/assets/results.schema.json
    predictions.npz              what was predicted for every test image; see rpo/predictions.py
    <model>/model.pth.tar-<n>    what was learnt in n epochs; <model>/checkpoint names the newest
    attention.png, .json         made of it later, by `rpo look`
    failure.json                 why it failed the last time, and how often in a row; gone once it
                                 ends well, without meaning once it has saved a further epoch
    .lock, .holder.json          while somebody writes here
    .previous/                   the run that is being overwritten, until the new one has learnt;
                                 .previous.moving/ while it is moved there or back

Plain Python: trainers, `rpo run` and the reports all use it.
`RunFolder` (folder.py) says what it holds and how far it got; lock.py and overwriting.py keep it
whole while it is written, and failures.py says why it failed.
"""

from .failures import failure_of, forget_failure, note_failure, why_failed
from .folder import FINISHED, INTERRUPTED, NEW, ConfigMismatchError, RunFolder
from .lock import RunInUseError, is_held, locked
from .names import (
    CHECKPOINTS,
    FAILURE,
    HISTORY,
    HOLDER,
    LOG,
    LORA,
    MOVING,
    PREDICTIONS,
    PREVIOUS,
    RESULTS,
    RUN,
    VERSION,
    epoch_of,
)
from .overwriting import clear, set_aside, settle
from .reading import now, read_object

__all__ = [
    "CHECKPOINTS",
    "FAILURE",
    "FINISHED",
    "HISTORY",
    "HOLDER",
    "INTERRUPTED",
    "LOG",
    "LORA",
    "MOVING",
    "NEW",
    "PREDICTIONS",
    "PREVIOUS",
    "RESULTS",
    "RUN",
    "VERSION",
    "clear",
    "epoch_of",
    "failure_of",
    "forget_failure",
    "is_held",
    "locked",
    "note_failure",
    "now",
    "read_object",
    "set_aside",
    "settle",
    "why_failed",
    "ConfigMismatchError",
    "RunFolder",
    "RunInUseError",
]
