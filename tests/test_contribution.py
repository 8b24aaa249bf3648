"""A method is one registration: three files in a folder that RPO_PATH names, and all follows.

The folder examples/own_method is one; others are written here.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {
    "methods/centred.py": '''
"""Centred: LP with the mean of the texts taken off, for the sake of an example."""

from dataclasses import dataclass

from torch.nn.functional import normalize

from rpo.methods import lp, settings
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    strength: float = setting(1.0, "How much of the mean is taken off.", at_least=0)


class Centred(lp.LP):
    traits = Traits(order=45, colour="#117733", marker=">", folder="centred", features_only=True)
    Settings = Settings

    def forward(self, images):
        features = self.lp_layer(self.own_image_features(images).float())
        texts = normalize(self.texts([]).float(), dim=-1)
        texts = texts - self.settings.strength * texts.mean(dim=0)
        return self.clip.logit_scale.exp() * features @ texts.T
''',
    "trainers/centred.py": """
from dassl.engine import TRAINER_REGISTRY

from rpo.methods import centred
from rpo.registration import register
from rpo.trainers.base import PromptTrainer


@register(TRAINER_REGISTRY)
class Centred(PromptTrainer):
    method = centred.Centred
    section = "CENTRED"
    learner_name = "lp_layer"
""",
    "methods/scaled.py": '''
"""Scaled: zero-shot CLIP times a learnt number, on features."""

import torch
from torch import nn
from torch.nn.functional import normalize

from rpo.methods.features import FeatureMethod
from rpo.methods.traits import Traits


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))


class Scaled(FeatureMethod):
    traits = Traits(order=46, colour="#771133", marker="<", folder="scaled", features_only=True)

    def __init__(self, clip, texts, settings=None, **fields):
        super().__init__(clip, texts, settings, **fields)
        self.scaled = Scale()

    def learner(self):
        return self.scaled

    def classify(self, features):
        texts = normalize(self.class_features(), dim=-1)
        return self.scaled.scale * 100 * normalize(features, dim=-1) @ texts.T
''',
    "trainers/scaled.py": """
from dassl.engine import TRAINER_REGISTRY

from rpo.methods import scaled
from rpo.registration import register
from rpo.trainers.features import FeatureTrainer


@register(TRAINER_REGISTRY)
class Scaled(FeatureTrainer):
    method = scaled.Scaled
    section = "SCALED"
    learner_name = "scale"
""",
    "trainers/plain.py": """
from dassl.engine import TRAINER_REGISTRY, TrainerX
from dassl.optim import build_lr_scheduler, build_optimizer
from torch import nn
from torch.nn.functional import cross_entropy
from yacs.config import CfgNode


@TRAINER_REGISTRY.register()
class Plain(TrainerX):
    @classmethod
    def add_config(cls, cfg):
        cfg.TRAINER.PLAIN = CfgNode({"WIDTH": 16})

    def build_model(self):
        width = self.cfg.TRAINER.PLAIN.WIDTH
        layers = nn.Linear(3 * 32 * 32, width), nn.ReLU(), nn.Linear(width, self.num_classes)
        self.model = nn.Sequential(nn.Flatten(), *layers)
        self.optim = build_optimizer(self.model, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        self.register_model("pixels", self.model, self.optim, self.sched)

    def forward_backward(self, batch):
        loss = cross_entropy(self.model(batch["img"]), batch["label"])
        self.model_backward_and_update(loss)
        return {"loss": loss.item()}
""",
    "configs/trainers/Plain/tiny.yaml": """
_BASE_: ../../tiny.yaml
OPTIM: {LR: 0.01, MAX_EPOCH: 1}
""",
    "configs/trainers/Scaled/tiny.yaml": """
# Scaled on the tiny CLIP.
DATALOADER: {NUM_WORKERS: 0}
INPUT: {SIZE: "(32, 32)"}
MODEL: {BACKBONE: {NAME: tiny}}
OPTIM: {LR: 0.0001, MAX_EPOCH: 1}
""",
    "configs/trainers/Centred/tiny.yaml": """
# Centred on the tiny CLIP.
DATALOADER: {NUM_WORKERS: 0}
INPUT: {SIZE: "(32, 32)"}
MODEL: {BACKBONE: {NAME: tiny}}
OPTIM: {LR: 0.0001, MAX_EPOCH: 1}
TRAINER: {CENTRED: {PREC: fp32, STRENGTH: 0.5}}
""",
}


@pytest.fixture
def rpo(tmp_path, digits_root, rpo_on_path):
    """A function that runs `rpo` with the contribution; what it says, or its error."""
    for name, content in FILES.items():
        file = tmp_path / "mine" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    paths = os.pathsep.join(map(str, (tmp_path / "mine", ROOT / "examples" / "own_method")))
    environment = {**os.environ, "RPO_PATH": paths, "OMP_NUM_THREADS": "1"}
    environment |= {"PATH": rpo_on_path, "DATA": str(digits_root)}

    def run(*command, status=0):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr[-3000:]
        return done.stderr if status else done.stdout

    return run


def test_it_is_trained_evaluated_and_reported(rpo, tmp_path):
    methods = ("--methods", "ZeroshotCLIP", "Scaled", "Centred")
    common = ("--preset", "tiny", "--datasets", "digits", "--shots", "1", "--seeds", "1")
    said = rpo("rpo", "run", "base2new", *common, *methods)
    assert "Centred, Digits, 1 shot, seed 1: base " in said
    run = tmp_path / "output/centred/base2new/test_new/digits/shots_1/Centred/tiny/seed1"
    record = json.loads((run / "results.json").read_text())
    assert record["config"]["TRAINER"]["CENTRED"]["STRENGTH"] == 0.5
    base2new = ("--table", "base2new", "--format", "markdown")
    table = rpo("rpo", "report", "output", *base2new)
    order = [line.split("|")[2].strip() for line in table.splitlines() if "| Digits" in line]
    assert order == ["ZeroshotCLIP", "Centred", "Scaled"]
    rpo("rpo", "report", "output/centred", "--html", "page.html", "--figures", "figures")
    assert "Centred" in (tmp_path / "page.html").read_text()
    figure = (tmp_path / "figures/base-new-digits.svg").read_text()
    assert "#117733" in figure and "Centred" in figure


def test_runs_of_a_source_that_has_changed_are_named(rpo, tmp_path):
    """They have the settings of today, so nothing else tells them apart."""
    grid = "rpo run base2new --preset tiny --datasets digits --shots 1 --seeds 1 --methods Scaled"
    assert "another source" not in rpo("bash", "-c", f"{grid} 2>&1; {grid} --dry-run 2>&1")
    file = tmp_path / "mine/methods/scaled.py"
    file.write_text(file.read_text().replace("* 100 *", "* 50 *"))
    said = rpo("bash", "-c", f"{grid} 2>&1; {grid} --dry-run --overwrite 2>&1")
    assert said.count("another source") == 1 and "1 job: 1 finished" in said
    assert (
        "warning: 1 run was begun with another source of Scaled than there is now in "
        f"{file}, {tmp_path}/mine/trainers/scaled.py: --overwrite trains anew\n"
    ) in said


def test_it_has_its_script_and_its_settings(rpo, tmp_path):
    script = str(ROOT / "scripts/base2new_train.sh")
    rpo("env", f"OUTPUT={tmp_path}/out", "SHOTS=1", "bash", script, "Centred", "digits", "1")
    assert "STRENGTH" in rpo("rpo", "methods", "Centred")
    assert "centred" in rpo("rpo", "methods")
    run = tmp_path / "out/centred/base2new/train_base/digits/shots_1/Centred/tiny/seed1"
    assert (run / "results.json").is_file()
    absent = "is of the method 'Centred', which is not installed here: RPO_PATH should name"
    said = rpo("env", "RPO_PATH=", "rpo", "verify", str(run))  # by whoever has not got it
    assert f"not checked  data: results.json {absent}" in said
    assert f"{run}/run.json {absent}" in rpo("env", "RPO_PATH=", "rpo", "look", str(run), status=2)
    (tmp_path / "mine/configs/trainers/Scaled/tiny.yaml").unlink()
    (row,) = (line.split() for line in rpo("rpo", "methods").splitlines() if "Scaled" in line)
    assert row[-1] == "-"
    grid = ("rpo", "run", "base2new", "--preset", "tiny", "--methods", "Scaled", "--dry-run")
    assert "Scaled has no config: there is no YAML file in" in rpo(*grid, status=2)
    twice = tmp_path / "mine/methods/scaled.py"
    twice.write_text(twice.read_text().replace('folder="scaled"', 'folder="rpo"'))
    assert f"{twice}: the folder of Scaled is 'rpo', which is that of RPO" in rpo(
        "rpo", "methods", status=2
    )
    twice.write_text("def (")
    assert f"{twice}, line 1, is no Python: " in rpo("rpo", "methods", status=2)


def test_it_is_part_of_the_library(rpo):
    script = """
import rpo, torch
model = rpo.Centred(rpo.load_clip("tiny"), ["a cat", "a dog"], strength=0.1)
print(tuple(model(torch.randn(3, 3, 32, 32)).shape))
"""
    assert rpo(sys.executable, "-c", script) == "(3, 2)\n"


def test_the_example_trains_with_the_settings_of_our_file_that_it_builds_on(rpo, tmp_path):
    common = ("--preset", "tiny", "--datasets", "digits", "--shots", "1", "--seeds", "1")
    said = rpo("rpo", "run", "base2new", *common, "--methods", "HeldRPO", "OPTIM.MAX_EPOCH", "1")
    assert "HeldRPO, Digits, 1 shot, seed 1: base " in said
    (run,) = (tmp_path / "output/held_rpo").rglob("run.json")
    config = json.loads(run.read_text())["config"]
    assert config["TRAINER"]["HELDRPO"]["W"] == 1.0
    assert config["OPTIM"]["LR"] == 0.05 and config["DATASET"]["UNDERSCORES"] == "spaces"


def test_the_loss_of_the_example(rpo):
    """Against its equation, image by image, on the masked form of RPO."""
    script = """
import rpo, torch
from torch.nn.functional import cross_entropy
torch.manual_seed(0)
clip, texts = rpo.load_clip("tiny"), ["a cat", "a dog", "a fox"]
model = rpo.HeldRPO(clip, texts, k=3, init="random", w=2.5)
plain = rpo.RPO(clip, texts, k=3, init="random", form="masked")
plain.learner().load_state_dict(model.learner().state_dict())
images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 1])
distances = []
for image in images:
    mean, own = plain.image_features(image[None])[0].mean(0), clip.encode_image(image[None])[0]
    distances.append(1 - mean @ own / (mean.norm() * own.norm()))
expected = cross_entropy(plain(images), labels) + 2.5 * sum(distances) / 4
loss, logits = model.loss(images, labels)
torch.testing.assert_close(loss, expected)
torch.testing.assert_close(logits, plain(images), rtol=1e-4, atol=1e-4)
ours, theirs = (torch.autograd.grad(each, list(own.learner().parameters()))
                for each, own in ((loss, model), (expected, plain)))
torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
print(float(sum(distances)) > 0.1)
"""
    assert rpo(sys.executable, "-c", script) == "True\n"


def test_a_trainer_written_for_dassl_adds_its_keys_and_its_log_is_reported(rpo, tmp_path):
    options = ("--config-file", "Plain/tiny", "--dataset-config-file", "digits", "--seed", "1")
    shots = ("DATASET.NUM_SHOTS", "1", "TRAINER.PLAIN.WIDTH", "8")
    rpo("rpo", "train", "--trainer", "Plain", *options, "--output-dir", "plain", *shots)
    assert (tmp_path / "plain/pixels/model.pth.tar-1").is_file()
    table = rpo("rpo", "report", "plain", "--format", "csv")
    assert "Digits,all,Plain,plain,1," in table
