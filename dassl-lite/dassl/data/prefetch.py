"""Making batches ahead in a thread, while the caller works on the one before."""

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue
from typing import Any

WAIT = 0.1  # seconds between looks at whether the caller has gone


def ahead(batches: Iterable[Any], depth: int) -> Iterator[Any]:
    """The same batches, up to `depth` of them made ahead; errors come where they would have."""
    queue: Queue[tuple[str, Any]] = Queue(depth)
    gone = threading.Event()

    def put(kind: str, content: Any = None) -> None:
        while not gone.is_set():
            try:
                return queue.put((kind, content), timeout=WAIT)
            except Full:
                continue

    def work() -> None:
        try:
            for batch in batches:
                put("batch", batch)
                if gone.is_set():
                    return
            put("end")
        except BaseException as error:  # handed to the caller, whatever it is
            put("error", error)

    return _received(queue, threading.Thread(target=work, daemon=True), gone)


def _received(
    queue: "Queue[tuple[str, Any]]", thread: threading.Thread, gone: threading.Event
) -> Iterator[Any]:
    thread.start()
    try:
        while (received := queue.get())[0] == "batch":
            yield received[1]
        if received[0] == "error":
            raise received[1]
    finally:
        gone.set()
        thread.join()
