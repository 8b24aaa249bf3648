"""Made-up runs: results.json, and log.txt as the original programs print it."""

import json

import pytest

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
* total: 1,000
* accuracy: {accuracy:.1f}%
* error: {error:.1f}%
* macro_f1: {accuracy:.1f}%
"""


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
    """A function that writes a log.txt of the original programs; without `head` no settings."""

    def write(folder, accuracy, name="log.txt", head=True, split="test", **changes):
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
        result = RESULT.format(split=split, accuracy=accuracy, error=100 - accuracy)
        finished = "" if values["eval_only"] else "epoch [15/15] loss 0.5\nFinish training\n"
        path.write_text((HEAD.format(**values) if head else "") + finished + result)
        return path

    return write
