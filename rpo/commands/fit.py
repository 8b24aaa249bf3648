"""`rpo fit IMAGES -o FOLDER [KEY VALUE ...]`: a classifier from your own images, to be used."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rpo.configurations import check_pairs

if TYPE_CHECKING:
    from rpo import FewShotClassifier

OPTIONS = (
    ("method", "RPO", "RPO, CoOp, MaPLe, ...: see `rpo methods`"),
    (
        "backbone",
        "ViT-B/16",
        "CLIP: tiny, a checkpoint file, open_clip:MODEL/TAG, hf:NAME, ...",
    ),
    ("template", None, 'text of a class, "{}" for its name (default: the published one)'),
    ("config", None, "settings: a file of configs/trainers/<method>, or a path"),
    ("device", "auto", "auto, cpu, cuda, cuda:1, mps"),
    ("precision", "auto", "fp32, fp16, bf16, amp"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", help="folder of class folders, or a CSV of path,label")
    parser.add_argument("-o", "--output", required=True, help="folder of the classifier")
    for name, default, help_text in OPTIONS:
        parser.add_argument(f"--{name}", default=default, help=help_text)
    parser.add_argument("--shots", type=int, default=16, help="images a class; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample and the training")
    parser.add_argument("--calibrate", action="store_true", help="fit a temperature")
    parser.add_argument("--test", help="labelled images to measure the accuracy on")
    parser.add_argument("--overwrite", action="store_true", help="replace a classifier in OUTPUT")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    """Fits, saves and measures: all that can be wrong with what is given is said before.

    Raises:
        FileExistsError: OUTPUT holds something already. ValueError: a key has no value.
    """
    output = Path(args.output)
    check_output(output, args.overwrite)
    if args.test:
        images = Path(args.images).expanduser()
        check_test(Path(args.test), images, renamed="DATASET.CLASS_NAMES" in args.pairs)
    classifier = classifier_of(args)
    classifier.fit(args.images, calibrate=args.calibrate)
    classifier.save_pretrained(output)
    use = f"rpo predict {shlex.quote(str(output))} IMAGES"
    print(f"Saved to {output}: {len(classifier.classes_)} classes. {use}")
    if args.test:
        print(f"Accuracy {classifier.measure(args.test):.2f} % on {args.test}")
        classifier.save_pretrained(output)
    return 0


def check_test(test: Path, images: Path, renamed: bool) -> None:
    """Raises ValueError or FileNotFoundError for test images that cannot be measured on.

    Args:
        renamed: whether the classes will be called otherwise than their folders.
    """
    from rpo.inference.sources import listed_images, trained_classes

    _, names = listed_images(test)
    strange = set() if renamed else set(names) - trained_classes(images)
    if strange:
        raise ValueError(
            f"--test {test}: {', '.join(map(repr, sorted(strange)[:5]))} is no class of {images}"
        )


def check_output(output: Path, overwrite: bool) -> None:
    """Raises FileExistsError or NotADirectoryError where no classifier can be written."""
    from rpo.inference.folder import check_target

    if not overwrite and output.exists() and (output.is_file() or any(output.iterdir())):
        raise FileExistsError(f"{output} is there already; --overwrite replaces a classifier in it")
    check_target(output)


def classifier_of(args: argparse.Namespace) -> "FewShotClassifier":
    """What is asked for, unfitted."""
    from rpo import FewShotClassifier

    check_pairs(args.pairs)
    named: dict[str, Any] = {name: getattr(args, name) for name, _, _ in OPTIONS}
    return FewShotClassifier(
        **named,
        shots=args.shots,
        seed=args.seed,
        options=dict(zip(args.pairs[::2], args.pairs[1::2], strict=True)),
        progress=not args.quiet,
    )
