"""`rpo` and `rpo doctor`."""

import argparse
import os
import subprocess
import sys

import pytest

from rpo.cli import COMMANDS, build_parser, main
from rpo.commands import doctor


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


def test_doctor_names_a_torchvision_that_does_not_fit(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "PROBLEM: torchvision, for some transforms of images, does not fit" in said


def test_doctor_names_a_missing_clip(monkeypatch, capsys):
    def refuse():
        raise ImportError("no clip: pip install clip-anytorch")

    monkeypatch.setattr(doctor.openai, "package_folder", refuse)
    assert main(["doctor"]) == 1
    assert "PROBLEM: no clip: pip install clip-anytorch" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and "usage: rpo" in capsys.readouterr().out


def flags(parser):
    """Every argument of a command and of its actions, such as `rpo data check`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from flags(below)
        else:
            yield action


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_says_what_it_is(command):
    (commands,) = (each for each in build_parser(command)._actions if each.choices)
    assert [each for each in flags(commands.choices[command]) if not each.help] == []


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
