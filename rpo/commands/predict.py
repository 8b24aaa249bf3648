"""`rpo predict`: the likeliest classes of images, by a saved classifier."""

import argparse
import contextlib
import csv
import glob
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from rpo.inference.images import image_files

Answer = dict[str, Any]  # of one image: path, labels and scores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("classifier", help="folder of `rpo fit` or `rpo export`, or a Hub name")
    parser.add_argument(
        "images", nargs="+", help="files, folders, patterns; - for paths on standard input"
    )
    parser.add_argument("--top-k", type=int, default=1, help="classes an image")
    parser.add_argument("--format", choices=FORMATS, default="table", help="of the answers")
    parser.add_argument("-o", "--output", help="file (default: standard output)")
    parser.add_argument("--classes", nargs="+", help="other class names, or a file with one a line")
    parser.add_argument("--backbone", help="where it is not the recorded name")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--batch-size", type=int, default=100, help="images at once")


def run(args: argparse.Namespace) -> int:
    """Answers image by image; the exit status is 1 if some could not be read, which are listed."""
    from rpo import FewShotClassifier

    if args.top_k < 1 or args.batch_size < 1:
        raise ValueError("--top-k and --batch-size are 1 at least")
    check_images(args.images)
    check_output(args.output)
    classifier = FewShotClassifier.from_pretrained(
        args.classifier, args.backbone, args.device, args.batch_size
    )
    if args.classes:
        classifier = classifier.with_classes(class_list(args.classes))
    unread: list[str] = []

    def answers() -> Iterator[Answer]:
        for path, row in classifier.answers(paths(args.images)):
            if isinstance(row, Exception):
                unread.append(str(row))
            else:
                yield {"path": str(path), "classes": classifier.ranked(row, args.top_k)}

    with opened(args.output) as file:
        FORMATS[args.format](answers(), file)
    for reason in unread:
        print(f"skipped: {reason}", file=sys.stderr)
    return 1 if unread else 0


def check_images(given: Iterable[str]) -> None:
    """Raises ValueError for a folder without images."""
    for word in given:
        if os.path.isdir(word) and not image_files(Path(word)):
            raise ValueError(f"there is no image in the folder {word}")


def check_output(path: str | None) -> None:
    """Raises IsADirectoryError or FileNotFoundError where no file can be written."""
    if path and os.path.isdir(path):
        raise IsADirectoryError(f"--output {path} is a folder: name a file, as {path}/classes.csv")
    if path and not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(f"--output {path}: there is no folder {Path(path).parent}")


def class_list(words: list[str]) -> list[str]:
    """The names given; or, if it is one file, its lines."""
    if len(words) == 1 and Path(words[0]).is_file():
        lines = Path(words[0]).read_text(encoding="utf-8").splitlines()
        return [line.strip() for line in lines if line.strip()]
    return words


def paths(given: Iterable[str]) -> Iterator[Path]:
    """Every image file that is meant; what is not there is given on, to be listed."""
    for word in given:
        if word == "-":
            yield from (Path(line.rstrip("\r\n")) for line in sys.stdin if line.strip())
        elif os.path.isdir(word):
            yield from image_files(Path(word))
        elif not os.path.exists(word) and (found := sorted(glob.glob(word, recursive=True))):
            yield from map(Path, found)
        else:
            yield Path(word)


@contextlib.contextmanager
def opened(path: str | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole or not at all."""
    if path is None:
        yield sys.stdout
        return
    unfinished = Path(f"{path}.{os.getpid()}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_table(answers: Iterable[Answer], file: TextIO) -> None:
    """A line an image: classes with their percentages, and the path."""
    for answer in answers:
        shown = "  ".join(f"{one['label']} {one['score']:.1%}" for one in answer["classes"])
        print(f"{shown}  {answer['path']}", file=file)


def write_csv(answers: Iterable[Answer], file: TextIO) -> None:
    """A row for every class of every image: path, rank, label, score."""
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["path", "rank", "label", "score"])
    for answer in answers:
        for rank, one in enumerate(answer["classes"], start=1):
            table.writerow([answer["path"], rank, one["label"], f"{one['score']:.6f}"])


def write_jsonl(answers: Iterable[Answer], file: TextIO) -> None:
    """A JSON object a line: path and classes."""
    for answer in answers:
        print(json.dumps(answer), file=file)


FORMATS: dict[str, Callable[[Iterable[Answer], TextIO], None]] = {
    "table": write_table,
    "csv": write_csv,
    "jsonl": write_jsonl,
}
