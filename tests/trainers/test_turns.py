"""Runs taken in turns end as they do alone, and share what CLIP computes by itself."""

import json
import random
import sys

import numpy as np
import pytest
import torch

from rpo import attention, turns
from rpo.clip.load import keep_clip
from rpo.methods import rpo as definition
from rpo.methods.shared_pass import sharing

VARIANTS = [
    (),
    ("TRAINER.RPO.INIT", "random"),
    ("OPTIM.LR", 0.1),
    ("TRAINER.RPO.NOISE", "gaussian"),
]


def trained(make_trainer, options, folder):
    trainer = make_trainer(options=(*options, "OUTPUT_DIR", str(folder), "OPTIM.MAX_EPOCH", 2))
    trainer.train()
    return trainer.model.learner().state_dict(), trainer.metrics


@pytest.fixture
def image_passes(monkeypatch):
    """Each time CLIP's image encoder is passed for training."""
    calls, own = [], definition.image_layers

    def counted(tower, images):
        if torch.is_grad_enabled():
            calls.append(len(images))
        return own(tower, images)

    monkeypatch.setattr(definition, "image_layers", counted)
    return calls


def test_in_turns_as_alone(make_trainer, tmp_path, image_passes):
    alone = []
    for index, options in enumerate(VARIANTS):
        alone.append(trained(make_trainer, options, tmp_path / f"alone{index}"))
    passes = len(image_passes) // len(VARIANTS)
    image_passes.clear()
    with keep_clip(), sharing():
        ended = turns.in_turns(
            [
                lambda index=index, options=options: trained(
                    make_trainer, options, tmp_path / f"turns{index}"
                )
                for index, options in enumerate(VARIANTS)
            ]
        )
    assert len(image_passes) == passes
    record = json.loads((tmp_path / "turns0" / "results.json").read_text())
    assert record["peak_mb"] is None and record["seconds"]["train"] > 0
    for (result, error), (state, metrics) in zip(ended, alone, strict=True):
        assert error is None
        assert all(torch.equal(result[0][name], state[name]) for name in state)
        assert result[1] == metrics


def test_other_images_are_not_mistaken_for_these(make_trainer, tmp_path):
    """Another number of prompts draws other random numbers, and so another order of images."""
    variants = [("TRAINER.RPO.K", 2), ("TRAINER.RPO.K", 5), ("SEED", 2)]
    alone = [trained(make_trainer, each, tmp_path / f"a{i}") for i, each in enumerate(variants)]
    with keep_clip(), sharing():
        ended = turns.in_turns(
            [
                lambda i=i, each=each: trained(make_trainer, each, tmp_path / f"t{i}")
                for i, each in enumerate(variants)
            ]
        )
    for (result, _), (state, _) in zip(ended, alone, strict=True):
        assert all(torch.equal(result[0][name], state[name]) for name in state)


def draw(count):
    """Random numbers of three kinds, with pauses in between."""
    found = []
    for _ in range(count):
        found.append((random.random(), np.random.rand(), torch.rand(1).item()))
        turns.pause()
    return found


def test_each_has_its_own_random_numbers_and_output(capsys):
    turns.pause()  # without others, nothing happens
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    expected = draw(3)
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    before = torch.get_rng_state()

    def redirected():
        sys.stdout = sys.stderr
        turns.pause()
        print("to stderr")
        return draw(3)

    ended = turns.in_turns([lambda: draw(3), redirected, lambda: print("to stdout")])
    assert ended[0][0] == expected and ended[1][0] == expected
    assert torch.equal(torch.get_rng_state(), before)
    assert capsys.readouterr() == ("to stdout\n", "to stderr\n")


def test_the_time_of_the_others_does_not_count(monkeypatch):
    moment = [0.0]
    monkeypatch.setattr(turns.time, "time", lambda: moment[0])

    def work(seconds):
        started = turns.clock()
        for _ in range(3):
            moment[0] += seconds
            turns.pause()
        return turns.clock() - started

    ended = turns.in_turns([lambda: work(1), lambda: work(10)])
    assert [seconds for seconds, _ in ended] == [3, 30] and turns.clock() == moment[0]


def test_one_that_fails_leaves_the_others():
    def fail():
        turns.pause()
        raise ValueError("of this run alone")

    ended = turns.in_turns([fail, lambda: draw(2)])
    assert str(ended[0][1]) == "of this run alone" and len(ended[1][0]) == 2


def test_an_interrupt_ends_all(monkeypatch):
    went, own = [], turns._Run.go_on

    def interrupted(run):
        went.append(run)
        if len(went) == 3:
            raise KeyboardInterrupt
        own(run)

    cleaned = []

    def task():
        try:
            draw(100)
        finally:
            cleaned.append(True)

    monkeypatch.setattr(turns._Run, "go_on", interrupted)
    with pytest.raises(KeyboardInterrupt):
        turns.in_turns([task, task])
    assert cleaned == [True, True]


def test_attention_is_not_changed_by_sharing():
    assert definition.frozen_layers is attention.frozen_layers
