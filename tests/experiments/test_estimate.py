"""What a grid takes, before it starts."""

import pytest

from rpo.cli import main
from rpo.experiments import calibrate, measured
from rpo.experiments.measured import HERE, Kind, Measured, add, likely_device, look_up, table

KIND = Kind("cpu, 2 threads", "ViT-B/16", "RPO", 24, 100, 4)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "cache"))


def row(kind, step):
    return Measured(kind, step, step / 2, step * 2, 0.1, 3.0, 1000, HERE)


def test_the_shipped_table():
    (found,) = [each for each in table() if each.kind == KIND]
    assert found.low < found.step < found.high
    assert look_up(KIND, table()) == found


@pytest.mark.parametrize(("classes", "step"), [(50, 1.0), (100, 1.0), (150, 2.0), (400, 6.0)])
def test_between_fewer_and_more_classes(classes, step):
    rows = [row(KIND, 1.0), row(KIND._replace(classes=200), 3.0)]
    found = look_up(KIND._replace(classes=classes), rows)
    assert (found.step, found.high) == (step, step * 2)
    assert look_up(KIND._replace(device="GPU"), rows) is None
    assert look_up(KIND._replace(k=4), rows) is None


def test_what_is_measured_here_comes_first_and_is_kept():
    add([row(KIND, 7.0)])
    add([row(KIND._replace(device="NVIDIA A100"), 1.0), row(KIND, 8.0)])
    assert look_up(KIND, table()).step == 8.0
    assert likely_device(True, "here") == "NVIDIA A100"
    assert likely_device(False, "here") == KIND.device


def test_calibrated(tmp_path, monkeypatch, capsys):
    """Ten steps, then the hours of what is left; nothing is written to the output folder."""
    monkeypatch.chdir(tmp_path)
    command = ["run", "base2new", "--preset", "tiny", "--datasets", "digits", "--methods"]
    command += ["RPO", "ZeroshotCLIP"]
    assert main([*command, "--estimate"]) == 0
    assert "4 jobs are left out: nothing like them was measured on" in capsys.readouterr().out
    assert main([*command, "--calibrate"]) == 0
    said = capsys.readouterr().out
    assert "RPO, 5 classes: " in said and "| measured here |" in said
    assert "4 jobs on " in said and "left out" not in said
    assert " 0 hours" not in said and "| 0.00 |" not in said
    assert not (tmp_path / "output").exists()
    (found,) = [each for each in table() if each.source == HERE and each.kind.method == "RPO"]
    assert 0 < found.low <= found.step <= found.high and found.bytes > 1000
    assert measured.measured_file().is_relative_to(tmp_path)


def test_what_the_first_pass_prepares_is_no_step(make_trainer, monkeypatch):
    """CLAP, of which a pass may be a single step, encodes all views in the first one."""
    trainer = make_trainer("CLAP")
    assert len(trainer.train_loader_x) <= calibrate.WARM_UP
    slow = calibrate.time.perf_counter
    read = trainer.features.read
    late = []
    monkeypatch.setattr(trainer.features, "read", lambda *a: late.append(60) or read(*a))
    monkeypatch.setattr(calibrate.time, "perf_counter", lambda: slow() + sum(late))
    steps = calibrate._steps(trainer, 0.0)
    assert late and len(steps) == calibrate.STEPS and max(steps) < 60
