"""Model cards with evaluation results, as the Hugging Face Hub reads them: one for each method."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from rpo.environment import installed_version
from rpo.files import write_text
from rpo.report.formats import render
from rpo.report.frame import Experiment, Line, Scores, by_line, scores
from rpo.report.names import CLASSES, DATASETS, learns
from rpo.report.pooled import slug
from rpo.report.statistics import summarise
from rpo.report.tables import build_tables

# OpenAI's CLIPs as the Hub calls them.
BASE_MODELS = {
    "ViT-B/32": "openai/clip-vit-base-patch32",
    "ViT-B/16": "openai/clip-vit-base-patch16",
    "ViT-L/14": "openai/clip-vit-large-patch14",
    "ViT-L/14@336px": "openai/clip-vit-large-patch14-336",
}
NAMES = {**CLASSES, "H": "harmonic mean of base and new"}
SEEN, UNSEEN = "image-classification", "zero-shot-image-classification"
VERIFIED = (
    "Percent in the tables, shares from 0 to 1 in the metadata; means over seeds. The bundle of "
    "these runs carries what was predicted for every test image: `rpo verify` checks it."
)


def require_hub() -> Any:
    """huggingface_hub. Raises ImportError with the command that installs it."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError("--hf needs huggingface_hub: pip install 'rpo-clip[hub]'") from error
    return huggingface_hub


def write_cards(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes a card for each method and configuration; the files."""
    taken: set[str] = set()
    paths = []
    for line, experiments in by_line(frame).items():
        words = (line.method, line.config, f"shots {line.shots}" if line.shots > 0 else "")
        path = folder / f"{slug(' '.join(words), taken)}.md"
        own = frame.set_index(list(Experiment._fields)).loc[list(experiments)].reset_index()
        write_text(path, card(own, line))
        paths.append(path)
    return paths


def card(frame: pd.DataFrame, line: Line) -> str:
    """A method's card: its metadata, then its tables in Markdown."""
    hub = require_hub()
    results = [
        hub.EvalResult(**result)
        for experiment, measured in scores(frame).items()
        for result in evaluations(experiment, measured)
    ]
    data = hub.ModelCardData(
        model_name=f"{line.method} {line.config}",
        library_name="rpo-clip",
        pipeline_tag=SEEN,
        tags=["clip", "few-shot", line.method.lower()],
        base_model=BASE_MODELS.get(line.backbone),
        eval_results=results,
    )
    tables = render(build_tables(frame), "markdown")
    made = f"Written by rpo-clip {installed_version('rpo-clip') or ''}".rstrip()
    title = f"# {line.method} on {line.backbone or 'CLIP'}"
    return f"---\n{data.to_yaml()}\n---\n\n{title}\n\n{VERIFIED}\n\n{tables}\n{made}.\n"


def evaluations(experiment: Experiment, measured: Scores) -> Iterator[dict[str, Any]]:
    """The values of `EvalResult` for base, new, H and all classes, as far as they are there."""
    for part, by_seed in measured.items():
        if not (summary := summarise(by_seed.values())):
            continue
        unseen = part in ("new", "H") or not learns(experiment.method)
        seeds = sorted(int(seed) for seed in by_seed if seed >= 0)
        yield {
            "task_type": UNSEEN if unseen else SEEN,
            "dataset_type": DATASETS.get(experiment.dataset, experiment.dataset.lower()),
            "dataset_name": f"{experiment.dataset}, {NAMES[part]}",
            "dataset_config": part,
            "dataset_split": "test",
            "dataset_args": {"shots": experiment.shots, "trained_on": experiment.trained_on},
            "metric_type": "accuracy",
            "metric_name": "Harmonic mean of accuracies" if part == "H" else "Accuracy",
            "metric_value": round(summary.mean / 100, 6),
            "metric_args": {"seeds": seeds, "std": round(summary.std / 100, 6)},
        }
