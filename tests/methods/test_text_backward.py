"""Blocks of classes and the tolerance, against the definition and against what they promise."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy, normalize

from rpo import memory
from rpo.clip.precision import autocast
from rpo.methods import text_backward
from rpo.methods.rpo import RPO, MaskedForm
from rpo.methods.text_backward import TextBackward

NOUNS = ["cat", "dog", "zebra", "owl", "tiger shark", "tennis ball", "steam locomotive"]
NOUNS += ["teapot", "kettle", "barn"]
TEXTS = [f"a photo of a {noun}." for noun in NOUNS]
LABELS = torch.tensor([0, 7])


def build(clip, **fields):
    torch.manual_seed(0)
    model = RPO(clip, TEXTS, k=3, **fields)
    clip.logit_scale.data.fill_(4.6)
    return model


def images():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def gradient(model):
    """Of the text prompts."""
    cross_entropy(model(images()), LABELS).backward()
    return model.prompt_learner.text_prompt.grad


def gradient_by_definition(model, left_out):
    """Masked form; the gradient on the text features of classes `left_out` set to zero."""
    prompts = model.prompt_learner.text_prompt
    read = MaskedForm().read_texts(model.text_tower, model.ids, model.lengths, prompts)
    features = normalize(model.text_tower.project(read), dim=-1)
    leaf = features.detach().requires_grad_()
    cross_entropy(model.logits(model.image_features(images()).detach(), leaf), LABELS).backward()
    whole = leaf.grad.clone()
    leaf.grad[left_out] = 0
    share = ((whole - leaf.grad).norm() / whole.norm()).item()
    return torch.autograd.grad(features, prompts, leaf.grad)[0], share, whole


def squared_by_class(gradients):
    return gradients.pow(2).sum(dim=(1, 2))


@pytest.mark.parametrize("tolerance", [0.05, 0.3, 0.6, 0.9])
def test_the_smallest_gradients_are_left_out_up_to_the_tolerance(random_clip, tolerance):
    model = build(random_clip(), gradient_tolerance=tolerance)
    got, how = gradient(model), model.text_backward
    order = squared_by_class(gradient_by_definition(model, [])[2]).argsort()
    count = len(TEXTS) - how.differentiated
    expected, share, _ = gradient_by_definition(model, order[:count])
    assert (got - expected).norm() < 1e-5 * expected.norm()
    assert how.dropped == pytest.approx(share, rel=1e-4, abs=1e-6) and how.dropped <= tolerance
    if count < len(TEXTS):  # one more would be too many
        assert gradient_by_definition(model, order[: count + 1])[1] > tolerance


def test_most_tolerances_leave_something_out_and_something_in(random_clip):
    model = build(random_clip(), gradient_tolerance=0.6)
    gradient(model)
    assert 0 < model.text_backward.differentiated < len(TEXTS)


@pytest.mark.parametrize("fields", [{}, {"gradient_tolerance": 1e-12}, {"text_chunk": 3}])
def test_without_a_tolerance_worth_the_name_the_gradient_is_exact(random_clip, fields):
    model = build(random_clip(), **fields)
    expected, _, _ = gradient_by_definition(model, [])
    assert (gradient(model) - expected).norm() < 1e-5 * expected.norm()
    if "gradient_tolerance" in fields:
        assert model.text_backward.differentiated == len(TEXTS) and model.text_backward.dropped == 0


@pytest.mark.parametrize("precision", ["fp32", "amp"])
def test_memory_decides_what_is_read_twice_and_changes_no_bit(random_clip, monkeypatch, precision):
    """Blocks of two classes, of which all, some or none keep their graph."""
    monkeypatch.setattr(memory, "CPU_BUDGET", 2.5 * 3 * 2 * 64 * memory.KEPT_PER_PROMPT * 4)
    found, reads = [], []
    for kept in (99, 2, 0):
        monkeypatch.setattr(text_backward, "blocks_at_once", lambda *_, kept=kept: kept)
        model = build(random_clip())
        read = model.form.read_block
        model.form.read_block = lambda *a, read=read: reads.append(a[-1]) or read(*a)
        with autocast(precision, torch.device("cpu")):
            loss = cross_entropy(model(images()).float(), LABELS)
        loss.backward()
        found.append(model.prompt_learner.text_prompt.grad)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    assert len(reads) == 5 + (5 + 3) + (5 + 5)


def reads_of_two_steps(model, monkeypatch, guess):
    """The second step's gradient, and how many classes it read, with the guess tampered with."""
    read, importance, counts = model.form.read_block, model.importance, []
    monkeypatch.setattr(model, "importance", lambda features: guess(importance(features)))
    monkeypatch.setattr(memory, "CPU_BUDGET", 2.5 * 3 * 2 * 64 * memory.KEPT_PER_PROMPT * 4)
    gradient(model)
    model.zero_grad()
    model.form.read_block = lambda *args: counts.append(args[-1]) or read(*args)
    found = gradient(model)
    return found, sum(len(torch.arange(len(TEXTS))[classes]) for classes in counts)


def negated(importance):
    return None if importance is None else -importance


@pytest.mark.parametrize("tolerance", [0.05, 0.3, 0.6])
def test_a_guess_changes_what_is_read_twice_and_not_the_gradient(
    random_clip, monkeypatch, tolerance
):
    clip = random_clip()

    def second_step(guess):
        with monkeypatch.context() as patch:
            model = build(clip, gradient_tolerance=tolerance)
            return *reads_of_two_steps(model, patch, guess), model.text_backward.differentiated

    without, all_twice, differentiated = second_step(lambda importance: None)
    assert all_twice == len(TEXTS) + differentiated
    right, reads, _ = second_step(lambda importance: importance)
    assert len(TEXTS) <= reads <= len(TEXTS) + len(LABELS)  # the guess knows no labels
    wrong, more, _ = second_step(negated)
    assert reads <= more <= all_twice and (reads < more or differentiated <= 2 * len(LABELS))
    for found in (right, wrong):
        assert (found - without).norm() < 1e-5 * without.norm()


@pytest.mark.parametrize("fields", [{}, {"text_chunk": 4}])
def test_without_memory_or_with_blocks_by_hand_no_guess_keeps_a_graph(
    random_clip, monkeypatch, fields
):
    """It would lie beside that of the block which is read again."""
    monkeypatch.setattr(text_backward, "blocks_at_once", lambda *_: 0)
    model = build(random_clip(), gradient_tolerance=0.6, **fields)
    _, reads = reads_of_two_steps(model, monkeypatch, lambda importance: importance)
    assert reads == len(TEXTS) + model.text_backward.differentiated


def test_the_guess_ends_with_the_epoch(random_clip):
    """So that a run that is resumed there goes on as an undisturbed one, bit for bit."""
    model = build(random_clip(), gradient_tolerance=0.3)
    gradient(model)
    features = model.image_features(images())
    assert model.importance(features) is not None
    model.end_epoch(None, 1, 2)
    assert model.importance(features) is None


def test_a_gradient_that_overflows_is_left_whole_for_the_scaler():
    gradients = torch.ones(4, 1, 2)
    gradients[1] = float("inf")
    how = TextBackward(tolerance=0.5)
    assert how.chosen(gradients).all() and how.differentiated == 4


def test_no_gradient_at_all_needs_no_class(random_clip):
    model = build(random_clip(), gradient_tolerance=0.1)
    (model(images()).sum() * 0).backward()
    assert model.text_backward.differentiated == 0
    assert not model.prompt_learner.text_prompt.grad.any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gradient_tolerance": 1.0}, "gradient_tolerance is 1.0; it must be below 1"),
        ({"gradient_tolerance": 0.1, "compile": "default"}, "choose one of them"),
        ({"gradient_tolerance": -0.1}, "must be at least 0"),
    ],
)
def test_a_tolerance_that_cannot_work_is_refused(random_clip, fields, message):
    with pytest.raises(ValueError, match=message):
        build(random_clip(), **fields)


def test_memory_of_a_control_group_counts(tmp_path, monkeypatch):
    assert 0 < memory.free_bytes(torch.device("cpu")) < 2**50
    monkeypatch.setattr(memory, "_left_in_control_groups", lambda: iter([1000.0, 5.0]))
    assert memory.free_bytes(torch.device("cpu")) == 5


@pytest.mark.parametrize("kept", [99, 2, 0])
@pytest.mark.parametrize("tolerance", [0, 0.3])
def test_a_graph_may_be_asked_twice(random_clip, monkeypatch, kept, tolerance):
    """As ProGrad does, for the gradients of two losses on the same logits."""
    monkeypatch.setattr(memory, "CPU_BUDGET", 2.5 * 3 * 2 * 64 * memory.KEPT_PER_PROMPT * 4)
    monkeypatch.setattr(text_backward, "blocks_at_once", lambda *_: kept)
    model = build(random_clip(), gradient_tolerance=tolerance)
    for _ in range(2):  # in the second step with a guess of what matters
        loss = cross_entropy(model(images()), LABELS)
        prompts = model.prompt_learner.text_prompt
        first, second = (
            torch.autograd.grad(loss, prompts, retain_graph=more)[0] for more in (True, False)
        )
        assert (first - second).norm() < 1e-5 * first.norm()


def test_no_second_derivative_is_pretended(random_clip):
    model = build(random_clip(), text_chunk=2)
    prompts = model.prompt_learner.text_prompt
    with sdpa_kernel(SDPBackend.MATH):  # whose own derivative has one
        loss = cross_entropy(model(images()), LABELS)
        (first,) = torch.autograd.grad(loss, prompts, create_graph=True)
        with pytest.raises(RuntimeError, match="marked with @once_differentiable"):
            first.pow(2).sum().backward()
