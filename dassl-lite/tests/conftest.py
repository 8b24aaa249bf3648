"""A small data set on disk, and a trainer written in the style of the CoOp repository."""

import atexit
import gc
import os
import random
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum
from dassl.engine import TRAINER_REGISTRY, TrainerX, build_trainer
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import listdir_nohidden, load_checkpoint, load_pretrained_weights, set_random_seed

CLASSES = ("blue", "green", "red")
SIDE = 8  # pixels

atexit.register(gc.freeze)  # looking through PyTorch's objects at the end takes a second
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def same_random_numbers():
    """Whatever tests a worker did before. Not those of GPUs, whose seeds PyTorch queues."""
    random.seed(0)
    np.random.seed(0)
    torch.default_generator.manual_seed(0)


def pytest_collection_modifyitems(items):
    """The long tests come first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: "test_streams_do_not" not in item.nodeid)


def pytest_collection_finish():
    """What has been imported by now stays: the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@DATASET_REGISTRY.register()
class ToyColours(DatasetBase):
    """{ROOT}/toy_colours/{train,val,test}/{class}/*.png"""

    dataset_dir = "toy_colours"

    def __init__(self, cfg):
        root = os.path.abspath(os.path.expanduser(cfg.DATASET.ROOT))
        self.dataset_dir = os.path.join(root, self.dataset_dir)
        train, val, test = (self.read_data(split) for split in ("train", "val", "test"))
        if cfg.DATASET.NUM_SHOTS >= 1:
            train = self.generate_fewshot_dataset(train, num_shots=cfg.DATASET.NUM_SHOTS)
        super().__init__(train_x=train, val=val, test=test)

    def read_data(self, split):
        split_dir = os.path.join(self.dataset_dir, split)
        if not os.path.isdir(split_dir):
            return []
        items = []
        for label, classname in enumerate(listdir_nohidden(split_dir)):
            for name in listdir_nohidden(os.path.join(split_dir, classname)):
                impath = os.path.join(split_dir, classname, name)
                items.append(Datum(impath=impath, label=label, classname=classname))
        return items


class ToyPromptLearner(nn.Module):
    def __init__(self, classnames, features):
        super().__init__()
        self.ctx = nn.Parameter(torch.randn(len(classnames), features) * 0.02)
        self.register_buffer("token_prefix", torch.zeros(len(classnames), 1))
        self.register_buffer("token_suffix", torch.zeros(len(classnames), 2))

    def forward(self):
        return self.ctx


class ToyModel(nn.Module):
    def __init__(self, classnames):
        super().__init__()
        self.prompt_learner = ToyPromptLearner(classnames, features=3 * SIDE * SIDE)
        self.dtype = torch.float32

    def forward(self, image):
        image = image.type(self.dtype).flatten(1)
        image = F.dropout(image, training=self.prompt_learner.training)
        return image @ self.prompt_learner().t()


@TRAINER_REGISTRY.register()
class ToyPrompts(TrainerX):
    def check_cfg(self, cfg):
        assert cfg.TRAINER.TOYPROMPTS.PREC in ["fp16", "fp32", "amp"]

    def build_model(self):
        cfg = self.cfg
        self.model = ToyModel(self.dm.dataset.classnames)
        for name, param in self.model.named_parameters():
            if "prompt_learner" not in name:
                param.requires_grad_(False)
        if cfg.MODEL.INIT_WEIGHTS:
            load_pretrained_weights(self.model.prompt_learner, cfg.MODEL.INIT_WEIGHTS)
        self.model.to(self.device)
        self.optim = build_optimizer(self.model.prompt_learner, cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, cfg.OPTIM)
        self.register_model("prompt_learner", self.model.prompt_learner, self.optim, self.sched)
        amp = cfg.TRAINER.TOYPROMPTS.PREC == "amp"
        self.scaler = torch.amp.GradScaler("cpu") if amp else None

    def forward_backward(self, batch):
        image, label = self.parse_batch_train(batch)
        image = image + random.random() * 0.01 + np.random.rand() * 0.01
        output = self.model(image)
        loss = F.cross_entropy(output, label)
        if self.scaler is not None:
            self.optim.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optim)
            self.scaler.update()
        else:
            self.model_backward_and_update(loss)
        loss_summary = {
            "loss": loss.item(),
            "acc": compute_accuracy(output, label)[0].item(),
        }
        if (self.batch_idx + 1) == self.num_batches:
            self.update_lr()
        return loss_summary

    def parse_batch_train(self, batch):
        input = batch["img"]
        label = batch["label"]
        input = input.to(self.device)
        label = label.to(self.device)
        return input, label

    def load_model(self, directory, epoch=None):
        if not directory:
            print("Note that load_model() is skipped as no pretrained model is given")
            return
        model_file = "model-best.pth.tar"
        if epoch is not None:
            model_file = "model.pth.tar-" + str(epoch)
        for name in self.get_model_names():
            model_path = os.path.join(directory, name, model_file)
            if not os.path.exists(model_path):
                raise FileNotFoundError(f'Model not found at "{model_path}"')
            checkpoint = load_checkpoint(model_path)
            state_dict = checkpoint["state_dict"]
            epoch = checkpoint["epoch"]
            state_dict.pop("token_prefix", None)
            state_dict.pop("token_suffix", None)
            print(f'Loading weights to {name} from "{model_path}" (epoch = {epoch})')
            self._models[name].load_state_dict(state_dict, strict=False)


def draw_images(folder, count):
    folder.mkdir(parents=True)
    channel = 2 - CLASSES.index(folder.name)
    for index in range(count):
        pixels = np.full((SIDE + 2, SIDE, 3), 10 * index, dtype=np.uint8)
        pixels[..., channel] = 200
        pixels[: SIDE // 2, :, :] //= 2
        Image.fromarray(pixels).save(folder / f"{index}.png")


@pytest.fixture
def data_root(tmp_path):
    """The folder above toy_colours: 6 training, 2 validation and 4 test images a class."""
    root = tmp_path / "data"
    for split, count in (("train", 6), ("val", 2), ("test", 4)):
        for classname in CLASSES:
            draw_images(root / "toy_colours" / split / classname, count)
    return root


@pytest.fixture
def cfg(tmp_path, data_root):
    """A complete configuration: three epochs of four batches, with random augmentation."""
    cfg = get_cfg_default()
    cfg.TRAINER.TOYPROMPTS = type(cfg)({"PREC": "fp32"})
    cfg.merge_from_list(
        f"OUTPUT_DIR {tmp_path / 'output'} SEED 0 USE_CUDA False "
        f"DATASET.ROOT {data_root} DATASET.NAME ToyColours TRAINER.NAME ToyPrompts "
        f"DATALOADER.NUM_WORKERS 0 DATALOADER.TRAIN_X.BATCH_SIZE 4 INPUT.SIZE ({SIDE},{SIDE}) "
        "INPUT.TRANSFORMS ('random_resized_crop','random_flip','normalize') "
        "OPTIM.NAME sgd OPTIM.LR 0.002 OPTIM.MAX_EPOCH 3 OPTIM.LR_SCHEDULER cosine "
        "OPTIM.WARMUP_EPOCH 1 OPTIM.WARMUP_TYPE constant TRAIN.CHECKPOINT_FREQ 1".split()
    )
    return cfg


@pytest.fixture
def seeded_trainer():
    """Build the trainer of a configuration as a program would: seed first."""

    def build(cfg):
        set_random_seed(cfg.SEED)
        return build_trainer(cfg)

    return build


@pytest.fixture(autouse=True)
def own_stdout(monkeypatch):
    """Undo what a test does to `sys.stdout`."""
    monkeypatch.setattr(sys, "stdout", sys.stdout)
