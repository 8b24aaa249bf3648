"""Settings are declared once; keys, checks and what is known of a method come from there."""

import importlib
from dataclasses import dataclass

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from torch import nn

import rpo
from rpo import registration
from rpo.checkpoints import load_parameters
from rpo.cli import explain, main
from rpo.methods import settings
from rpo.methods.settings import check, described, setting
from rpo.methods.traits import known_modules, known_traits
from rpo.trainers.base import PromptTrainer
from rpo.trainers.config import default_config

METHODS = {
    name: getattr(importlib.import_module(module), name) for name, module in known_modules().items()
}
# Every key below TRAINER with its default: names that people have in their YAML files.
KEYS = {
    "CLIPLORA": {
        "ALPHA": 1, "DROPOUT_RATE": 0.25, "ENCODER": "both", "N_ITERS": 0, "PARAMS": "q k v",
        "POSITION": "all", "PREC": "fp16", "R": 2,
    },
    "COCOOP": {"CTX_INIT": "", "MEMORY": 512, "N_CTX": 16, "PREC": "fp16"},
    "COOP": {
        "CLASS_TOKEN_POSITION": "end", "CSC": False, "CTX_INIT": "", "N_CTX": 16, "PREC": "fp16",
    },
    "IVLP": {
        "CTX_INIT": "a photo of a", "N_CTX_TEXT": 2, "N_CTX_VISION": 2, "PREC": "fp16",
        "PROMPT_DEPTH_TEXT": 9, "PROMPT_DEPTH_VISION": 9,
    },
    "KGCOOP": {
        "CLASS_TOKEN_POSITION": "end", "CSC": False, "CTX_INIT": "a photo of a", "N_CTX": 4,
        "PREC": "fp16", "W": 8.0,
    },
    "LOGISTICPROBE": {"C": 0.0},
    "LP": {"PREC": "fp16", "PROMPT": "A photo of a {cls_name}"},
    "MAPLE": {"CTX_INIT": "a photo of a", "N_CTX": 2, "PREC": "fp16", "PROMPT_DEPTH": 9},
    "MMRL": {
        "ALPHA": 0.7, "HEADS": "known", "N_REP_TOKENS": 5, "PREC": "fp16", "REG_WEIGHT": 1.0,
        "REP_DIM": 512, "REP_LAYERS": (6, 7, 8, 9, 10, 11, 12),
    },
    "PROGRAD": {
        "CSC": False, "CTX_INIT": True, "N_CTX": 16, "PREC": "fp16", "REMOVED": 1.0, "T": 1.0,
    },
    "PROMPTSRC": {
        "CTX_INIT": "a photo of a", "GPA_MEAN": 15.0, "GPA_STD": 1.0, "IMAGE_LOSS_WEIGHT": 10.0,
        "N_CTX_TEXT": 4, "N_CTX_VISION": 4, "PREC": "fp16", "PROMPT_DEPTH_TEXT": 9,
        "PROMPT_DEPTH_VISION": 9, "TEXT_LOSS_WEIGHT": 25.0,
    },
    "RPO": {
        "COMPILE": "none", "CTX_INIT": "", "FORM": "cached", "GRADIENT_TOLERANCE": 0.0,
        "INIT": "st", "K": 24, "MODALITY": "both", "NOISE": "unit", "PREC": "fp16",
        "READ_ONLY": True, "TEXT_CHUNK": 0,
    },
    "TCP": {"CTX_INIT": "", "EPS": 1e-3, "LAYER": 9, "N_CTX": 4, "PREC": "fp16", "W": 8.0},
    "TWOSTAGE": {
        "LN_MODALITY": "both", "LN_TEXT_START": 0, "LN_VISION_START": 0, "N_ITERS": 0,
        "N_ITERS_FRAC": 0.6, "PREC": "fp16",
    },
    "VPT": {
        "CTX_INIT": "a photo of a", "N_CTX_VISION": 2, "PREC": "fp16", "PROMPT_DEPTH_VISION": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("section", KEYS)
def test_keys_come_from_the_settings(section):
    assert dict(default_config().TRAINER[section]) == KEYS[section]


@pytest.mark.parametrize("name", METHODS)
def test_every_setting_has_a_meaning(name):
    for field, _, meaning in described(METHODS[name].Settings):
        assert meaning[0].isupper() and meaning.endswith("."), field


@pytest.mark.parametrize("name", METHODS)
def test_traits_in_the_source_are_those_of_the_class(name):
    assert known_traits()[name] == METHODS[name].traits
    assert TRAINER_REGISTRY.get(name).method is METHODS[name]


def test_every_registered_method_has_traits_of_its_own():
    assert set(TRAINER_REGISTRY.registered_names()) == set(METHODS)
    for trait in ("order", "colour", "marker", "folder"):
        values = [getattr(traits, trait) for traits in known_traits().values()]
        assert len(set(values)) == len(values), trait


@dataclass(frozen=True)
class Example(settings.Settings):
    count: int = setting(2, "How many.", at_least=1)
    rate: float = setting(0.5, "How fast.", at_least=0)
    start: str = setting("here", "Where.", choices=("here", "there"))
    loud: bool = setting(False, "Whether.")


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"count": 0}, ValueError, "count is 0; it must be at least 1"),
        ({"rate": -1}, ValueError, "rate is -1; it must be at least 0"),
        ({"rate": float("nan")}, ValueError, "rate is nan"),
        ({"start": "away"}, ValueError, 'start is "away"; it can be here, there'),
        ({"count": 1.5}, TypeError, "count is 1.5; it must be of type int"),
        ({"count": True}, TypeError, "count is True"),
        ({"loud": 1}, TypeError, "loud is 1; it must be of type bool"),
    ],
)
def test_values_that_cannot_work(values, error, message):
    with pytest.raises(error, match=message):
        Example(**values)
    with pytest.raises(error, match=message.split()[0].upper()):
        check(Example, {**vars(Example()), **values}, str.upper)


def test_an_integer_is_a_fine_number():
    assert Example(rate=1).rate == 1


def test_meanings_say_what_is_allowed():
    meanings = {name: meaning for name, _, meaning in described(Example)}
    assert meanings["count"] == "How many. At least 1."
    assert meanings["start"] == "Where. One of here, there."


def test_fields_of_a_plain_dataclass(tmp_path):
    """A default is all that a field needs; without one it is named."""

    @dataclass(frozen=True)
    class Plain(settings.Settings):
        start: float = 1.0

    assert list(described(Plain)) == [("start", 1.0, "")] and Plain(start=2).start == 2
    with pytest.raises(TypeError, match="start is 'x'; it must be of type float"):
        Plain(start="x")
    without = dataclass(frozen=True)(type("Bare", (), {"__annotations__": {"start": float}}))
    with pytest.raises(ValueError, match=r"the field start of .*Bare has no default, as in start:"):
        list(described(without))


def test_a_folder_of_methods_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("rpo.__path__", [*rpo.__path__, str(tmp_path / "gone")])
    monkeypatch.setattr("rpo.commands.methods.known_traits", known_traits.__wrapped__)
    assert main(["methods"]) == 2
    assert f"RPO_PATH names {tmp_path / 'gone'}, and there is no such" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"#771133"', '"greenish"'), r"one.py, line 2, traits of One: colour is 'greenish'"),
        (('marker="<"', 'marker="star"'), "traits of One: marker is 'star'; it can be"),
        (("order=46", 'order="x"'), "traits of One: order is 'x'; it is a number"),
        (('folder="one"', 'folder="a/b"'), "traits of One: folder is 'a/b'"),
        (
            ("order=46", "order=40 + 6"),
            r"line 2, traits of One: order is 40 \+ 6, which is no liter",
        ),
        (
            ("Traits(order=46", "Traits(46"),
            r"is not Traits\(order=..., colour=..., .*, each by its",
        ),
        (("class One", "class CoOp"), "one.py: there is a method CoOp already, in .*coop.py"),
    ],
)
def test_traits_that_no_table_could_use_are_named(tmp_path, monkeypatch, change, said):
    stated = 'class One:\n    traits = Traits(order=46, colour="#771133", marker="<", folder="one")'
    (tmp_path / "one.py").write_text(stated)
    monkeypatch.setattr("rpo.methods.__path__", [*rpo.methods.__path__, str(tmp_path)])
    assert "One" in known_traits.__wrapped__()
    (tmp_path / "one.py").write_text(stated.replace(*change))
    with pytest.raises(ValueError, match=said):
        known_traits.__wrapped__()


@pytest.mark.parametrize("start", ["traits: Traits = Traits(", "traits: Any = rpo.Traits("])
def test_traits_may_be_annotated_and_named_by_their_module(tmp_path, monkeypatch, start):
    stated = 'order=46, colour="#771133", marker="<", folder="one")'
    (tmp_path / "one.py").write_text(f"class One:\n    {start}{stated}")
    monkeypatch.setattr("rpo.methods.__path__", [*rpo.methods.__path__, str(tmp_path)])
    assert known_traits.__wrapped__()["One"].folder == "one"


def test_a_file_that_another_hides_is_named(tmp_path, monkeypatch):
    (tmp_path / "coop.py").write_text("")
    monkeypatch.setattr("rpo.methods.__path__", [*rpo.methods.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match=r"coop.py would never be imported, for .*methods/coop.py"):
        known_traits.__wrapped__()


def test_a_folder_without_the_folders_that_count_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("rpo.__path__", [*rpo.__path__, str(tmp_path)])
    with pytest.raises(FileNotFoundError, match="has none of the folders methods, trainers, data"):
        known_traits.__wrapped__()


def test_where_an_error_of_ones_own_file_is_from(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("def look():\n    return {}['foo']\n")
    monkeypatch.setenv("RPO_PATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    import mine

    with pytest.raises(KeyError) as caught:
        mine.look()
    assert explain(caught.value) == f"foo ({tmp_path}/mine.py, line 2)"
    monkeypatch.setenv("RPO_PATH", "")
    assert explain(caught.value) == "foo"


def test_a_trainer_without_a_section_is_named():
    class Nameless(PromptTrainer):
        method = rpo.CoOp

    with pytest.raises(ValueError, match='Nameless has no section: .* section = "NAMELESS"'):
        Nameless.add_config(default_config())


def test_a_method_without_a_trainer_is_named(monkeypatch):
    monkeypatch.setattr(registration, "known_modules", lambda: {"Mine": "rpo.methods.mine"})
    with pytest.raises(ValueError, match="the method Mine of rpo.methods.mine has no trainer"):
        registration.check_registered(TRAINER_REGISTRY, "trainer", "Mine")


def test_names_of_its_own_are_the_learners(tmp_path):
    """CLIP's weights, which some original programs save along, may be called the same."""
    learner = nn.Linear(1, 1)
    learner.register_parameter("logit_scale", nn.Parameter(torch.zeros(())))
    state = {"weight": torch.ones(1, 1), "bias": torch.ones(1), "logit_scale": torch.ones(())}
    load_parameters(learner, state | {"proj": torch.ones(1)}, tmp_path, {"logit_scale", "proj"})
    assert learner.logit_scale == 1
