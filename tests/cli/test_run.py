"""`rpo run` as a user types it: skipped, continued, interrupted, killed."""

import json
import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from rpo.cli import main, split_pairs
from rpo.clip.load import keep_clip, load_clip
from rpo.methods.traits import known_traits

PRESET = ("--preset", "tiny", "--datasets", "eurosat", "--shots", "2")
KEYS = ("OPTIM.MAX_EPOCH", "2", "DATALOADER.TRAIN_X.BATCH_SIZE", "2")


def run_folder(part, epochs=2, dataset="eurosat"):
    """Where the run of RPO is; its options are part of the folder's name."""
    pattern = f"output/rpo/*/{part}/{dataset}/shots_2/RPO/tiny_K24-bs2-*small-clip.pt-*-ep{epochs}"
    return next(iter(sorted(Path().glob(f"{pattern}/seed1"))), Path("not-there"))


@pytest.fixture
def place(miniature, tmp_path, clip_file, monkeypatch):
    """An empty working folder with images, and the arguments of every run there."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    # Not by DATA: the server of processes keeps the environment of the first test.
    root = ("--root", str(miniature("EuroSAT")))
    return ["run", "base2new", *PRESET, *root, "MODEL.BACKBONE.NAME", str(clip_file), *KEYS]


def metrics(folder):
    return json.loads(Path(folder, "results.json").read_text())["metrics"]


def checkpoints(folder="output"):
    """Everything that is learnt and kept, by path below the folder."""
    return {
        str(path.relative_to(folder)): torch.load(path, weights_only=True)["state_dict"]
        for path in Path(folder).rglob("model.pth.tar-*")
    }


def assert_same(one, other):
    """Two output folders hold the same results and the same parameters, bit for bit."""
    found = [
        {str(path.relative_to(folder).parent) for path in Path(folder).rglob("results.json")}
        for folder in (one, other)
    ]
    assert found[0] == found[1] != set()
    for name in found[0]:
        assert metrics(f"{one}/{name}") == metrics(f"{other}/{name}"), name
    learnt = [checkpoints(folder) for folder in (one, other)]
    assert learnt[0].keys() == learnt[1].keys()
    for name, state in learnt[0].items():
        assert all(torch.equal(state[key], learnt[1][name][key]) for key in state), name


def times_of_change():
    return {path: path.stat().st_mtime_ns for path in Path("output").rglob("*") if path.is_file()}


def test_every_method_is_run_unless_some_are_named(place, capsys):
    assert main([*place, "--seeds", "1", "--dry-run"]) == 0
    count = len(known_traits())
    first = f"{count} jobs: 0 finished, 0 interrupted, {count} to start"
    assert capsys.readouterr().out.startswith(first)


def test_the_backbone_is_an_option_or_a_key(place, clip_file, capsys):
    grid = [*place[:-6], "--methods", "RPO", "--seeds", "1", "--dry-run"]
    assert main([*grid, "--backbone", str(clip_file)]) == 0
    said = capsys.readouterr().out
    key = ("MODEL.BACKBONE.NAME", str(clip_file))
    assert f" {' '.join(key)}\n" in said
    for other in ((), ("--backbone", "tiny")):  # the key wins, as in `rpo train`
        assert main([*grid, *other, *key]) == 0
        assert capsys.readouterr().out == said
    assert main([*grid[:-1], "--backbone", "ViT-B/61"]) == 1
    assert 'Did you mean "ViT-B/16"' in capsys.readouterr().out


def test_a_sweep_is_a_run_for_each_combination(place, capsys):
    command = [*place, "--methods", "RPO", "--seeds", "1", "--dry-run"]
    sweep = ["--sweep", "OPTIM.LR", "0.1", "0.2", "--sweep", "TRAINER.RPO.INIT", "st", "random"]
    assert main([*command, *sweep]) == 0
    said = capsys.readouterr().out
    assert said.startswith("4 jobs: ") and "-lr0.2-" in said
    assert ", seed 1, OPTIM.LR 0.1 TRAINER.RPO.INIT random (to start)" in said
    command[command.index("RPO")] = "ZeroshotCLIP"  # of which it is the same run
    assert main([*command, *sweep]) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 job: ") and "# ZeroshotCLIP, EuroSAT (to start)" in said
    for again in (["--sweep", "OPTIM.LR", "2"], ["OPTIM.LR", "2"]):
        assert main([*command, "--sweep", "OPTIM.LR", "1", *again]) == 2
        assert "OPTIM.LR is given twice: all of its values follow one" in capsys.readouterr().err
    assert main([*command, "--sweep", "OPTIM.LR"]) == 2
    assert "--sweep OPTIM.LR has no value" in capsys.readouterr().err
    assert main([*command, "--sweep", "OPTIM.RL", "1"]) == 2
    assert 'Did you mean "OPTIM.LR"' in capsys.readouterr().err


def test_the_same_as_with_the_commands_that_the_dry_run_prints(place, capsys):
    """And so as with the scripts, whose commands these are: see test_protocols."""
    methods = ("ZeroshotCLIP", "LogisticProbe", "CoOp", "RPO")
    commands = [*place, "--seeds", "1", "--methods", *methods]
    assert main([*commands, "--output", "pasted", "--dry-run"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "4 jobs: 0 finished, 0 interrupted, 4 to start"
    assert not Path("pasted").exists()
    assert main([*commands, "--processes", "2"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[1] == "rpo status output tells how far each run is"
    assert "[4/4] " in said and " left\n" in said
    assert "RPO, EuroSAT, 2 shots, seed 1: base " in said and ", new " in said
    assert "LogisticProbe" in said and "rpo report output/zsclip " in said
    for line in printed:
        if line.startswith("rpo train "):
            assert main(shlex.split(line)[1:]) == 0
    for name in checkpoints("pasted").keys() - checkpoints().keys():
        Path("pasted", name).unlink()  # only `rpo run` knows which are not needed any more
    assert_same("output", "pasted")
    at_once = ("probe/model.pth.tar-1", "tip_adapter/model.pth.tar-1")
    assert all(name.endswith(("-2", *at_once)) for name in checkpoints())


def test_what_is_finished_is_left_alone_and_what_is_old_is_made_anew(place, capsys):
    command = [*place, "--methods", "RPO", "--seeds", "1"]
    assert main(command) == 0
    before = times_of_change()
    trained, tested = run_folder("train_base"), run_folder("test_new")
    results = metrics(tested)
    capsys.readouterr()
    assert main(command) == 0
    assert "rpo status" not in (said := capsys.readouterr().out)
    assert said.startswith("1 job: 1 finished, 0 interrupted, 0 to start")
    assert times_of_change() == before

    (trained / "prompt_learner/model.pth.tar-1").write_text("left by a killed run")
    assert main(command) == 0
    assert times_of_change() == before

    # Trained anew, which makes the evaluation one of parameters that are gone.
    os.utime(trained / "run.json")
    assert main([*command, "--dry-run"]) == 0
    assert "0 finished, 1 interrupted" in capsys.readouterr().out
    assert main(command) == 0
    changed = {path for path, moment in times_of_change().items() if before.get(path) != moment}
    assert tested / "results.json" in changed and trained / "results.json" not in changed
    assert metrics(tested) == results

    (trained / "results.json").unlink()
    record = json.loads((trained / "run.json").read_text())
    (trained / "run.json").write_text(json.dumps(record | {"finished": False}))
    (trained / "history.json").write_text("{")
    assert main(["status", "output"]) == 0
    assert f"({trained}/history.json is damaged: " in capsys.readouterr().out

    assert main([*command, "--overwrite"]) == 0
    assert (trained / "results.json").stat().st_mtime_ns > max(before.values())
    assert metrics(tested) == results


def test_damaged_results_are_measured_again(place, capsys):
    command = [*place, "--methods", "RPO", "ZeroshotCLIP", "--seeds", "1"]
    assert main(command) == 0
    before = {path: metrics(path.parent) for path in Path("output").rglob("results.json")}
    learnt = next(run_folder("train_base").glob("*/model.pth.tar-2")).stat().st_mtime_ns
    for path in before:
        path.write_text("")
    capsys.readouterr()
    assert main([*command, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("2 jobs: 0 finished, 1 interrupted, 1 to start")
    assert main([*command, "--estimate"]) == 0
    assert "2 jobs are left out" in capsys.readouterr().out
    assert main(["status", "output"]) == 0
    assert "(it had ended; its results.json is missing or damaged)" in capsys.readouterr().out
    assert main(command) == 0
    assert {path: metrics(path.parent) for path in before} == before
    capsys.readouterr()
    assert main([*command, "--estimate"]) == 0
    assert capsys.readouterr().out.startswith("2 jobs: 2 finished, 0 interrupted, 0 to start. Not")
    checkpoint = next(run_folder("train_base").glob("*/model.pth.tar-2"))
    assert checkpoint.stat().st_mtime_ns == learnt
    tested = run_folder("test_new") / "results.json"
    tested.write_text(json.dumps(json.loads(tested.read_text()) | {"epoch": 1}))
    assert main(command) == 0  # by hand, of an earlier epoch, it was not this evaluation
    assert (
        "epoch" not in json.loads(tested.read_text()) and metrics(tested.parent) == before[tested]
    )


def test_without_a_test_there_is_no_accuracy(place, capsys):
    assert main([*place, "--methods", "LogisticProbe", "--seeds", "1", "TEST.NO_TEST", "True"]) == 0
    assert "LogisticProbe, EuroSAT, 2 shots, seed 1: base - (" in capsys.readouterr().out


def test_a_single_class_is_said(tmp_path, draw_image, place, capsys):
    for name in ("red", "green", "blue"):
        for number in range(10):
            draw_image(tmp_path / "three" / name / f"{number}.png")
    own = [*place, "--datasets", str(tmp_path / "three"), "--methods", "ZeroshotCLIP"]
    assert main(own) == 0
    assert ", new 100.00 of a single class (" in capsys.readouterr().out


def test_images_that_have_changed_are_another_experiment(tmp_path, draw_image, place, capsys):
    """Of your own, in a folder of the same name; what was finished with the others stays."""
    for name in ("red", "green", "blue", "grey"):
        for number in range(8):
            draw_image(tmp_path / "mine" / name / f"{number}.png")
    command = [*place, "--datasets", str(tmp_path / "mine"), "--methods", "ZeroshotCLIP", "RPO"]
    command += ["--seeds", "1"]
    assert main(command) == 0
    before = times_of_change()
    assert main([*command, "--dry-run"]) == 0
    capsys.readouterr()
    draw_image(tmp_path / "mine" / "red" / "new.png")
    assert main(command) == 1
    said = capsys.readouterr().out
    assert said.count("holds a run on other images, labels or") == 3  # zero-shot CLIP, twice
    assert "2 of 2 jobs failed" in said and times_of_change() == before
    assert main([*command, "--overwrite"]) == 0
    capsys.readouterr()
    assert main([*command, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("2 jobs: 2 finished")


def test_a_split_that_has_changed_is_another_experiment(place, capsys):
    """As when the published one takes the place of one that was made by the rule."""
    command = [*place, "--methods", "ZeroshotCLIP", "--seeds", "1"]
    assert main(command) == 0
    (split,) = Path(place[place.index("--root") + 1]).glob("eurosat/split_*.json")
    content = json.loads(split.read_text())
    content["test"].append(content["val"].pop())
    split.write_text(json.dumps(content))
    capsys.readouterr()
    assert main(command) == 1
    assert "class names: the SHA-256 of the split was" in capsys.readouterr().out


def test_a_failed_job_does_not_stop_the_others(place, capsys):
    datasets = ["--datasets", "dtd", "eurosat", "--methods", "ZeroshotCLIP", "RPO"]
    assert main([*place, *datasets, "--seeds", "1"]) == 1
    said = capsys.readouterr().out
    assert "2 jobs cannot start (ZeroshotCLIP, DescribableTextures, ...): Describable" in said
    assert said.count("DescribableTextures needs ") == 1
    assert "RPO, EuroSAT, 2 shots, seed 1: base " in said
    assert said.endswith(
        "2 of 4 jobs failed:\n  ZeroshotCLIP, DescribableTextures\n"
        "  RPO, DescribableTextures, 2 shots, seed 1\n"
    )


def test_a_job_that_fails_names_its_log(place, capsys):
    """Here because the split names an image that is not there."""
    (image,) = Path(place[place.index("--root") + 1]).glob("eurosat/2750/class_0/image_0.jpg")
    image.write_text("no image")
    assert main([*place, "--methods", "ZeroshotCLIP", "RPO", "--seeds", "1", "2"]) == 1
    said = capsys.readouterr().out
    assert "RPO, EuroSAT, 2 shots, seed 1: " in said and "FAILED" in said
    assert str(image) in said and "log: output/rpo/base2new/train_base/eurosat" in said
    logs = [log.read_text() for log in Path("output/rpo").rglob("train_base/**/log.txt")]
    assert any("Traceback" in log for log in logs)


def test_a_transfer_goes_on_past_a_dataset_that_is_missing(place, miniature, capsys):
    miniature("DescribableTextures")
    lines = ["title: Mine", "train: all", "datasets: [eurosat]", "transfer: [food101, dtd]"]
    Path("mine.yaml").write_text("\n".join([*lines, "shots: [2]", "seeds: [1]"]))
    command = [place[0], "mine.yaml", *place[2:], "--methods", "RPO"]
    assert main(command) == 1
    said, warned = capsys.readouterr()
    assert warned.startswith("warning: no job can be evaluated on Food101: Food101 needs ")
    assert warned.count("warning") == 1  # DTD is there
    assert "Food101 needs " in said and "1 of 1 jobs failed" in said
    assert (run_folder("train_all") / "results.json").is_file()
    there = run_folder("test_all", dataset="dtd") / "results.json"
    assert json.loads(there.read_text())["dataset"] == "DescribableTextures"
    miniature("Food101")
    assert main(command) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 job: 0 finished, 1 interrupted, 0 to start")
    assert ": all " in said and ", Food101 " in said and ", DescribableTextures " in said


def test_another_configuration_fails_and_names_the_keys(place, capsys):
    command = [*place, "--methods", "RPO", "ZeroshotCLIP", "--seeds", "1"]
    assert main(command) == 0
    record = run_folder("train_base") / "run.json"
    record.write_text(record.read_text().replace('"LR": 0.05', '"LR": 0.5'))
    before = times_of_change()
    assert main(command) == 1
    said = capsys.readouterr().out
    assert "OPTIM.LR: 0.5 there, 0.05 now" in said and "1 of 2 jobs failed" in said
    assert times_of_change() == before


def test_options_make_an_experiment_of_their_own(place, capsys):
    """With a folder of its own, unless they say what the config says, or nothing of the run."""
    command = [*place, "--methods", "RPO", "CoOp", "--seeds", "1"]
    assert main(command) == 0
    before = times_of_change()
    same = ("OPTIM.LR", "0.05", "TRAIN.PRINT_FREQ", "7", "TRAINER.LP.PROMPT", "a {cls_name}")
    assert main([*command[:-4], "RPO", "--seeds", "1", *same]) == 0
    assert times_of_change() == before
    assert main([*command, "TRAINER.RPO.K", "3"]) == 0
    new = [path for path in times_of_change() if path not in before]
    assert new and all("-ep2-K3/seed1" in str(path) and "/RPO/" in str(path) for path in new)
    assert {path: moment for path, moment in times_of_change().items() if path in before} == before


def test_two_commands_share_the_work(place, tmp_path):
    """Started at the same time in one output folder, no run is done twice."""
    command = [*place, "--methods", "RPO", "CoOp", "--seeds", "1"]
    assert main([*command, "--output", "undisturbed"]) == 0
    both = [Command(command) for _ in range(2)]
    said = [one.process.communicate(timeout=240)[0] for one in both]
    assert [one.process.returncode for one in both] == [0, 0]
    assert all("Everything is finished" in text for text in said), said
    assert_same("undisturbed", "output")
    for log in Path("output").glob("*/base2new/train_base/**/log.txt"):
        assert log.read_text().count("No checkpoint found, train from scratch") == 1
        assert log.read_text().count("Finish training") == 1


def test_a_killed_job_is_a_failed_job(place, capsys):
    command = [*place, "--methods", "RPO", "--seeds", "1", "OPTIM.MAX_EPOCH", "2000"]

    def kill():
        wait_for(
            lambda: (run_folder("train_base", 2000) / "prompt_learner/model.pth.tar-1").exists()
        )
        (child,) = multiprocessing.active_children()
        os.kill(child.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert main(command) == 1
    killer.join()
    said = capsys.readouterr().out
    assert (
        "the process was ended by SIGKILL" in said
        and f"log: {run_folder('train_base', 2000)}/log.txt" in said
    )


def wait_for(condition, seconds=60):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end, "it did not happen"
        time.sleep(0.005)


PROGRAM = "import sys; from rpo.cli import main; sys.exit(main())"


class Command:
    """`rpo run` in a process group of its own, as a terminal starts it."""

    def __init__(self, arguments):
        self.mark = f"{os.getcwd()}-{time.time()}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**os.environ, "RPO_TEST_MARK": self.mark},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            # What a shell runs in the background ignores Ctrl-C, and tests may run there.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def is_gone(self):
        """No process that it started is left."""
        return not any(self.mark in environment_of(path) for path in Path("/proc").glob("[0-9]*"))


def environment_of(process):
    try:
        return (process / "environ").read_text(errors="replace")
    except OSError:  # it has ended, or is another user's
        return ""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
def test_killed_at_any_moment_and_run_again_it_is_the_same(place, monkeypatch):
    command = [*place, "--methods", "CoOp", "RPO", "--seeds", "1", "--processes", "2"]
    command += ["OPTIM.MAX_EPOCH", "12"]
    assert main([*command, "--output", "undisturbed"]) == 0
    moments = ("run.json", "prompt_learner/model.pth.tar-8")
    for moment in moments:
        running = Command(command)
        wait_for(lambda moment=moment: (run_folder("train_base", 12) / moment).exists())
        running.process.kill()
        assert running.process.wait() == -signal.SIGKILL
        wait_for(running.is_gone)
    assert main(command) == 0
    assert_same("undisturbed", "output")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
@pytest.mark.parametrize("moment", ["before the first job", "in training"])
def test_control_c(place, moment):
    command = [*place, "--methods", "CoOp", "RPO", "--seeds", "1", "--processes", "2"]
    running = Command([*command, "OPTIM.MAX_EPOCH", "2000"])
    assert running.process.stdout.readline() == "2 jobs: 0 finished, 0 interrupted, 2 to start\n"
    if moment == "in training":
        wait_for(
            lambda: (run_folder("train_base", 2000) / "prompt_learner/model.pth.tar-1").exists()
        )
    else:
        time.sleep(0.5)  # the server of processes is importing
    os.killpg(running.process.pid, signal.SIGINT)
    said = running.process.communicate(timeout=30)[0]
    assert running.process.returncode == 130
    assert said.endswith("\nInterrupted. The same command continues where this one stopped.\n")
    assert "Traceback" not in said
    wait_for(running.is_gone)
    assert not (run_folder("train_base", 2000) / "results.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["base2now"], 'no protocol "base2now". Did you mean "base2new"?'),
        (["base2new", "--preset", "tin"], 'no preset "tin". Did you mean "tiny"?'),
        (["base2new", "--methods", "RP0"], 'Did you mean "RPO"?'),
        (["base2new", "--datasets", "eurosatt"], 'Did you mean "eurosat"?'),
        (["base2new", "--datasets", "my/nope"], "a CSV of path,label; my/nope does not exist"),
        (["base2new", "OPTIM.LRR", "1"], 'no key "OPTIM.LRR". Did you mean "OPTIM.LR"?'),
        (["base2new", "--seeds", "1", "OPTIM.LR"], "'OPTIM.LR' has no value"),
        (["base2new", "TRAINER.CoOp.N_CTX", "4"], 'Did you mean "TRAINER.COOP.N_CTX"?'),
        (["base2new", "TRAINERS.RPO.K", "4"], 'Did you mean "TRAINER.RPO.K"?'),
        (
            ["base2new", "--methods", "RPO", "TRAINER.RPO.K", "0"],
            "TRAINER.RPO.K is 0; it must be at least 1",
        ),
        (
            ["base2new", "--methods", "RPO", "--sweep", "OPTIM.LR", "-1"],
            "OPTIM.LR is -1.0; it must be",
        ),
        (["ablations", "TRAINER.RPO.GRADIENT_TOLERANCE", "5"], "gradient_tolerance is 5.0; it"),
        (["base2new", "OPTIM.LR=0.1"], "in pairs KEY VALUE: OPTIM.LR 0.1, not OPTIM.LR=0.1"),
        (["base2new", "--methods", "RPO", "OPTIM.LR=0.1"], "KEY VALUE: OPTIM.LR 0.1, not"),
        (["base2new", "DATASET.NUM_SHOTS", "4"], "no key of options here: give --shots"),
        (["base2new", "--sweep", "SEED", "1", "2"], "SEED is no key of options here: give --seeds"),
        (["base2new", "DATASET.SUBSAMPLE_CLASSES", "new"], "options here: the protocol says it"),
        (["base2new", "--methods", "RPO", "TRAINER.RPO.PREC", "fp17"], 'PREC is "fp17"; it can be'),
        (["base2new", "DATASET.TEMPLATE", "no place"], 'template "no place" has no "{}" for'),
        (["base2new", "--together", "0"], "--together is 0; it must be at least 1"),
        (["base2new", "--variants", "x"], "protocol base2new has no variants"),
        (["base2new", "--shots", "0"], "0 shots: --shots takes 1 and more labelled images a class"),
        (["base2new", "--processes", "0"], "--processes is 0; it must be at least 1"),
    ],
)
def test_what_is_mistyped_is_said_at_once(place, capsys, arguments, said):
    assert main(["run", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not Path("output").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["RPO", "TRAINER.COOP.N_CTX", "4"], "warning: RPO will not read TRAINER.COOP.N_CTX\n"),
        (["RPO", "--sweep", "TRAINER.LP.PROMPT", "a {cls_name}"], "not read TRAINER.LP.PROMPT\n"),
        (["RPO", "CoOp", "TRAINER.COOP.N_CTX", "4", "TRAINER.COOP.CTX_INIT", ""], ""),
        (["RPO", "CoOp", "TRAINER.COOP.N_CTX", "4"], "CoOp will not read TRAINER.COOP.N_CTX: it"),
        (["RPO", "DATASET.CLASS_NAMES", "names.txt"], "Digits will not read DATASET.CLASS_NAMES: "),
        (
            ["RPO", "TipAdapter", "OPTIM.LR", "0.1"],
            "warning: TipAdapter will not read OPTIM.LR: nothing is learnt in steps\n",
        ),
    ],
)
def test_options_that_no_method_reads_are_said(capsys, arguments, said):
    grid = ["run", "base2new", "--preset", "tiny", "--datasets", "digits", "--seeds", "1"]
    assert main([*grid, "--dry-run", "--methods", *arguments]) == 0
    told = capsys.readouterr().err
    assert said in told and bool(told) == bool(said)


def test_folders_that_cannot_be_used_are_said_once_and_leave_nothing(place, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for name in ("train/cat", "train/dog", "test/cat", "test/cow"):
        (tmp_path / "unlike" / name).mkdir(parents=True)
    (tmp_path / "cut.csv").write_text("path,label\na.jpg\n")
    names = ("empty", "unlike", "cut.csv")
    mine = [str(tmp_path / name) for name in names]
    start = place.index("--datasets")
    command = [*place[: start + 1], *mine, *place[start + 2 :]]
    assert main([*command, "--methods", "RPO", "CoOp", "--seeds", "1", "2"]) == 1
    said = capsys.readouterr().out
    assert all(said.count(part) == 1 for part in ("no folders of images", "the same as", "line 2"))
    assert "12 of 12 jobs failed" in said and not list(Path("output").rglob("*.json"))


def test_two_folders_of_one_name_are_refused_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("photos/train", "other/train"):
        Path(folder).mkdir(parents=True)
    command = ["run", "few_shot", "--preset", "tiny", "--methods", "RPO", "--dry-run", "--seeds"]
    typed = ["photos/train", "./photos/train", "--shots", "1"]
    assert main([*command, "1", "--datasets", *typed]) == 0
    assert "1 job: " in (said := capsys.readouterr().out) and "1 shot, seed 1" in said
    assert main([*command, "1", "--datasets", *typed[:1], "other/train"]) == 2
    said = capsys.readouterr().err
    assert 'two datasets are called "train": photos/train and other/train.' in said
    assert "another --output" in said


def test_pairs_may_stand_anywhere():
    typed = "run base2new OPTIM.LR 0.1 --seeds 1 2 TRAINER.RPO.K -4 --dry-run"
    rest, pairs = split_pairs(typed.split())
    assert rest == ["run", "base2new", "--seeds", "1", "2", "--dry-run"]
    assert pairs == ["OPTIM.LR", "0.1", "TRAINER.RPO.K", "-4"]


def test_the_server_of_processes_does_not_ask_for_cuda():
    """A process that is forked after such a question cannot use CUDA."""
    program = """
import torch
def ask(*arguments): raise AssertionError("asked for CUDA")
torch.cuda.is_available = torch.cuda.device_count = torch.cuda.init = ask
import rpo.experiments.work
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_clip_is_read_once_while_it_is_kept(clip_file):
    with keep_clip():
        first = load_clip(str(clip_file))
        assert load_clip(str(clip_file)) is first
        assert load_clip("tiny") is not first
    assert load_clip(str(clip_file)) is not first


def test_a_kept_clip_leaves_the_random_numbers_as_one_that_is_read(clip_file):
    def drawn(seed):
        torch.manual_seed(seed)
        load_clip(str(clip_file))
        return torch.rand(3).tolist()

    expected = drawn(0), drawn(1)
    with keep_clip():
        assert [(drawn(0), drawn(1)) for _ in range(2)] == [expected, expected]
