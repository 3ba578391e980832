"""What `erbp-jax simulate` runs: a neuron or a small network, an input, a time."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from erbp_jax.archive import shown
from erbp_jax.config.load import check_model, overlay, parse_overrides, read_yaml
from erbp_jax.config.mistakes import nearest
from erbp_jax.config.schema import (
    Count,
    FilePath,
    Finite,
    Neuron,
    NonNegative,
    Positive,
    ReliableTransmission,
    Section,
    Transmission,
    Whole,
)
from erbp_jax.config.schema.base import MOST
from erbp_jax.config.schema.network import MOST_LAYERS
from erbp_jax.config.sections import default_section
from erbp_jax.errors import UserError
from erbp_jax.neurons.firing_patterns import PATTERNS


class ConstantInput(Section):
    kind: Literal["constant"] = "constant"
    value: Finite = 1.0
    """Input of every ms (for a network, of every tick), in the neuron's unit of current."""


class StepInput(Section):
    kind: Literal["step"]
    value: Finite = 1.0
    start: NonNegative = 0.0
    """ms."""
    before: Finite = 0.0


class PulseInput(Section):
    kind: Literal["pulse"]
    value: Finite = 1.0
    start: NonNegative = 0.0
    length: Positive = 10.0


class PiecesInput(Section):
    kind: Literal["pieces"]
    values: Annotated[tuple[tuple[Finite, Positive], ...], Field(min_length=1)]
    """`[value, ms]` after `[value, ms]`; 0 when they are over."""


class NoiseInput(Section):
    kind: Literal["noise"]
    mean: Finite = 0.0
    sigma: Positive = 1.0
    """Standard deviation of the input of one tick."""


class PoissonInput(Section):
    kind: Literal["poisson"]
    rate: Positive = 100.0
    """Hz, of every neuron's (or every network input's) own train."""
    weight: Finite = 1.0


class FileInput(Section):
    kind: Literal["file"]
    path: FilePath
    """`.npy`, `.npz` (its only array) or text with a row per tick and a column per neuron: real, finite numbers."""


Input = Annotated[
    ConstantInput | StepInput | PulseInput | PiecesInput | NoiseInput | PoissonInput | FileInput,
    Field(discriminator="kind"),
]


class SmallNetwork(Section):
    layers: Annotated[tuple[Count, ...], Field(min_length=2, max_length=MOST_LAYERS)]
    """Units a layer, the input first: the input drives the first layer's synapses as spikes or rates."""
    init_gain: Positive = 1.0
    delay: NonNegative = 0.0
    transmission: Transmission = ReliableTransmission()


class Simulation(Section):
    """One simulation."""

    seed: Whole = 0
    dt: Positive = 0.1
    """Length of a tick, ms."""
    duration: Positive = 100.0
    """ms."""
    neurons: Count = 1
    neuron: Neuron = default_section("neuron")
    network: SmallNetwork | None = None
    input: Input = ConstantInput()
    precision: Literal["float32", "float64"] = "float32"

    @model_validator(mode="after")
    def _whole(self) -> "Simulation":
        ticks = self.duration / self.dt
        if ticks > MOST:
            raise ValueError(
                f"duration: {self.duration:g} ms are {ticks:.3g} ticks of dt = {self.dt:g} ms, more than {MOST:,}"
            )
        if round(ticks) < 1 or abs(ticks - round(ticks)) > 1e-6 * ticks:
            raise ValueError(f"duration: {self.duration:g} ms is not a whole number of ticks of dt = {self.dt:g} ms")
        return self

    @property
    def ticks(self) -> int:
        return round(self.duration / self.dt)


def _pattern(name: str) -> dict[str, Any]:
    pattern = PATTERNS[name]
    neuron = pattern.neuron
    keys = ("a", "a1", "a2", "v_init", "theta_init")
    return {
        "dt": 0.1,
        "duration": float(sum(length for _, length in pattern.current)),
        "neuron": {"kind": "mihalas_niebur"} | {key: getattr(neuron, key) for key in keys},
        "input": {"kind": "pieces", "values": pattern.current},
        "precision": "float64",
    }


_STEP = {"kind": "step", "start": 20.0}
PRESETS: dict[str, dict[str, Any]] = {
    "leaky/step": {"neuron": {"kind": "leaky"}, "input": _STEP | {"value": 0.15}},
    "lif/step": {"neuron": {"kind": "lif", "tau_mem": 10.0}, "input": _STEP | {"value": 0.4}},
    "lif/poisson": {
        "duration": 300.0,
        "neurons": 20,
        "neuron": {"kind": "lif", "tau_mem": 10.0},
        "input": {"kind": "poisson", "rate": 400.0, "weight": 0.6},
    },
    "second_order_lif/step": {"neuron": {"kind": "second_order_lif"}, "input": _STEP | {"value": 0.7}},
    "dual_compartment_lif/step": {"neuron": {"kind": "dual_compartment_lif"}, "input": _STEP | {"value": 0.4}},
    **{f"mihalas_niebur/{name}": _pattern(name) for name in PATTERNS},
}


def load_simulation(what: str, overrides: Sequence[str] = ()) -> Simulation:
    """A simulation from a preset's name or a YAML file, with overrides.

    Raises:
        UserError: neither a preset nor a file, or mistakes, each with its path.
    """
    if what in PRESETS:
        base = PRESETS[what]
    elif Path(what).suffix in (".yaml", ".yml") or os.path.exists(what):  # noqa: PTH110 (no name raises here)
        base = read_yaml(Path(what))
    else:
        near = nearest(what, list(PRESETS))
        hint = f" (did you mean {near!r}?)" if near else ""
        raise UserError(
            f"{shown(repr(what))}: neither a preset{hint} nor a YAML file; presets:\n  " + "\n  ".join(sorted(PRESETS))
        )
    return check_model(Simulation, overlay(base, parse_overrides(overrides), Simulation), what)
