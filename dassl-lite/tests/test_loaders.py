"""Loaders: batches, shuffling, summary, and images that cannot be read."""

import pytest
import torch

from dassl.data import DataManager, DatasetWrapper
from dassl.data.data_manager import build_data_loader
from dassl.data.datasets import build_dataset


def test_batches_have_the_names_of_dassl(cfg):
    cfg.DATALOADER.RETURN_IMG0 = True
    batch = next(iter(DataManager(cfg).train_loader_x))
    assert set(batch) == {"img", "label", "domain", "impath", "index", "img0"}
    assert batch["img"].shape == batch["img0"].shape == (4, 3, 8, 8)
    assert all(
        f"/{index % 6}.png" in path
        for index, path in zip(batch["index"], batch["impath"], strict=True)
    )


def test_image_without_augmentation_does_not_change(cfg):
    cfg.DATALOADER.RETURN_IMG0 = True
    data = DatasetWrapper(cfg, build_dataset(cfg).train_x, transform=noisy)
    assert torch.equal(data[0]["img0"], data[0]["img0"])
    assert not torch.equal(data[0]["img"], data[0]["img"])


def noisy(image):
    return torch.rand(3, 8, 8)


@pytest.mark.parametrize("workers", [0, 2])
def test_shuffling_takes_two_numbers_from_the_global_stream(cfg, workers):
    """The original's stream, so that a seed means the same batches."""
    cfg.DATALOADER.NUM_WORKERS = workers
    cfg.INPUT.TRANSFORMS = ()
    loader = DataManager(cfg).train_loader_x
    torch.manual_seed(3)
    order = torch.cat([batch["index"] for batch in loader]).tolist()
    after = torch.rand(3)

    torch.manual_seed(3)
    torch.empty((), dtype=torch.int64).random_()  # the loader's seed for its workers
    seed = int(torch.empty((), dtype=torch.int64).random_())
    generator = torch.Generator().manual_seed(seed)
    assert order == torch.randperm(18, generator=generator).tolist()[:16]
    assert torch.equal(after, torch.rand(3))


def test_last_batch_is_dropped_only_in_training_and_never_alone(cfg):
    manager = DataManager(cfg)
    assert len(manager.train_loader_x) == 4
    cfg.DATALOADER.TRAIN_X.BATCH_SIZE = 19
    cfg.DATALOADER.TEST.BATCH_SIZE = 5
    manager = DataManager(cfg)
    assert [len(manager.train_loader_x), len(manager.val_loader), len(manager.test_loader)] == [
        1,
        2,
        3,
    ]


def test_several_augmentations(cfg):
    cfg.DATALOADER.K_TRANSFORMS = 2
    train = build_dataset(cfg).train_x
    data = DatasetWrapper(cfg, train, transform=noisy, is_train=True)
    one, other = data[0]["img"]
    assert not torch.equal(one, other)
    assert DatasetWrapper(cfg, train, transform=noisy)[0]["img"].shape == (3, 8, 8)
    with pytest.raises(ValueError, match="K_TRANSFORMS is 2"):
        DatasetWrapper(cfg, train, is_train=True)


def test_several_transforms_and_none(cfg):
    train = build_dataset(cfg).train_x
    several = DatasetWrapper(cfg, train, transform=[noisy, noisy])[0]
    assert {"img", "img2"} < set(several)
    assert DatasetWrapper(cfg, train)[0]["img"].shape == (3, 8, 8)


def test_summary_is_a_table_with_thousands_separators(cfg, capsys):
    manager = DataManager(cfg)
    capsys.readouterr()
    manager.dataset._train_x = manager.dataset.train_x * 100
    manager.show_dataset_summary(cfg)
    assert capsys.readouterr().out.splitlines() == [
        "---------  ----------",
        "Dataset    ToyColours",
        "# classes  3",
        "# train_x  1,800",
        "# val      6",
        "# test     12",
        "---------  ----------",
    ]


def test_custom_transforms_and_wrapper(cfg, capsys):
    class Wrapper(DatasetWrapper):
        pass

    manager = DataManager(cfg, custom_tfm_train=noisy, dataset_wrapper=Wrapper)
    assert isinstance(manager.train_loader_x.dataset, Wrapper)
    assert manager.train_loader_x.dataset.transform is noisy
    assert "* Using custom transform for training" in capsys.readouterr().out


def test_missing_and_broken_images_are_named(cfg, data_root):
    loader = DataManager(cfg).test_loader
    broken = data_root / "toy_colours" / "test" / "blue" / "0.png"
    whole = broken.read_bytes()
    for content in (b"no image", whole[:60]):
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=f"Cannot read the image .*{broken}"):
            next(iter(loader))
    broken.unlink()
    with pytest.raises(FileNotFoundError, match=str(broken)):
        next(iter(loader))


def test_split_without_images_is_named(cfg):
    with pytest.raises(ValueError, match="ToyColours has no images for testing"):
        build_data_loader(cfg, data_source=[], is_train=False)
