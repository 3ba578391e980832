"""What the revision that is imported makes of a case. The one place that knows the names in its API."""

import hashlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from freezing.cases import BATCHES, Case, expected, kept, table

FIELDS = {
    "weights": ("params",),
    "rule's weights": ("feedback", "rule_params"),
    "optimizer": ("optimizer", "opt_state"),
    "average": ("mean", "average"),
}
"""The parts of a learner that are arrays, and what revisions call them."""

GRID = 3
"""Weights and feedback of an exact case are multiples of `2**-GRID`."""

TEST_SIZE = 200

Arrays = dict[str, np.ndarray]


class Prepared:
    """A case that is compiled and has its learner before and after the first batches."""

    def __init__(self, root: Path, case: Case, seeds: int) -> None:
        from erbp_jax.training.session import Session

        self.case = case
        self.session: Any = Session(config_of(root, case, seeds))
        if case.exact:  # pixels that are black or white: a rate is a power of two
            shown = self.session.data.train
            self.session.data = replace(self.session.data, train=replace(shown, x=_black_and_white(shown.x)))
        self.learner = self._ready(self.session.start())
        self.session.compile(self.learner)

    def arrays(self) -> Arrays:
        """All that training and testing left, by part and place."""
        if not self.case.exact:
            after = self.session.train(self.learner, 0, 0, BATCHES)
            return {**of_learner(after), **of_test(self.session.test(after, 0))}
        learner = after = self.learner
        for batch in range(BATCHES):  # back on the grid in between: products of products would outgrow 24 bits
            after = self.session.train(learner, 0, batch, batch + 1)
            learner = self._ready(after)
        return {**of_learner(after), **of_test(self.session.test(learner, 0))}

    def train(self) -> None:
        """The same stretch again, for its time."""
        jax.block_until_ready(self.session.train(self.learner, 0, 0, BATCHES))

    def _ready(self, learner: Any) -> Any:
        return on_grid(learner) if self.case.exact else learner


def config_of(root: Path, case: Case, seeds: int) -> Any:
    """The case's config with as many samples as the first batches have."""
    from erbp_jax.config import load_config

    path = root / case.config
    batch = load_config(path, case.overrides, case.rule).training.batch_size
    cut = (
        f"data.train_size={BATCHES * batch}",
        f"data.test_size={TEST_SIZE}",
        "data.validation_size=0",
        "training.alignment=false",
        f"training.seeds={seeds}",
    )
    return load_config(path, [*case.overrides, *cut], case.rule)


def distinct(root: Path, seeds: int) -> list[Case]:
    """The table and the kept configs, without those that are, cut, the same as one before."""
    seen, out = set(), table()
    for case in kept(root):
        resolved = config_of(root, case, seeds).model_dump_json()
        if resolved not in seen:
            seen.add(resolved)
            out.append(case)
    return out


def on_grid(learner: Any) -> Any:
    """The learner with weights and feedback rounded to multiples of a power of two."""
    changes = {}
    for part in ("weights", "rule's weights"):
        name = next(n for n in FIELDS[part] if hasattr(learner, n))
        changes[name] = jax.tree.map(_rounded, getattr(learner, name))
    return replace(learner, **changes)


def _rounded(x: jax.Array) -> jax.Array:
    return jnp.round(x * 2.0**GRID) * jnp.float32(2.0**-GRID) if jnp.issubdtype(x.dtype, jnp.floating) else x


def _black_and_white(images: np.ndarray) -> np.ndarray:
    return np.where(images > 127, 255, 0).astype(images.dtype)


def of_learner(learner: Any) -> Arrays:
    """A learner's arrays in the order of its layers: names in a tree may change, their order may not."""
    out: Arrays = {}
    for part, names in FIELDS.items():
        tree: Any = next((getattr(learner, n) for n in names if hasattr(learner, n)), None)
        if hasattr(tree, "trained"):  # what a rule trains stands apart from what is fixed, None in its place
            trained = tree.trained or (None,) * len(tree.fixed)
            tree = [b if a is None else a for a, b in zip(trained, tree.fixed, strict=True)]
        for place, leaf in enumerate(jax.tree.leaves(tree)):
            out[f"{part}/{place}"] = np.asarray(leaf)
    # Later revisions count everything in 64 bits, and have the counts on the host by themselves.
    counted = learner.counters if hasattr(learner, "counters") else learner.tally
    counters = counted.values() if hasattr(counted, "values") else counted
    for name in ("samples", "wrong", "error_spikes"):
        values = counters.scores[0] if name == "wrong" and hasattr(counters, "scores") else getattr(counters, name)
        out[f"tally/{name}"] = np.asarray(values).astype(np.float64)
    events = np.asarray(counters.events)
    if events.dtype == np.uint32:  # low and high words of 64 bits
        events = events[..., 0].astype(np.int64) + (events[..., 1].astype(np.int64) << 32)
    layers = (events.shape[-1] - 2) // 2
    names = [f"{kind}.{layer}" for kind in ("synops", "plasticity") for layer in range(layers)]
    for place, name in enumerate([*names, "label", "error"]):
        out[f"tally/{name}"] = events[..., place].astype(np.int64)
    return out


def of_test(result: Any) -> Arrays:
    """The decisions, and what they cost, as numbers of one type whatever they are counted in."""
    scores = getattr(result, "scores", None)  # later revisions score by task
    both = (result.wrong, result.undecided) if scores is None else (scores["error"], scores["undecided"])
    out = {f"test/{name}": np.asarray(values) for name, values in zip(("wrong", "undecided"), both, strict=True)}
    return {**out, "test/activity": np.asarray(result.activity).astype(np.float64)}


def digest(case: str, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """SHA-256, cut to 16 digits, of each part's arrays in their order, without what is expected to differ."""
    hashes: dict[str, Any] = {}
    for name, array in arrays.items():
        if expected(case, name):
            continue
        part, _, place = name.partition("/")
        known = hashes.setdefault(part, hashlib.sha256())
        known.update(f"{place} {array.shape} {array.dtype.str} ".encode())
        known.update(np.ascontiguousarray(array).tobytes())
    return {part: known.hexdigest()[:16] for part, known in hashes.items()}


def serve(root: Path, seeds: int) -> None:
    """Answer requests, a JSON object a line: which cases there are, what came out of one, one more turn of it."""
    import erbp_jax

    answers, sys.stdout = sys.stdout, sys.stderr
    imported = Path(erbp_jax.__file__).resolve()
    if not imported.is_relative_to(root.resolve()):
        raise SystemExit(f"{imported} was imported, which is not of {root}")
    prepared = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer: Any = None
            if request["do"] == "list":
                answer = [vars(case) for case in distinct(root, seeds)]
            elif request["do"] == "prepare":
                prepared = None
                case = Case(**{**request["case"], "overrides": tuple(request["case"]["overrides"])})
                prepared = Prepared(root, case, seeds)
                arrays = prepared.arrays()
                np.savez(request["to"], allow_pickle=False, **arrays)  # pyright: ignore[reportArgumentType]
                answer = digest(case.name, arrays)
            else:
                assert prepared is not None
                began = time.perf_counter()
                prepared.train()
                answer = time.perf_counter() - began
            reply = {"answer": answer}
        except Exception as error:  # what a revision cannot do is a result
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=answers, flush=True)
