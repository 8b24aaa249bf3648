"""What is printed also goes to a file."""

import os
import sys
from types import TracebackType
from typing import IO, Any, TextIO

from .tools import mkdir_if_missing


class Logger:
    """A stand-in for `sys.stdout` that writes to the console and, if given, to the file `fpath`.

    An existing file is appended to, so the newest run is always at the end of the one log.
    Everything but writing (`encoding`, `isatty`, ...) is the console's. The console is never
    closed: it belongs to the process.
    """

    def __init__(self, fpath: str | None = None, console: TextIO | None = None) -> None:
        self.console = sys.stdout if console is None else console
        self.file: IO[str] | None = None
        if fpath is not None:
            mkdir_if_missing(os.path.dirname(fpath))
            # Line buffering: a killed run leaves all that it printed. A path that the locale's
            # encoding could not read holds letters that UTF-8 has not.
            options: Any = {"buffering": 1, "encoding": "utf-8", "errors": "backslashreplace"}
            self.file = open(fpath, "a", **options)  # noqa: SIM115

    def __enter__(self) -> "Logger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["console"], name)

    def write(self, msg: str) -> int:
        """Write `msg` to both; return its length."""
        self.console.write(msg)
        if self.file is not None:
            self.file.write(msg)
        return len(msg)

    def flush(self) -> None:
        """Flush both."""
        self.console.flush()
        if self.file is not None:
            self.file.flush()

    def close(self) -> None:
        """Close the file; the console goes on."""
        if self.file is not None:
            self.file.close()
            self.file = None


def setup_logger(output: str | None = None) -> None:
    """From now on, copy standard output to a log file; None changes nothing.

    Args:
        output: a folder, which then gets `log.txt`, or the path of a .txt or .log file.

    A second call moves on to the new file instead of writing to both.
    """
    if output is None:
        return
    fpath = output if output.endswith((".txt", ".log")) else os.path.join(output, "log.txt")
    console = sys.stdout
    if isinstance(console, Logger):
        console.close()
        console = console.console
    sys.stdout = Logger(fpath, console)  # type: ignore[assignment]
