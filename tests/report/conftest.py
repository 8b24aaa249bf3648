"""Made-up runs: results.json, and log.txt as the original programs print it."""

import json

import pytest

from rpo.report.frame import build_frame
from rpo.report.reading import read_runs

HEAD = """***************
** Arguments **
***************
eval_only: {eval_only}
model_dir: {model_dir}
seed: {seed}
************
** Config **
************
DATASET:
  NAME: {dataset}
  NUM_SHOTS: {shots}
  PROMPT: a photo of a _.
  SUBSAMPLE_CLASSES: {classes}
MODEL:
  BACKBONE:
    NAME: {backbone}
    PRETRAINED: True
SEED: {seed}
TRAINER:
  COOP:
    PREC: fp16
  NAME: {method}
  RPO:
    K: 24
VERSION: 1
Collecting env info ...
** System info **
Python version: 3.9.16
"""
RESULT = """Evaluate on the *{split}* set
=> result
* total: {total:,}
{correct}* accuracy: {accuracy:.1f}%
* error: {error:.1f}%
* macro_f1: {accuracy:.1f}%
"""


@pytest.fixture
def read_frame(tmp_path):
    """A function to the frame of all runs below a folder, by default the test's own."""
    return lambda folder=tmp_path: build_frame(read_runs([folder]).runs)


@pytest.fixture
def write_run(tmp_path):
    """A function that writes a results.json; keywords replace what it holds."""

    def write(accuracy, folder=None, **changes):
        content = {
            "method": "RPO",
            "dataset": "EuroSAT",
            "classes": "base",
            "shots": 16,
            "seed": 1,
            "backbone": "ViT-B/16",
            "metrics": {"test": {"accuracy": accuracy}},
        } | changes
        config = "vit_b16" if content["method"] == "ZeroshotCLIP" else "main_K24"
        name = "{classes}/{dataset}/shots_{shots}/{method}".format(**content)
        folder = tmp_path / (folder or f"output/{name}/{config}/seed{content['seed']}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(content))
        return folder

    return write


@pytest.fixture
def write_log(tmp_path):
    """A function that writes a log.txt of the original programs.

    Without `head` it has no settings, without `counts` no number of correct images, and with the
    accuracy None no result: the run was stopped.
    """

    def write(
        folder,
        accuracy,
        name="log.txt",
        head=True,
        split="test",
        counts=True,
        total=1000,
        **changes,
    ):
        values = {
            "dataset": "Caltech101",
            "method": "RPO",
            "shots": 16,
            "classes": "new",
            "seed": 1,
            "backbone": "ViT-B/16",
            "eval_only": False,
            "model_dir": "",
        } | changes
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = HEAD.format(**values) if head else ""
        if accuracy is not None:
            correct = round(total * accuracy / 100)
            text += "" if values["eval_only"] else "epoch [15/15] loss 0.5\nFinish training\n"
            text += RESULT.format(
                split=split,
                total=total,
                correct=f"* correct: {correct:,}\n" if counts else "",
                accuracy=100 * correct / total,
                error=100 - 100 * correct / total,
            )
        path.write_text(text + "Elapsed: 0:12:03\n")
        return path

    return write
