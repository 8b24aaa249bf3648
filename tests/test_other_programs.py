"""The plugin inside another Dassl program: a train.py in CoOp's form, with names of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import quick_python

ROOT = Path(__file__).parents[1]

# What CoOp's, MaPLe's and PromptSRC's repositories have at their top, each as small as it can be.
PROGRAM = {
    "clip/__init__.py": "raise ImportError('a clip of their own')\n",
    "trainers/__init__.py": "",
    "trainers/coop.py": """
from dassl.engine import TRAINER_REGISTRY, TrainerX
from dassl.optim import build_optimizer, build_lr_scheduler
from torch import nn
from torch.nn.functional import cross_entropy

@TRAINER_REGISTRY.register()
class CoOp(TrainerX):
    def build_model(self):
        self.model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
        self.optim = build_optimizer(self.model, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        self.register_model("prompt_learner", self.model, self.optim, self.sched)

    def forward_backward(self, batch):
        loss = cross_entropy(self.model(batch["img"]), batch["label"])
        self.model_backward_and_update(loss)
        if (self.batch_idx + 1) == self.num_batches:
            self.update_lr()
        return {"loss": loss.item()}
""",
    "datasets/__init__.py": "",
    "datasets/oxford_pets.py": """
import os
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum

@DATASET_REGISTRY.register()
class OxfordPets(DatasetBase):
    def __init__(self, cfg):
        folder = os.path.join(cfg.DATASET.ROOT, "oxford_pets")
        names = sorted(os.listdir(folder))
        items = [
            Datum(impath=os.path.join(folder, name, image), label=label, classname=name)
            for label, name in enumerate(names)
            for image in sorted(os.listdir(os.path.join(folder, name)))
        ]
        super().__init__(train_x=items, val=items, test=items)
""",
    "train.py": """
import argparse
from dassl.utils import setup_logger, set_random_seed, collect_env_info
from dassl.config import get_cfg_default
from dassl.engine import build_trainer
from yacs.config import CfgNode as CN

import datasets.oxford_pets
import trainers.coop

import rpo.plugin

def extend_cfg(cfg):
    cfg.TRAINER.COOP = CN()
    cfg.TRAINER.COOP.N_CTX = 16
    cfg.TRAINER.COOP.PREC = "fp16"
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"
    rpo.plugin.extend_cfg(cfg)

def main(args):
    cfg = get_cfg_default()
    extend_cfg(cfg)
    cfg.merge_from_list(["DATASET.ROOT", args.root, "OUTPUT_DIR", args.output_dir,
                         "TRAINER.NAME", args.trainer, *args.opts])
    cfg.freeze()
    set_random_seed(1)
    setup_logger(cfg.OUTPUT_DIR)
    build_trainer(cfg).train()

parser = argparse.ArgumentParser()
for name in ("root", "output-dir", "trainer"):
    parser.add_argument(f"--{name}")
parser.add_argument("opts", nargs=argparse.REMAINDER)
main(parser.parse_args())
""",
}


@pytest.fixture
def program(tmp_path, draw_image):
    """Another program's folder, with data below it."""
    for name, content in PROGRAM.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    for label, name in enumerate(("cat", "sea_dog")):
        for index in range(2):
            draw_image(
                tmp_path / "data/oxford_pets" / name / f"{index}.jpg", seed=2 * label + index
            )
    return tmp_path


def train(program, trainer, clip_file, *options):
    environment = quick_python.environment(ROOT, ROOT / "dassl-lite")
    command = [sys.executable, "train.py", "--root", "data", "--output-dir", f"out/{trainer}"]
    command += ["--trainer", trainer, "DATASET.NAME", "OxfordPets", "INPUT.SIZE", "(32, 32)"]
    command += ["MODEL.BACKBONE.NAME", str(clip_file), "OPTIM.MAX_EPOCH", "1"]
    command += ["DATALOADER.NUM_WORKERS", "0", "DATALOADER.TRAIN_X.BATCH_SIZE", "2", *options]
    return subprocess.run(
        command, cwd=program, env=environment, capture_output=True, text=True, check=False
    )


def test_our_method_trains_in_their_program(program, clip_file):
    """On their dataset, although a folder `clip` of theirs cannot even be imported."""
    done = train(program, "RPO", clip_file, "TRAINER.RPO.PREC", "fp32", "TRAINER.RPO.K", "2")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CoOp (of trainers.coop)" in done.stderr
    assert "OxfordPets (of datasets.oxford_pets)" in done.stderr
    record = json.loads((program / "out/RPO/results.json").read_text())
    assert record["class_names"] == ["cat", "sea_dog"]
    assert (program / "out/RPO/prompt_learner/model.pth.tar-1").is_file()


def test_theirs_keep_their_names_and_their_defaults(program, clip_file):
    """Their CoOp is what trains, with Dassl's own defaults, which `rpo train` does not have."""
    done = train(program, "CoOp", clip_file)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (program / "out/CoOp/prompt_learner/model.pth.tar-1").is_file()
    script = """
from dassl.config import get_cfg_default
import rpo.plugin
cfg, plain = get_cfg_default(), get_cfg_default()
rpo.plugin.extend_cfg(cfg)
assert cfg.OPTIM == plain.OPTIM and cfg.INPUT == plain.INPUT and cfg.TEST == plain.TEST
assert {key: cfg.DATALOADER[key] for key in plain.DATALOADER} == plain.DATALOADER
assert cfg.TRAINER.RPO.K == 24
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_one_method_alone(program):
    """`rpo.trainers.rpo` registers RPO and no other method."""
    script = """
import rpo.trainers.rpo
from dassl.engine import TRAINER_REGISTRY
from dassl.data.datasets import DATASET_REGISTRY
print(TRAINER_REGISTRY.registered_names(), DATASET_REGISTRY.registered_names())
"""
    environment = quick_python.environment(ROOT, ROOT / "dassl-lite")
    command = [sys.executable, "-c", script]
    shown = subprocess.run(
        command, cwd=program, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert shown == "['RPO'] []\n"
