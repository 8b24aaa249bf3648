"""Protocols and presets become `rpo train` commands that exist and load."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dassl.engine import TRAINER_REGISTRY

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.commands.run import report_of
from rpo.commands.train import build_config
from rpo.experiments.cases import Choice
from rpo.experiments.files import config_file, names, shipped
from rpo.experiments.jobs import Planner
from rpo.experiments.presets import read_preset
from rpo.experiments.protocols import read_protocol
from rpo.experiments.state import parse_step
from rpo.report.tables import TABLES

ROOT = Path(__file__).parents[1]


def jobs(protocol, preset="rpo-paper", **choice):
    return Planner(read_protocol(protocol), read_preset(preset), Choice(**choice)).jobs()


def configs(job):
    return [build_config(parse_step(step)) for step in job.steps]


def config_name(job):
    return Path(parse_step(job.steps[0]).config_file).stem


@pytest.mark.parametrize("preset", names("preset"))
@pytest.mark.parametrize("protocol", names("protocol"))
def test_every_method_of_every_preset_has_jobs_whose_configs_merge(protocol, preset):
    definition, known = read_protocol(protocol), set(read_preset(preset).methods())
    wanted = {"RPO"} if definition.variants else set(definition.methods or known)
    if not wanted & known:
        first = read_preset(preset).methods()[0]
        with pytest.raises(ValueError, match=f"nothing to run with {first}, "):
            jobs(protocol, preset)
        return
    planned = jobs(protocol, preset, seeds=[1])
    steps = [step for job in planned for step in job.steps]
    merged = set()
    for step in steps:
        args = parse_step(step)
        files = {args.config_file, args.dataset_config_file}
        if not files <= merged:  # each file of a method and of a dataset once
            assert Path(build_config(args).OUTPUT_DIR) == step.folder
            merged |= files
    assert {job.method for job in planned} == wanted & known


def test_the_tiny_preset_has_every_method_and_every_rule_names_what_exists():
    assert set(read_preset("tiny").methods()) == set(TRAINER_REGISTRY.registered_names())
    for preset in map(read_preset, names("preset")):
        for rule in preset.exceptions:
            assert set(rule.methods) <= set(preset.methods())
            assert set(rule.protocols) <= set(names("protocol"))
            assert set(rule.datasets) <= set(names("dataset"))
            for method in rule.methods if rule.config else ():
                assert config_file(f"trainers/{method}/{rule.config}.yaml").is_file()


@pytest.mark.parametrize("kind", ["protocol", "preset"])
def test_every_file_opens_with_what_it_makes(kind):
    for path in shipped(f"{kind}s/*.yaml"):
        assert path.read_text().startswith("# ")
        assert max(map(len, path.read_text().splitlines())) <= 100


@pytest.mark.parametrize(
    ("protocol", "runs"),
    [
        ("base2new", 11 * 3),
        ("cross_dataset", 3),
        ("domain_generalization", 3),
        ("few_shot", 11 * 5 * 3),
        ("extreme_few_shot", 10 * 5 * 10),
        ("motivation", 10),
        ("ablations", 11 * 11 * 3),
        ("cost", 1),
    ],
)
def test_as_many_runs_of_rpo_as_the_papers_have(protocol, runs):
    planned = jobs(protocol, methods=["RPO"])
    assert len(planned) == runs
    folders = [step.folder for job in planned for step in job.steps]
    assert len(set(folders)) == len(folders)


def test_what_a_job_of_base_to_new_does():
    (job,) = jobs("base2new", methods=["RPO"], datasets=["eurosat"], seeds=[2], shots=[4])
    train, test = job.steps
    run = "eurosat/shots_4/RPO/main_K24/seed2"
    assert train.folder == Path(f"output/rpo/base2new/train_base/{run}")
    assert test.folder == Path(f"output/rpo/base2new/test_new/{run}")
    assert job.label == "RPO, EuroSAT, 4 shots, seed 2"
    trained, tested = configs(job)
    assert (trained.DATASET.SUBSAMPLE_CLASSES, tested.DATASET.SUBSAMPLE_CLASSES) == ("base", "new")
    assert trained.TRAIN.CHECKPOINT_FREQ == 1 and trained.SEED == tested.SEED == 2
    assert parse_step(test).eval_only and parse_step(test).model_dir == str(train.folder)


def test_the_settings_of_the_papers_where_they_differ_by_protocol():
    def name(protocol, method, preset="rpo-paper", **choice):
        return config_name(jobs(protocol, preset, methods=[method], **choice)[0])

    assert name("extreme_few_shot", "RPO") == "main_K4"
    assert name("domain_generalization", "RPO") == "imagenet_k24_ep15"
    assert name("cross_dataset", "RPO") == "imagenet_k24_ep15"
    assert name("cross_dataset", "MaPLe", "maple-paper").endswith("_cross_datasets")
    assert name("base2new", "CoOp", datasets=["imagenet"]) == "vit_b16_ep50_ctxv1"
    assert name("base2new", "CoOp", datasets=["dtd"]) == "vit_b16_ctxv1"
    assert name("few_shot", "CoOp", datasets=["dtd"], shots=[2]) == "vit_b16_ep100_ctxv1"
    assert name("extreme_few_shot", "RPO", "tiny") == "tiny_K4"


@pytest.mark.parametrize("preset", ["tiny", "rpo-paper"])
def test_settings_without_which_a_dataset_would_fail(preset):
    """ImageNet has no validation images to choose C on; ProGrad starts from words of a dataset."""
    (probe,) = jobs("few_shot", preset, methods=["LogisticProbe"], datasets=["imagenet"], shots=[1],
                    seeds=[1])  # fmt: skip
    assert configs(probe)[0].TRAINER.LOGISTICPROBE.C == 0.316
    for job in jobs("base2new", preset, methods=["ProGrad"], seeds=[1]):
        cfg = configs(job)[0]
        words = TRAINER_REGISTRY.get("ProGrad").published_template(cfg).partition(" {}")[0]
        assert len(words.split(" ")) <= cfg.TRAINER.PROGRAD.N_CTX, cfg.DATASET.NAME


def test_a_transfer_is_evaluated_with_the_settings_of_its_training():
    job = jobs("domain_generalization", methods=["CoOp"])[0]
    assert [step.shown for step in job.steps] == [
        "all", "ImageNetV2", "ImageNetSketch", "ImageNetA", "ImageNetR",
    ]  # fmt: skip
    assert {parse_step(step).config_file for step in job.steps} == {
        str(config_file("trainers/CoOp/vit_b16_ep50_ctxv1.yaml"))
    }
    place = "test_all/imagenet_a/shots_16/CoOp/vit_b16_ep50_ctxv1/seed1"
    assert job.steps[3].folder == Path("output/coop/domain_generalization", place)


def test_methods_that_learn_nothing_or_cannot_name_new_classes():
    (zero_shot,) = jobs("base2new", methods=["ZeroshotCLIP2"], datasets=["eurosat"])
    assert [str(step.folder) for step in zero_shot.steps] == [
        f"output/zsclip2/test_{classes}/eurosat/ZeroshotCLIP2/vit_b16"
        for classes in ("base", "new")
    ]
    assert all(parse_step(step).seed is None for step in zero_shot.steps)
    probe = jobs("base2new", methods=["LogisticProbe"], datasets=["eurosat"])
    assert [len(job.steps) for job in probe] == [1, 1, 1]


def test_a_variant_changes_its_keys_and_its_folder():
    planned = jobs("ablations", datasets=["dtd"], seeds=[1], variants=["no_mask", "K4"])
    changed = {job.steps[0].folder.parent.name: configs(job)[0].TRAINER.RPO for job in planned}
    assert changed["main_K24-no_mask"].READ_ONLY is False
    assert changed["main_K24-K4"].K == 4 and changed["main_K24-K4"].READ_ONLY is True
    with pytest.raises(ValueError, match="ablations has nothing to run with CoOp"):
        jobs("ablations", methods=["CoOp"])


def test_the_users_keys_count_most():
    (job,) = jobs("cost", methods=["RPO"], options=["OPTIM.MAX_EPOCH", "7"])
    assert [cfg.OPTIM.MAX_EPOCH for cfg in configs(job)] == [7, 7]


def test_files_and_images_of_a_user(tmp_path):
    protocol, preset = tmp_path / "mine.yaml", tmp_path / "fast.yaml"
    (tmp_path / "pictures").mkdir()
    lines = ["title: Mine", "train: all", f"datasets: [{tmp_path}/pictures]", "shots: [1]"]
    protocol.write_text("\n".join([*lines, "seeds: [5]"]))
    preset.write_text("configs: {RPO: main_K4}\nexceptions: [{options: [OPTIM.MAX_EPOCH, 1]}]")
    (job,) = jobs(str(protocol), str(preset))
    run = "train_all/pictures/shots_1/RPO/main_K4/seed5"
    assert job.steps[0].folder == Path("output/rpo/mine", run)
    (cfg,) = configs(job)
    assert str(tmp_path / "pictures") == cfg.DATASET.FOLDER and cfg.OPTIM.MAX_EPOCH == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("base2now",), 'no protocol "base2now". Did you mean "base2new"?'),
        (("base2new", "rpo_paper"), 'no preset "rpo_paper". Did you mean "rpo-paper"?'),
        (("nothing.yaml",), 'no protocol "nothing.yaml"'),
    ],
)
def test_a_mistyped_protocol_or_preset(arguments, said):
    with pytest.raises(FileNotFoundError, match=said.replace("?", r"\?")):
        jobs(*arguments)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"methods": ["RP0"]}, 'Did you mean "RPO"?'),
        ({"datasets": ["eurosatt"]}, 'Did you mean "eurosat"?'),
        ({"variants": ["K4"]}, "protocol base2new has no variants"),
        ({"seeds": [1, -2]}, "seed -2 would leave a run without one"),
    ],
)
def test_a_mistyped_choice(choice, said):
    with pytest.raises(ValueError) as error:
        jobs("base2new", **choice)
    assert said in str(error.value)


def test_a_mistyped_key_of_a_protocol(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("tran: base")
    with pytest.raises(ValueError, match='mine.yaml: there is no key "tran". Did you mean "train"'):
        read_protocol(str(path))
    path.write_text("train: base")
    with pytest.raises(ValueError, match="mine.yaml: .*missing.*'title'"):
        read_protocol(str(path))


@pytest.mark.parametrize("method", read_preset("tiny").methods())
def test_the_commands_are_those_of_the_scripts(tmp_path, method):
    """The scripts run a program in the place of rpo that only repeats its arguments.

    A method without scripts of its own has the one that takes its name.
    """
    asked = f'[ "$1" = methods ] && exec {sys.executable} -m rpo.cli "$@"'
    (tmp_path / "rpo").write_text(f'#!/bin/sh\n{asked}\necho "$@"\n')
    (tmp_path / "rpo").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "OUTPUT": "output"}
    (job,) = jobs("base2new", "tiny", methods=[method], datasets=["digits"], seeds=[3])
    folder = ROOT / "scripts" / job.steps[0].folder.parts[1]
    scripts = [folder / "base2new_train.sh", folder / "base2new_test.sh"]
    commands = [["digits", "3"]] * 2
    if not folder.is_dir():
        scripts = [ROOT / "scripts" / script.name for script in scripts]
        commands = [[method, "digits", "3"]] * 2
    if method.startswith("Zeroshot"):
        scripts, commands = [folder / "zeroshot.sh"], [["digits"]]
    said = ""
    for script, arguments in zip(scripts, commands, strict=True):
        command = ["bash", str(script), *arguments]
        said += subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout
    scripted = [sorted(line.split()[1:]) for line in said.splitlines()]
    for step in job.steps:
        ours = " ".join(step.arguments).replace(f"{config_file('trainers').parent}/", "configs/")
        ours = ours.replace(" TRAIN.CHECKPOINT_FREQ 1", "")
        assert sorted(ours.split()) in scripted


@pytest.mark.parametrize("protocol", names("protocol"))
def test_a_protocol_has_its_script(tmp_path, protocol):
    (tmp_path / "rpo").write_text('#!/bin/sh\necho "$@ with $DATA"\n')
    (tmp_path / "rpo").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment |= {"DATA": "images", "OUTPUT": "there"}
    script = ROOT / f"scripts/{protocol}.sh"
    command = ["bash", str(script), "--preset", "tiny", "OPTIM.LR", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == (f"run {protocol} --output there --preset tiny OPTIM.LR 1 with images\n")
    usage = subprocess.run(["bash", str(script), "-h"], capture_output=True, text=True)
    assert usage.returncode == 2 and f"bash scripts/{protocol}.sh" in usage.stderr


@pytest.mark.parametrize("protocol", names("protocol"))
def test_the_table_is_one_that_there_is(protocol):
    """Accuracies of the two epochs that the protocol of costs trains are of no use."""
    args = argparse.Namespace(protocol=protocol, pairs=[])
    found = jobs(protocol, "tiny" if protocol == "cost" else "rpo-paper")
    assert report_of(found, args).endswith(" --table cost") == (protocol == "cost")
    args.pairs = ["TEST.SPLIT", "val"]
    assert report_of(found, args).endswith(" --split val")
    assert read_protocol(protocol).table in ("", *TABLES)
