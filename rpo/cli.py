"""The command `rpo`: one subcommand, one module, imported when it is called for."""

import argparse
import atexit
import gc
import importlib
import os
import re
import sys
from collections.abc import Sequence
from itertools import islice
from typing import NoReturn

from rpo import __version__
from rpo.suggest import unknown

# Subcommand to (module, what it does). A module has `add_arguments(parser)` and `run(args)`.
COMMANDS = {
    "train": ("rpo.commands.train", "train a method, or evaluate it with --eval-only"),
    "run": ("rpo.commands.run", "run all experiments of a protocol, resumably"),
    "status": ("rpo.commands.status", "show what is finished, running, queued, failed"),
    "cancel": ("rpo.commands.cancel", "end what is queued or running on SLURM"),
    "eval": ("rpo.commands.evaluate", "evaluate finished runs of RPO, several in one pass"),
    "fit": ("rpo.commands.fit", "a classifier from your own images, saved to be used"),
    "predict": ("rpo.commands.predict", "the classes of images, by a saved classifier"),
    "export": ("rpo.commands.export", "a classifier from a finished run"),
    "look": ("rpo.commands.look", "show where the visual prompts of a run of RPO look"),
    "report": ("rpo.commands.report", "tables of finished runs: base / new / H, cost, ..."),
    "compare": ("rpo.commands.compare", "finished runs beside the published accuracies"),
    "verify": ("rpo.commands.verify", "check the numbers of finished runs by what they come from"),
    "bundle": ("rpo.commands.bundle", "pack finished runs for others to verify and compare"),
    "methods": ("rpo.commands.methods", "list the methods, or the settings of one"),
    "data": ("rpo.commands.data", "list, check or prepare the datasets"),
    "doctor": ("rpo.commands.doctor", "show versions, device, weights and datasets"),
}
# A configuration key as it is typed: OPTIM.LR; TRAINER.CoOp.N_CTX is one that does not exist.
KEY = re.compile(r"([A-Z][A-Z0-9_]*(\.[A-Z0-9_]+)+|TRAINER(\.\w+)+)")
ASSIGNED = re.compile(rf"{KEY.pattern}=.*", re.DOTALL)  # which is none, and told so
FAULT, INTERRUPTED, READER_GONE = 2, 130, 128 + 13  # 13 is the number of SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand; the exit status is 2 after bad input."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a letter that the locale lacks stops nothing
            stream.reconfigure(errors="backslashreplace")
    if arguments is None:  # a process of its own
        spare_the_collector()
    if "_ARGCOMPLETE" in os.environ:
        complete(os.environ["COMP_LINE"].split())
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    chosen = next((argument for argument in arguments if argument in COMMANDS), None)
    pairs: list[str] = []
    if chosen in ("fit", "run", "train"):  # whose other arguments would swallow them, or they those
        arguments, pairs = split_pairs(arguments)
    try:
        args = build_parser(chosen).parse_args(arguments, argparse.Namespace(pairs=pairs))
        if chosen == "train":
            args.opts = [*pairs, *args.opts]
        status = args.run(args)
        sys.stdout.flush()  # so that a reader that has gone is noticed here
        return status
    except (KeyboardInterrupt, Exception) as error:
        if os.environ.get("RPO_DEBUG"):
            raise
        return told(error, chosen)


def spare_the_collector() -> None:
    """PyTorch brings objects by the hundred thousand, which live as long as the process. Python's
    garbage collector goes through them again and again as more are imported, and once more at the
    end: together nearly two seconds of a short training.
    """
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)


def told(error: BaseException, command: str | None) -> int:
    """Says what went wrong, where that is not a fault of the program; the exit status."""
    if isinstance(error, KeyboardInterrupt):  # which `rpo run` explains itself once it has begun
        print("\nInterrupted", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):  # as in `rpo doctor | head`: no complaint
        # Python flushes once more when it ends, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return READER_GONE
    if not is_input_error(error):
        raise error
    print(f"rpo {command}: {explain(error)}\n(RPO_DEBUG=1 shows where)", file=sys.stderr)
    return FAULT


def is_input_error(error: BaseException) -> bool:
    """Whether an error is due to what was given: files, values, names, or a machine's limits.

    Anything else is a fault of the program and keeps its traceback.
    """
    if isinstance(error, INPUT_ERRORS):
        return True
    # Of libraries that are not imported for this question.
    return type(error).__name__ in INPUT_ERROR_NAMES


# What bad input raises, and the names of such errors in PyYAML, PyTorch and dassl-lite.
INPUT_ERRORS = (OSError, KeyError, ValueError, ImportError, FloatingPointError, MemoryError)
INPUT_ERROR_NAMES = ("YAMLError", "CheckpointError", "OutOfMemoryError", "FormsDisagreeError")


def explain(error: BaseException) -> str:
    """The message of an error, and where it is from if that is a file of RPO_PATH."""
    place = place_of(error)
    return f"{message_of(error)} ({place})" if place else message_of(error)


def place_of(error: BaseException) -> str:
    """File and line of the innermost call that stands below a folder of RPO_PATH; else empty."""
    import traceback

    from rpo.own_source import is_own

    found = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if is_own(frame.filename):
            found = f"{frame.filename}, line {frame.lineno}"
    return found


def message_of(error: BaseException) -> str:
    """One sentence that says what would help."""
    if isinstance(error, KeyError) and error.args:  # without the quotes that Python puts around it
        return str(error.args[0])
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "out of memory: a smaller DATALOADER.TRAIN_X.BATCH_SIZE or DATALOADER.TEST.BATCH_SIZE, "
            f"or TRAINER.RPO.TEXT_CHUNK, needs less ({error})"
        )
    if isinstance(error, ModuleNotFoundError) and error.name == "dassl":
        return "Dassl is not installed: pip install ./dassl-lite, or the original Dassl"
    return str(error) or type(error).__name__


def complete(words: Sequence[str]) -> None:
    """Answers a shell that completes a command line, after `register-python-argcomplete rpo`."""
    import argcomplete

    argcomplete.autocomplete(build_parser(next((each for each in words if each in COMMANDS), None)))


def split_pairs(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments without their KEY VALUE pairs, and those; --sweep keeps its key."""
    rest: list[str] = []
    pairs: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if rest[-1:] == ["--sweep"]:
            rest.append(argument)
        elif KEY.fullmatch(argument):
            pairs += [argument, *islice(remaining, 1)]
        elif ASSIGNED.fullmatch(argument):
            pairs.append(argument)
        else:
            rest.append(argument)
    return rest, pairs


class Parser(argparse.ArgumentParser):
    """Names the nearest command for one that does not exist."""

    def error(self, message: str) -> NoReturn:
        typed = re.search(r"invalid choice: '(.*?)'", message)
        super().error(unknown("command", typed[1], COMMANDS) if typed else message)


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser; only the chosen subcommand's module is imported, so that `--help` is quick."""
    parser = Parser(prog="rpo", description="Read-only Prompt Optimization")
    parser.add_argument("--version", action="version", version=f"rpo {__version__}")
    subparsers = parser.add_subparsers(
        required=True, metavar="COMMAND", parser_class=argparse.ArgumentParser
    )
    for name, (module_name, help_text) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=help_text, description=help_text)
        if name == chosen:
            module = importlib.import_module(module_name)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
