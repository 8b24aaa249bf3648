"""Methods on features against their papers' equations, an image and a class at a time."""

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

import rpo
from rpo.clip.last_layer import last_layer, without_last_layer
from rpo.methods.tip_adapter import STEPS

TEXTS = ["a photo of a cat.", "a photo of a very long dog with a hat.", "a photo of an owl."]
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 2])


def unit(vector):
    return vector / vector.dot(vector).sqrt()


@pytest.fixture
def clip(random_clip):
    return random_clip()


@pytest.fixture
def images():
    return torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def views():
    """Vectors of 3 views of 7 training images."""
    return torch.randn(3, 7, 64, generator=torch.Generator().manual_seed(3))


def plain_texts(clip, texts=TEXTS):
    with torch.no_grad():
        return clip.encode_text(rpo.clip.texts.tokenize_all(texts, 77))


def plain_images(clip, images):
    with torch.no_grad():
        return clip.encode_image(images)


def build(method, clip, views=None, **settings):
    """The method with what it takes from the training images, its parameters moved a little."""
    model = getattr(rpo, method)(clip, TEXTS, **settings)
    if views is not None:
        model.make_room(LABELS)
        if model.views_to_begin:
            model.begin(views, LABELS)
    generator = torch.Generator().manual_seed(4)
    for parameter in model.learner().parameters():
        parameter.data += 0.02 * torch.randn(parameter.shape, generator=generator)
    return model


def assert_same(model, images, definition):
    """Values and gradients, of images and of their vectors, are those of the definition."""
    parameters = [each for each in model.learner().parameters() if each.requires_grad]
    results = []
    vectors = model.vectors(images)
    labels = torch.arange(len(images)) % len(TEXTS)
    for logits in (definition(), model(images), model(vectors)):
        gradients = torch.autograd.grad(cross_entropy(logits, labels), parameters)
        results.append([logits.detach(), *gradients])
    for result in results[1:]:
        for value, reference in zip(result, results[0], strict=True):
            assert reference.norm() > 0
            assert (value - reference).norm() / reference.norm() < 2e-5


def small_resnet():
    return rpo.clip.openai.model().ModifiedResNet((1, 1, 1, 1), 32, 4, 32, width=8).eval()


@pytest.mark.parametrize("kind", ["vision transformer", "ResNet"])
def test_the_encoder_in_two_parts_is_the_encoder(random_clip, kind):
    clip = random_clip()
    if kind == "ResNet":
        clip.visual = small_resnet()
    images = torch.randn(4, 3, 32, 32)
    before = {name: tensor.clone() for name, tensor in clip.state_dict().items()}
    with torch.no_grad():
        expected = clip.encode_image(images)
        vectors = without_last_layer(clip)(images)
        torch.testing.assert_close(last_layer(clip)(vectors), expected)
    assert vectors.shape[1] == (64 if kind == "vision transformer" else 256)
    assert vectors.shape[1] == last_layer(clip).weight.shape[1]
    with torch.no_grad():
        assert torch.equal(clip.encode_image(images), expected)
    assert all(torch.equal(tensor, before[name]) for name, tensor in clip.state_dict().items())


@pytest.mark.parametrize("method", ["TipAdapter", "TipAdapterF"])
def test_tip_adapter(clip, images, views, method):
    """Every training image votes for its class."""
    model = build(method, clip, views, alpha=1.5, beta=2.0)
    texts, keys = plain_texts(clip), model.learner().weight

    def definition():
        rows = []
        for feature in plain_images(clip, images):
            row = [clip.logit_scale.exp() * unit(feature).dot(unit(text)) for text in texts]
            for key, label in zip(keys, LABELS.tolist(), strict=True):
                alike = unit(feature).dot(key)
                row[label] = row[label] + 1.5 * torch.exp(-2.0 * (1 - alike))
            rows.append(torch.stack(row))
        return torch.stack(rows)

    assert_same(model, images, definition)


def test_the_keys_are_means_of_raw_features(clip, views):
    model = rpo.TipAdapter(clip, TEXTS)
    model.make_room(LABELS)
    model.begin(views, LABELS)
    for image, key in enumerate(model.learner().weight):
        raw = [view[image] @ clip.visual.proj for view in views]
        torch.testing.assert_close(key, unit(sum(raw) / 3))


def test_without_training_images_it_is_zero_shot_clip(clip, images):
    logits = rpo.TipAdapter(clip, TEXTS)(images).softmax(dim=1)
    torch.testing.assert_close(logits, rpo.ZeroshotCLIP(clip, TEXTS)(images).softmax(dim=1))


def test_the_search_is_that_of_the_program(clip, images, views):
    model = build("TipAdapter", clip, views, alpha_scale=5.0, beta_scale=9.0)
    features, labels = plain_images(clip, images), torch.tensor([0, 2, 1, 1, 0])
    found = model.choose(features, labels)
    best = (-1.0, 0, 0)
    zero_shot = clip.logit_scale.exp() * unit_rows(features) @ unit_rows(plain_texts(clip)).T
    alike = unit_rows(features) @ model.learner().weight.T
    for i in range(STEPS[0]):
        beta = i * (9.0 - 0.1) / STEPS[0] + 0.1
        for j in range(STEPS[1]):
            alpha = j * (5.0 - 0.1) / STEPS[1] + 0.1
            votes = (-beta * (1 - alike)).exp() @ torch.eye(3)[LABELS]
            hits = ((zero_shot + alpha * votes).argmax(1) == labels).float().mean().item()
            best = max(best, (hits, alpha, beta), key=lambda each: each[0])
    assert found == pytest.approx(100 * best[0])
    assert model.learner().alpha.item() == pytest.approx(best[1], rel=1e-5)
    assert model.learner().beta.item() == pytest.approx(best[2], rel=1e-5)


def unit_rows(matrix):
    return normalize(matrix, dim=-1)


def test_several_texts_of_a_class(clip):
    """Unit-length features, their mean, unit length again."""
    lists = [TEXTS, ["a cat", "a dog", "an owl"]]
    got = rpo.TipAdapter(clip, lists).class_features()
    for label in range(3):
        both = [unit(plain_texts(clip, texts)[label]) for texts in lists]
        torch.testing.assert_close(got[label], unit((both[0] + both[1]) / 2))


def test_lp_plus_plus(clip, images, views):
    """A probe, and the text features by a weight of each class."""
    model = build("LPPlusPlus", clip, views)
    probe, texts = model.learner(), plain_texts(clip)

    def definition():
        rows = []
        for feature in plain_images(clip, images):
            row = [
                probe.weight[c].dot(unit(feature)) + probe.bias[c]
                + probe.alpha[0, c] * unit(texts[c]).dot(unit(feature))
                for c in range(3)
            ]  # fmt: skip
            rows.append(torch.stack(row))
        return torch.stack(rows)

    assert_same(model, images, definition)


def test_start_and_step_sizes_of_lp_plus_plus(clip, views):
    model = rpo.LPPlusPlus(clip, TEXTS)
    model.begin(views, LABELS)
    features = [unit(vector @ clip.visual.proj) for vector in views[0]]
    texts = [unit(text) for text in plain_texts(clip)]
    own = {
        c: [f for f, label in zip(features, LABELS, strict=True) if label == c] for c in range(3)
    }
    similarity = [sum(f.dot(texts[c]) for f in own[c]) / len(own[c]) for c in range(3)]
    for c in range(3):
        torch.testing.assert_close(model.learner().weight[c], sum(own[c]))
        torch.testing.assert_close(model.learner().alpha[0, c], 250 * sum(similarity) / 3)
    matrix = torch.stack(features)
    largest = torch.linalg.svdvals(matrix)[0] ** 2
    bound = max(sum(f.dot(text) ** 2 for f in features) for text in texts)
    assert model.step_sizes == pytest.approx((4 * 7 / largest.item(), 7 / (4 * bound.item())))


def test_clip_adapter(clip, images):
    """The mixture is of features as they are; unit length comes after it."""
    model = build("CLIPAdapter", clip, ratio=0.3)
    (first, second), texts = model.learner().parameters(), plain_texts(clip)

    def definition():
        rows = []
        for feature in plain_images(clip, images):
            adapted = (second @ (first @ feature).clamp(min=0)).clamp(min=0)
            mixed = unit(0.3 * adapted + 0.7 * feature)
            rows.append(torch.stack([clip.logit_scale.exp() * mixed.dot(unit(t)) for t in texts]))
        return torch.stack(rows)

    assert_same(model, images, definition)


def test_task_res(clip, images):
    """What is added is added to the text features' own length."""
    model = build("TaskRes", clip, residual_scale=0.7)
    residuals, texts = model.learner().text_feature_residuals, plain_texts(clip)

    def definition():
        rows = []
        for feature in plain_images(clip, images):
            shifted = [unit(t + 0.7 * r) for t, r in zip(texts, residuals, strict=True)]
            scale = clip.logit_scale.exp()
            rows.append(torch.stack([scale * unit(feature).dot(t) for t in shifted]))
        return torch.stack(rows)

    assert_same(model, images, definition)


@pytest.mark.parametrize("method", ["TaskRes", "CLAP"])
def test_several_texts_are_averaged_as_they_are(clip, method):
    lists = [TEXTS, ["a cat", "a dog", "an owl"]]
    got = getattr(rpo, method)(clip, lists).learner().base_text_features
    torch.testing.assert_close(got, (plain_texts(clip, TEXTS) + plain_texts(clip, lists[1])) / 2)


@pytest.mark.parametrize("constraint", ["l2", "none"])
def test_clap(clip, images, views, constraint):
    model = build("CLAP", clip, views, constraint=constraint)
    prototypes, texts = model.learner().prototypes, plain_texts(clip)
    scale = clip.logit_scale.exp()

    def definition():
        rows = []
        for feature in plain_images(clip, images):
            rows.append(torch.stack([scale * unit(feature).dot(unit(w)) for w in prototypes]))
        return torch.stack(rows)

    assert_same(model, images, definition)
    sure = {c: [] for c in range(3)}
    for view in views:
        for vector, label in zip(view, LABELS.tolist(), strict=True):
            feature = unit(vector @ clip.visual.proj)
            logits = torch.stack([scale * feature.dot(unit(text)) for text in texts])
            sure[label].append(logits.softmax(dim=0)[label])
    labels = torch.tensor([0, 2, 1, 1, 0])
    expected = cross_entropy(definition(), labels)
    for c in range(3) if constraint == "l2" else ():
        multiplier = sum(sure[c]) / len(sure[c])
        expected = expected + multiplier * ((prototypes[c] - texts[c]) ** 2).sum() / 3
    loss, _ = model.loss(images, labels)
    torch.testing.assert_close(loss, expected)
    got, wanted = (torch.autograd.grad(value, prototypes)[0] for value in (loss, expected))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["vision transformer", "ResNet"])
@pytest.mark.parametrize(("rule", "weight"), [("1/N", 3 / 7), ("1/N2", 9 / 49), ("fixed", 0.3)])
def test_prolip(clip, images, kind, rule, weight):
    """7 images of 3 classes; the bias of a ResNet does not learn."""
    if kind == "ResNet":
        clip.visual = small_resnet()
    start = last_layer(clip)
    with torch.no_grad():
        vectors = without_last_layer(clip)(images)
        torch.testing.assert_close(rpo.ProLIP(clip, TEXTS).features(vectors), start(vectors))
    model = build("ProLIP", clip, rule=rule, weight=0.3)
    model.make_room(LABELS)
    (learnt,), texts = model.learner().parameters(), plain_texts(clip)
    projection = learnt.T if kind == "vision transformer" else learnt

    def definition():
        rows = []
        for vector in vectors:
            feature = projection @ vector + (0 if start.bias is None else start.bias)
            rows.append([clip.logit_scale.exp() * unit(feature).dot(unit(text)) for text in texts])
        return torch.stack([torch.stack(row) for row in rows])

    assert_same(model, images, definition)
    labels = torch.tensor([0, 2, 1, 1, 0])
    expected = (
        cross_entropy(definition(), labels) + weight * ((projection - start.weight) ** 2).sum()
    )
    loss, _ = model.loss(vectors, labels)
    torch.testing.assert_close(loss, expected)
    got, wanted = (torch.autograd.grad(value, learnt)[0] for value in (loss, expected))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-6)


def test_prolip_needs_a_layer_that_is_known(clip):
    clip.visual.proj = None
    with pytest.raises(
        ValueError, match="learns the last layer of the image encoder, and this CLIP"
    ):
        rpo.ProLIP(clip, TEXTS)
