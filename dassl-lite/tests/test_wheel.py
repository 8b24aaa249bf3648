"""What dassl-lite installs."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_dassl_and_nothing_else(tmp_path):
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--wheel",
        "--outdir",
        str(tmp_path),
    ]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("dassl_lite-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"dassl"}
    for source in (ROOT / "dassl").rglob("*.py"):
        assert str(source.relative_to(ROOT)) in names
    assert "dassl/py.typed" in names
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = "import dassl.engine; print(dassl.__file__)"
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert str(tmp_path) in shown
