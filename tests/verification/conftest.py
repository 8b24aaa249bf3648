"""A finished run with all that it can be verified by."""

import json
import shutil

import pytest
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from rpo.hashes import sealed


@pytest.fixture
def run_folder(make_config, tmp_path):
    """Trained on the base classes of a tiny EuroSAT; its config names all that is needed."""
    base = ("OUTPUT_DIR", str(tmp_path / "train_base" / "seed1"), "DATASET.SUBSAMPLE_CLASSES")
    cfg = make_config(options=(*base, "base", "TRAINER.RPO.K", 2), classes=6, images=8)
    set_random_seed(cfg.SEED)
    build_trainer(cfg).train()
    return tmp_path / "train_base" / "seed1"


@pytest.fixture
def altered(run_folder):
    """A function to a copy of the run with a changed record; `seal` computes the seal anew."""
    copies = []

    def alter(change, seal=False):
        folder = run_folder.with_name(f"copy{len(copies)}")
        copies.append(folder)
        shutil.copytree(run_folder, folder)
        record = json.loads((folder / "results.json").read_text())
        change(record)
        record = sealed({k: v for k, v in record.items() if k != "seal"}) if seal else record
        (folder / "results.json").write_text(json.dumps(record))
        return folder

    return alter
