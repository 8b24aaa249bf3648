"""Whatever a results.json holds, the report is written: such a file is skipped with a line."""

import copy
import json
import random
from itertools import product

import pytest

from rpo.cli import main
from rpo.report.page import write as page_writer
from rpo.report.reading import read_runs

# What each field is replaced by; as JSON text, because Python writes no 1e999.
WRONG = (
    *("null", '"text"', '""', "-1", "0", "1.5", "1e999", "NaN", "true", "[]", "{}", "[[1]]"),
    *('{"a": {"b": []}}', "1" + "0" * 30, '"\\ud800\\u001b[31m"'),
)
HOLE = "a hole"
GOOD_SEEDS = 2


def places(content, above=()):
    """The way to every value of some JSON, of lists to the first and the last."""
    if isinstance(content, dict):
        steps = list(content)
    else:
        steps = [0, -1][: len(content)] if isinstance(content, list) else []
    for step in steps:
        yield (*above, step)
        yield from places(content[step], (*above, step))


def replaced(content, place):
    """The JSON text with a hole at a place."""
    damaged = copy.deepcopy(content)
    node = damaged
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = HOLE
    return json.dumps(damaged)


@pytest.fixture
def good(make_outputs):
    """A folder of good runs, and the content of one of them."""
    seeds = range(1, GOOD_SEEDS + 1)
    folder = make_outputs(methods=["RPO"], parts=["base"], seeds=seeds, names=["cat", "dog"])
    return folder, json.loads(next(folder.rglob("results.json")).read_text())


def write(folder, number, text):
    path = folder / "damaged" / "main_K24" / f"seed{number}" / "results.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def report(folder, tmp_path):
    """The page, which holds every table and figure."""
    page = tmp_path / "page.html"
    assert main(["report", str(folder), "--html", str(page)]) == 0
    return page.read_text()


def test_no_field_can_break_a_report(good, tmp_path, capsys, monkeypatch):
    """Each field of a file, each replaced by everything that it should not be."""
    folder, content = good
    monkeypatch.setattr(page_writer, "GROUPS_A_WORKER", 10_000)  # others would start for long
    paths = []
    for place, wrong in product(places(content), WRONG):
        seed = 100 + len(paths)
        text = replaced(content | {"seed": seed}, place).replace(f'"{HOLE}"', wrong)
        paths.append(write(folder, seed, text))
    found = read_runs([folder])
    kept = {run.path for _, run in found.runs}
    named = "\n".join(found.notes)
    assert [path for path in paths if path not in kept and str(path) not in named] == []
    assert len(paths) > 1000 and len(kept) - GOOD_SEEDS < len(paths) / 3
    page = report(folder, tmp_path)
    assert "is skipped: its details.test.confusion" in page and "\x1b" not in page


def test_no_file_can_break_a_report(good, tmp_path, capsys):
    """Cut short anywhere, empty, other JSON, random bytes: all of them are skipped."""
    folder, content = good
    text = json.dumps(content)
    rng = random.Random(0)
    damages = [text[: rng.randrange(len(text))] for _ in range(40)]
    damages += ["", "null", "[]", "3", '"text"', "{}", "[" * 100_000, '{"a":' * 100_000]
    damages += [rng.randbytes(size) for size in (1, 10, 1000)] + [text.encode("utf-16")]
    for number, damage in enumerate(damages, start=100):
        write(folder, number, damage)
    (folder / "damaged" / "main_K24" / "seed1000" / "results.json").mkdir(parents=True)
    found = read_runs([folder])
    assert len(found.runs) == GOOD_SEEDS and len(found.notes) == len(damages)
    page = report(folder, tmp_path)
    assert page.count("is skipped") == len(damages)


@pytest.mark.parametrize(
    "damage",
    [
        {"class_names": ["one"]},
        {"class_names": None},
        {"details": {"test": {"confusion": [[0, 2, 1]]}}},
        {"details": {"test": {"confusion": [[0, 1]]}}},
    ],
    ids=str,
)
def test_details_that_do_not_fit_together_are_skipped(good, damage):
    folder, content = good
    details = (damage.get("details") or {}).get("test", {})
    content["details"]["test"] |= details
    content |= {key: value for key, value in damage.items() if key != "details"}
    path = write(folder, 100, json.dumps(content))
    assert any(
        note.startswith(f"{path} is skipped: its details") for note in read_runs([folder])[1]
    )


def test_hostile_text_stays_text(make_outputs, tmp_path, capsys):
    """Terminal escapes, formulas and markup in every name and folder."""
    evil = "=x|<b>\x1b]0;title\x07\x1b[31m\r\n\u202e& $1_2%"
    folder = make_outputs(methods=["RPO"], seeds=[1], names=[evil, "cat"])
    for path in sorted(folder.rglob("results.json")):
        content = json.loads(path.read_text())
        content |= {"dataset": evil, "method": evil, "device": evil, "backbone": evil}
        hostile = (
            tmp_path / "hostile" / f"\x1b[2J{content['classes']}" / evil.replace("/", "") / "seed1"
        )
        hostile.mkdir(parents=True)
        (hostile / "results.json").write_text(json.dumps(content))
    page = report(tmp_path / "hostile", tmp_path)
    printed = {
        form: "".join(_printed(tmp_path / "hostile", form, capsys))
        for form in ("terminal", "markdown", "latex", "csv", "json")
    }
    for text in (page, *printed.values()):
        assert not set(text) & set("\x1b\x07\r\u202e")
    assert "|<b>" not in page + printed["markdown"] and "|&lt;b&gt;" in page
    assert "\n=x" not in printed["csv"] and ",=x" not in printed["csv"]


def _printed(folder, form, capsys):
    capsys.readouterr()
    assert main(["report", str(folder), "--format", form]) == 0
    return capsys.readouterr()
