"""Saved models: what is damaged, swapped, of another version or needs code from outside is refused."""

import json
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.api.files import _checksum
from erbp_jax.errors import UserError


@pytest.fixture(scope="module")
def model():
    data = ej.data.load("digits").subset(40, 20)
    return ej.fit(ej.mlp(64, 8, 10), ej.ERBP.default, data, epochs=0, progress=False)


@pytest.fixture
def saved(model, tmp_path):
    """The arrays of a saved model, and how to write others."""
    path = tmp_path / "model.npz"
    model.save(path)
    with np.load(path) as archive:
        arrays = dict(archive)

    def rewritten(**changes):
        np.savez(tmp_path / "changed.npz", **{k: v for k, v in {**arrays, **changes}.items() if v is not None})
        return tmp_path / "changed.npz"

    return path, arrays, rewritten


def described(arrays, *, summed=True, **changes):
    """The description with changes, and a checksum that fits it or the old one."""
    data = {**json.loads(arrays["model"].tobytes()), **changes}
    if summed:
        data.pop("checksum")
        data["checksum"] = _checksum(data, {k: v for k, v in arrays.items() if k != "model"})
    return np.frombuffer(json.dumps(data).encode(), np.uint8)


def test_what_is_damaged_or_swapped_is_refused(saved, tmp_path):
    path, arrays, rewritten = saved
    ej.load(rewritten())
    with pytest.raises(UserError, match="no such file"):
        ej.load(tmp_path / "nowhere.npz")
    for change, said in (
        ({"model": None}, "it has no member `model`"),
        ({"params0": arrays["params0"] + 1}, "its parts are not those"),
        ({"params0": arrays["params1"], "params1": arrays["params0"]}, "not those that were saved together"),
        ({"params1": None}, "not those that were saved together"),
        ({"model": described(arrays, summed=False, steps=7)}, "not those that were saved together"),
        ({"model": described(arrays, format=99)}, "format 99; this version reads format 2"),
        ({"model": np.frombuffer(b"{", np.uint8)}, "damaged"),
        (
            {"model": described(arrays, network={"class": "os:system", "fields": {}})},
            "names code of the module os, which runs when it is imported",
        ),
        (
            {"model": described(arrays, network={"class": "erbp_jax.neurons.lif:LIF", "fields": {"x": 1}})},
            "another version",
        ),
    ):
        with pytest.raises(UserError, match=said) as caught:
            ej.load(rewritten(**change))
        assert "changed.npz: " in str(caught.value)
    content = path.read_bytes()
    for cut in (10, len(content) // 2, len(content) - 10):
        path.write_bytes(content[:cut])
        with pytest.raises(UserError, match=r"model\.npz: "):
            ej.load(path)


OWN = """
from dataclasses import dataclass
import jax.numpy as jnp

@dataclass(frozen=True)
class Threshold:
    at: float = 1.0
    def init_state(self, shape, dtype=jnp.float32):
        return ()
    def step(self, state, current, *, key=None):
        return state, (current > self.at).astype(current.dtype)
"""


def test_code_from_outside_needs_trust(tmp_path, monkeypatch):
    (tmp_path / "my_threshold.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_threshold

    data = ej.data.load("digits").subset(40, 20)
    network = ej.mlp(64, 8, 10, neuron=my_threshold.Threshold(0.5))
    rule = ej.BackProp  # never trained: its neurons have no surrogate
    made = ej.Model(
        network, network.init(_key()), ej.mstdp(), ej.mstdp().init(network, _key()), ej.Poisson(), ej.Classification(),
        10, shape=data.shape, labels=data.labels,
    )  # fmt: skip
    del rule
    made.save(tmp_path / "own.npz")
    with pytest.raises(UserError, match=r"names code of the module my_threshold, .*trust=True in Python"):
        ej.load(tmp_path / "own.npz")
    assert ej.load(tmp_path / "own.npz", trust=True).network == network
    sys.modules.pop("my_threshold")


def _key():
    import jax

    return jax.random.key(0)


@dataclass(frozen=True)
class Holds:
    function: object = print


def test_what_has_no_place_in_a_file_is_named(model, tmp_path):
    from dataclasses import replace

    with pytest.raises(UserError, match=r"/task/function: .* cannot be saved"):
        replace(model, task=Holds()).save(tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def test_a_loaded_model_is_gone_on_from(model, tmp_path):
    model.save(tmp_path / "m.npz")
    data = ej.data.load("digits").subset(40, 20)
    more = ej.fit(
        model.network, model.rule, data, epochs=1, model=ej.load(tmp_path / "m.npz"), batch_size=20, progress=False
    )
    assert len(more.history) == 1
    assert more.labels.tolist() == list(range(10))


def test_predict_refuses_what_does_not_fit(model):
    for x, said in (
        (np.zeros((3, 63)), r"samples must be \[n, 8, 8\], got shape \[3, 63\]"),
        (np.full((3, 64), 2.0), "float values must lie in"),
        (np.zeros((0, 64)), "got shape"),
    ):
        with pytest.raises(UserError, match=said):
            model.predict(x)
    with pytest.raises(UserError, match=r"the labels \[11\] are not those of training"):
        model.evaluate(np.zeros((2, 64)), [1, 11])
