"""The command `rpo`: one subcommand, one module, imported when it is called for."""

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from itertools import islice

# Subcommand to (module, what it does). A module has `add_arguments(parser)` and `run(args)`.
COMMANDS = {
    "train": ("rpo.commands.train", "train a method, or evaluate it with --eval-only"),
    "run": ("rpo.commands.run", "run all experiments of a protocol, resumably"),
    "eval": ("rpo.commands.evaluate", "evaluate finished runs of RPO, several in one pass"),
    "look": ("rpo.commands.look", "show where the visual prompts of a run of RPO look"),
    "report": ("rpo.commands.report", "tables of finished runs: base / new / H, cost, ..."),
    "compare": ("rpo.commands.compare", "finished runs beside the published accuracies"),
    "methods": ("rpo.commands.methods", "list the methods, or the settings of one"),
    "data": ("rpo.commands.data", "list, check or prepare the datasets"),
    "doctor": ("rpo.commands.doctor", "show versions, device, weights and datasets"),
}
# What bad input raises. Anything else is a fault of the program and keeps its traceback.
USER_ERRORS = (FileNotFoundError, KeyError, ValueError, ImportError)
# A configuration key as it is typed: OPTIM.LR.
KEY = re.compile(r"[A-Z][A-Z0-9_]*(\.[A-Z0-9_]+)+")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand; the exit status is 2 after bad input."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    chosen = next((argument for argument in arguments if argument in COMMANDS), None)
    pairs: list[str] = []
    if chosen == "run":  # whose flags with several values would swallow them
        arguments, pairs = split_pairs(arguments)
    try:
        args = build_parser(chosen).parse_args(arguments, argparse.Namespace(pairs=pairs))
        status = args.run(args)
        sys.stdout.flush()  # so that a reader that has gone is noticed here
        return status
    except KeyboardInterrupt:  # which `rpo run` explains itself once it has begun
        if os.environ.get("RPO_DEBUG"):
            raise
        print("\nInterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        if os.environ.get("RPO_DEBUG"):
            raise
        return _reader_has_gone()
    except USER_ERRORS as error:
        if os.environ.get("RPO_DEBUG"):
            raise
        print(f"rpo {chosen}: {explain(error)}\n(RPO_DEBUG=1 shows where)", file=sys.stderr)
        return 2


def _reader_has_gone() -> int:
    """After `rpo doctor | head`: no complaint, and the exit status that the shell's tools have."""
    # Python flushes once more when it ends, which must not fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 128 + 13  # the number of SIGPIPE


def explain(error: BaseException) -> str:
    """The message of an error; that of a KeyError without the quotes that Python puts around it."""
    return str(error.args[0] if isinstance(error, KeyError) and error.args else error)


def split_pairs(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments without their KEY VALUE pairs, and those."""
    rest: list[str] = []
    pairs: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if KEY.fullmatch(argument):
            pairs += [argument, *islice(remaining, 1)]
        else:
            rest.append(argument)
    return rest, pairs


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser; only the chosen subcommand's module is imported, so that `--help` is quick."""
    parser = argparse.ArgumentParser(prog="rpo", description="Read-only Prompt Optimization")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module_name, help_text) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=help_text, description=help_text)
        if name == chosen:
            module = importlib.import_module(module_name)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
