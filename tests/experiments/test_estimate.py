"""What a grid takes, before it starts."""

import json

import pytest

from rpo.cli import main
from rpo.experiments import calibrate, cost, measured
from rpo.experiments.cost import by_finished_runs
from rpo.experiments.job import Job, Step
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


def job(folder, seed):
    """A job of LP on the digits whose first seed may have finished."""
    arguments = ["--trainer", "LP", "--config-file", "LP/tiny", "--dataset-config-file", "digits"]
    step = Step("all", folder / f"seed{seed}", True, tuple(arguments))
    return Job("LP", "LP", folder, (step,))


def test_by_finished_runs_it_leaves_what_those_left(tmp_path, write_results):
    for seed, size in ((1, 1000), (2, 3000)):
        write_results(tmp_path / f"seed{seed}", {"train": 2.0 * seed, "test": 1.0})
        checkpoint = tmp_path / f"seed{seed}" / "lp_layer" / "model.pth.tar-1"
        checkpoint.parent.mkdir()
        checkpoint.write_bytes(b"0" * size)
    found = by_finished_runs(job(tmp_path, 3))
    written = [path.stat().st_size for path in tmp_path.rglob("results.json")]
    assert (found.seconds, found.low, found.high) == (4.0, 3.0, 5.0)
    assert found.bytes == (4000 + sum(written)) // 2


def test_a_slow_machine_is_slow_in_all(tmp_path, monkeypatch):
    """The range is that of the steps, of what is loaded and evaluated, too."""
    kind = cost.kind_of(cost.config_of(job(tmp_path, 1).steps[0]), "here")
    monkeypatch.setattr(cost, "sizes", lambda cfg: (kind.classes, 10_000))
    found = cost.by_measured_steps(job(tmp_path, 1), "here", [row(kind, 1e-6)])
    assert found.seconds == pytest.approx(1003, rel=0.01)  # 10,000 images of 0.1 s, and 3 s before
    assert (found.low, found.high) == pytest.approx((found.seconds / 2, found.seconds * 2))


@pytest.fixture
def write_results():
    """A function that writes the results.json of a finished run."""

    def write(folder, seconds):
        folder.mkdir()
        content = {"method": "LP", "dataset": "Digits", "classes": "all", "shots": 16, "seed": 1}
        content |= {"metrics": {"test": {"accuracy": 50.0}}, "seconds": seconds}
        (folder / "results.json").write_text(json.dumps(content))

    return write


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
