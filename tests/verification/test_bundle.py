"""`rpo bundle`: what is packed, that others can verify it, and several labs side by side."""

import json
import tarfile
from pathlib import Path

import pytest

from rpo.cli import main
from rpo.report.frame import build_frame
from rpo.report.reading import read_runs


def names_in(path):
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_a_bundle_can_be_verified_elsewhere(run_folder, tmp_path, capsys):
    assert main(["eval", str(run_folder), "--classes", "new"]) == 0
    bundle, output = tmp_path / "results.tar", run_folder.parents[1]
    for folder in ("data", "weights", "output"):  # what else the test keeps there is no run
        assert not (output / folder / "results.json").exists()
    parts = [str(output / name) for name in ("train_base", "test_new")]
    assert main(["bundle", *parts, "-o", str(bundle)]) == 0
    assert "2 runs in " in capsys.readouterr().out
    run = [f"train_base/seed1/{name}.json" for name in ("results", "run", "history")]
    expected = {"bundle.json", *run, "train_base/seed1/predictions.npz"}
    expected |= {"train_base/seed1/prompt_learner/model.pth.tar-2"}
    expected |= {f"test_new/seed1/{name}" for name in ("results.json", "predictions.npz")}
    assert set(names_in(bundle)) == expected
    for part in parts:  # nothing is read from there any more
        Path(part).rename(f"{part}-moved")
    assert main(["verify", str(bundle), "--images", "5"]) == 0
    assert "2 runs: no difference was found. Not checked: history (1).\n" in capsys.readouterr().out


def test_the_optimiser_stays_at_home(run_folder, tmp_path):
    import torch

    bundle = tmp_path / "results.tar.gz"
    assert main(["bundle", str(run_folder), "-o", str(bundle)]) == 0
    with tarfile.open(bundle) as archive:
        (name,) = (name for name in archive.getnames() if "model.pth.tar" in name)
        packed = torch.load(archive.extractfile(name), weights_only=True)
    assert set(packed) == {"state_dict", "epoch"}


def test_the_same_runs_give_the_same_bytes(run_folder, tmp_path):
    first, second = tmp_path / "one" / "a.tar", tmp_path / "other" / "a.tar"
    for path in (first, second):
        assert main(["bundle", str(run_folder), "-o", str(path)]) == 0
    assert first.read_bytes() == second.read_bytes()


def test_a_changed_bundle_is_found(altered, tmp_path, capsys):
    def better(record):
        record["metrics"]["test"]["accuracy"] = 99.0

    bundle = tmp_path / "results.tar"
    assert main(["bundle", str(altered(better, seal=True)), "-o", str(bundle)]) == 0
    assert main(["verify", str(bundle)]) == 1
    assert "metrics.test.accuracy is 99.0" in capsys.readouterr().out


def test_labs_side_by_side(run_folder, altered, tmp_path, capsys):
    """One name twice is numbered; a bundle alone, and what was run here, needs no name."""
    other = altered(lambda record: record["metrics"]["test"].update(accuracy=1.0))
    bundles = [tmp_path / "first.tar", tmp_path / "second.tar"]
    assert main(["bundle", str(run_folder), "-o", str(bundles[0]), "--name", "A & B"]) == 0
    assert main(["bundle", str(other), "-o", str(bundles[1]), "--name", "A & B"]) == 0
    runs, notes = read_runs([*bundles, run_folder])
    assert [run.lab for _, run in runs] == ["A & B", "A & B 2", ""] and notes == []
    assert sorted(run.accuracy == 1 for _, run in runs) == [False, False, True]
    frame = build_frame(runs)
    assert frame["config"].is_unique and frame["config"].str.contains("A & B 2").sum() == 1
    assert [run.lab for _, run in read_runs(bundles[:1]).runs] == [""]
    for command in ("report", "compare"):
        capsys.readouterr()
        assert main([command, *map(str, bundles)]) in (0, 2)
        if command == "report":
            assert "[A & B 2]" in capsys.readouterr().out


def test_what_is_no_bundle(run_folder, tmp_path, capsys):
    path = tmp_path / "other.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(run_folder / "results.json", "results.json")
    for command in ("report", "verify"):
        assert main([command, str(path)]) == 2
        assert "is no bundle that rpo bundle wrote" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:700])
    assert main(["report", str(path)]) == 2
    assert main(["bundle", str(tmp_path / "nowhere"), "-o", str(tmp_path / "x.tar")]) == 2
    assert not (tmp_path / "x.tar").exists()


def test_a_file_that_is_no_bundle_does_not_stand_for_its_folder(run_folder, monkeypatch, capsys):
    monkeypatch.chdir(run_folder)
    Path("ten.py").write_text("print(10)")
    for command in ("report", "compare", "verify"):
        assert main([command, "ten.py"]) == 2
        said = capsys.readouterr()
        assert "ten.py is neither a folder nor a bundle" in said.err and not said.out
    assert main(["report", "results.json"]) == 0


def test_nothing_to_pack_is_said_and_leaves_the_bundle_of_before(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    tarfile.open("x.tar", "w").close()
    before = Path("x.tar").read_bytes()
    assert main(["bundle", "photos", "-o", "x.tar"]) == 2
    assert "there is no results.json in or below photos\n" in capsys.readouterr().err
    assert Path("x.tar").read_bytes() == before and len(list(tmp_path.iterdir())) == 2


def test_a_file_that_is_no_bundle_is_not_overwritten(run_folder, tmp_path, capsys):
    (tmp_path / "thesis.md").write_text("# Thesis")
    assert main(["bundle", str(run_folder), "-o", str(tmp_path / "thesis.md")]) == 2
    assert "thesis.md is no bundle: it is not overwritten" in capsys.readouterr().err
    assert (tmp_path / "thesis.md").read_text() == "# Thesis"
    for _ in range(2):  # one of before is
        assert main(["bundle", str(run_folder), "-o", str(tmp_path / "results.tar")]) == 0


def test_a_run_without_results_is_said_and_a_damaged_one_refused(
    run_folder, altered, tmp_path, capsys
):
    lost = altered(lambda record: None)
    (lost / "results.json").unlink()
    command = ["bundle", str(run_folder.parent), "-o", str(tmp_path / "results.tar")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert f"note: {lost} has no results.json" in said and "1 run in" in said
    (lost / "results.json").write_text('{"method": ')
    assert main(command) == 2
    assert f"{lost}/results.json is damaged" in capsys.readouterr().err


def test_nothing_is_written_outside(tmp_path, capsys):
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("../../outside"))
    assert main(["report", str(path)]) == 2
    assert "leads out of the folder" in capsys.readouterr().err


def test_model_cards(run_folder, tmp_path, capsys):
    hub = pytest.importorskip("huggingface_hub", reason="the extra [hub] is not installed")
    cards = tmp_path / "cards"
    bundle = ["bundle", str(run_folder), "-o", str(tmp_path / "results.tar")]
    assert main([*bundle, "--hf", str(cards)]) == 0
    (path,) = cards.iterdir()
    data = hub.ModelCard.load(path).data
    accuracy = json.loads((run_folder / "results.json").read_text())["metrics"]["test"]["accuracy"]
    (result,) = data.eval_results
    assert data.library_name == "rpo-clip" and data.model_name.startswith("RPO ")
    assert (result.dataset_type, result.dataset_config) == ("eurosat", "base")
    assert result.metric_value == pytest.approx(accuracy / 100, abs=1e-6)
    assert result.metric_args["seeds"] == [1] and result.task_type == "image-classification"
