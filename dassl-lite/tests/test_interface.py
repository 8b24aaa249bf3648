"""What plugins import is where they expect it, and importing it is cheap."""

import importlib
import subprocess
import sys

import pytest

import dassl
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY

NAMES = {
    "dassl.config": "get_cfg_default clean_cfg",
    "dassl.data": "DataManager DatasetWrapper",
    "dassl.data.datasets": "DATASET_REGISTRY Datum DatasetBase build_dataset",
    "dassl.data.datasets.base_dataset": "Datum DatasetBase",
    "dassl.data.samplers": "build_sampler RandomDomainSampler SeqDomainSampler RandomClassSampler",
    "dassl.data.transforms": "build_transform INTERPOLATION_MODES",
    "dassl.data.data_manager": "DataManager build_data_loader",
    "dassl.data.transforms.transforms": "build_transform Random2DTranslation Cutout",
    "dassl.engine": "TRAINER_REGISTRY TrainerX TrainerXU TrainerBase SimpleTrainer build_trainer",
    "dassl.engine.run_folder": "run_state clear_run ConfigMismatchError",
    "dassl.engine.trainer": "TrainerX TrainerXU TrainerBase SimpleTrainer SimpleNet SummaryWriter",
    "dassl.evaluation": "EVALUATOR_REGISTRY build_evaluator Classification EvaluatorBase",
    "dassl.metrics": "compute_accuracy compute_distance_matrix",
    "dassl.modeling": "build_backbone build_head BACKBONE_REGISTRY HEAD_REGISTRY Backbone",
    "dassl.optim": "build_optimizer build_lr_scheduler",
    "dassl.optim.radam": "RAdam",
    "dassl.optim.lr_scheduler": "ConstantWarmupScheduler LinearWarmupScheduler",
    "dassl.utils": "Registry Logger setup_logger set_random_seed collect_env_info "
    "load_pretrained_weights load_checkpoint save_checkpoint resume_from_checkpoint "
    "open_all_layers count_num_param mkdir_if_missing listdir_nohidden read_json write_json "
    "check_isfile MetricMeter AverageMeter tolist_if_not open_specified_layers "
    "init_network_weights",
    "dassl.utils.torchtools": "load_pretrained_weights load_checkpoint save_checkpoint "
    "resume_from_checkpoint open_all_layers open_specified_layers count_num_param",
}


@pytest.mark.parametrize("module", NAMES)
def test_names(module):
    for name in NAMES[module].split():
        assert hasattr(importlib.import_module(module), name)


def test_lite_is_recognisable():
    assert dassl.IS_LITE
    assert dassl.__version__.startswith("0.6.3+lite.")


def test_import_does_not_load_what_only_some_runs_need():
    heavy = ["tensorboard", "sklearn", "scipy", "pandas", "matplotlib", "wilds", "gdown"]
    code = f"import sys, dassl.engine; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_dataset_registry_starts_empty():
    code = "from dassl.data.datasets import *; print(DATASET_REGISTRY.registered_names())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("registry", "name"),
    [(TRAINER_REGISTRY, "DANN"), (TRAINER_REGISTRY, "FixMatch"), (DATASET_REGISTRY, "OfficeHome")],
)
def test_what_is_left_out_says_so(registry, name):
    with pytest.raises(KeyError, match=f'"{name}" of Dassl is left out of dassl-lite'):
        registry.get(name)
