"""`rpo bundle`: the runs below some folders as one file, for others to verify and compare."""

import argparse
import io
from pathlib import Path

from rpo.bundles import entries, name_of_file, write_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", metavar="OUTPUT", help="output folders")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="results.tar")
    parser.add_argument("--name", help="whose runs they are, in tables (default: the file's name)")
    parser.add_argument(
        "--hf", metavar="DIR", help="write a model card for each method, with its results, too"
    )


def run(args: argparse.Namespace) -> int:
    """Writes the bundle, and the cards asked for.

    Raises:
        FileNotFoundError: a folder holds no run. FileExistsError: the file is none of a bundle.
    """
    output = Path(args.output)
    if args.hf:
        from rpo.report.cards import require_hub

        require_hub()
    files = entries([Path(folder) for folder in args.folders], slim_checkpoint)
    runs = write_bundle(output, args.name or name_of_file(output), files)
    print(f"{runs} run{'s'[: runs != 1]} in {output}, {output.stat().st_size / 1e6:.1f} MB")
    if args.hf:
        from rpo.report.cards import write_cards
        from rpo.report.frame import build_frame
        from rpo.report.reading import read_runs

        frame = build_frame(read_runs(args.folders).runs)
        for path in write_cards(frame, Path(args.hf)):
            print(f"Model card: {path}")
    return 0


def slim_checkpoint(model: Path) -> tuple[str, bytes]:
    """Name and content of the checkpoint that is tested, with nothing that only training needs."""
    import torch
    from dassl.utils import load_checkpoint

    from rpo.checkpoints import find_checkpoint

    path = find_checkpoint(model)
    checkpoint = load_checkpoint(str(path))
    kept = {key: checkpoint[key] for key in ("state_dict", "epoch") if key in checkpoint}
    buffer = io.BytesIO()
    torch.save(kept, buffer)
    return path.name, buffer.getvalue()
