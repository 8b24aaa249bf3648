"""`rpo`, `rpo report` and `rpo doctor`."""

import json
import os
import subprocess
import sys

import pytest

from rpo import doctor
from rpo.cli import COMMANDS, main
from rpo.results import harmonic_mean


@pytest.fixture
def runs(tmp_path):
    """Three seeds of RPO, one of them without new classes, and a zero-shot run."""
    accuracies = {
        ("base", 1): 80.0,
        ("base", 2): 84.0,
        ("base", 3): 88.0,
        ("new", 1): 60.0,
        ("new", 2): 70.0,
    }
    for (classes, seed), accuracy in accuracies.items():
        folder = tmp_path / f"test_{classes}" / "main_K24" / f"seed{seed}"
        write_run(folder, method="RPO", classes=classes, seed=seed, shots=16, accuracy=accuracy)
    write_run(
        tmp_path / "zs" / "vit_b16",
        method="ZeroshotCLIP",
        classes="base",
        seed=-1,
        shots=-1,
        accuracy=50.0,
    )
    write_run(
        tmp_path / "zs" / "all",
        method="ZeroshotCLIP",
        classes="all",
        seed=-1,
        shots=-1,
        accuracy=1.0,
    )
    return tmp_path


def write_run(folder, accuracy, **record):
    folder.mkdir(parents=True)
    record |= {"dataset": "Digits", "metrics": {"test": {"accuracy": accuracy}}}
    (folder / "results.json").write_text(json.dumps(record))


def test_report(runs, capsys):
    assert main(["report", str(runs)]) == 0
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["Digits", "RPO", "main_K24", "16", "84.00 ± 3.27", "65.00 ± 5.00", "72.47 ± 3.90", "3"],
        ["Digits", "ZeroshotCLIP", "vit_b16", "-", "50.00", "-", "-", "1"],
    ]


def test_report_of_an_empty_folder(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert f"no results.json in or below {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("base", "new", "harmonic"), [(100, 50, 66.66667), (40, 40, 40), (0, 5, 0)]
)
def test_harmonic_mean(base, new, harmonic):
    assert harmonic_mean(base, new) == pytest.approx(harmonic)


def test_doctor_finds_data(miniature, capsys):
    root = miniature("EuroSAT")
    assert main(["doctor", "--root", str(root)]) == 0
    printed = capsys.readouterr().out
    assert "EuroSAT: found" in printed and "Caltech101: not here. Unpack" in printed
    assert "ViT-B/16: " in printed and "torch " in printed


def test_doctor_sees_two_dassls(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "installed_version", lambda name: "1.0")
    assert main(["doctor"]) == 1
    assert "dassl-lite and the original Dassl are both installed" in capsys.readouterr().out


def test_doctor_names_a_missing_clip(monkeypatch, capsys):
    def refuse():
        raise ImportError("no clip: pip install clip-anytorch")

    monkeypatch.setattr(doctor, "import_clip", refuse)
    assert main(["doctor"]) == 1
    assert "PROBLEM: no clip: pip install clip-anytorch" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and "usage: rpo" in capsys.readouterr().out


def test_a_reader_that_goes_early_is_no_error():
    """As in `rpo doctor | head -1`: what is written after the reader has gone is no traceback."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "rpo.cli", "doctor"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.stderr == "" and done.returncode == 141


def test_importing_rpo_is_light():
    code = "import sys, rpo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
