"""Tiny random CLIPs and made-up images: no download, no data, seconds."""

import atexit
import copy
import gc
import json
import os
import random
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import warm_rpo
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY, build_trainer
from dassl.utils import set_random_seed
from PIL import Image

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.clip import load, openai
from rpo.datasets.digits import write_digits
from rpo.datasets.wordnet import WordnetFolders, wordnet_ids
from rpo.trainers.config import default_config

CLIP_FILE = "small-clip.pt"

atexit.register(gc.freeze)  # looking through PyTorch's objects at the end takes a second
torch.set_num_threads(1)  # tiny models gain nothing from more, and suffer when cores are shared


# They start other programs and wait for them.
LONG = ("cli/test_run", "cli/test_scripts", "test_contribution", "test_examples", "test_prepare")


def pytest_collection_modifyitems(items):
    """The long tests come first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONG))


def pytest_collection_finish():
    """What has been imported by now stays: the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def same_random_numbers():
    """Whatever tests a worker did before. Not those of GPUs, whose seeds PyTorch queues."""
    random.seed(0)
    np.random.seed(0)
    torch.default_generator.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def checkpoints_are_read_once():
    """Those that most tests load; OpenAI's modules draw all of their parameters before that.

    Each test has a copy of its own, and the random numbers after it as if it had been read.
    """
    read, clips, states = load._load_openai, {}, {}

    def load_once(path):
        if path != load.TINY_FILE and path.name != CLIP_FILE:
            return read(path)
        before = torch.get_rng_state().numpy().tobytes()
        if (path, before) not in states:
            clips[path] = read(path)
            states[path, before] = torch.get_rng_state()
        torch.set_rng_state(states[path, before])
        return copy_of(clips[path])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "_load_openai", load_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """What can be made again is kept apart from the user's, and shared by all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RPO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


# embedding, resolution, vision layers, width and patch, text width, heads and layers
SHAPES = {
    "small": (32, 32, 2, 64, 8, 64, 2, 2),
    "deep": (48, 48, 3, 128, 16, 64, 1, 4),
    "ViT-B/32": (512, 224, 1, 768, 32, 512, 8, 1),
    "ViT-B/16": (512, 224, 1, 768, 16, 512, 8, 1),
    "ViT-L/14": (768, 224, 1, 1024, 14, 768, 12, 1),
    "ViT-L/14@336px": (768, 336, 1, 1024, 14, 768, 12, 1),
}


def build_random_clip(shape="small", seed=0, context=77, vocabulary=49408):
    embedding, resolution, layers, width, patch, text_width, heads, text_layers = SHAPES[shape]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        clip = openai.model().CLIP(
            embedding, resolution, layers, width, patch,
            context, vocabulary, text_width, heads, text_layers,
        )  # fmt: skip
        for block in [*clip.visual.transformer.resblocks, *clip.transformer.resblocks]:
            # CLIP starts biases at zero; random ones are what a test can get wrong.
            torch.nn.init.normal_(block.attn.in_proj_bias, std=0.5)
            torch.nn.init.normal_(block.attn.out_proj.bias, std=0.1)
    return clip.eval()


@cache
def small_clip():
    """The usual one, drawn once: most of its parameters are embeddings of the vocabulary."""
    return build_random_clip()


def copy_of(clip):
    """For a test to change, except for the embeddings of the vocabulary, which are most of it."""
    words = clip.token_embedding.weight
    return copy.deepcopy(clip, {id(words): torch.nn.Parameter(words.data, words.requires_grad)})


@pytest.fixture
def random_clip():
    """A function (shape name, seed) to a random CLIP in float32, with OpenAI's own modules."""

    def build(*arguments, **options):
        if arguments or options:
            return build_random_clip(*arguments, **options)
        return copy_of(small_clip())

    return build


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory):
    """A checkpoint file of a small random CLIP, as OpenAI's state dicts are stored."""
    path = tmp_path_factory.mktemp("weights") / CLIP_FILE
    torch.save(build_random_clip().state_dict(), path)
    return path


@pytest.fixture
def draw_image():
    """A function that writes one made-up RGB image and returns its path."""

    def draw(path, seed=0, size=(40, 48)):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return draw


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared():
    """A function from a name to a path of real data for development; skips where it is absent."""

    def find(name):
        if not (SHARED / name).exists():
            pytest.skip(f"real data for development is not here: shared/{name}")
        return SHARED / name

    return find


@pytest.fixture
def miniature(tmp_path, draw_image, digits_root):
    """A function from a dataset's name to a root folder with a tiny tree in its layout.

    The digits are whole, and the same files for all.
    """

    def build(name, classes=4, images=6):
        dataset, root = DATASET_REGISTRY.get(name), tmp_path / "data"
        folder, size = root / dataset.dataset_dir, (classes, images)
        if issubclass(dataset, WordnetFolders):
            _draw_wordnet(folder, dataset, draw_image, *size)
        elif name == "FGVCAircraft":
            split = _draw_class_folders(folder / "images", draw_image, *size)
            _write_aircraft_lists(folder, split)
        elif name == "ImageFolder":
            _draw_class_folders(root, draw_image, *size)
        elif name == "Digits":
            _link_digits(digits_root / "digits", folder)
        else:
            split = _draw_class_folders(folder / dataset.image_dir, draw_image, *size)
            (folder / dataset.split_file).write_text(json.dumps(split))
        return root

    return build


def _draw_class_folders(folder, draw_image, classes, images):
    """One folder a class, and its split: the last image is for test, the one before for val."""
    split = {"train": [], "val": [], "test": []}
    for label in range(classes):
        for index in range(images):
            image = f"class_{label}/image_{index}.jpg"
            draw_image(folder / image, seed=label * images + index)
            part = {images - 1: "test", images - 2: "val"}.get(index, "train")
            split[part].append([image, label, f"class_{label}"])
    return split


def _link_digits(written, folder):
    """Without the samples that others drew of them."""
    if not written.exists():
        write_digits(written)
    if not folder.exists():
        ignored = shutil.ignore_patterns("split_fewshot")
        shutil.copytree(written, folder, copy_function=os.link, ignore=ignored)


def _write_aircraft_lists(folder, split):
    names = sorted({name for _, _, name in split["train"]})
    (folder / "variants.txt").write_text("\n".join(names) + "\n")
    for part, items in split.items():
        lines = [f"{image.removesuffix('.jpg')} {name}\n" for image, _, name in items]
        (folder / f"images_variant_{part}.txt").write_text("".join(lines))


def _draw_wordnet(folder, dataset, draw_image, classes, images):
    """ImageNet's class folders below train and val; those of a variant; labels for ImageNetV2."""
    wnids = sorted(wordnet_ids())[:classes]
    for label, wnid in enumerate(wnids):
        for part in ("train", "val") if dataset.__name__ == "ImageNet" else ("",):
            below = folder / dataset.image_dir / part
            name = str(label) if dataset.__name__ == "ImageNetV2" else wnid
            for index in range(images):
                draw_image(below / name / f"{index}.JPEG", seed=label * images + index)
    lines = [f"{wnid} kind {label}\n" for label, wnid in enumerate(wnids)]
    (folder / "classnames.txt").write_text("".join(lines))


@pytest.fixture
def make_config(tmp_path, clip_file, miniature):
    """A function to the configuration of a tiny run: 32-pixel images, a small random CLIP."""

    def make(trainer="RPO", dataset="EuroSAT", options=(), **tree):
        cfg = default_config()
        cfg.TRAINER.NAME, cfg.DATASET.NAME = trainer, dataset
        cfg.DATASET.ROOT = str(miniature(dataset, **tree))
        cfg.OUTPUT_DIR = str(tmp_path / "output")
        cfg.MODEL.BACKBONE.NAME = str(clip_file)
        cfg.INPUT.SIZE = (32, 32)
        cfg.SEED, cfg.OPTIM.MAX_EPOCH, cfg.OPTIM.LR = 1, 2, 0.01
        cfg.DATASET.NUM_SHOTS, cfg.DATALOADER.NUM_WORKERS = 2, 0
        cfg.DATALOADER.TRAIN_X.BATCH_SIZE = 4
        options_of_method = cfg.TRAINER.get(getattr(TRAINER_REGISTRY.get(trainer), "section", ""))
        if options_of_method and "PREC" in options_of_method:
            options_of_method.PREC = "fp32"
        cfg.merge_from_list(list(options))
        cfg.freeze()
        return cfg

    return make


@pytest.fixture
def make_trainer(make_config):
    """A function, with the arguments of `make_config`, to a seeded trainer."""

    def make(*args, **options):
        cfg = make_config(*args, **options)
        set_random_seed(cfg.SEED)
        return build_trainer(cfg)

    return make


@pytest.fixture(scope="session")
def digits_root(tmp_path_factory):
    """DATASET.ROOT, where the digits are written out once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def rpo_on_path(tmp_path_factory):
    """PATH with an `rpo` that need not import PyTorch anew, then the installed one."""
    folder = tmp_path_factory.mktemp("bin")
    address = str(folder / "socket")
    server = subprocess.Popen([sys.executable, warm_rpo.__file__, address])
    while not Path(address).exists():
        assert server.poll() is None, "the server of rpo has ended"
        time.sleep(0.05)
    warm_rpo.write_client(folder / "rpo", address)
    yield f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    server.kill()
    server.wait()
