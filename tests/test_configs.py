"""Every shipped config loads, says what it is for, and holds only what differs from defaults."""

import re
from pathlib import Path

import pytest
import yaml
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.commands.methods import PAPER, TINY, config
from rpo.trainers.config import default_config
from rpo.trainers.merging import merge_file, merge_options

ROOT = Path(__file__).parents[1]
METHODS = sorted(ROOT.glob("configs/trainers/*/*.yaml"))
# The files of the methods' programs; those of MaPLe's for VPT and IVLP.
PUBLISHED = {
    "CoOp": """rn101 rn101_ep50 rn50 rn50_ctxv1 rn50_ep100 rn50_ep50 rn50_ep50_ctxv1 rn50_val
        vit_b16 vit_b16_ctxv1 vit_b16_ep100 vit_b16_ep100_ctxv1 vit_b16_ep50 vit_b16_ep50_ctxv1
        vit_b32 vit_b32_ep50""",
    "CoCoOp": """vit_b16_c16_ep10_batch1 vit_b16_c4_ep10_batch1 vit_b16_c4_ep10_batch1_ctxv1
        vit_b16_c8_ep10_batch1""",
    "KgCoOp": "rn50_ep100 vit_b16_ep100_ctxv1",
    "MaPLe": "vit_b16_c2_ep5_batch4_2ctx vit_b16_c2_ep5_batch4_2ctx_cross_datasets",
    "VPT": "vit_b16_c2_ep5_batch4_4",
    "IVLP": "vit_b16_c2_ep5_batch4_2+2ctx vit_b16_c2_ep5_batch4_4ctx_language_only",
    "LP": "vit_b16_c4_ep10_batch1_ctxv1",
    "TaskRes": """adam_lr2e-3_B256_ep100 adam_lr2e-3_B256_ep200 adam_lr2e-4_B256_ep100
        adam_lr2e-4_B256_ep200 adam_lr2e-4_B256_ep200_RN101 adam_lr2e-4_B256_ep200_RN50x16
        adam_lr2e-4_B256_ep200_ViT16 adam_lr2e-4_B256_ep200_ViT32 generalization_rn101
        generalization_rn50 generalization_vit16 generalization_vit32""",
    "CLAP": "SGD_lr1e-1_B256_ep300",
    "ProLIP": "base_to_new_VITB16 base_to_new_RN50 few_shot_no_val_lr1e-5_lambda_1_N",
    "MMRL": "vit_b16 vit_b16_cross_datasets vit_b16_few_shot vit_b16_imagenet",
    "ProGrad": "rn50 rn50_ep100 rn50_ep50 vit_b16_ep100",
    "PromptSRC": """vit_b16_c2_ep20_batch4_4+4ctx vit_b16_c2_ep20_batch4_4+4ctx_cross_datasets
        vit_b16_c2_ep50_batch4_4+4ctx_few_shot""",
    "TCP": "vit_b16_ep100_ctxv1",
    "RPO": "imagenet_k24_ep15 main_K4 main_K24",
}


def name_of(path):
    return f"{path.parent.name}/{path.stem}"


def leaves(node, prefix=""):
    for key, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def value_of(cfg, key):
    for part in key.split("."):
        cfg = cfg[part]
    return cfg


@pytest.mark.parametrize("path", METHODS, ids=name_of)
def test_a_method_config(path):
    method, content = path.parent.name, path.read_text()
    assert method in TRAINER_REGISTRY.registered_names()
    cfg, defaults = default_config(), default_config()
    merge_file(cfg, str(path), "trainer config")
    keys = [key for key, _ in leaves(yaml.safe_load(content)) if key != "_BASE_"]
    assert [key for key in keys if value_of(cfg, key) == value_of(defaults, key)] == []
    section = getattr(TRAINER_REGISTRY.get(method), "section", None)
    assert {key.split(".")[1] for key in keys if key.startswith("TRAINER.")} <= {section}


@pytest.mark.parametrize("path", METHODS, ids=name_of)
def test_its_comment_names_a_number_and_a_command_that_uses_it(path):
    comment = re.match(r"(#.*\n)+", path.read_text())[0]
    assert max(map(len, comment.splitlines())) <= 100
    script, method = re.search(r"bash (scripts/[\w/]+\.sh) (\w+)", comment).groups()
    if script.count("/") == 1:  # that of any method, which takes its configs from presets
        assert method == path.parent.name
        known = {config(preset, method) for preset in (PAPER, TINY)}
    else:
        text = (ROOT / script).read_text()
        assert f"method={path.parent.name} " in text
        known = set(re.findall(r"_cfg=(\S+)", text))
    assert f"CFG={path.stem} " in comment or path.stem in known
    assert path.stem.startswith("tiny") or re.search(r"[Pp]ublished", comment)


@pytest.mark.parametrize("path", sorted(ROOT.glob("configs/datasets/*.yaml")), ids=name_of)
def test_a_dataset_config(path):
    cfg = default_config()
    merge_file(cfg, str(path), "dataset config")
    assert cfg.DATASET.NAME in DATASET_REGISTRY.registered_names()


@pytest.mark.parametrize("method", PUBLISHED)
def test_every_published_config_is_here_under_its_name(method):
    here = {path.stem for path in METHODS if path.parent.name == method}
    assert set(PUBLISHED[method].split()) <= here


@pytest.mark.parametrize("path", METHODS, ids=name_of)
def test_augmentation_is_that_of_the_published_number_of_workers(path):
    """8 in every published file but two, which the logs of RPO's authors agree with."""
    cfg = default_config()
    merge_file(cfg, str(path), "trainer config")
    published = 16 if name_of(path) in ("RPO/main_K24", "RPO/main_K4") else 8
    found = cfg.DATALOADER.STREAMS
    assert found == 0 if path.stem.startswith("tiny") else found == published


def test_a_file_of_an_original_program_means_the_streams_of_its_workers(tmp_path):
    """Which a machine with fewer processors draws all the same."""
    theirs = tmp_path / "main_K24.yaml"
    theirs.write_text("DATALOADER: {NUM_WORKERS: 16}\nTRAINER: {RPO: {K: 24}}\n")
    cfg = default_config()
    merge_file(cfg, str(theirs), "trainer config")
    merge_options(cfg, ["DATALOADER.NUM_WORKERS", "2"])
    assert (cfg.DATALOADER.NUM_WORKERS, cfg.DATALOADER.STREAMS) == (2, 16)


def test_some_released_programs_keep_underscores_and_no_others():
    """By themselves, as their published YAML files say nothing of them."""
    trainers = {name: TRAINER_REGISTRY.get(name) for name in TRAINER_REGISTRY.registered_names()}
    keeping = {name for name, each in trainers.items() if each.underscores == "keep"}
    assert keeping & set(PUBLISHED) == {"RPO", "LP", "TaskRes", "CLAP"}
    assert default_config().DATASET.UNDERSCORES == ""


TEMPLATES = {
    "DescribableTextures": "{} texture.",
    "EuroSAT": "a centered satellite photo of {}.",
    "FGVCAircraft": "a photo of a {}, a type of aircraft.",
    "Food101": "a photo of {}, a type of food.",
    "OxfordFlowers": "a photo of a {}, a type of flower.",
    "OxfordPets": "a photo of a {}, a type of pet.",
    "UCF101": "a photo of a person doing {}.",
}


@pytest.mark.parametrize("name", DATASET_REGISTRY.registered_names())
def test_the_template_of_a_dataset_is_that_of_its_class(name):
    """CoOp's hand-written list; a user's own text stands in DATASET.TEMPLATE alone."""
    assert DATASET_REGISTRY.get(name).template == TEMPLATES.get(name, "a photo of a {}.")
    files = sorted(ROOT.glob("configs/datasets/*.yaml"))
    assert not [path for path in files if "TEMPLATE:" in path.read_text()]
