"""Optimiser and training."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from erbp_jax.config.schema.base import Count, Epochs, Finite, Fraction, NonNegative, Positive, Section
from erbp_jax.config.schema.components import Trick
from erbp_jax.learning.base import OTHERWISE
from erbp_jax.registry import Entry, Place

MOST_TRICKS = 16


def place_of(entry: Entry) -> Place:
    """The stage of a trick in the chain: as registered, else next to the learning rate."""
    return entry.about.get("place", "rate")


class Optimizer(Section):
    kind: Literal["sgd", "adam"] = "sgd"
    """Optimisation method."""
    learning_rate: Positive = OTHERWISE.learning_rate
    """Learning rate for one sample: updates of a local rule are summed over a batch, gradients are averaged."""
    momentum: Fraction = 0.0
    """Momentum of sgd."""
    weight_decay: NonNegative = 0.0
    """Fraction of each weight, times the learning rate, that is subtracted at every update (decoupled)."""
    schedule: Literal["constant", "exponential", "cosine", "linear"] = "exponential"
    """How the learning rate falls."""
    decay: Annotated[Positive, Field(le=1)] = OTHERWISE.decay
    """Factor on the learning rate per epoch, for the exponential schedule; it falls smoothly, not in steps."""
    final: NonNegative = 0.0
    """Fraction of the learning rate at the end, for the cosine and linear schedules."""
    layer_rates: tuple[NonNegative, ...] | None = None
    """Factors on the learning rate, one for each layer after the input. Kernels sum the updates of all positions and
    may need a small factor; 0 keeps a layer at its initial weights."""
    accumulate: Count = 1
    """Number of updates whose steps are summed before the weights change; `training.update_every` sets the interval."""
    accumulate_growth: Annotated[Finite, Field(ge=1)] = 1.0
    """Factor on `accumulate` per epoch, rounded down. With the inverse of `decay` the effective batch grows as
    the learning rate falls. This suits low-precision weights, because every write adds noise to them."""
    average: Epochs | None = None
    """Time constant, in epochs, of an exponential moving average of the weights. Testing and `weights.npz` use the
    average, learning continues with the weights themselves. There is no average if not given. For low-precision
    weights (`precision.weight_bits`) the average has 16 bits, rounded stochastically."""
    tricks: Annotated[tuple[Trick, ...], Field(max_length=MOST_TRICKS)] = ()
    """Additional transformations of the updates, each a group with a `kind`. Each has a fixed stage: some
    normalise updates before momentum, `errors` scales the learning rate, writes and bounds come after the
    learning rate and before rounding. Within a stage they are applied in the order given here."""

    @model_validator(mode="after")
    def _fits(self) -> "Optimizer":
        if self.kind == "adam" and self.momentum:
            raise ValueError(f"momentum: adam has its own, got {self.momentum}; it belongs to kind sgd")
        return self

    @model_validator(mode="after")
    def _tricks_fit(self) -> "Optimizer":
        kinds = [trick.kind for trick in self.tricks]
        for kind in kinds:
            if kinds.count(kind) > 1:
                raise ValueError(f"tricks: {kind} stands there {kinds.count(kind)} times; leave one")
        normalise = [t.kind for t in self.tricks if place_of(t.entry) == "normalise"]
        normalise += ["kind: adam"] if self.kind == "adam" else []
        if len(normalise) > 1:
            raise ValueError(f"tricks: {normalise[0]} and {normalise[1]} both set the size of updates; leave one out")
        return self


class MeshSection(Section):
    """Devices along each axis; their product is the number of devices."""

    seeds: Count = 1
    """Number of devices along the seeds."""
    batch: Count = 1
    """Number of devices along the batch."""
    neurons: Count = 1
    """Number of devices along the neurons of a layer."""


class Training(Section):
    epochs: Count = 10
    """Passes over the training samples."""
    batch_size: Count = 100
    """Training samples processed in parallel."""
    update_every: Count | None = None
    """Ticks over which updates are summed before the weights change; for gradient rules, the length of
    back-propagation through time. Default: 5 for local rules, the whole presentation for gradient rules."""
    checkpoint_every: Epochs = 1.0
    """Epochs between checkpoints; fractions are allowed."""
    test_batch_size: Count = 500
    """Samples tested in parallel."""
    reset_state: bool = True
    """Start every presentation at rest; if false, each batch element continues from the state after the previous
    sample, as in the original."""
    alignment: bool = True
    """Measure after every epoch the angles between feedback and transposed weights, and between update and gradient."""
    seeds: Count = 1
    """Number of seeds trained in parallel in one program: seed, seed + 1, ..."""
    devices: Count = 1
    """Number of devices over which every batch is split: short for `mesh.batch`."""
    piece: Count | None = None
    """Samples on the device at a time, for a set that does not fit there; all if not given. Results do not change."""
    mesh: MeshSection = MeshSection()
    """Devices along seeds, batch and neurons. The numbers are those of one device, to rounding."""

    @model_validator(mode="after")
    def _spread(self) -> "Training":
        if self.devices > 1 and self.mesh.batch > 1:
            raise ValueError(
                f"devices: {self.devices} and mesh.batch: {self.mesh.batch} say the same; give one of them"
            )
        for key, value, name, parts in (
            ("batch_size", self.batch_size, "batch", self.over_batch),
            ("test_batch_size", self.test_batch_size, "batch", self.over_batch),
            ("seeds", self.seeds, "seeds", self.mesh.seeds),
        ):
            if value % parts:
                raise ValueError(f"{key}: {value} cannot be divided among {parts} devices (mesh.{name})")
        return self

    @property
    def over_batch(self) -> int:
        """Devices along the batch."""
        return max(self.devices, self.mesh.batch)
