"""Faster loading changes no random number: cache, workers that live on, batches made ahead."""

import multiprocessing
import threading
from itertools import product

import pytest
import torch

from dassl.data import DataManager
from dassl.data.loader import ahead
from dassl.data.streams import real_workers


def epochs(cfg, count=3, **keys):
    """Paths, augmented images and the global stream after some epochs of training."""
    cfg = cfg.clone()
    for key, value in keys.items():
        cfg.DATALOADER[key] = value
    loader = DataManager(cfg).train_loader_x
    torch.manual_seed(5)
    paths, images = [], []
    for _ in range(count):
        for batch in loader:
            paths += batch["impath"]
            images.append(batch["img"])
    return paths, torch.cat(images), torch.rand(3)


def same(one, other):
    return one[0] == other[0] and torch.equal(one[1], other[1]) and torch.equal(one[2], other[2])


PLAIN = {"CACHE_MEGABYTES": 0, "PERSISTENT_WORKERS": False}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("fast", [{"CACHE_MEGABYTES": 1}, {"PERSISTENT_WORKERS": True}, {}])
def test_the_published_streams_stay(cfg, workers, fast):
    plain = epochs(cfg, NUM_WORKERS=workers, **PLAIN)
    assert same(plain, epochs(cfg, NUM_WORKERS=workers, **fast))


def test_by_image_the_number_of_workers_does_not_matter(cfg):
    results = [epochs(cfg, NUM_WORKERS=workers, AUGMENT_BY="image") for workers in (0, 1, 3)]
    assert same(results[0], results[1]) and same(results[0], results[2])
    plain = epochs(cfg, NUM_WORKERS=0)
    assert results[0][0][:16] == plain[0][:16] and not torch.equal(results[0][1], plain[1])
    first, second = results[0][1][:16], results[0][1][16:32]
    assert not torch.equal(first, second)


def test_by_worker_it_does_matter(cfg):
    one, two = (epochs(cfg, NUM_WORKERS=workers) for workers in (1, 2))
    assert one[0] == two[0] and not torch.equal(one[1], two[1])


@pytest.mark.parametrize(
    "streams",
    [1, 2, 3, 5, 8, *(pytest.param(number, marks=pytest.mark.slow) for number in (4, 6, 7))],
)
def test_streams_do_not_depend_on_who_makes_the_images(cfg, streams):
    """Bit for bit those of a loader with that many workers, in images and in what is left."""
    expected = epochs(cfg, count=2, NUM_WORKERS=streams, **PLAIN)
    for workers, lives_on in [(0, False), *product((1, 2, 3), (False, True))]:
        keys = {"NUM_WORKERS": workers, "PERSISTENT_WORKERS": lives_on, "STREAMS": streams}
        assert same(expected, epochs(cfg, count=2, **keys)), keys


def test_streams_of_all_three_generators(cfg):
    """numpy's and Python's random numbers, too."""
    cfg.INPUT.TRANSFORMS = ("random_translation", "cutout", "gaussian_noise", "random_flip")
    expected = epochs(cfg, count=2, NUM_WORKERS=2, **PLAIN)
    for workers in (0, 1, 2):
        assert same(expected, epochs(cfg, count=2, NUM_WORKERS=workers, STREAMS=2))


@pytest.mark.parametrize(
    ("wanted", "streams", "real"), [(4, 8, 4), (3, 8, 2), (9, 8, 8), (2, 7, 1)]
)
def test_processes_share_the_streams_evenly(wanted, streams, real):
    assert real_workers(wanted, streams) == real and real_workers(wanted, 0) == wanted


def test_a_wrong_source_of_augmentation_is_named(cfg):
    cfg.DATALOADER.AUGMENT_BY = "images"
    with pytest.raises(Exception, match="AUGMENT_BY"):
        DataManager(cfg)


def test_images_are_decoded_once_if_they_fit(cfg, data_root):
    cfg.DATALOADER.TRAIN_X.BATCH_SIZE = 1  # so that no image is left out with the last batch
    for megabytes, again in ((1, True), (0, False), (0.0001, False)):
        cfg.DATALOADER.CACHE_MEGABYTES = megabytes
        manager = DataManager(cfg)
        list(manager.train_loader_x)
        path = data_root / "toy_colours" / "train" / "blue" / "0.png"
        content = path.read_bytes()
        path.unlink()
        if again:
            list(manager.train_loader_x)
        else:
            with pytest.raises(FileNotFoundError, match=str(path)):
                list(manager.train_loader_x) + list(manager.train_loader_x)
        path.write_bytes(content)


@pytest.mark.parametrize("content", [b"no image", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_an_unreadable_image_stops_before_the_first_batch(cfg, data_root, content):
    """Where images are decoded ahead, and not after the epochs that it takes to come to it."""
    path = data_root / "toy_colours" / "train" / "blue" / "0.png"
    path.write_bytes(content)
    loader = DataManager(cfg).train_loader_x
    with pytest.raises(Exception, match=f"Cannot read the image.*{path}"):
        iter(loader)


@pytest.mark.parametrize("lives_on", [False, True])
def test_workers_end_with_an_error(cfg, data_root, lives_on):
    """Another epoch has others."""
    for path in (data_root / "toy_colours" / "train" / "blue").iterdir():
        path.write_text("no image")
    keys = {"NUM_WORKERS": 2, "PERSISTENT_WORKERS": lives_on, "CACHE_MEGABYTES": 0}
    cfg.DATALOADER.update(keys)
    before = multiprocessing.active_children()
    loader = DataManager(cfg).train_loader_x
    for _ in range(2):
        with pytest.raises(Exception, match="Cannot read the image"):
            list(loader)
        assert multiprocessing.active_children() == before


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("workers", [0, 1])
def test_test_batches_made_ahead_are_the_same(cfg, depth, workers):
    cfg.DATALOADER.TEST.PREFETCH, cfg.DATALOADER.NUM_WORKERS = depth, workers
    cfg.DATALOADER.TEST.BATCH_SIZE = 5
    torch.manual_seed(1)
    batches = list(DataManager(cfg).test_loader)
    assert [len(batch["label"]) for batch in batches] == [5, 5, 2]
    assert torch.cat([batch["index"] for batch in batches]).tolist() == list(range(12))
    after = torch.rand(2)
    torch.manual_seed(1)
    torch.empty((), dtype=torch.int64).random_()
    assert torch.equal(after, torch.rand(2))


def test_making_ahead_is_limited_and_ends_with_the_caller():
    made = []

    def batches():
        for number in range(100):
            made.append(number)
            yield number

    before = set(threading.enumerate())
    received = ahead(batches(), depth=2)
    assert [next(received), next(received)] == [0, 1]
    received.close()
    assert len(made) <= 6
    assert not set(threading.enumerate()) - before


def test_an_error_comes_in_its_turn():
    def batches():
        yield 1
        raise ValueError("broken image")

    received = ahead(batches(), depth=4)
    assert next(received) == 1
    with pytest.raises(ValueError, match="broken image"):
        next(received)


def test_by_image_each_image_has_numbers_of_its_own(cfg, data_root):
    for path in (data_root / "toy_colours" / "train").rglob("*.png"):
        path.write_bytes((data_root / "toy_colours/train/blue/5.png").read_bytes())
    _, images, _ = epochs(cfg, count=1, AUGMENT_BY="image")
    assert len({tuple(image.flatten().tolist()) for image in images}) > 8
