"""Which text each method gives to the classes, and that the log says so."""

import pytest

from rpo.methods.traits import known_traits

# The dataset is EuroSAT, whose classes are called class_0, class_1, ... in the miniature.
SATELLITE = "a centered satellite photo of class 0."
PUBLISHED = {
    "ZeroshotCLIP": SATELLITE,
    "RPO": "a photo of a class_0.",
    "LP": "A photo of a class_0",
    "VPT": "a photo of a class 0.",
    "CLIPLoRA": "a photo of a class 0.",
    "MMRL": SATELLITE,
    "TwoStage": "a photo of a class 0.",
}
TAKE_NAMES = ("CoOp", "CoCoOp", "MaPLe", "IVLP", "PromptSRC")


@pytest.fixture
def texts(make_trainer, monkeypatch, capsys):
    """A function to the first class's text, or name, as the method gets it, and the log."""

    def get(method, *options):
        seen = []
        trainer = make_trainer(method, options=options)
        seen.append(trainer.classes())
        return seen[0], capsys.readouterr().out

    return get


@pytest.mark.parametrize("method", PUBLISHED)
def test_published_texts_are_the_default(texts, method):
    """Also with the dataset YAML files of RPO's authors, which set the same PROMPT everywhere."""
    for options in ((), ("DATASET.PROMPT", "a photo of a _.")):
        classes, log = texts(method, *options)
        assert classes[0] == PUBLISHED[method]
        assert 'Class texts: "' in log and "(of " in log


@pytest.mark.parametrize("method", PUBLISHED)
@pytest.mark.parametrize(
    ("key", "value"),
    [("DATASET.TEMPLATE", "an X-ray of a {}."), ("DATASET.PROMPT", "an X-ray of a _.")],
)
def test_a_text_of_ones_own_reaches_every_method(texts, method, key, value):
    classes, log = texts(method, key, value)
    assert classes[0].replace("_", " ") == "an X-ray of a class 0."
    assert f'Class texts: "an X-ray of a {{}}." ({key})' in log


def test_it_joins_the_seven_of_the_ensemble(texts):
    classes, _ = texts("ZeroshotCLIP2", "DATASET.TEMPLATE", "an X-ray of a {}.")
    assert len(classes) == 8 and classes[-1][0] == "an X-ray of a class 0."


def test_keys_of_one_method_are_its_own_default(texts):
    lp, _ = texts("LP", "TRAINER.LP.PROMPT", "this is {cls_name}")
    vpt, _ = texts("VPT", "TRAINER.VPT.CTX_INIT", "this_is")
    assert (lp[0], vpt[0]) == ("this is class_0", "this is class 0.")


@pytest.mark.parametrize("method", TAKE_NAMES)
def test_methods_that_learn_the_words_say_so(texts, method):
    classes, log = texts(method, "DATASET.TEMPLATE", "an X-ray of a {}.")
    assert classes[0] == "class 0"
    assert "does not reach it: TRAINER." in log and "CTX_INIT" in log


# What the learnt words are held near, on EuroSAT and on textures.
HELD_NEAR = {
    "KgCoOp": (SATELLITE, "a photo of a class 0, a type of texture."),
    "ProGrad": (SATELLITE, "a texture of class 0."),
    "TCP": (SATELLITE, "a photo of a class 0, a type of texture."),
}
# What the learnt words stand before, where it is not the name.
LEARNT = {"TCP": "class 0."}


@pytest.mark.parametrize("method", HELD_NEAR)
def test_methods_that_hold_learnt_words_near_a_text(texts, make_trainer, method):
    expected = HELD_NEAR[method]
    (names, held), log = texts(method)
    assert (names[0].removeprefix("X X X X "), held[0]) == (
        LEARNT.get(method, "class 0"),
        expected[0],
    )
    assert 'Class texts: learnt words, held near "a centered satellite' in log
    textures = make_trainer(method, "DescribableTextures").classes()[1]
    assert textures[0] == expected[1]
    own, log = texts(method, "DATASET.TEMPLATE", "an X-ray of a {}.")
    assert own[1][0] == "an X-ray of a class 0." and "(DATASET.TEMPLATE)" in log


def test_every_method_is_covered():
    others = {"ZeroshotCLIP2", "LogisticProbe"}
    assert {*PUBLISHED, *TAKE_NAMES, *HELD_NEAR, *others} <= set(known_traits())


@pytest.mark.parametrize("method", ["RPO", "CoOp"])
@pytest.mark.parametrize(("value", "name"), [("keep", "class_0"), ("spaces", "class 0")])
def test_underscores_as_asked(texts, method, value, name):
    classes, _ = texts(method, "DATASET.UNDERSCORES", value)
    assert name in classes[0]


def test_a_template_without_a_slot_is_refused(make_trainer):
    with pytest.raises(ValueError, match='"a photo." has no "{}" for the class name'):
        make_trainer("ZeroshotCLIP", options=("DATASET.TEMPLATE", "a photo."))
