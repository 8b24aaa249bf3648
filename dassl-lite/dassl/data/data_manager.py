"""The dataset with its loaders."""

from typing import Any

import torch
from tabulate import tabulate
from torch.utils.data import DataLoader

from .dataset_wrapper import DatasetWrapper
from .datasets import build_dataset
from .loader import EpochSampler, Loader
from .samplers import build_sampler
from .streams import real_workers
from .transforms import build_transform


def build_data_loader(
    cfg: Any,
    sampler_type: str = "SequentialSampler",
    data_source: Any = None,
    batch_size: int = 64,
    n_domain: int = 0,
    n_ins: int = 2,
    tfm: Any = None,
    is_train: bool = True,
    dataset_wrapper: Any = None,
) -> DataLoader[Any]:
    """Return a loader of dicts; see `DatasetWrapper`.

    In training an incomplete last batch is dropped, unless it is the only one.

    Args:
        n_domain, n_ins: of the samplers by domain and by class.
        dataset_wrapper: a class to use instead of `DatasetWrapper`.

    Raises:
        ValueError: there is not a single image.
    """
    if not data_source:
        purpose = "training" if is_train else "testing"
        raise ValueError(f"{cfg.DATASET.NAME} has no images for {purpose}")
    wrapper = DatasetWrapper if dataset_wrapper is None else dataset_wrapper
    sampler = build_sampler(
        sampler_type,
        data_source=data_source,
        batch_size=batch_size,
        n_domain=n_domain,
        n_ins=n_ins,
    )
    workers = cfg.DATALOADER.NUM_WORKERS
    # Workers of a foreign wrapper are renewed: it does not know how to continue as if new.
    own = getattr(wrapper, "__getitem__", None) is DatasetWrapper.__getitem__
    if is_train and own:
        streams = cfg.DATALOADER.STREAMS
        workers = real_workers(workers, streams)
        sampler = EpochSampler(sampler, batch_size, streams)
    options: dict[str, Any] = {
        "batch_size": batch_size,
        "sampler": sampler,
        "num_workers": workers,
        "drop_last": is_train and len(data_source) >= batch_size,
        "pin_memory": torch.cuda.is_available() and cfg.USE_CUDA,
        "persistent_workers": bool(
            is_train and own and workers and cfg.DATALOADER.PERSISTENT_WORKERS
        ),
    }
    ahead = 0 if is_train else _batches_ahead(cfg)
    if workers and ahead:
        options["prefetch_factor"] = ahead
    items = wrapper(cfg, data_source, transform=tfm, is_train=is_train)
    return Loader(items, batches_ahead=0 if workers else ahead, **options)


def _batches_ahead(cfg: Any) -> int:
    chosen = int(cfg.DATALOADER.TEST.PREFETCH)
    computes_elsewhere = torch.cuda.is_available() and cfg.USE_CUDA
    if chosen >= 0:
        return chosen
    return 2 if cfg.DATALOADER.NUM_WORKERS or computes_elsewhere else 0


class DataManager:
    """Builds the dataset, the transforms and the loaders, in this order.

    Attributes:
        dataset: a `DatasetBase`.
        train_loader_x: batches of `dataset.train_x`.
        train_loader_u: batches of `dataset.train_u`, or None without unlabelled images.
        val_loader: batches of `dataset.val`, or None without validation images.
        test_loader: batches of `dataset.test`.
    """

    def __init__(
        self,
        cfg: Any,
        custom_tfm_train: Any = None,
        custom_tfm_test: Any = None,
        dataset_wrapper: Any = None,
    ) -> None:
        self.dataset = build_dataset(cfg)
        tfm_train = _transform(cfg, custom_tfm_train, is_train=True)
        tfm_test = _transform(cfg, custom_tfm_test, is_train=False)

        train = cfg.DATALOADER.TRAIN_X
        self.train_loader_x = build_data_loader(
            cfg,
            sampler_type=train.SAMPLER,
            data_source=self.dataset.train_x,
            batch_size=train.BATCH_SIZE,
            n_domain=train.N_DOMAIN,
            n_ins=train.N_INS,
            tfm=tfm_train,
            is_train=True,
            dataset_wrapper=dataset_wrapper,
        )
        self.train_loader_u = None
        if self.dataset.train_u:
            unlabelled = train if cfg.DATALOADER.TRAIN_U.SAME_AS_X else cfg.DATALOADER.TRAIN_U
            self.train_loader_u = build_data_loader(
                cfg,
                sampler_type=unlabelled.SAMPLER,
                data_source=self.dataset.train_u,
                batch_size=unlabelled.BATCH_SIZE,
                n_domain=unlabelled.N_DOMAIN,
                n_ins=unlabelled.N_INS,
                tfm=tfm_train,
                is_train=True,
                dataset_wrapper=dataset_wrapper,
            )
        self.val_loader = None
        if self.dataset.val:
            self.val_loader = _test_loader(cfg, self.dataset.val, tfm_test, dataset_wrapper)
        self.test_loader = _test_loader(cfg, self.dataset.test, tfm_test, dataset_wrapper)

        self._num_source_domains = len(cfg.DATASET.SOURCE_DOMAINS)
        if cfg.VERBOSE:
            self.show_dataset_summary(cfg)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.dataset.num_classes

    @property
    def num_source_domains(self) -> int:
        """Number of names in DATASET.SOURCE_DOMAINS."""
        return self._num_source_domains

    @property
    def lab2cname(self) -> dict[int, str]:
        """Label -> class name."""
        return self.dataset.lab2cname

    def show_dataset_summary(self, cfg: Any) -> None:
        """Print name, domains and sizes as a table."""
        sizes = {
            "# classes": self.num_classes,
            "# train_x": len(self.dataset.train_x),
            "# train_u": len(self.dataset.train_u or []),
            "# val": len(self.dataset.val or []),
            "# test": len(self.dataset.test),
        }
        table = [["Dataset", cfg.DATASET.NAME]]
        for title, domains in (
            ("Source", cfg.DATASET.SOURCE_DOMAINS),
            ("Target", cfg.DATASET.TARGET_DOMAINS),
        ):
            if domains:
                table.append([title, str(domains)])
        table += [[title, f"{size:,}"] for title, size in sizes.items() if size]
        print(tabulate(table))


def _transform(cfg: Any, custom: Any, is_train: bool) -> Any:
    if custom is None:
        return build_transform(cfg, is_train=is_train)
    print(f"* Using custom transform for {'training' if is_train else 'testing'}")
    return custom


def _test_loader(cfg: Any, data_source: Any, tfm: Any, dataset_wrapper: Any) -> DataLoader[Any]:
    test = cfg.DATALOADER.TEST
    return build_data_loader(
        cfg,
        sampler_type=test.SAMPLER,
        data_source=data_source,
        batch_size=test.BATCH_SIZE,
        tfm=tfm,
        is_train=False,
        dataset_wrapper=dataset_wrapper,
    )
