"""Metrics and their lines in the log, against hand-made numbers."""

import random

import pytest
import torch
from sklearn.metrics import f1_score

from dassl.evaluation import EVALUATOR_REGISTRY, build_evaluator
from dassl.evaluation.evaluator import macro_f1
from dassl.metrics import compute_accuracy

NAMES = {0: "cat", 1: "dog", 2: "cow"}
TRUTH = [0, 0, 0, 1, 1]
GUESS = [0, 0, 1, 1, 2]


def scores(guesses):
    """Scores (batch, classes) whose best classes are `guesses`."""
    return torch.eye(len(NAMES))[guesses]


@pytest.fixture
def evaluated(cfg):
    """Evaluate TRUTH and GUESS in two batches."""

    def evaluate():
        evaluator = build_evaluator(cfg, lab2cname=NAMES)
        evaluator.process(scores([2]), torch.tensor([0]))
        evaluator.reset()  # so that the batch above does not count
        evaluator.process(scores(GUESS[:2]), torch.tensor(TRUTH[:2]))
        evaluator.process(scores(GUESS[2:]), torch.tensor(TRUTH[2:]))
        return evaluator.evaluate()

    return evaluate


def test_overall_result(evaluated, capsys):
    results = evaluated()
    cat_f1, dog_f1 = 2 * 1 * (2 / 3) / (1 + 2 / 3), 0.5  # the cow is never true, so not counted
    assert list(results) == ["accuracy", "error_rate", "macro_f1"]
    assert list(results.values()) == pytest.approx([60, 40, 50 * (cat_f1 + dog_f1)])
    assert capsys.readouterr().out == (
        "Loading evaluator: Classification\n"
        "=> result\n* total: 5\n* correct: 3\n"
        "* accuracy: 60.0%\n* error: 40.0%\n* macro_f1: 65.0%\n"
    )


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_that_of_scikit_learn(seed):
    draw = random.Random(seed)
    for _ in range(20):
        classes, images = draw.randint(1, 30), draw.randint(1, 100)
        truths, guesses = ([draw.randrange(classes) for _ in range(images)] for _ in range(2))
        expected = f1_score(truths, guesses, average="macro", labels=sorted(set(truths)))
        assert macro_f1(truths, guesses) == expected


def test_per_class_result(cfg, evaluated, capsys):
    cfg.TEST.PER_CLASS_RESULT = True
    assert evaluated()["perclass_accuracy"] == pytest.approx((200 / 3 + 50) / 2)
    assert capsys.readouterr().out.endswith(
        "=> per-class result\n"
        "* class: 0 (cat)\ttotal: 3\tcorrect: 2\tacc: 66.7%\n"
        "* class: 1 (dog)\ttotal: 2\tcorrect: 1\tacc: 50.0%\n"
        "* average: 58.3%\n"
    )


def test_confusion_matrix_is_a_plain_tensor(cfg, evaluated, capsys):
    cfg.TEST.COMPUTE_CMAT = True
    evaluated()
    path = f"{cfg.OUTPUT_DIR}/cmat.pt"
    assert f"Confusion matrix is saved to {path}" in capsys.readouterr().out
    matrix = torch.load(path, weights_only=True)
    assert torch.allclose(matrix[:2], torch.tensor([[2 / 3, 1 / 3, 0], [0, 0.5, 0.5]]).double())


def test_thousands_are_separated(cfg, capsys):
    evaluator = build_evaluator(cfg)
    evaluator.process(scores([0] * 1234), torch.zeros(1234, dtype=torch.long))
    evaluator.evaluate()
    assert "* total: 1,234\n* correct: 1,234\n* accuracy: 100.0%" in capsys.readouterr().out


def test_mistakes_are_named(cfg):
    with pytest.raises(ValueError, match="no batch"):
        build_evaluator(cfg).evaluate()
    cfg.TEST.PER_CLASS_RESULT = True
    with pytest.raises(ValueError, match="lab2cname"):
        build_evaluator(cfg)
    assert EVALUATOR_REGISTRY.registered_names() == ["Classification"]


def test_compute_accuracy():
    output = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    target = torch.tensor([1, 1, 1, 2])
    top1, top2, top3 = compute_accuracy(output, target, topk=(1, 2, 3))
    assert [top1.item(), top2.item(), top3.item()] == [25, 75, 100]
    assert top1.shape == (1,)
    assert compute_accuracy((output, None), target)[0].item() == 25
