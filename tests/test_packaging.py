"""What the two distributions install: `rpo` and `dassl`, and nothing called `datasets`."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import quick_python

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The names of the files in both wheels.

    They are built of a copy: a build writes beside its sources, where another process may build.
    """
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheels")
    for name in ("rpo", "trainers", "datasets", "configs", "dassl-lite"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for distribution in (source, source / "dassl-lite"):
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
        subprocess.run([*command, str(distribution)], check=True, capture_output=True)
    wheels = folder.glob("*.whl")
    return {path.name.split("-")[0]: zipfile.ZipFile(path).namelist() for path in wheels}


@pytest.mark.parametrize(("distribution", "name"), [("rpo_clip", "rpo"), ("dassl_lite", "dassl")])
def test_one_top_level_name_each(wheels, distribution, name):
    top_level = {file.split("/")[0] for file in wheels[distribution]}
    assert {entry for entry in top_level if not entry.endswith(".dist-info")} == {name}


def test_the_wheel_is_complete(wheels):
    files = set(wheels["rpo_clip"])
    assert {"rpo/assets/tiny_clip.pt", "rpo/assets/published.csv", "rpo/py.typed"} <= files
    for folder in ("rpo", "trainers", "datasets", "configs"):
        for source in (ROOT / folder).rglob("*.yaml" if folder == "configs" else "*.py"):
            assert f"rpo/{source.relative_to(ROOT).as_posix().removeprefix('rpo/')}" in files
    for template in (ROOT / "rpo/report/page/templates").iterdir():
        assert f"rpo/report/page/templates/{template.name}" in files


def run_in(folder, script, *paths):
    """The standard output of a Python that sees `folder` as a script in it would, then `paths`."""
    environment = quick_python.environment(folder, *paths)
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_an_installed_package_called_datasets_wins_over_our_folder(tmp_path):
    """Hugging Face's, say: also where Python runs in the root of the checkout."""
    package = tmp_path / "site" / "datasets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def load_dataset(): return 'theirs'\n")
    script = "from datasets import load_dataset; import rpo.plugin; print(load_dataset())"
    assert run_in(ROOT, script, package.parent) == "theirs\n"


def test_importing_the_bare_folders_registers_nothing_twice():
    script = "import datasets, trainers, rpo.plugin, rpo.datasets.eurosat; print('fine')"
    assert run_in(ROOT, script) == "fine\n"


@pytest.mark.parametrize("links", [True, False])
def test_a_second_checkout_is_used_whole(tmp_path, links):
    """Ahead of the one that is installed; also on a file system without symbolic links."""
    for name in ("trainers", "datasets", "configs", "rpo"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True)
    for link in [] if links else (tmp_path / "rpo").iterdir():
        if link.is_symlink():
            target = str(link.readlink())
            link.unlink()
            link.write_text(target)  # as git writes them there
    script = """
import sys, rpo.plugin, rpo.experiments.files as files
ours = [m for name, m in sys.modules.items() if name.split(".")[0] == "rpo"]
print({path.split("/rpo/")[0] for m in ours for path in [m.__file__ or list(m.__path__)[0]]})
print(files.config_file("datasets/eurosat.yaml").is_file())
"""
    places, found = run_in(tmp_path, script).splitlines()
    assert str(ROOT) not in places and str(tmp_path) in places
    assert found == "True"


def test_type_checkers_follow_the_links(tmp_path):
    file = tmp_path / "uses.py"
    file.write_text("from rpo.trainers.base import PromptTrainer\nreveal_type(PromptTrainer)\n")
    command = [sys.executable, "-m", "mypy", "--follow-imports", "silent", "--no-site-packages"]
    command += ["--ignore-missing-imports", str(file)]  # PyTorch would take it ten seconds
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    assert "rpo.trainers.base.PromptTrainer" in shown
