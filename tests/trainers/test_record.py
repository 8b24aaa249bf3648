"""results.json: details, history, origin and cost of a run, however it came about."""

import json
from pathlib import Path

import jsonschema
import pytest
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from rpo import metrics
from rpo.cli import main
from rpo.experiments.job import Step
from rpo.experiments.progress import accuracy as shown_accuracy
from rpo.hashes import changed_parts, of_file
from rpo.predictions import read_predictions
from rpo.report.reading import read_runs
from rpo.trainers.config import default_config
from rpo.trainers.origin import dataset_title
from rpo.verification.recorded import outcome_of

SCHEMA = Path(metrics.__file__).parent / "assets" / "results.schema.json"
EPOCHS = ("OPTIM.MAX_EPOCH", 3, "TRAIN.CHECKPOINT_FREQ", 1)


class Killed(Exception):
    pass


def train(cfg, killed_after=None, monkeypatch=None):
    """Trains; dies between the history and the checkpoint of an epoch, if one is given."""
    set_random_seed(1)
    trainer = build_trainer(cfg)
    save = trainer.save_model

    def die(epoch, *arguments, **options):
        if epoch + 1 == killed_after:
            raise Killed
        save(epoch, *arguments, **options)

    if not killed_after:
        trainer.train()
        return trainer
    monkeypatch.setattr(trainer, "save_model", die)
    with pytest.raises(Killed):
        trainer.train()
    return trainer


def results(folder):
    return json.loads(Path(folder, "results.json").read_text())


def history(folder):
    return json.loads(Path(folder, "history.json").read_text())


def test_details_agree_with_the_metrics(make_config, capsys):
    cfg = make_config(classes=8, images=12)
    train(cfg)
    found = results(cfg.OUTPUT_DIR)
    metrics, details = found["metrics"]["test"], found["details"]["test"]
    assert sum(details["per_class_count"]) == found["images"]["test"] == 8
    right = sum(count for truth, guess, count in details["confusion"] if truth == guess)
    assert 100 * right / 8 == metrics["accuracy"]
    assert sum(part["count"] for part in details["reliability"]) == 8
    assert metrics["top5_accuracy"] >= metrics["accuracy"]
    printed = capsys.readouterr().out
    lines = [line.split(":")[0] for line in printed.splitlines() if line.startswith("* ")]
    assert lines == ["* total", "* correct", "* accuracy", "* error", "* macro_f1"] + [
        "* top5",
        "* ece",
    ]
    assert f"* ece: {metrics['ece']:.1f}%" in printed


def test_dassls_own_evaluator_has_no_details(make_trainer):
    trainer = make_trainer(options=("TEST.EVALUATOR", "Classification"))
    trainer.test()
    found = results(trainer.cfg.OUTPUT_DIR)
    assert found["details"] == {"test": {}}
    assert list(found["metrics"]["test"]) == ["accuracy", "error_rate", "macro_f1"]
    (run,) = read_runs([trainer.cfg.OUTPUT_DIR]).runs
    assert run[1].accuracy == found["metrics"]["test"]["accuracy"]
    assert main(["verify", trainer.cfg.OUTPUT_DIR]) == 0


def test_settings_are_chosen_on_validation_images(make_config, tmp_path, capsys):
    """Of a run that measured them; of one that measured both, they are of another model."""
    only = make_config(options=("TEST.SPLIT", "val", "OUTPUT_DIR", str(tmp_path / "val")))
    both = make_config(options=("TEST.FINAL_MODEL", "best_val", "OUTPUT_DIR", str(tmp_path / "a")))
    for cfg in (only, both):
        train(cfg)
    accuracy = results(only.OUTPUT_DIR)["metrics"]["val"]["accuracy"]
    step = Step("all", Path(only.OUTPUT_DIR), True, ())
    assert shown_accuracy(step) == f"{accuracy:.2f} (validation images)"
    capsys.readouterr()
    assert main(["report", str(tmp_path), "--split", "val", "--table", "seeds"]) == 0
    said = capsys.readouterr()
    (row,) = (line for line in said.out.splitlines() if "RPO" in line)
    assert f"| {accuracy:.2f} |" in row.replace("  ", " ")
    assert "All accuracies are of validation images." in said.out
    assert "a/results.json is skipped: its accuracy on the val set is of its last epoch" in said.err
    assert main(["report", only.OUTPUT_DIR]) == 2
    assert (
        "no accuracy on the test set, but on the val set (--split val)" in capsys.readouterr().err
    )
    assert main(["report", only.OUTPUT_DIR, "--split", "val", "--html", "page.html"]) == 2
    assert "--html is of test images" in capsys.readouterr().err
    assert main(["verify", only.OUTPUT_DIR]) == 2
    assert "it is of validation images alone" in capsys.readouterr().err
    assert main(["verify", str(tmp_path)]) == 0
    assert "not checked  it is of validation images alone" in capsys.readouterr().out


def test_the_evaluator_is_not_part_of_a_run(make_config):
    cfg = make_config(options=("TEST.EVALUATOR", "Classification"))
    train(cfg)
    assert build_trainer(make_config()).run_state() == "finished"


def test_history_holds_the_means_of_what_each_step_reported(make_config):
    cfg = make_config(options=EPOCHS)
    set_random_seed(1)
    trainer = build_trainer(cfg)
    steps, rates, step = [], [], trainer.forward_backward

    def spy(batch):
        rates.append(trainer.get_current_lr())
        steps.append(step(batch))
        return steps[-1]

    trainer.forward_backward = spy
    trainer.train()
    found = results(cfg.OUTPUT_DIR)["history"]
    assert found == history(cfg.OUTPUT_DIR) and [entry["epoch"] for entry in found] == [1, 2, 3]
    batches = len(steps) // 3
    assert batches > 1
    for number, entry in enumerate(found):
        own = slice(number * batches, (number + 1) * batches)
        assert entry["loss"] == pytest.approx(sum(one["loss"] for one in steps[own]) / batches)
        assert entry["acc"] == pytest.approx(sum(one["acc"] for one in steps[own]) / batches)
        assert [entry["lr"]] * batches == rates[own]


@pytest.mark.parametrize("killed_after", [1, 2])
def test_history_across_an_interruption(make_config, tmp_path, monkeypatch, killed_after):
    """Killed between history and checkpoint, the epoch is in it once, as if undisturbed."""
    whole, parts = (
        make_config(options=(*EPOCHS, "OUTPUT_DIR", str(tmp_path / name)))
        for name in ("whole", "parts")
    )
    train(whole)
    train(parts, killed_after, monkeypatch)
    assert len(history(parts.OUTPUT_DIR)) == killed_after
    train(parts)
    assert history(parts.OUTPUT_DIR) == history(whole.OUTPUT_DIR)
    assert results(parts.OUTPUT_DIR)["history"] == history(whole.OUTPUT_DIR)


def test_history_of_a_run_that_goes_on_in_another_folder(make_config, tmp_path):
    first = make_config(options=(*EPOCHS, "OUTPUT_DIR", str(tmp_path / "first")))
    train(first)
    longer = ("OPTIM.MAX_EPOCH", 4, "RESUME", first.OUTPUT_DIR, "OUTPUT_DIR")
    second = make_config(options=(*longer, str(tmp_path / "second")))
    train(second)
    found = history(second.OUTPUT_DIR)
    assert [entry["epoch"] for entry in found] == [1, 2, 3, 4]
    assert found[:3] == history(first.OUTPUT_DIR)


def test_an_evaluation_says_what_was_trained_on(make_config, tmp_path):
    cfg = make_config(options=("DATASET.SUBSAMPLE_CLASSES", "base", "SEED", 3))
    train(cfg)
    expected = {"dataset": "EuroSAT", "classes": "base", "shots": 2, "seed": 3}
    assert results(cfg.OUTPUT_DIR)["trained_on"] == expected
    new = ("DATASET.SUBSAMPLE_CLASSES", "new", "OUTPUT_DIR", str(tmp_path / "new"))
    trainer = build_trainer(make_config(options=new))
    trainer.load_model(cfg.OUTPUT_DIR)
    trainer.test()
    found = results(tmp_path / "new")
    assert found["trained_on"] == expected
    assert found["classes"] == "new" and found["seed"] == 1 and found["history"] == []


def test_nothing_is_invented_of_a_checkpoint_without_a_run(make_config, tmp_path):
    cfg = make_config()
    trained = train(cfg)
    Path(cfg.OUTPUT_DIR, "run.json").unlink()
    trained.load_model(cfg.OUTPUT_DIR)  # which it has trained itself
    assert trained.trained_on["dataset"] == "EuroSAT"
    trainer = build_trainer(make_config(options=("OUTPUT_DIR", str(tmp_path / "test"))))
    trainer.load_model(cfg.OUTPUT_DIR)
    trainer.test()
    assert results(tmp_path / "test")["trained_on"] is None


def test_the_best_of_its_own_epochs_is_trained_on_its_own_data(make_config):
    cfg = make_config(options=("TEST.FINAL_MODEL", "best_val"), images=8)
    train(cfg)
    found = results(cfg.OUTPUT_DIR)
    assert found["trained_on"]["dataset"] == "EuroSAT"
    assert found["details"].keys() == found["metrics"].keys() == {"test", "val"}


def test_zero_shot_is_trained_on_nothing(make_trainer):
    trainer = make_trainer("ZeroshotCLIP")
    trainer.load_model("")
    trainer.test()
    found = results(trainer.cfg.OUTPUT_DIR)
    assert found["trained_on"] is None and found["history"] == []
    assert found["peak_mb"] > 50 and found["seconds"]["load"] > 0


def test_evaluating_in_its_own_folder_keeps_the_history(make_config):
    cfg = make_config()
    train(cfg)
    before = results(cfg.OUTPUT_DIR)
    trainer = build_trainer(cfg)
    trainer.load_model(cfg.OUTPUT_DIR)
    trainer.test()
    after = results(cfg.OUTPUT_DIR)
    assert after["history"] == before["history"] and after["trained_on"] == before["trained_on"]
    assert after["details"] == before["details"]


def test_titles():
    options = default_config().DATASET
    options.NAME, options.ROOT = "EuroSAT", "/data"
    assert dataset_title(options) == "EuroSAT"
    options.NAME = "ImageFolder"
    assert dataset_title(options) == "data"
    options.FOLDER = "/pictures/birds/"
    assert dataset_title(options) == "birds"
    options.CSV = "/lists/cats.csv"
    assert dataset_title(options) == "cats"


def test_tensorboard_is_on(make_config):
    cfg = make_config()
    train(cfg)
    events = list(Path(cfg.OUTPUT_DIR, "tensorboard").glob("events.out.tfevents.*"))
    assert events and events[0].stat().st_size > 200


SITUATIONS = {
    "RPO": ("RPO", ("DATASET.SUBSAMPLE_CLASSES", "base")),
    "validated": ("RPO", ("TEST.FINAL_MODEL", "best_val")),
    "all images": ("LP", ("DATASET.NUM_SHOTS", -1)),
    "no seed": ("CoOp", ("SEED", -1)),
    "learns nothing": ("ZeroshotCLIP", ()),
    "Dassl's evaluator": ("RPO", ("TEST.EVALUATOR", "Classification")),
    "by class": ("RPO", ("TEST.PER_CLASS_RESULT", True)),
}


@pytest.mark.parametrize(("method", "options"), SITUATIONS.values(), ids=SITUATIONS)
def test_it_is_of_its_schema(make_config, method, options):
    cfg = make_config(method, options=options, images=8)
    train(cfg)
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    found = results(cfg.OUTPUT_DIR)
    jsonschema.validate(found, schema)
    assert changed_parts(found) == [] and found["version"] == 1


def test_the_schema_refuses_what_it_should(make_config):
    cfg = make_config()
    train(cfg)
    schema, found = json.loads(SCHEMA.read_text()), results(cfg.OUTPUT_DIR)
    for key, value in (("version", 2), ("seed", "1"), ("classes", "some"), ("further", 1)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(found | {key: value}, schema)
    for key in found:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({name: found[name] for name in found if name != key}, schema)


def test_predictions_give_the_very_metrics(make_config):
    """To the last digit, those by class too; and are in the order of the split."""
    cfg = make_config(options=("TEST.PER_CLASS_RESULT", True), classes=8, images=12)
    trainer = train(cfg)
    found, made = results(cfg.OUTPUT_DIR), read_predictions(Path(cfg.OUTPUT_DIR, "predictions.npz"))
    outcome = outcome_of(made)
    anew = metrics.overall(outcome)
    assert anew == found["metrics"]["test"] and set(anew) >= {"perclass_accuracy", "macro_f1"}
    assert metrics.details(outcome, 8) == found["details"]["test"]
    assert made.paths.tolist() == [f"class_{label}/image_11.jpg" for label in range(8)]
    assert made.labels.tolist() == [item.label for item in trainer.dm.dataset.test]
    assert made.classes.shape == (8, 5)
    assert found["sha256"]["predictions"] == of_file(Path(cfg.OUTPUT_DIR, "predictions.npz"))


def test_predictions_go_with_the_results_that_they_are_of(make_config):
    """An evaluation that keeps none leaves none of another."""
    cfg = make_config()
    train(cfg)
    path = Path(cfg.OUTPUT_DIR, "predictions.npz")
    assert path.is_file()
    for options in (("TEST.EVALUATOR", "Classification"), ("TEST.SPLIT", "val")):
        trainer = build_trainer(make_config(options=options))
        trainer.load_model(cfg.OUTPUT_DIR)
        trainer.test()
        assert not path.is_file() and results(cfg.OUTPUT_DIR)["sha256"]["predictions"] is None
    trainer = build_trainer(make_config(options=("DATASET.SUBSAMPLE_CLASSES", "base")))
    trainer.load_model(cfg.OUTPUT_DIR)
    trainer.test()
    assert len(read_predictions(path).paths) == results(cfg.OUTPUT_DIR)["images"]["test"] == 2


def test_images_in_another_order_leave_no_predictions(make_config):
    cfg = make_config(options=("DATALOADER.TEST.SAMPLER", "RandomSampler"))
    train(cfg)
    assert not Path(cfg.OUTPUT_DIR, "predictions.npz").exists()
