"""The page as text: whole, harmless, complete, whatever the runs lack."""

import json
import re
from html.parser import HTMLParser

import pytest

from rpo.cli import main
from rpo.commands import report
from rpo.report.frame import build_frame
from rpo.report.page import write
from rpo.report.page.write import render
from rpo.report.pooled import groups
from rpo.report.reading import read_runs
from rpo.report.tables import build_tables

EMPTY = {"meta", "link", "br", "img", "input"}
EVIL = "<script>alert('cat')</script>"


class Page(HTMLParser):
    """Elements that are open, every start tag, and all text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(folder):
    runs, notes = read_runs([folder])
    frame = build_frame(runs)
    text = render(frame, build_tables(frame), notes=notes)
    return text, Page(text), frame


@pytest.fixture(scope="module")
def whole(tmp_path_factory, outputs_writer):
    """Text, parsed page and frame of some runs with everything that there is to show."""
    folder = outputs_writer(tmp_path_factory.mktemp("runs"), names=["cat", EVIL, 'a "dog" & $5'])
    return page_of(folder)


def test_elements_are_closed_and_ids_are_unique(whole):
    _, page, _ = whole
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_links_inside_lead_somewhere(whole):
    _, page, _ = whole
    ids = {attributes.get("id") for _, attributes in page.tags}
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert {link.removeprefix("#") for link in links} <= ids
    assert "#eurosat-rpo-main-k24-shots-16" in links


def test_nothing_is_loaded_from_outside(whole):
    text, page, _ = whole
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
    assert not re.search(r"@import|https?://|url\((?!['\"]?(#|data:))", text)


def test_every_run_is_there(whole):
    _, page, frame = whole
    for run in frame.itertuples():
        assert str(run.path) in page.text
        assert f"{run.accuracy:.2f} %" in page.text


def test_foreign_text_is_text(whole):
    text, page, _ = whole
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert EVIL in page.text and EVIL not in text


def test_figures_of_every_group(whole):
    _, page, _ = whole
    labels = [attributes.get("aria-label", "") for tag, attributes in page.tags if tag == "svg"]
    for kind in ("Variance over seeds", "Base against new", "Attention masks", "Loss"):
        assert any(label.startswith(kind) for label in labels)
    assert sum(label.startswith("Calibration") for label in labels) == 3 * 2


def test_older_runs_lack_metrics_and_say_so(make_outputs):
    folder = make_outputs(less=["details", "history", "versions", "config", "data", "peak_mb"])
    for path in folder.rglob("results.json"):
        content = json.loads(path.read_text())
        content["metrics"]["test"] = {"accuracy": content["metrics"]["test"]["accuracy"]}
        path.write_text(json.dumps(content))
    _, page, frame = page_of(folder)
    assert "Loss curves: no results.json holds a history" in page.text
    assert page.open == [] and str(frame["path"][0]) in page.text


def test_logs_of_the_original_programs(tmp_path, write_log):
    for seed, accuracy in ((1, 94.4), (2, 94.3), (3, 94.4)):
        folder = f"logs/rpo/test_new/caltech101/shots_16/RPO/main_K24/seed{seed}"
        write_log(folder, accuracy, seed=seed, eval_only=True, counts=seed > 1)
    _, page, frame = page_of(tmp_path / "logs")
    assert len(frame) == 3 and "94.37" in page.text
    assert "94.4 %" in page.text and "94.40 %" in page.text


def test_skipped_and_replaced_files_are_listed(make_outputs, write_log):
    folder = make_outputs(methods=["RPO"], seeds=[1], less=["details"])
    broken = folder / "<b>" / "seed9" / "results.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("[]")
    write_log("output/a/seed1", None)
    write_log("output/b/seed1", 90.0)
    write_log("output/b/seed1", 91.0, name="log.txt-2023-08-01-10-00-00")
    text, page, _ = page_of(folder)
    assert f"{broken} is skipped: it is [], not a mapping" in page.text and "<b>/" not in text
    assert "a/seed1/log.txt is skipped: no accuracy on the test set is in it" in page.text
    assert "had a rerun, which counts" in page.text
    assert "#notes" in {attributes.get("href") for tag, attributes in page.tags if tag == "a"}


def test_only_zero_shot(make_outputs):
    _, page, _ = page_of(make_outputs(methods=["ZeroshotCLIP"]))
    assert "untrained" in page.text and "no seed" in page.text


def test_pictures_of_rpo_look_are_inside(make_outputs, draw_image):
    folder = make_outputs(methods=["RPO"], seeds=[1], parts=["base"])
    path = next(folder.rglob("results.json"))
    draw_image(path.parent / "attention.png")
    _, page, _ = page_of(folder)
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(sources) == 1 and sources[0].startswith("data:image/png;base64,iVBOR")


def test_several_processes_draw_the_same(make_outputs, read_frame, monkeypatch):
    found = groups(read_frame(make_outputs(methods=["CoOp", "RPO"], seeds=[1])))
    monkeypatch.setattr(write, "GROUPS_A_WORKER", 1)
    assert write._sections(found, workers=2) == write._sections(found, workers=1)


def test_what_differs_between_runs_comes_first(make_outputs):
    _, page, _ = page_of(make_outputs(methods=["RPO"], parts=["base"], less=["details"]))
    assert "SEED 2" in page.text and "OPTIM.LR 0.01" not in page.text


def test_the_command_writes_the_page_and_says_its_size(make_outputs, tmp_path, capsys):
    folder = make_outputs(methods=["RPO"], seeds=[1], less=["details"])
    html, figures = tmp_path / "new" / "page.html", tmp_path / "figures"
    assert main(["report", str(folder), "--html", str(html), "--figures", str(figures)]) == 0
    output = capsys.readouterr()
    assert f"the page is {html} (" in output.err and "MB)" in output.err
    assert "| EuroSAT" in output.out
    assert html.read_text().startswith("<!doctype html>")
    assert (figures / "base-new-eurosat.pdf").read_bytes().startswith(b"%PDF")


def test_without_matplotlib_it_is_said_how_to_get_it(make_outputs, monkeypatch, capsys):
    folder = str(make_outputs(methods=["RPO"], seeds=[1]))
    monkeypatch.setattr(report, "find_spec", lambda name: None if name == "matplotlib" else name)
    assert main(["report", folder]) == 0
    assert main(["report", folder, "--html", "page.html"]) == 2
    message = "--html needs matplotlib: pip install 'rpo-clip[report]'"
    assert message in capsys.readouterr().err


def test_runs_that_were_trained_elsewhere_are_told_apart(make_outputs):
    folder = make_outputs(methods=["RPO"], datasets=["ImageNet", "ImageNetV2"], parts=["all"])
    for path in folder.rglob("imagenetv2/**/results.json"):
        source = {"dataset": "ImageNet", "classes": "all", "shots": 16, "seed": 1}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"trained_on": source}))
    _, page, _ = page_of(folder)
    ids = [attributes.get("id") for tag, attributes in page.tags if tag == "details"]
    assert "imagenetv2-from-imagenet-rpo-main-k24-shots-16" in ids
    assert "main_K24, trained on ImageNet" in page.text
    assert "Domain generalization" in page.text
