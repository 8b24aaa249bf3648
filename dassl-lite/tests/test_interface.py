"""What plugins import is where they expect it, and importing it is cheap."""

import importlib
import subprocess
import sys

import pytest

import dassl

NAMES = {
    "dassl.config": "get_cfg_default clean_cfg",
    "dassl.data": "DataManager DatasetWrapper",
    "dassl.data.datasets": "DATASET_REGISTRY Datum DatasetBase build_dataset",
    "dassl.data.datasets.base_dataset": "Datum DatasetBase",
    "dassl.data.samplers": "build_sampler",
    "dassl.data.transforms": "build_transform INTERPOLATION_MODES",
    "dassl.engine": "TRAINER_REGISTRY TrainerX TrainerBase SimpleTrainer build_trainer",
    "dassl.engine.run_folder": "run_state clear_run ConfigMismatchError",
    "dassl.engine.trainer": "TrainerX TrainerBase SimpleTrainer",
    "dassl.evaluation": "EVALUATOR_REGISTRY build_evaluator Classification",
    "dassl.metrics": "compute_accuracy",
    "dassl.optim": "build_optimizer build_lr_scheduler",
    "dassl.optim.lr_scheduler": "ConstantWarmupScheduler LinearWarmupScheduler",
    "dassl.utils": "Registry Logger setup_logger set_random_seed collect_env_info "
    "load_pretrained_weights load_checkpoint save_checkpoint resume_from_checkpoint "
    "open_all_layers count_num_param mkdir_if_missing listdir_nohidden read_json write_json "
    "check_isfile MetricMeter AverageMeter tolist_if_not",
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
