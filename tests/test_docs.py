"""Every relative link in every Markdown file leads somewhere, every script named exists."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
listed = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
)
PAGES = [ROOT / name for name in listed.stdout.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_scripts_and_targets(page):
    text = page.read_text(encoding="utf-8")
    missing = [
        name for name in re.findall(r"bash (scripts/\S+\.sh)", text) if not (ROOT / name).exists()
    ]
    makefile = (ROOT / "Makefile").read_text()
    missing += [
        name for name in re.findall(r"^make (\w+)", text, re.M) if f"\n{name}:" not in makefile
    ]
    assert not missing
