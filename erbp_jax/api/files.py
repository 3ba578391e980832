"""Saved models: one `.npz`, whose member `model` is JSON; nothing in it is run, no pickle is read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from erbp_jax.api.described import described, made
from erbp_jax.api.model import Model
from erbp_jax.archive import MAX_BYTES, open_archive, shown
from erbp_jax.errors import UserError
from erbp_jax.files import write_arrays
from erbp_jax.outside import found
from erbp_jax.params import Params
from erbp_jax.random import new_key

FORMAT = 2
"""Of saved models; raised when an older one can no longer be read."""
PARTS = ("network", "rule", "encoder", "task")
MOST_BYTES = 16 * MAX_BYTES


def save(path: Path | str, model: Model) -> None:
    """Write a model as one `.npz`: network, rule, encoder, task, all parameters, labels, history, and a checksum.

    The state of the optimiser is not in it: `fit(..., model=ej.load(path))` begins with a fresh one.

    Example:
        >>> import os, tempfile
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits").subset(100, 20)
        >>> model = ej.fit(ej.mlp(64, 20, 10), ej.ERBP.default, data, epochs=0, progress=False)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "digits.npz")
        ...     ej.save(path, model)
        ...     print(ej.load(path).network.name)
        64-20-10

    Raises:
        UserError: a part that is no frozen dataclass of plain values, for instance one that holds a function.
    """
    arrays: dict[str, np.ndarray] = {}
    parts = {name: described(getattr(model, name), arrays, f"/{name}") for name in PARTS}
    for name, tree in (("params", model.params), ("rule_params", model.rule_params)):
        for place, leaf in enumerate(jax.tree.leaves(tree)):
            arrays[f"{name}{place}"] = np.asarray(leaf)
    if model.labels is not None:
        arrays["labels"] = model.labels
    description = {
        "format": FORMAT,
        **parts,
        "steps": model.steps,
        "dt": model.dt,
        "seed": model.seed,
        "shape": None if model.shape is None else list(model.shape),
        "history": model.history,
        "test_name": model.test_name,
    }
    description["checksum"] = _checksum(description, arrays)
    text = np.frombuffer(json.dumps(description).encode(), np.uint8)
    try:
        write_arrays(Path(path), {"model": text, **arrays})
    except OSError as error:
        raise UserError(f"{shown(str(path), 400)}: cannot be written ({error.strerror})") from None


def load(path: Path | str, *, trust: bool = False) -> Model:
    """A model that `save` wrote.

    Classes from outside the package are imported only with `trust`.

    Example:
        >>> import os, tempfile
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits").subset(100, 20)
        >>> model = ej.fit(ej.mlp(64, 20, 10), ej.ERBP.default, data, epochs=0, progress=False)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "digits.npz")
        ...     model.save(path)
        ...     print(ej.load(path))
        Model(64-20-10, ERBP, 0 epochs)

    Raises:
        UserError: with the path: no such file, truncated, changed, of another format, or code that is not trusted.
    """
    path = Path(path)
    with open_archive(path, MOST_BYTES) as archive:
        arrays = {name: archive[name] for name in archive.names}
        description = _description(arrays.pop("model", None))
        if description["format"] != FORMAT:
            raise UserError(
                f"a model of format {shown(str(description['format']))}; this version reads format {FORMAT}: save it "
                "again with the version that wrote it, or train again"
            )
        if description.pop("checksum", None) != _checksum(description, arrays):
            raise UserError("damaged: its parts are not those that were saved together")
        missing = [key for key in (*PARTS, "steps", "dt", "seed", "shape", "history") if key not in description]
        if missing:
            raise UserError(f"damaged: it has no {missing[0]}")
        with found(path, trust):
            network, rule, encoder, task = (made(description[name], arrays) for name in PARTS)
        key = new_key(0)
        try:
            like = jax.eval_shape(network.init, key), jax.eval_shape(lambda: rule.init(network, key))
            params, rule_params = (_filled(x, n, arrays) for x, n in zip(like, ("params", "rule_params"), strict=True))
        except (AttributeError, TypeError, ValueError) as error:
            raise UserError(f"damaged: {shown(str(error), 300)}") from None
        shape = description["shape"]
        return Model(
            network=network, params=params, rule=rule, rule_params=rule_params, encoder=encoder, task=task,
            steps=int(description["steps"]), dt=float(description["dt"]), seed=int(description["seed"]),
            shape=None if shape is None else tuple(map(int, shape)), labels=arrays.get("labels"),
            history=list(description["history"]), test_name=str(description.get("test_name", "test")),
        )  # fmt: skip


def _description(text: np.ndarray | None) -> dict[str, Any]:
    if text is None:
        raise UserError(
            "not a saved model, which ej.save writes: it has no member `model`; a data set is read by ej.data.from_npz"
        )
    try:
        description = json.loads(text.tobytes().decode())
    except (ValueError, RecursionError) as error:
        raise UserError(f"damaged: {shown(str(error), 200)}") from None
    if not isinstance(description, dict) or "format" not in description:
        raise UserError("not a saved model: its member `model` has no format")
    return description


def _filled(like: Params, name: str, arrays: Mapping[str, np.ndarray]) -> Params:
    """A tree of these shapes from the arrays `NAME0`, `NAME1`, ..."""
    leaves, tree = jax.tree.flatten(like)
    found = [arrays.get(f"{name}{place}") for place in range(len(leaves))]
    for place, (wanted, got) in enumerate(zip(leaves, found, strict=True)):
        if got is None or got.shape != wanted.shape or got.dtype != wanted.dtype:
            there = "nothing" if got is None else f"{got.dtype} {list(got.shape)}"
            raise UserError(f"{name}{place}: the network takes {wanted.dtype} {list(wanted.shape)}, got {there}")
    return jax.tree.unflatten(tree, [jax.numpy.asarray(x) for x in found])


def _checksum(description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the description and of all arrays."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
