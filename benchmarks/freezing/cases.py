"""The cases that two revisions are held against each other on: every rule on two networks, and every kept config."""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

BATCHES = 3

DENSE = (
    *("optimizer.average=null", "optimizer.schedule=exponential"),
    *("optimizer.decay=0.9", "optimizer.learning_rate=2e-4"),
)
"""What the dense config had when the first revision was frozen; `DENSE_LOCAL` for local rules."""
DENSE_LOCAL = ("rule.gate=[-1.87,1.87]", "rule.rate_penalty=0")
LOCAL = ("rule.burn_in=0",)
ADAM = (
    "optimizer.kind=adam",
    "optimizer.learning_rate=4e-3",
    "optimizer.decay=0.9",
    "encoding.steps=20",
    "training.update_every=5",
)
"""With what a rule of another family would choose for itself, so that all revisions choose alike."""
RULES: dict[str, tuple[str, ...]] = {
    "eRBP": LOCAL,
    "peRBP": (*LOCAL, "rule.kind=perbp", "network.transmission.p=0.875"),
    "eRBP, learned readouts": (*LOCAL, "rule.errors=learned"),
    "RBP": ("rule.kind=rbp", "rule.form=rate", "rule.feedback_scale=1", *ADAM),
    "BP rate": ("rule.kind=bp", "rule.form=rate", *ADAM),
    "BP spiking": ("rule.kind=bp", "rule.form=spiking", *ADAM),
}
NETWORKS = {"dense": "configs/digits.yaml", "conv": "configs/digits_conv.yaml"}
PATHS = {"products": "none", "events": "all"}

HALF = 1.0 / math.log(2.0)
"""A time constant in ticks whose decay is one half."""

EXACT_RULES: dict[str, tuple[str, ...]] = {
    "eRBP": (),
    "peRBP": ("rule.kind=perbp", "network.transmission.p=0.875"),
    "eRBP, learned readouts": ("rule.errors=learned", "rule.readout_rate=2", "rule.tau_readout=0"),
    "RBP spiking": ("rule.kind=rbp", "rule.feedback_scale=1"),
    "BP spiking": ("rule.kind=bp",),
}
"""Rules whose sums are exact on a coarse grid. The rate form is not among them: its transfer function is a logistic."""

EXACT_LOCAL = (
    "rule.burn_in=0",
    "rule.feedback_scale=2",
    f"rule.tau_dendrite={HALF!r}",
    "rule.error_weight=0.5",
    "rule.output_scale=0.25",
    "training.update_every=2",
    f"optimizer.learning_rate={2**-6}",
)
EXACT_GRADIENT = (
    "optimizer.kind=sgd",
    "rule.loss.kind=squared_error",
    "rule.surrogate.kind=boxcar",
    "training.update_every=4",
    "optimizer.learning_rate=1.0",
)
EXACT = (
    "encoding.steps=4",
    "training.batch_size=16",
    "network.neuron.threshold=0.25",
    "network.init_gain=2",
    f"network.neuron.tau_syn={HALF!r}",
    "optimizer.schedule=constant",
)


class Expected(NamedTuple):
    """A difference that a fault's mending makes."""

    case: str  # pattern of the case's name
    arrays: str  # pattern of what differs
    reason: str


EXPECTED = (
    Expected(
        r"^(RBP|BP rate) / conv /",
        r"test/activity",
        "sums of rates of the rate form, reported to three digits: the compiler adds them in another order",
    ),
    Expected(
        r"/ conv /|digits_conv",
        r"tally/(synops|plasticity)\.1",
        "synapses of pooling layers were counted times the pool's weight, and as written though they do not learn",
    ),
)


def expected(case: str, array: str) -> str | None:
    """Why this may differ from the first frozen revision, if it may."""
    return next((e.reason for e in EXPECTED if re.search(e.case, case) and re.fullmatch(e.arrays, array)), None)


@dataclass(frozen=True)
class Case:
    """A config of a revision, cut to its first batches."""

    name: str
    config: str  # from the revision's root
    overrides: tuple[str, ...] = ()
    rule: str | None = None  # one of the config's, by name
    exact: bool = False  # weights and feedback on a coarse grid, so that no order of summation changes a bit


def _as_frozen(rule: str, shape: str) -> tuple[str, ...]:
    """Settings of the dense config that have changed since."""
    if shape != "dense":
        return ()
    return (*DENSE, *DENSE_LOCAL) if rule.startswith(("eRBP", "peRBP")) else DENSE


def table() -> list[Case]:
    """Every rule on a dense network and on maps, by products and by events."""
    return [
        Case(
            f"{rule} / {shape} / {path}",
            NETWORKS[shape],
            (*_as_frozen(rule, shape), *RULES[rule], f"network.events={PATHS[path]}"),
        )
        for rule, shape, path in itertools.product(RULES, NETWORKS, PATHS)
    ]


def exact_table() -> list[Case]:
    """The same with exact sums, for the rules that have them: one result on every machine."""
    out = []
    for rule, shape, path in itertools.product(EXACT_RULES, NETWORKS, PATHS):
        chosen = EXACT_RULES[rule]
        gradient = any(o in ("rule.kind=bp", "rule.kind=rbp") for o in chosen)
        overrides = (
            *_as_frozen(rule, shape),
            *chosen,
            *EXACT,
            *(EXACT_GRADIENT if gradient else EXACT_LOCAL),
            f"network.events={PATHS[path]}",
        )
        out.append(Case(f"{rule} / {shape} / {path}", NETWORKS[shape], overrides, exact=True))
    return out


def kept(root: Path) -> Iterator[Case]:
    """Every config that a revision keeps, under each of its rules."""
    from erbp_jax.config import rule_names

    for path in sorted((root / "configs").rglob("*.yaml")):
        config = path.relative_to(root).as_posix()
        for rule in rule_names(path) or [None]:
            yield Case(config + (f": {rule}" if rule else ""), config, rule=rule)
