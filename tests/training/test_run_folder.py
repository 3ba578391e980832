"""A run folder through the command line: what belongs together, what is looked at, and what may happen to it.

Commands with the same config share one session here, compiled once, and their pictures are empty files: real processes
and pictures are looked at in `tests/test_cli.py`.
"""

import csv
import json
import os
import shutil
import signal
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import erbp_jax as ej
import erbp_jax.cli
import erbp_jax.viz.run
from erbp_jax import files, interrupts
from erbp_jax.api.logging import csv_log
from erbp_jax.config import load_config, to_yaml
from erbp_jax.errors import UserError
from erbp_jax.training import checkpoint, evaluate, run_folder
from erbp_jax.training.session import Session
from tests.command_line import call

TINY = [
    "data.train_size=120", "data.test_size=40", "network.layers=[64,12,10]", "encoding.steps=20", "training.epochs=3",
    "training.batch_size=20", "training.checkpoint_every=0.5", "training.alignment=false",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _hear_ctrl_c():
    """What was started in the background may ignore Ctrl-C; these tests press it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="module")
def sessions(tmp_path_factory):
    """One session a config, compiled at its first use."""
    folder, seen = tmp_path_factory.mktemp("configs"), set()
    compile = Session.compile

    @cache
    def by_text(text):
        (folder / "config.yaml").write_text(text)
        return Session(load_config(folder / "config.yaml"))

    def once(session, learner):
        if session not in seen:
            compile(session, learner)
        seen.add(session)

    def draw(_session, _learner, folder):
        pictures = [folder / "learning_curve.png", folder / "raster.png"]
        for picture in pictures:
            picture.touch()
        return pictures

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erbp_jax.cli, "new_session", lambda config: by_text(to_yaml(config)))
        patch.setattr(Session, "compile", once)
        patch.setattr(erbp_jax.viz.run, "draw_run", draw)
        yield


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="module")
def digits(root):
    return root / "configs" / "digits.yaml"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, digits):
    """An undisturbed run."""
    return trained(tmp_path_factory.mktemp("whole") / "run", digits)


def trained(folder, config, *overrides):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["erbp-jax", "train", str(config), *TINY, *overrides, "--out", str(folder)])
        from erbp_jax.__main__ import main

        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 0
    return folder


@pytest.fixture
def run(whole, tmp_path):
    """A finished run of one's own."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


@pytest.fixture
def cut(run):
    """The run as if it had been killed after its second epoch."""
    (run / "summary.json").unlink()
    (run / "weights.npz").unlink()
    for picture in run.glob("*.png"):
        picture.unlink()
    shutil.rmtree(run / "checkpoints" / "18")
    return run


def same_run(a: Path, b: Path) -> None:
    with np.load(a / "weights.npz") as one, np.load(b / "weights.npz") as other:
        assert one.files == other.files
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name])
    for one, other in zip(run_folder.read_metrics(a), run_folder.read_metrics(b), strict=True):
        assert {**one, "train_seconds": 0} == {**other, "train_seconds": 0}
    times = ("train_seconds", "compile_seconds", "samples_per_second")
    one, other = (json.loads((x / "summary.json").read_text()) for x in (a, b))
    assert {k: v for k, v in one.items() if k not in times} == {k: v for k, v in other.items() if k not in times}
    assert {p.name for p in a.iterdir()} == {p.name for p in b.iterdir()}


def test_an_open_run_has_the_metrics_of_its_weights_and_no_later_ones(cut):
    assert len(run_folder.read_metrics(cut)) == 3
    model = ej.open_run(cut)
    assert [entry["epoch"] for entry in model.history] == [1, 2]
    assert model.test_error == run_folder.read_metrics(cut)[1]["test_error"]


def test_a_log_is_gone_on_with(cli, cut):
    log, metrics = csv_log(cut / "metrics.csv"), run_folder.read_metrics(cut)
    for entry in metrics:
        log(entry | {"test_error": -1.0}, None)
    assert cli("resume", cut)[0] == 0
    rows = list(csv.DictReader((cut / "metrics.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    errors = [float(row["test_error"]) for row in rows]
    assert errors == [-1.0, -1.0, pytest.approx(metrics[2]["test_error"])]  # the third was trained again


def test_resume_ends_as_if_nothing_had_happened(cli, cut, whole):
    assert cli("resume", cut)[0] == 0
    same_run(cut, whole)
    assert json.loads((cut / "environment.json").read_text())["resumed"][0]["command"][1] == "resume"


def break_metrics(run):
    (run / "metrics.jsonl").unlink()


def keep_one_line(run):
    path = run / "metrics.jsonl"
    path.write_text(path.read_text().splitlines(keepends=True)[0])


def empty_metrics(run):
    (run / "metrics.jsonl").write_text("")


def other_numbers(run):
    path = run / "metrics.jsonl"
    first, *others = path.read_text().splitlines(keepends=True)
    path.write_text("".join([json.dumps({**json.loads(first), "test_error": 1.0}) + "\n", *others]))


def bare_line(run):
    path = run / "metrics.jsonl"
    path.write_text('{"epoch": 1}\n' + "".join(path.read_text().splitlines(keepends=True)[1:]))


def deep_line(run):
    (run / "metrics.jsonl").write_text("[" * 100_000 + "\n")


def no_checkpoints(run):
    shutil.rmtree(run / "checkpoints")


def edit(old, new):
    def change(run):
        text = (run / "config.yaml").read_text()
        assert old in text
        (run / "config.yaml").write_text(text.replace(old, new))

    return change


WRONG = {
    "metrics are gone": (break_metrics, ["metrics.jsonl", "has 0 epochs", "lines were lost"]),
    "metrics are empty": (empty_metrics, ["metrics.jsonl", "has 0 epochs"]),
    "a line is lost": (keep_one_line, ["metrics.jsonl", "has 1 epoch, the checkpoint is of epoch 2"]),
    "a line is another": (other_numbers, ["metrics.jsonl", "not those of the checkpoint"]),
    "a line is bare": (bare_line, ["metrics.jsonl", "line 1 is damaged: it has no samples"]),
    "a line is deep": (deep_line, ["metrics.jsonl", "line 1 is damaged"]),
    "checkpoints are gone": (no_checkpoints, ["metrics.jsonl", "there is no checkpoint"]),
    "another rate": (edit("learning_rate: 0.0004", "learning_rate: 0.0002"), ["optimizer.learning_rate"]),
    "fewer epochs": (edit("epochs: 3", "epochs: 1"), ["training.epochs: 3 -> 1"]),
    "another batch": (edit("\n  batch_size: 20", "\n  batch_size: 10"), ["training.batch_size: 20 -> 10"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_belong_together_is_refused_before_anything_is_built(cli, monkeypatch, cut, case):
    change, words = WRONG[case]
    change(cut)
    monkeypatch.setattr(erbp_jax.cli, "new_session", None)
    code, _, err = cli("resume", cut)
    assert code == 2, err
    assert err.startswith("error: ")
    for word in words:
        assert word in err
    assert not (cut / "summary.json").exists()


def test_another_seeds_checkpoint_is_refused(cli, cut, monkeypatch):
    edit("seed: 0\n", "seed: 5\n")(cut)
    monkeypatch.setattr(erbp_jax.cli, "new_session", None)
    for command in ("resume", "evaluate"):
        code, _, err = cli(command, cut)
        assert code == 2
        assert "seed: 0 -> 5" in err


def test_a_finished_run_whose_config_was_edited_is_refused(cli, run):
    edit("learning_rate: 0.0004", "learning_rate: 0.0002")(run)
    code, _, err = cli("resume", run)
    assert code == 2
    assert "optimizer.learning_rate" in err


def test_a_torn_last_line_is_measured_again(cli, cut, whole):
    path = cut / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    assert cli("resume", cut)[0] == 0
    same_run(cut, whole)


SUMMARIES = {
    "an empty summary": "",
    "odd pictures": '{"pictures": 5}',
    "long names": json.dumps({"pictures": ["a" * 300]}),
}


def test_what_a_kill_after_the_last_checkpoint_left_is_swept_up(cli, run):
    """Between the save and the removal of the oldest, or in the middle of that removal."""
    saved = run / "checkpoints"
    steps = sorted(int(p.name) for p in saved.iterdir())
    (run / "summary.json").unlink()
    shutil.copytree(saved / str(steps[0]), saved / "0")
    shutil.copytree(saved / str(steps[0]), saved / ".1.partial")
    code, *_ = cli("resume", run)
    assert code == 0
    assert sorted(int(p.name) for p in saved.iterdir()) == steps


@pytest.mark.parametrize("lost", ["summary.json", "raster.png", "weights.npz", *SUMMARIES])
def test_a_run_without_its_last_files_is_not_finished(cli, run, whole, monkeypatch, lost):
    if lost in SUMMARIES:
        (run / "summary.json").write_text(SUMMARIES[lost])
    else:
        (run / lost).unlink()
    monkeypatch.setattr(Session, "train", None)  # nothing is trained again
    code, out, err = cli("resume", run)
    assert code == 0, err
    assert "pictures: " in out
    same_run(run, whole)
    assert "finished" in cli("resume", run)[1]


def test_a_picture_that_cannot_be_drawn_fails_nothing(cli, cut, monkeypatch):
    monkeypatch.setattr(erbp_jax.viz.run, "draw_run", lambda *_: 1 / 0)
    code, out, _ = cli("resume", cut)
    assert code == 0
    assert "not all could be drawn: ZeroDivisionError" in out
    assert (cut / "summary.json").is_file()


@pytest.mark.parametrize("rule", ["erbp", "bp"])
def test_states_that_go_on_can_be_saved_and_resumed(cli, tmp_path, digits, rule):
    options = ["training.reset_state=false", f"rule.kind={rule}"]
    run = trained(tmp_path / "run", digits, *options)
    cut = Path(shutil.copytree(run, tmp_path / "cut"))
    (cut / "summary.json").unlink()
    shutil.rmtree(cut / "checkpoints" / "18")
    assert cli("resume", cut)[0] == 0
    same_run(run, cut)


def test_interrupted_anywhere_is_one_line_and_130(cli, cut, whole, monkeypatch):
    train = Session.train
    calls = []

    def interrupted(self, *arguments):
        after = train(self, *arguments)
        calls.append(arguments)
        if len(calls) == 1:
            for _ in range(20):
                os.kill(os.getpid(), signal.SIGINT)
        return after

    monkeypatch.setattr(Session, "train", interrupted)
    code, out, err = cli("resume", cut)
    assert code == 130
    assert err == f"interrupted; go on with: erbp-jax resume {cut}\n"
    assert "Traceback" not in out
    monkeypatch.undo()
    assert cli("resume", cut)[0] == 0
    same_run(cut, whole)


def test_an_interrupt_that_a_callback_swallows_is_not_lost(cli, cut, monkeypatch):
    train = Session.train

    def swallowed(self, *arguments):
        with suppress(KeyboardInterrupt):  # as in a callback of a compiled library
            os.kill(os.getpid(), signal.SIGINT)
        return train(self, *arguments)

    monkeypatch.setattr(Session, "train", swallowed)
    code, _, err = cli("resume", cut)
    assert code == 130
    assert err.startswith("interrupted; go on with: ")


def test_ctrl_c_is_the_shells_own_outside():
    before = signal.getsignal(signal.SIGINT)
    with interrupts.listening():
        assert signal.getsignal(signal.SIGINT) is not before
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
            interrupts.check()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        os.kill(os.getpid(), signal.SIGINT)  # one with the first
    assert signal.getsignal(signal.SIGINT) is before
    interrupts.check()


class Deaf:
    """Presses Ctrl-C in a callback that can raise nothing."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)


def test_an_interrupt_in_a_callback_comes_again_without_a_word(capsys):
    with interrupts.listening(), suppress(KeyboardInterrupt):
        Deaf()
        time.sleep(10)
        pytest.fail("it was lost")
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_one_message_and_the_run_goes_on_later(cli, cut, whole, monkeypatch):
    write = files.write_arrays

    def full(path, _):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(checkpoint, "write_arrays", full)
    code, _, err = cli("resume", cut)
    assert code == 1
    assert err.startswith("stopped: No space left on device: ")
    assert err.endswith(f"go on with: erbp-jax resume {cut}\n")
    assert len(err.splitlines()) == 2
    monkeypatch.setattr(checkpoint, "write_arrays", write)
    assert cli("resume", cut)[0] == 0
    same_run(cut, whole)


def test_a_folder_that_is_moved_away_stops_its_run(cli, cut, whole, monkeypatch, tmp_path):
    train = Session.train

    def moved(self, *arguments):
        if cut.exists():
            cut.rename(tmp_path / "moved")
        return train(self, *arguments)

    monkeypatch.setattr(Session, "train", moved)
    code, _, err = cli("resume", cut)
    assert code == 2
    assert "was moved or removed" in err
    assert not cut.exists()
    monkeypatch.undo()
    assert cli("resume", tmp_path / "moved")[0] == 0
    same_run(tmp_path / "moved", whole)


def test_metrics_that_vanish_while_a_run_goes_on_are_written_anew(cli, cut, whole, monkeypatch):
    train = Session.train

    def vanish(self, *arguments):
        (cut / "metrics.jsonl").unlink(missing_ok=True)
        return train(self, *arguments)

    monkeypatch.setattr(Session, "train", vanish)
    assert cli("resume", cut)[0] == 0
    same_run(cut, whole)


def test_looking_at_a_live_run_takes_nothing_from_it(cli, cut):
    before = sorted(p.relative_to(cut) for p in cut.rglob("*"))
    with run_folder.lock(cut):
        code, out, err = cli("evaluate", cut)
        assert code == 0, err
        assert "after epoch 2" in out
        assert cli("resume", cut)[0] == 2
    assert sorted(p.relative_to(cut) for p in cut.rglob("*") if p.name != "evaluation.json") == before


def test_a_run_that_cannot_be_written_to_can_be_tested(cli, cut, monkeypatch):
    def read_only(path, _):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(evaluate, "write_json", read_only)
    code, out, err = cli("evaluate", cut)
    assert code == 0, err
    assert "test error" in out
    assert "evaluation.json was not written: Read-only file system" in out


def test_a_run_without_a_checkpoint_has_nothing_to_test(cli, cut):
    no_checkpoints(cut)
    code, _, err = cli("evaluate", cut)
    assert code == 2
    assert "no finished checkpoint" in err
    assert not (cut / "checkpoints").exists()


def test_digits_that_were_learned_from_are_no_test(cli, run, tmp_path, digits):
    code, _, err = cli("evaluate", run, "data.validation_size=100")
    assert code == 2
    assert "data.validation_size: 100 would test on samples that were learned from" in err
    held_out = trained(tmp_path / "held", digits, "data.validation_size=100")
    assert cli("evaluate", held_out, "data.validation_size=100")[0] == 0
    assert cli("evaluate", held_out, "data.validation_size=0")[0] == 0
    assert cli("evaluate", held_out, "data.validation_size=50")[0] == 2


def test_a_run_of_many_devices_goes_on_where_there_is_one(cli, cut, monkeypatch):
    many = cut / "config.yaml"
    many.write_text(many.read_text().replace("\n  devices: 1", "\n  devices: 64").replace("size: 20", "size: 64"))
    monkeypatch.setattr(checkpoint, "ELSEWHERE", (*checkpoint.ELSEWHERE, "training.batch_size", "training.test_batch"))
    many.write_text(many.read_text().replace("test_batch_size: 500", "test_batch_size: 64"))
    code, out, err = cli("evaluate", cut)
    assert code == 0, err
    assert "note: the run was begun on 64 devices, this process sees 4: one is used" in err
    assert "test error" in out


def test_runs_of_the_same_second_get_folders_of_their_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_folder.time, "strftime", lambda _: "20260101-000000")
    names = [run_folder.default_folder("digits.yaml").name for _ in range(3)]
    assert names == ["digits-20260101-000000", "digits-20260101-000000-2", "digits-20260101-000000-3"]


def test_a_lock_is_for_one_and_follows_no_link(tmp_path):
    in_use = pytest.raises(UserError, match=f"in use by a live run .process {os.getpid()}.")
    with run_folder.lock(tmp_path), in_use, run_folder.lock(tmp_path):
        pass
    with run_folder.lock(tmp_path):  # once more: it was given back
        pass
    precious = tmp_path / "precious"
    precious.write_text("text")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".lock").symlink_to(precious)
    with pytest.raises(UserError, match="cannot be written"), run_folder.lock(linked):
        pass
    assert precious.read_text() == "text"


def test_a_folder_that_nothing_came_of_is_not_left(tmp_path):
    with run_folder.lock(tmp_path / "a" / "new"):
        pass
    assert not (tmp_path / "a" / "new").exists()


@pytest.mark.parametrize("name", ["a" * 300, "x/" + "b" * 256])
def test_names_that_no_disk_takes(cli, tmp_path, digits, name):
    code, _, err = cli("train", digits, *TINY, "--out", tmp_path / name)
    assert code in (1, 2)
    assert "File name too long" in err
    assert len(err.splitlines()) == 1
