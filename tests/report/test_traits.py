"""What the reports know of a method comes from its class, also of one in another's folder."""

from itertools import combinations

import numpy as np
import pytest

import rpo.methods
from rpo.methods.traits import known_traits
from rpo.report.comparison import compare
from rpo.report.figures.style import SPARE, styles
from rpo.report.frame import Line
from rpo.report.page.tables import best_cells
from rpo.report.statistics import Noise, summarise
from rpo.report.table import About, Table
from rpo.report.tables import build_tables

OWN = """
from rpo.methods.traits import Traits

class Mine:
    traits = Traits(
        order=55,
        colour="#123456",
        marker="*",
        folder="mine",
        learns={learns},
        mean_of_harmonic=True,
    )
"""


@pytest.fixture
def own_method(tmp_path, monkeypatch):
    """A function that adds a method from a folder of somebody else's."""

    def add(learns=True):
        folder = tmp_path / "their_methods"
        folder.mkdir()
        (folder / "mine.py").write_text(OWN.format(learns=learns))
        monkeypatch.setattr(rpo.methods, "__path__", [*rpo.methods.__path__, str(folder)])
        known_traits.cache_clear()

    yield add
    monkeypatch.undo()
    known_traits.cache_clear()


def write_methods(write_run, *methods):
    for method in methods:
        for classes, accuracies in (("base", (50, 100)), ("new", (100, 60))):
            for seed, accuracy in enumerate(accuracies, start=1):
                write_run(accuracy, method=method, classes=classes, seed=seed)


def test_order_and_colour(own_method, write_run, read_frame):
    """Between CoOp and CoCoOp; a method that nothing is known of stands before the last."""
    own_method()
    write_methods(write_run, "CoCoOp", "Mine", "RPO", "CoOp", "Unknown")
    (table,) = build_tables(read_frame(), ["base2new"])
    assert [row[1] for row in table.rows] == ["CoOp", "Mine", "CoCoOp", "Unknown", "RPO"]
    style = styles(["Mine", "Unknown"])
    assert (style["Mine"].colour, style["Mine"].marker) == ("#123456", "*")
    assert style["Unknown"].colour == SPARE[0][0]


def lab(colour):
    """CIE L*a*b* of a colour such as "#d55e00", by the standard's formulas, under D65."""
    rgb = np.array([int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ linear / np.array([0.9505, 1, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_colours_are_told_apart():
    """No two are closer than 10 (a difference of 2.3 is just seen); no colour and marker twice."""
    used = [(traits.colour, traits.marker) for traits in known_traits().values()]
    every = [*used, *SPARE]
    assert len(every) >= 20 and len(set(every)) == len(every)
    for (one, _), (other, _) in combinations(every, 2):
        assert np.linalg.norm(lab(one) - lab(other)) > 10, (one, other)


def test_the_convention_of_h(own_method, write_run, read_frame):
    """The mean of 66.67 and 75, as RPO's; CoOp's is that of the means, 77.42."""
    own_method()
    write_methods(write_run, "Mine", "CoOp", "RPO")
    (table,) = compare(read_frame())
    means = {row[1]: row[5].mean for row in table.rows if row[4] == "H"}
    assert means["Mine"] == means["RPO"] == pytest.approx(70.8333, abs=1e-4)
    assert means["CoOp"] == pytest.approx(77.4194, abs=1e-4)


def test_what_does_not_learn_has_no_shots(own_method, write_run, read_frame):
    own_method(learns=False)
    write_run(50, method="Mine", classes="all", shots=16, seed=-1)
    write_run(60, classes="all", shots=1)
    write_run(70, classes="all", shots=16)
    (table,) = build_tables(read_frame(), ["shots"])
    assert table.headers[4:] == ("0-shot", "1-shot", "16-shot")
    assert table.rows[0][2] == "Mine" and table.rows[0][4].mean == 50


def accuracy_table(*rows):
    """Rows of (method, shots, backbone, tested, accuracy, error, chance)."""
    about = tuple(
        About(Line(method, "c", shots, backbone), (tested,), {"base": Noise(error, chance)})
        for method, shots, backbone, tested, _, error, chance in rows
    )
    cells = [(row[0], summarise(row[4] if isinstance(row[4], list) else [row[4]])) for row in rows]
    return Table("base2new", "", ("method", "base"), cells, (), about)


COOP, RPO = ("CoOp", 16, "B", "x", 80.0, 1, 10), ("RPO", 16, "B", "x", 82.0, 1, 10)


def but(row, **changes):
    """A row with some of its values replaced."""
    names = ("method", "shots", "backbone", "tested", "accuracy", "error", "chance")
    return tuple((dict(zip(names, row, strict=True)) | changes).values())


BEST = {
    "by more than the error": ([COOP, RPO], {1}),
    "within the error": ([COOP, but(RPO, error=3)], set()),
    "at chance": ([but(COOP, accuracy=5.0), but(RPO, accuracy=10.5)], set()),
    "other shots": ([but(COOP, shots=1), RPO], set()),
    "other backbone": ([but(COOP, backbone="A"), RPO], set()),
    "other classes": ([but(COOP, tested="y"), RPO], set()),
    "untrained": ([but(COOP, method="ZeroshotCLIP", shots=0, accuracy=90.0), RPO], {0}),
    "nothing known": ([COOP, but(RPO, accuracy=80.01, error=None, chance=None)], {1}),
    "alone": ([RPO], set()),
    "within the spread over seeds": ([COOP, but(RPO, accuracy=[76.0, 84.0, 86.0])], set()),
    "within the other's": ([but(COOP, accuracy=[74.0, 80.0, 86.0]), RPO], set()),
    "beyond it": ([COOP, but(RPO, accuracy=[82.0, 83.0, 84.0])], {1}),
}


@pytest.mark.parametrize("rows, best", BEST.values(), ids=BEST)
def test_the_best_of_equal_conditions_is_bold(rows, best):
    assert best_cells(accuracy_table(*rows)) == {(row, 1) for row in best}


def test_error_and_chance_of_a_real_table(write_run, read_frame):
    """240 of 271 digits: 88.56 +- 1.93; guessing five classes is right in 20 of 100."""
    for classes in ("base", "new"):
        names = [str(number) for number in range(5)]
        more = {"images": {"test": 271}, "class_names": names, "classes": classes}
        write_run(100 * 240 / 271, **more)
    (table,) = build_tables(read_frame(), ["base2new"])
    noise = table.about[0].noise
    assert noise["base"].error == pytest.approx(1.9334, abs=1e-4) and noise["base"].chance == 20
    assert noise["H"].error == pytest.approx(noise["base"].error / 2**0.5)
    assert noise["H"].chance == pytest.approx(20)
