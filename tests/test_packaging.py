"""What the two distributions install: `rpo` and `dassl`, and nothing called `datasets`."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The names of the files in both wheels."""
    folder = tmp_path_factory.mktemp("wheels")
    for source in (ROOT, ROOT / "dassl-lite"):
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
        subprocess.run([*command, str(source)], check=True, capture_output=True)
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
    for template in (ROOT / "rpo/reporting/page/templates").iterdir():
        assert f"rpo/reporting/page/templates/{template.name}" in files


def test_hugging_face_datasets_is_not_shadowed():
    """Nor in a test run: the repository root is not on the path."""
    import importlib.util

    spec = importlib.util.find_spec("datasets")
    assert spec is None or str(ROOT) not in str(spec.origin or spec.submodule_search_locations)
