"""A program for the fixed-point machine: cores, their synapses and parameters, and the routes between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.nsat.fields import (
    BY_NAME,
    FIELDS,
    MAX_GROUPS,
    MAX_ROUTES,
    MAX_STATES,
    MAX_SYNAPSES,
    MAX_UNITS,
    STATES,
    Field,
)

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Core:
    """One core. `arrays` holds every field of `fields.FIELDS` by name, int32, checked.

    Build it with `core(...)`, which fills in the defaults and refuses what does not fit.

    Example:
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> (core,) = erbp_program(Recipe(layers=(16, 8, 3))).cores
        >>> core.learning, core.states, core.weight_limits
        (True, 2, (-128, 127))
    """

    arrays: Arrays
    inputs: int  # axons for external and routed events
    learning: bool = False
    gated: bool = False
    expiry: int = 1023  # ticks after which a causal update is written at last (tstdpmax)
    limited: bool = True  # whether weights are kept in [-2**boundary, 2**boundary - 1]
    boundary: int = 7  # 8-bit weights; the reference's own default is 8

    def __getattr__(self, name: str) -> np.ndarray:
        try:
            return object.__getattribute__(self, "arrays")[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def neurons(self) -> int:
        return len(self.arrays["group"])

    @property
    def states(self) -> int:
        return self.arrays["initial"].shape[1]

    @property
    def weight_limits(self) -> tuple[int, int]:
        """The least and the greatest weight."""
        if not self.limited:
            return (-(2**31), 2**31 - 1)
        return (-(2**self.boundary), 2**self.boundary - 1)


class Route(NamedTuple):
    """A spike of `neuron` on `core` is an event of `axon` on `to_core`, in the same tick.

    Example:
        >>> from erbp_jax.nsat.program import Route
        >>> Route(core=0, neuron=3, to_core=1, axon=0)
        Route(core=0, neuron=3, to_core=1, axon=0)
    """

    core: int
    neuron: int
    to_core: int
    axon: int


@dataclass(frozen=True, eq=False)
class Program:
    """Cores that run in lock-step.

    Example:
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> program = erbp_program(Recipe(layers=(16, 8, 3)))
        >>> heavier = program.with_weights([core.weights + 1 for core in program.cores])
        >>> int((heavier.cores[0].weights - program.cores[0].weights).max())
        1
    """

    cores: tuple[Core, ...]
    routes: np.ndarray  # [R, 4] int32, rows as `Route`
    seed: int = 0  # of the PCG32 stream
    sequence: int = 0

    def __post_init__(self) -> None:
        if not self.cores:
            raise UserError("n_cores: a program needs at least one core")
        if self.routes.ndim != 2 or self.routes.shape[1] != 4:
            raise UserError(f"routes: must have shape [R, 4], got {list(self.routes.shape)}")
        limits = (
            (0, lambda _: len(self.cores), "source core"),
            (1, lambda row: self.cores[row[0]].neurons, "source neuron"),
            (2, lambda _: len(self.cores), "destination core"),
            (3, lambda row: self.cores[row[2]].inputs, "destination axon"),
        )
        if len(self.routes) > MAX_ROUTES:
            raise UserError(f"routes: {len(self.routes)} are more than {MAX_ROUTES}")
        for i, row in enumerate(self.routes.tolist()):
            for column, limit, what in limits:
                if not 0 <= row[column] < limit(row):
                    raise UserError(f"routes[{i}]: {what} must be in [0, {limit(row) - 1}], got {row[column]}")

    def with_weights(self, weights: Sequence[np.ndarray]) -> "Program":
        """The same program with other weight tables, one `[W]` a core."""
        cores = []
        for i, (one, table) in enumerate(zip(self.cores, weights, strict=True)):
            if table.shape != one.weights.shape:
                raise UserError(f"c{i}_wgt: must have shape {list(one.weights.shape)}, got {list(table.shape)}")
            cores.append(replace(one, arrays={**one.arrays, "weights": np.asarray(table, np.int32)}))
        return replace(self, cores=tuple(cores))


NO_ROUTES = np.zeros((0, 4), np.int32)


def core(
    *,
    inputs: int,
    learning: bool = False,
    gated: bool = False,
    expiry: int = 1023,
    limited: bool = True,
    boundary: int = 7,
    where: str = "",
    **given: Any,
) -> Core:
    """A checked core from arrays named as in `fields.FIELDS`; those that are left out take their defaults.

    `where` is put in front of the names that errors mention.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.program import all_to_all, core
        >>> synapses = all_to_all([0, 1], [0], external=True, state=0, weight=0)
        >>> events = np.array([[1, 0], [2, 1]])
        >>> one = core(inputs=2, threshold=[100], initial=[[0]], synapses=synapses, weights=[60, 50], events=events)
        >>> one.neurons, one.weight_limits
        (1, (-128, 127))

    Raises:
        UserError: a field that is missing, unknown, of the wrong shape or type, or out of range; an index that points
            nowhere; a core that is too large.
    """
    unknown = set(given) - set(BY_NAME)
    if unknown:
        raise UserError(f"{where}{min(unknown)}: no such field")
    for name in ("synapses", "events"):
        if np.size(given.get(name, ())) == 0:
            given[name] = np.zeros((0, 5 if name == "synapses" else 2), np.int32)
    given.setdefault("weights", np.zeros((0,), np.int32))
    sizes = _sizes(given, where)
    _check_sizes(sizes, inputs, where)
    arrays = {field.name: _checked(field, given.get(field.name), sizes, where) for field in FIELDS}
    made = Core(arrays, inputs, learning, gated, expiry, limited, boundary)
    _check_limits(made, where)
    _check_indices(made, where)
    return made


def all_to_all(
    sources: Sequence[int] | np.ndarray,
    targets: Sequence[int] | np.ndarray,
    *,
    external: bool,
    state: int,
    weight: int,
) -> np.ndarray:
    """Rows of a synapse table `[I * O, 5]`: all sources onto a state of all targets, weights in a row from `weight`.

    Example:
        >>> from erbp_jax.nsat.program import all_to_all
        >>> all_to_all([0, 1], [4], external=True, state=0, weight=10).tolist()
        [[0, 1, 4, 0, 10], [1, 1, 4, 0, 11]]
    """
    pre, post = (x.ravel() for x in np.meshgrid(sources, targets, indexing="ij"))
    rows = np.empty((pre.size, 5), np.int32)
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = pre, external, post, state
    rows[:, 4] = weight + np.arange(pre.size)
    return rows


def _sizes(given: Mapping[str, Any], where: str) -> dict[str, int]:
    """N, S, G, L, M, W, E, each from the field that defines it."""
    initial = np.asarray(given.get("initial", np.zeros((0, 0))))
    if initial.ndim != 2:
        raise UserError(f"{where}{_label('initial')}: must have shape [N, S], got {list(initial.shape)}")
    groups = np.asarray(given.get("threshold", [0]))
    learning = np.asarray(given.get("plastic", [0]))
    return {
        "N": initial.shape[0],
        "S": initial.shape[1],
        "G": groups.shape[0] if groups.ndim else 0,
        "L": learning.shape[0] if learning.ndim else 0,
        "M": len(np.atleast_1d(given["synapses"])),
        "W": len(np.atleast_1d(given["weights"])),
        "E": len(np.atleast_1d(given["events"])),
    }


def _checked(field: Field, value: Any, sizes: Mapping[str, int], where: str) -> np.ndarray:
    shape = tuple(sizes[n] if isinstance(n, str) else n for n in field.shape)
    label = where + _label(field.name)
    if value is None:
        if field.default is None:
            raise UserError(f"{label}: missing")
        return np.broadcast_to(np.array(field.default, np.int32), shape).copy()
    array = np.asarray(value)
    if array.dtype.kind not in "iub":
        raise UserError(f"{label}: must hold integers, got {array.dtype}")
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    if array.shape != shape:
        raise UserError(f"{label}: must have shape {list(shape)} ({', '.join(map(str, field.shape))}), "
                        f"got {list(array.shape)}")  # fmt: skip
    low, high = field.allowed
    if array.size and (int(array.min()) < low or int(array.max()) > high):
        bad = np.argwhere((array < low) | (array > high))[0].tolist()
        raise UserError(f"{label}{bad}: must be in [{low}, {high}], got {int(array[tuple(bad)])}")
    return array.astype(np.int32)


def _label(name: str) -> str:
    file_name = BY_NAME[name].file_name
    return file_name if file_name == name else f"{file_name} ({name})"


def _check_sizes(sizes: Mapping[str, int], inputs: int, where: str) -> None:
    """Before anything is made of these sizes."""
    n, s = sizes["N"], sizes["S"]
    initial = where + _label("initial")
    if n < 1 or s < 1:
        raise UserError(f"{initial}: a core needs at least one neuron with one state, got {n} x {s}")
    if s > STATES:
        raise UserError(f"{initial}: a neuron has at most {STATES} states, got {s}")
    if n * s > MAX_STATES:
        raise UserError(f"{initial}: {n} neurons x {s} states are more than the {MAX_STATES} states of a core")
    if inputs < 0 or n + inputs > MAX_UNITS:
        raise UserError(f"{where}core: {n} neurons and {inputs} axons are more than the {MAX_UNITS} units of a core")
    for size, name, most in (
        ("G", "threshold", MAX_GROUPS),
        ("L", "plastic", MAX_GROUPS),
        ("M", "synapses", MAX_SYNAPSES),
        ("W", "weights", MAX_SYNAPSES),
    ):
        if sizes[size] > most:
            raise UserError(f"{where}{_label(name)}: {sizes[size]} are more than {most}")


def _check_limits(made: Core, where: str) -> None:
    if not 1 <= made.expiry <= 2000:
        raise UserError(f"{where}tstdpmax (expiry): must be in [1, 2000], got {made.expiry}")
    if not 0 <= made.boundary <= 24:
        raise UserError(f"{where}w_boundary (boundary): must be in [0, 24], got {made.boundary}")
    if made.states == 1 and made.adaptive.any():
        raise UserError(f"{where}flagXth (adaptive): a threshold in state 1 needs two states, got 1")
    if (made.lower > made.upper).any():
        at = np.argwhere(made.lower > made.upper)[0].tolist()
        raise UserError(f"{where}Xthlo{at}: {made.lower[tuple(at)]} lies above Xthup, {made.upper[tuple(at)]}")


def _check_indices(made: Core, where: str) -> None:
    groups, learning_groups = len(made.threshold), len(made.plastic)
    _below(made.group, groups, where + "nmap (group)", "parameter groups")
    _below(made.learning_group, learning_groups, where + "lrnmap (learning_group)", "learning groups")
    _below(made.modulator, made.states, where + "modstate (modulator)", "states")
    synapses = made.synapses
    external = synapses[:, 1] == 1
    _below(synapses[:, 1], 2, where + "syn[:, 1]", "kinds of source")
    _below(synapses[external, 0], made.inputs, where + "syn[:, 0] of external synapses", "axons")
    _below(synapses[~external, 0], made.neurons, where + "syn[:, 0] of internal synapses", "neurons")
    _below(synapses[:, 2], made.neurons, where + "syn[:, 2]", "neurons")
    _below(synapses[:, 3], made.states, where + "syn[:, 3]", "states")
    _below(synapses[:, 4], len(made.weights), where + "syn[:, 4]", "weights")
    _below(made.events[:, 1], made.inputs, where + "ext[:, 1]", "axons")
    if len(made.events) and int(made.events[:, 0].min()) < 1:
        at = int(np.argmax(made.events[:, 0] < 1))
        raise UserError(f"{where}ext[{at}]: ticks count from 1 (row 0 is the start), got an event in tick 0")
    if (np.diff(made.events[:, 0]) < 0).any():
        at = int(np.argmax(np.diff(made.events[:, 0]) < 0)) + 1
        raise UserError(f"{where}ext[{at}]: ticks must ascend, got {made.events[at, 0]} after {made.events[at - 1, 0]}")


def _below(values: np.ndarray, limit: int, label: str, what: str) -> None:
    if values.size and int(values.max()) >= limit:
        raise UserError(f"{label}: must be below {limit}, the number of {what}; got {int(values.max())}")


def merge(programs: Sequence[Program]) -> Program:
    """Programs that know nothing of each other, as the cores of one: they run in one call. The first's seed is kept.

    Example:
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> from erbp_jax.nsat.program import merge
        >>> small = erbp_program(Recipe(layers=(16, 8, 3)))
        >>> len(small.cores), len(merge([small, small]).cores)
        (1, 2)
    """
    cores: list[Core] = []
    routes = []
    for one in programs:
        routes.append(one.routes + np.array([len(cores), 0, len(cores), 0], np.int32))
        cores.extend(one.cores)
    return replace(programs[0], cores=tuple(cores), routes=np.concatenate(routes))
