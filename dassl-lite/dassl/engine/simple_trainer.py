"""The trainer that a configuration describes: its data, its evaluation, its run folder."""

import datetime
import os
import time
from typing import Any

import torch
from tqdm import tqdm

from dassl.data import DataManager
from dassl.evaluation import build_evaluator
from dassl.utils.checkpoint import BEST_MODEL_NAME

from . import run_folder
from .base import TrainerBase
from .selection import check_selection, selects_best


class SimpleTrainer(TrainerBase):
    """Builds data, model and evaluator from `cfg`; saves and tests at the right times.

    A subclass overrides `check_cfg`, `build_model` and `forward_backward`; `build_model` sets
    `self.model`, which gives the scores.
    """

    model: Any

    def __init__(self, cfg: Any) -> None:
        super().__init__()
        self.check_cfg(cfg)
        use_cuda = torch.cuda.is_available() and cfg.USE_CUDA
        self.device = torch.device("cuda" if use_cuda else "cpu")
        self.start_epoch = 0
        self.max_epoch = cfg.OPTIM.MAX_EPOCH
        self.output_dir = cfg.OUTPUT_DIR
        self.cfg = cfg
        self.build_data_loader()
        self.build_model()
        self.evaluator = build_evaluator(cfg, lab2cname=self.lab2cname)

    def check_cfg(self, cfg: Any) -> None:
        """Raise if `cfg` is not what this trainer needs."""

    def build_data_loader(self) -> None:
        """Build dataset and loaders."""
        self.dm = DataManager(self.cfg)
        self.train_loader_x = self.dm.train_loader_x
        self.train_loader_u = self.dm.train_loader_u
        self.val_loader = self.dm.val_loader
        self.test_loader = self.dm.test_loader
        self.num_classes = self.dm.num_classes
        self.num_source_domains = self.dm.num_source_domains
        self.lab2cname = self.dm.lab2cname

    def build_model(self) -> None:
        """Build and register the models."""
        raise NotImplementedError

    def train(self) -> None:  # type: ignore[override]
        """Train, or go on where OUTPUT_DIR stopped; a finished run is left as it is.

        Raises:
            ConfigMismatchError: OUTPUT_DIR holds a run of another configuration.
            ValueError: the best model is asked, but nothing could select it fairly.
        """
        check_selection(self.cfg, self.dm.dataset)
        if self.run_state() == "finished":
            print(
                f"The run in {self.output_dir} is finished (epoch {self.max_epoch}/"
                f"{self.max_epoch}), nothing to do; start anew with --overwrite"
            )
            return
        self.record_run(finished=False)
        super().train(self.start_epoch, self.max_epoch)
        self.record_run(finished=True)

    def run_state(self) -> str:
        """Return how far the run in OUTPUT_DIR is; a program with files of its own overrides it."""
        return run_folder.run_state(self.cfg)

    def record_run(self, finished: bool) -> None:
        """Note in OUTPUT_DIR whose run this is; overridden together with `run_state`."""
        run_folder.record_run(self.cfg, finished=finished)

    def before_train(self) -> None:
        """Resume if there is something to resume, and open tensorboard."""
        directory = self.cfg.RESUME or self.output_dir
        self.start_epoch = self.resume_model_if_exist(directory)
        if os.path.realpath(directory) != os.path.realpath(self.output_dir):
            self.best_result = -float("inf")  # this folder has no best model yet
        self.init_writer(os.path.join(self.output_dir, "tensorboard"))
        self.time_start = time.time()

    def after_epoch(self) -> None:
        """Save the best model so far, and every CHECKPOINT_FREQ epochs the current one."""
        if selects_best(self.cfg):
            result = self.test(split="val")
            if result > self.best_result:
                self.best_result = result
                self.save_model(
                    self.epoch, self.output_dir, val_result=result, model_name=BEST_MODEL_NAME
                )
        frequency = self.cfg.TRAIN.CHECKPOINT_FREQ
        due = frequency > 0 and (self.epoch + 1) % frequency == 0
        if due or self.epoch + 1 == self.max_epoch:
            self.save_model(self.epoch, self.output_dir)

    def after_train(self) -> None:
        """Test the model that the configuration asks for."""
        print("Finish training")
        if not self.cfg.TEST.NO_TEST:
            if selects_best(self.cfg):
                print("Deploy the model with the best val performance")
                self.load_model(self.output_dir)
            else:
                print("Deploy the last-epoch model")
            self.test()
        elapsed = round(time.time() - self.time_start)
        print(f"Elapsed: {datetime.timedelta(seconds=elapsed)}")

    @torch.no_grad()
    def test(self, split: str | None = None) -> float:
        """Evaluate on `split` ("val" or "test", by default TEST.SPLIT).

        Without validation images, "val" means the test images.

        Returns:
            The evaluator's first metric: the accuracy in percent.
        """
        self.set_model_mode("eval")
        self.evaluator.reset()
        split = self.cfg.TEST.SPLIT if split is None else split
        if split == "val" and self.val_loader is not None:
            loader = self.val_loader
        else:
            split, loader = "test", self.test_loader
        print(f"Evaluate on the *{split}* set")
        for batch in tqdm(loader):
            image, label = self.parse_batch_test(batch)
            self.evaluator.process(self.model_inference(image), label)
        results = self.evaluator.evaluate()
        for name, value in results.items():
            self.write_scalar(f"{split}/{name}", value, self.epoch)
        return next(iter(results.values()))

    def model_inference(self, input: torch.Tensor) -> torch.Tensor:
        """Return the scores (batch, classes) of images (batch, 3, height, width)."""
        return self.model(input)

    def parse_batch_test(self, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return image and label on the device."""
        return batch["img"].to(self.device), batch["label"].to(self.device)

    def get_current_lr(self, names: Any = None) -> float:
        """Return the learning rate of the first model's first parameter group."""
        return self._present(self._optims, names)[0].param_groups[0]["lr"]
