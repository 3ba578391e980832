"""Checkpoints: what is saved comes back bit for bit, and what is damaged or belongs elsewhere does not."""

import json
import random
import shutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.config import check
from erbp_jax.connections import Dense
from erbp_jax.errors import UserError
from erbp_jax.neurons import LIF
from erbp_jax.params import Params
from erbp_jax.tasks import Classification
from erbp_jax.trace import Tree
from erbp_jax.training import checkpoint
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.counters import new_counters
from erbp_jax.training.engine import Learner

CONFIG = {"data": {"name": "digits"}, "network": {"layers": [64, 5, 10]}}


def learner(value: int) -> Learner:
    weights = ({"weight": jnp.full((2, 64, 5), float(value))}, {"weight": jnp.full((2, 5, 10), -float(value))})
    params, fixed = Tree(weights, ({}, {})), Tree(({}, {}), ({}, {"tau": jnp.full((2, 10), value + 0.5)}))
    rule = Params((), (jnp.full((2, 10, 5), value + 0.25),))
    carried = (jnp.zeros((2, 0, 7)), jnp.arange(4, dtype=jnp.uint8), jnp.asarray([True, False]))
    counters = jax.tree.map(
        lambda x: jnp.stack([x, x]),
        new_counters(sequential(Dense(64, 5), LIF(), Dense(5, 10), LIF()), Classification()),
    )
    return Learner(jnp.arange(2, dtype=jnp.uint32), params, fixed, (jnp.int32(3),), rule, carried, counters, params)


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)
    assert jax.tree.structure(a) == jax.tree.structure(b)


@pytest.fixture
def saved(tmp_path):
    """Checkpoints of 10 and 20 batches."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", check(CONFIG, "t"))
    for step in (5, 10, 20):
        checkpoints.save(step, learner(step), Place(step // 10, step % 10), f"sum of {step}")
    return tmp_path / "checkpoints"


def test_everything_comes_back_leaves_without_elements_too(saved):
    assert sorted(p.name for p in saved.iterdir()) == ["10", "20"]
    checkpoints = Checkpoints(saved, check(CONFIG, "t"))
    found, place = checkpoints.restore(learner(0))
    same(found, learner(20))
    assert place == Place(2, 0)
    assert checkpoints.metrics == "sum of 20"
    with np.load(saved / "20" / "learner.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(
            arrays["params/projections/0/weight"], learner(20).params.projections[0]["weight"]
        )


def test_arrays_have_the_names_of_earlier_releases(saved):
    """The fields `carried` and `counters` were renamed; checkpoints of before go on."""
    with np.load(saved / "20" / "learner.npz") as archive:
        first = {name.split("/")[0] for name in archive.files} - {"about"}
    assert first == {"seed", "params", "fixed", "optimizer", "rule_params", "lanes", "tally", "mean"}


@pytest.mark.parametrize("name", ["[a]", "a*b", "a?b", "back\\slash", "with space", "ü%20", "{x}", "~"])
def test_any_path_will_do(tmp_path, name):
    folder = tmp_path / name / "checkpoints"
    folder.parent.mkdir()
    Checkpoints(folder).save(3, learner(1), Place())
    same(Checkpoints(folder).restore(learner(0))[0], learner(1))


def test_looking_changes_nothing(tmp_path, saved):
    assert not Checkpoints.exist(tmp_path / "none")
    assert Checkpoints(tmp_path / "none").latest() is None
    with pytest.raises(UserError, match="no finished checkpoint"):
        Checkpoints(tmp_path / "none").restore(learner(0))
    assert not (tmp_path / "none").exists()
    unfinished = saved / ".30.partial"
    unfinished.mkdir()
    assert Checkpoints.exist(saved)
    Checkpoints(saved).restore(learner(0))
    assert unfinished.is_dir()


def test_a_cut_off_save_is_swept_up_by_the_next_one(saved):
    (saved / ".30.partial").mkdir()
    (saved / ".30.partial" / "learner.npz").write_bytes(b"half")
    Checkpoints(saved).save(30, learner(30), Place(3))
    assert sorted(p.name for p in saved.iterdir()) == ["20", "30"]


def test_a_save_that_fails_leaves_those_before_it(saved, monkeypatch):
    monkeypatch.setattr(checkpoint, "write_text", _full)
    with pytest.raises(OSError, match="No space"):
        Checkpoints(saved).save(30, learner(30), Place(3))
    assert sorted(p.name for p in saved.iterdir()) == ["10", "20"]
    same(Checkpoints(saved).restore(learner(0))[0], learner(20))


def _full(path, _):
    raise OSError(28, "No space left on device", str(path))


def test_what_does_not_read_as_it_was_written_is_no_checkpoint(saved, monkeypatch):
    write = checkpoint.write_arrays

    def bad_disk(path, arrays):
        write(path, arrays)
        content = bytearray(path.read_bytes())
        content[content.index(np.full(8, 30, np.float32).tobytes())] ^= 1
        path.write_bytes(content)

    monkeypatch.setattr(checkpoint, "write_arrays", bad_disk)
    with pytest.raises(OSError, match="does not read as it was written"):
        Checkpoints(saved).save(30, learner(30), Place(3))
    assert sorted(p.name for p in saved.iterdir()) == ["10", "20"]


@pytest.mark.parametrize("file", ["learner.npz", "sha256"])
@pytest.mark.parametrize("how", ["flip", "truncate", "empty", "delete", "append"])
def test_the_one_before_takes_the_place_of_a_damaged_one_and_it_is_said(saved, file, how):
    draw = random.Random(file + how)
    path = saved / "20" / file
    content = bytearray(path.read_bytes())
    for _ in range(20 if how == "flip" else 1):
        bad = bytearray(content)
        if how == "flip":
            bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(bad[:-3]) if how == "truncate" else bytes(bad) + b"x" * (how == "append"))
        if how == "empty":
            path.write_bytes(b"")
        elif how == "delete":
            path.unlink()
        said = []
        found, place = Checkpoints(saved, say=said.append).restore(learner(0))
        same(found, learner(10))
        assert place == Place(1, 0)
        assert len(said) == 1
        assert "20: damaged" in said[0]
        assert said[0].endswith(f"{saved / '10'} is used")


def test_an_empty_folder_with_a_high_number_does_not_block_a_run(saved):
    (saved / "999999").mkdir()
    said = []
    checkpoints = Checkpoints(saved, say=said.append)
    same(checkpoints.restore(learner(0))[0], learner(20))
    assert "999999: damaged" in said[0]
    checkpoints.save(30, learner(30), Place(3))
    assert sorted(p.name for p in saved.iterdir()) == ["20", "30"]


def test_all_damaged(saved):
    for step in ("10", "20"):
        (saved / step / "learner.npz").write_bytes(b"")
    with pytest.raises(UserError, match=r"(?s)20: damaged.*10: damaged.*no intact checkpoint"):
        Checkpoints(saved).restore(learner(0))


def test_another_config_is_refused_by_its_keys_but_it_may_run_elsewhere(saved):
    for patch in ({"seed": 7}, {"optimizer": {"learning_rate": 0.5}}):
        with pytest.raises(UserError, match="written under another config") as refused:
            Checkpoints(saved, check({**CONFIG, **patch}, "t")).restore(learner(0))
        assert next(iter(patch)) in str(refused.value)
    elsewhere = check({"data": {"name": "digits", "dir": "/elsewhere"}, "network": CONFIG["network"]}, "t")
    same(Checkpoints(saved, elsewhere).restore(learner(0))[0], learner(20))


def test_another_shape_is_refused_by_its_name(saved):
    like = learner(0)
    first, second = like.params.projections
    other = with_weights(like, {"weight": jnp.zeros((2, 64, 6))}, second)
    with pytest.raises(UserError, match=r"projections/0/weight is float32 \[2, 64, 5\], wanted float32 \[2, 64, 6\]"):
        Checkpoints(saved).restore(other)
    more = with_weights(like, first, second, {"weight": jnp.zeros((2, 64))})
    with pytest.raises(UserError, match="params/projections/2/weight is on one side only"):
        Checkpoints(saved).restore(more)


def with_weights(like, *weights):
    return replace(like, params=like.params._replace(projections=weights))


def test_other_formats_are_refused_by_their_number(saved, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    with pytest.raises(UserError, match="format 4, this release of erbp_jax reads format 99"):
        Checkpoints(saved).restore(learner(0))
    monkeypatch.undo()
    shutil.rmtree(saved / "20")
    (saved / "20" / "default").mkdir(parents=True)  # as revisions before the first format left them
    with pytest.raises(UserError, match="format 0"):
        Checkpoints(saved).restore(learner(0))


def test_objects_are_never_loaded(saved):
    path = saved / "20" / "learner.npz"
    with np.load(path) as arrays:
        content = dict(arrays)
    content["params/projections/0/weight"] = np.array([{"a": 1}], object)
    np.savez(path, **content)
    (saved / "20" / "sha256").write_text(checkpoint._sha256(path) + "\n")
    with pytest.raises(UserError, match="Python objects"):
        Checkpoints(saved).restore(learner(0))


@pytest.mark.parametrize(
    ("name", "value"),
    [("epoch", "x"), ("epoch", -1), ("epoch", 2.7), ("batch", True), ("batch", 2**40), ("config", 5), ("metrics", [])],
)
def test_what_a_checkpoint_says_of_itself_is_looked_at(saved, name, value):
    path = saved / "20" / "learner.npz"
    with np.load(path) as arrays:
        content = dict(arrays)
    content["about"] = np.array(json.dumps({**json.loads(str(content["about"])), name: value}))
    np.savez(path, **content)
    (saved / "20" / "sha256").write_text(checkpoint._sha256(path) + "\n")
    with pytest.raises(UserError, match=f"not a checkpoint of erbp_jax .{name}"):
        Checkpoints(saved).restore(learner(0))


def test_about_is_plain_json(saved):
    with np.load(saved / "20" / "learner.npz") as arrays:
        about = json.loads(str(arrays["about"]))
    assert (about["format"], about["epoch"], about["batch"], about["metrics"]) == (4, 2, 0, "sum of 20")
    assert about["config"]["network"]["layers"] == [64, 5, 10]
