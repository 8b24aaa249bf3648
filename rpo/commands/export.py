"""`rpo export`: a finished run, or prompts that others released, as a classifier to be used."""

import argparse
from pathlib import Path

from rpo.commands.fit import check_output
from rpo.commands.predict import class_list


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", help="folder of a training, with its checkpoint")
    parser.add_argument("-o", "--output", required=True, help="folder of the classifier")
    parser.add_argument("--classes", nargs="+", help="class names, or a file with one a line")
    parser.add_argument("--load-epoch", type=int, help="default: best, or newest")
    parser.add_argument("--backbone", help="where it is not the recorded name")
    parser.add_argument("--onnx", metavar="FILE", help="write ONNX as well")
    parser.add_argument(
        "--released",
        action="store_true",
        help="the folder is another program's, without run.json; --config-file says its settings",
    )
    parser.add_argument("--config-file", default="RPO/main_K24", help="of released parameters")
    parser.add_argument("--dataset-config-file", help="of released parameters: eurosat, ...")
    parser.add_argument("--root", help="folder of the datasets (default: $DATA, then data)")
    parser.add_argument("--overwrite", action="store_true", help="replace a classifier in OUTPUT")


def run(args: argparse.Namespace) -> int:
    """Writes the folder.

    Raises:
        FileExistsError: OUTPUT holds something already. FileNotFoundError: there is no run, or no
            checkpoint. ValueError: they do not fit together.
    """
    from rpo.classifier import FewShotClassifier
    from rpo.inference.export import configuration_of, trained_of

    check_output(Path(args.output), args.overwrite)
    folder = Path(args.run_folder)
    cfg = configuration_of(folder, args)
    names = class_list(args.classes) if args.classes else None
    trained = trained_of(folder, cfg, names, args.load_epoch)
    classifier = FewShotClassifier.of(trained)
    classifier.save_pretrained(args.output)
    described = trained.description
    print(
        f"Saved to {args.output}: {described.method} on {described.backbone}, "
        f"{len(described.class_names)} classes"
    )
    if args.onnx:
        classifier.export_onnx(args.onnx)
        print(f"Saved to {args.onnx}")
    return 0
