"""A wish to stop, sent by a signal: followed at once or, while an epoch runs, once it is saved.

A cluster that wants its node back, or whose time limit is near, says so a while before it ends the
process. A run that is killed goes on from its last epoch all the same; one that stops here has not
begun an epoch in vain.
"""

import os
import signal
from collections.abc import Iterable
from types import FrameType


class Stopped(BaseException):
    """The wish, carried out of whatever was being done."""


class _Wish:
    owner = 0
    made = False
    in_epoch = False


def listen(signals: Iterable[signal.Signals]) -> None:
    """From now on, each of these signals is the wish. They may have been blocked until here."""
    _Wish.owner, _Wish.made, _Wish.in_epoch = os.getpid(), False, False
    for each in signals:
        signal.signal(each, _hear)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def _hear(number: int, frame: FrameType | None) -> None:
    # Loaders' workers are forked from here, and get the signals of the whole process group, too.
    if os.getpid() == _Wish.owner:
        # SLURM's own signal and the task's both come; the second must not disturb the way out.
        first, _Wish.made = not _Wish.made, True
        if first and not _Wish.in_epoch:
            raise Stopped


def begin_epoch() -> None:
    """What is learnt from here is lost unless it is saved."""
    check()
    _Wish.in_epoch = True


def end_epoch() -> None:
    """It is saved.

    Raises:
        Stopped: somebody wishes so.
    """
    _Wish.in_epoch = False
    check()


def check() -> None:
    """Raises `Stopped` if somebody wishes so."""
    if _Wish.made:
        raise Stopped
