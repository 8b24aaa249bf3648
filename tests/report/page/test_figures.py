"""Figures: what they are drawn from, and that they are drawn alike."""

import pytest
from matplotlib.colors import to_hex

from rpo.attention import attention_mask
from rpo.methods.traits import known_traits
from rpo.report import pooled
from rpo.report.figures import masks
from rpo.report.figures.comparing import accuracy_over_shots
from rpo.report.figures.gallery import left_out, write_figures
from rpo.report.figures.single import class_accuracies, confusion_matrix, loss_curves
from rpo.report.figures.style import SPARE, shorten, styles
from rpo.report.page.vector import inline_svg
from rpo.report.statistics import summarise


def test_a_method_has_one_colour_everywhere():
    colour = known_traits()["RPO"].colour
    fifty, sixty = summarise([50.0]), summarise([60.0])
    curves = accuracy_over_shots({"CoOp": {1: fifty}, "RPO": {1: fifty, 2: sixty}})
    line = curves.axes[0].get_legend_handles_labels()[0][1]
    assert to_hex(line[0].get_color()) == colour
    bars = class_accuracies({"cat": 50.0}, {}, "RPO").axes[0].patches
    assert to_hex(bars[0].get_facecolor()) == colour
    loss = loss_curves({1: [{"epoch": 1, "loss": 2.0}]}, "RPO").axes[0].lines
    assert to_hex(loss[-1].get_color()) == colour


def test_configurations_of_a_method_share_its_colour_but_not_its_line():
    first, second = styles(["RPO main_K4", "RPO main_K24"]).values()
    assert first.colour == second.colour and first.line != second.line


@pytest.mark.parametrize("read_only", [True, False])
def test_masks_are_those_of_the_model(read_only):
    image = masks.attention_masks(read_only).axes[1]
    drawn = image.collections[0].get_array().reshape(13, 13) > 0
    expected = attention_mask(10, 3, False, read_only=read_only)[0, 0].expand(13, 13)
    assert (drawn == expected.numpy()).all()
    assert drawn[:, 10:].any() != read_only


def test_confusion_matrix_is_in_percent_of_the_true_class():
    figure = confusion_matrix([(0, 0, 3), (0, 1, 1), (1, 1, 2)], ["cat", "dog"])
    assert figure.axes[0].images[0].get_array().tolist() == [[75, 25], [0, 100]]


@pytest.mark.parametrize("classes", [5, 25, 100])
def test_names_are_told_as_long_as_they_can_be_read(classes):
    names = [f"class {number}" for number in range(classes)]
    axes = confusion_matrix([(0, 0, 1)], names).axes[0]
    assert ("class 3" in [label.get_text() for label in axes.get_yticklabels()]) == (classes <= 30)
    bars = class_accuracies({name: index for index, name in enumerate(names)}, {}).axes[0]
    labels = [label.get_text() for label in bars.get_yticklabels()]
    assert len(labels) == min(classes, 40) and {labels[0], labels[-1]} == {names[0], names[-1]}


def test_methods_of_others_have_the_spare_colours_by_their_order():
    chosen = styles(["RPO", "VaMP", "HiCroPL"])
    assert [(chosen[name].colour, chosen[name].marker) for name in ("VaMP", "HiCroPL")] == [
        *SPARE[:2]
    ]


def test_seeds_are_pooled(make_outputs, read_frame):
    frame = read_frame(make_outputs(methods=["RPO"], parts=["base"]))
    found = pooled.details(frame["content"])
    assert len(found) == 3
    cells = pooled.confusion(found)
    assert sum(count for _, _, count in cells) == 3 * 5 * 40
    right = sum(count for true, predicted, count in cells if true == predicted)
    assert right / 6 == pytest.approx(sum(frame["accuracy"]) / 3)
    bins, first = pooled.reliability(found), [detail["reliability"][9] for detail in found]
    assert bins[9]["count"] == sum(cell["count"] for cell in first)
    weighted = sum(cell["count"] * cell["accuracy"] for cell in first)
    assert bins[9]["accuracy"] == pytest.approx(weighted / bins[9]["count"])
    assert bins[0]["accuracy"] is None


def test_results_on_other_classes_or_bins_are_not_pooled(make_outputs, read_frame):
    frame = read_frame(make_outputs(methods=["RPO"], parts=["base"]))
    first, second, third = frame["content"]
    second["class_names"].reverse()
    third["details"]["test"]["reliability"].pop()
    assert len(pooled.details([first, second, third])) == 1


def test_what_is_drawn_depends_on_the_runs(make_outputs, read_frame):
    few = read_frame(make_outputs(seeds=[1], less=["details", "history"]))
    assert [reason.split(":")[0] for reason in left_out(few)] == [
        "Accuracy over shots",
        "Variance over seeds",
        "Loss curves",
        "Accuracy of each class, confusion matrix and calibration",
    ]
    many = read_frame(make_outputs(shots=[1, 16], parts=["base", "new"]))
    assert left_out(many) == []


def test_every_figure_is_written_as_svg_and_pdf(make_outputs, read_frame, tmp_path):
    frame = read_frame(make_outputs(methods=["RPO"], shots=[1, 4], names=["cat", "dog"]))
    count = write_figures(frame, tmp_path / "figures")
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert len(names) == 2 * count
    for name in ("shots-eurosat-new", "seeds-eurosat-base", "base-new-eurosat"):
        assert f"{name}.svg" in names and f"{name}.pdf" in names
    assert "eurosat-rpo-main-k24-shots-4-new-confusion.pdf" in names


def test_svg_keeps_text_and_refers_to_itself_only():
    svg = inline_svg(class_accuracies({"$5 & $6 <b>": 50.0}, {}), "one", "bars")
    assert ">$5 &amp; $6 &lt;b&gt;</text>" in svg
    assert "http" not in svg and "<style" not in svg
    assert 'id="one-' in svg and 'href="#one-' in svg


def test_long_names_keep_both_ends():
    short = shorten("Boeing 737-200 with a very long name, variant 3", 22)
    assert len(short) == 22 and short.startswith("Boeing 737") and short.endswith("ant 3")
