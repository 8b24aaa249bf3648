"""Every method on the handwritten digits with the tiny CLIP: base to new, one table.

    python tools/compare.py --seeds 1 2 3

The runs are those of scripts/<method>/base2new_train.sh and base2new_test.sh, many in a process, so
that time goes into training and not into starting Python. A finished run is not made again.
"""

import argparse
import contextlib
import io
import multiprocessing
import os
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Method, its config, and whether it can name classes that it was not trained on.
ZERO_SHOT = (("ZeroshotCLIP", "tiny"), ("ZeroshotCLIP2", "tiny"))
TRAINED = (
    ("LogisticProbe", "tiny", False),
    ("LP", "tiny", True),
    ("CoOp", "tiny", True),
    ("CoCoOp", "tiny", True),
    ("VPT", "tiny", True),
    ("IVLP", "tiny", True),
    ("MaPLe", "tiny", True),
    ("RPO", "tiny_K24", True),
)


def main() -> None:
    options = parse()
    # One thread a process: the tiny CLIP gains nothing from more. Set before torch is imported.
    os.environ |= {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    jobs = [(method, config, True, None, options) for method, config in ZERO_SHOT]
    jobs += [(*method, seed, options) for method in TRAINED for seed in options.seeds]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for line in pool.imap_unordered(experiment, jobs):
            print(line, flush=True)
        pool.close()
        pool.join()
    from rpo.cli import main as rpo

    rpo(["report", str(options.output)])


def experiment(job: tuple[str, str, bool, int | None, argparse.Namespace]) -> str:
    """One method, one seed: trained on the base classes, evaluated on them and on the new ones."""
    method, config, names_new_classes, seed, options = job
    started = time.time()
    place = f"{method}/{config}" if seed is None else f"{method}/{config}/seed{seed}"
    flags: tuple[str, ...] = ("--eval-only",)
    if seed is not None:
        flags = ("--seed", str(seed), "DATASET.NUM_SHOTS", str(options.shots))
    trained = options.output / "train_base" / place
    run(method, config, trained, "base", options, flags)
    if names_new_classes:
        load = ("--eval-only", "--model-dir", str(trained))
        run(method, config, options.output / "test_new" / place, "new", options, (*load, *flags))
    return f"{place}: {time.time() - started:.0f} s"


def run(
    method: str,
    config: str,
    folder: Path,
    classes: str,
    options: argparse.Namespace,
    flags: tuple[str, ...],
) -> None:
    """One `rpo train`, silent: its log is in its folder. Raises RuntimeError if it fails."""
    from rpo.cli import main as rpo

    arguments = ["train", "--trainer", method, "--output-dir", str(folder)]
    arguments += ["--dataset-config-file", str(ROOT / "configs/datasets/digits.yaml")]
    arguments += ["--config-file", str(ROOT / f"configs/trainers/{method}/{config}.yaml"), *flags]
    with contextlib.redirect_stdout(io.StringIO()):
        status = rpo([*arguments, "DATASET.SUBSAMPLE_CLASSES", classes, *options.keys])
    if status:
        raise RuntimeError(f"{method} on {classes} classes failed; see {folder}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("output/compare"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--shots", type=int, default=16)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("keys", nargs="*", metavar="KEY VALUE", help="any key, behind --")
    return parser.parse_args()


if __name__ == "__main__":
    main()
