"""Program files: one `.npz` of integer arrays and a JSON `spec`; nothing in it is ever executed.

`spec` is a 0-d text array with the keys that `write` gives it; the arrays of core c are those of `fields.FIELDS` by
their file names with the prefix `c{c}_`; `routes` `[R, 4]` is common. A file may also hold what a machine computed
(`Expected`). Files of version 1 may leave out `format` and `version`.
"""

import errno
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.archive import MAX_BYTES, MAX_MEMBERS, Archive, open_archive, shown
from erbp_jax.errors import UserError
from erbp_jax.files import partial_name, write_arrays
from erbp_jax.nsat.fields import FIELDS, FLAGS, INT32, MAX_TICKS, STATE
from erbp_jax.nsat.program import NO_ROUTES, Core, Program, core

FORMAT, VERSION = "nsat-program", 1
MAX_SPEC = 2**24
"""Bytes of the spec."""
MAX_CORES = 4096
RECORDED = ("X", "spikes", "w_tick", "w_snap", "mask", "rr_draw", "noise")


@dataclass(frozen=True, eq=False)
class Expected:
    """What a machine computed for one core, and the random numbers that it drew; None where a file has none.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.files import Expected
        >>> spikes = np.array([[3, 0], [4, 0]])  # neuron 0 fires in ticks 3 and 4; nothing else was recorded
        >>> expected = Expected(None, spikes, None, None, None, None, None)
        >>> expected.states is None, len(expected.spikes)
        (True, 2)
    """

    states: np.ndarray | None  # X [T, N, S]
    spikes: np.ndarray | None  # [K, 2] tick, neuron
    weight_ticks: np.ndarray | None  # [Q]
    weights: np.ndarray | None  # [Q, W]
    masks: np.ndarray | None  # [T, M], -1 no event, 0 blanked, 1 transmitted
    rounding: np.ndarray | None  # [T, M, 2] draws, -1 none; causal, acausal
    noise: np.ndarray | None  # [T, N, S]


@dataclass(frozen=True, eq=False)
class Fixture:
    """A program, for how long to run it, and what came out elsewhere.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from erbp_jax.nsat import files
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files.write(Path(folder) / "mine.npz", erbp_program(Recipe(layers=(16, 8, 3))), ticks=100)
        ...     fixture = files.read(Path(folder) / "mine.npz")
        >>> fixture.ticks, fixture.expected[0].spikes
        (100, None)
    """

    program: Program
    ticks: int
    expected: tuple[Expected, ...]  # one a core
    spec: dict[str, Any]


def read(path: Path | str) -> Fixture:
    """A program file.

    Example:
        >>> from pathlib import Path
        >>> import erbp_jax as ej
        >>> from erbp_jax.nsat import files
        >>> try:
        ...     files.read(Path("no_such_file.npz"))
        ... except ej.UserError as error:
        ...     print("no_such_file" in str(error))
        True

    Raises:
        UserError: with the file, the field and the reason: not an archive, too large, pickled, missing, malformed or
            inconsistent.
    """
    with open_archive(Path(path)) as archive:
        return _parse(archive)


def _parse(archive: Archive) -> Fixture:
    spec = _spec(archive)
    known = {"spec", "routes"} | {f"c{c}_{n}" for c in range(len(spec["cores"])) for n in _names()}
    if unknown := sorted(set(archive.names) - known):
        raise UserError(f"{shown(unknown[0])}: no such field in a program of {len(spec['cores'])} core(s)")
    _check_memory(archive, len(spec["cores"]))
    _check_memory(archive, len(spec["cores"]))
    cores, expected = [], []
    for c, description in enumerate(spec["cores"]):
        cores.append(_core(archive, c, description, spec))
        expected.append(_expected(archive, c, cores[-1], spec["ticks"]))
    routes = _integers("routes", archive["routes"], INT32) if "routes" in archive.names else NO_ROUTES
    program = Program(
        tuple(cores),
        routes if spec.get("routing", True) and routes.size else NO_ROUTES,
        seed=spec.get("seed", 0),
        sequence=spec.get("seq", 0),
    )
    return Fixture(program, spec["ticks"], tuple(expected), spec)


def _check_memory(archive: Archive, cores: int) -> None:
    """From the headers alone: what int32 arrays of all fields will take, those that the file leaves out among them."""
    counts = {name: archive.header(name).elements for name in archive.names}
    wanted = sum(counts.values())
    for c in range(cores):
        names = {field.name: f"c{c}_{field.file_name}" for field in FIELDS}
        shapes = {n: archive.header(names[n]).shape for n in ("initial", "threshold", "plastic") if names[n] in counts}
        (n, s), (g, *_), (l, *_) = ((*shapes.get(name, ()), 1, 1)[:2] for name in ("initial", "threshold", "plastic"))
        sizes = {"N": n, "S": s, "G": g, "L": l}
        missing = (field for field in FIELDS if field.default is not None and names[field.name] not in counts)
        wanted += sum(math.prod(sizes[x] if isinstance(x, str) else x for x in field.shape) for field in missing)
    if 4 * wanted > MAX_BYTES:
        raise UserError(f"takes {4 * wanted:,} bytes once it is read, more than the {MAX_BYTES:,} that are allowed")


def _spec(archive: Archive) -> dict[str, Any]:
    if "spec" not in archive.names:
        raise UserError("spec: missing")
    header = archive.header("spec")
    if header.dtype.kind != "U" or header.shape:
        raise UserError("spec: must be one text (a 0-d unicode array)")
    if header.dtype.itemsize > MAX_SPEC:
        raise UserError(f"spec: must not be longer than {MAX_SPEC // 4:,} characters")
    text = archive["spec"]
    try:
        spec = json.loads(str(text))
    except (ValueError, RecursionError, SystemError) as error:
        raise UserError(f"spec: not JSON ({shown(str(error))})") from None
    if not isinstance(spec, dict):
        raise UserError(f"spec: must be an object, got {type(spec).__name__}")
    if spec.get("format", FORMAT) != FORMAT:
        raise UserError(f"spec.format: must be {FORMAT!r}, got {shown(repr(spec['format']))}")
    if isinstance(version := spec.get("version", 1), bool | float) or version != VERSION:
        raise UserError(f"spec.version: this release reads version {VERSION}, got {shown(repr(version))}")
    _whole(spec, "ticks", 1, MAX_TICKS)
    _whole(spec, "w_boundary", 0, 24)
    _whole(spec, "seed", 0, 2**64 - 1, missing=0)
    _whole(spec, "seq", 0, 2**64 - 1, missing=0)
    _flag(spec, "w_check")
    for name in ("routing", "stochastic"):
        if name in spec:
            _flag(spec, name)
    cores = spec.get("cores")
    if not isinstance(cores, list) or not cores or not all(isinstance(c, dict) for c in cores):
        raise UserError("spec.cores: must be a list of objects, one per core")
    if len(cores) > MAX_CORES:
        raise UserError(f"spec.cores: must not have more than {MAX_CORES} cores, got {len(cores)}")
    if len(cores) != _whole(spec, "n_cores", 1, MAX_CORES, missing=len(cores)):
        raise UserError(f"spec.n_cores: {spec['n_cores']}, but spec.cores has {len(cores)}")
    return spec


def _whole(spec: dict[str, Any], name: str, low: int, high: int, *, missing: int | None = None, where="spec.") -> int:
    value = spec.get(name, missing)
    if value is None:
        raise UserError(f"{where}{name}: missing")
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{where}{name}: must be a whole number in [{low}, {high}], got {_given(value)}")
    return value


def _flag(spec: dict[str, Any], name: str, where: str = "spec.") -> bool:
    value = spec.get(name)
    if not isinstance(value, int) or value not in (0, 1):
        raise UserError(f"{where}{name}: must be true or false, got {_given(value) if name in spec else 'nothing'}")
    return bool(value)


def _given(value: object) -> str:
    """As a message may show it; Python prints no number of more than 4300 digits."""
    if isinstance(value, int) and abs(value) >= 2**256:
        return "a number beyond 2**256"
    return shown(repr(value))


def _core(archive: Archive, c: int, description: dict[str, Any], spec: dict[str, Any]) -> Core:
    prefix, where = f"c{c}_", f"spec.cores[{c}]."
    made = core(
        inputs=_whole(description, "n_inputs", 0, 2**20, where=where),
        learning=_flag(description, "learning", where),
        gated=_flag(description, "gated", where),
        expiry=_whole(description, "tstdpmax", 1, 2000, missing=1023, where=where),
        limited=bool(spec["w_check"]),
        boundary=spec["w_boundary"],
        where=prefix,
        **{f.name: archive[prefix + f.file_name] for f in FIELDS if prefix + f.file_name in archive.names},
    )
    counts = {
        "n_neurons": made.neurons,
        "n_states": made.states,
        "n_groups": len(made.threshold),
        "n_lrngroups": len(made.plastic),
    }
    for name, found in counts.items():
        if (given := _whole(description, name, 0, 2**31 - 1, missing=found, where=where)) != found:
            raise UserError(f"{where}{name}: {given}, but the arrays have {found}")
    if len(made.events) and int(made.events[-1, 0]) >= spec["ticks"]:
        raise UserError(
            f"{prefix}ext[{len(made.events) - 1}]: tick {made.events[-1, 0]} is beyond the last, {spec['ticks'] - 1}"
        )
    return made


def _expected(archive: Archive, c: int, made: Core, ticks: int) -> Expected:
    t, n, s, m, w = ticks, made.neurons, made.states, len(made.synapses), len(made.weights)
    described: dict[str, tuple[tuple[int | None, ...], tuple[int, int]]] = {
        "X": ((t, n, s), INT32),
        "spikes": ((None, 2), (0, INT32[1])),
        "w_tick": ((None,), (0, t - 1)),
        "w_snap": ((None, w), INT32),
        "mask": ((t, m), (-1, 1)),
        "rr_draw": ((t, m, 2), (-1, 2**30 - 1)),
        "noise": ((t, n, s), STATE),
    }
    found: dict[str, np.ndarray] = {}
    for name, (shape, allowed) in described.items():
        label = f"c{c}_{name}"
        if label not in archive.names:
            continue
        array = _integers(label, archive[label], allowed)
        if len(shape) != array.ndim or any(b not in (None, a) for a, b in zip(array.shape, shape, strict=True)):
            wanted = ["any" if x is None else x for x in shape]
            raise UserError(f"{label}: must have shape {wanted}, got {list(array.shape)}")
        found[name] = array
    for column, limit, what in ((0, t, "tick"), (1, n, "neuron")):
        values = found.get("spikes", np.zeros((0, 2), np.int32))[:, column]
        if values.size and values.max() >= limit:
            raise UserError(f"c{c}_spikes[{values.argmax()}]: {what} must be below {limit}, got {values.max()}")
    if ("w_tick" in found) != ("w_snap" in found) or len(found.get("w_tick", ())) != len(found.get("w_snap", ())):
        raise UserError(f"c{c}_w_snap: must have a row for each tick in c{c}_w_tick")
    return Expected(*(found.get(name) for name in RECORDED))


def _integers(label: str, array: np.ndarray, allowed: tuple[int, int]) -> np.ndarray:
    if array.dtype.kind not in "iu":
        raise UserError(f"{label}: must hold integers, got {array.dtype}")
    low, high = allowed
    if array.size and (int(array.min()) < low or int(array.max()) > high):
        bad = int(array.min()) if int(array.min()) < low else int(array.max())
        raise UserError(f"{label}: must be in [{low}, {high}], got {bad}")
    return array.astype(np.int32)


def _names() -> tuple[str, ...]:
    return tuple(f.file_name for f in FIELDS) + RECORDED


def write(path: Path | str, program: Program, *, ticks: int, about: dict[str, Any] | None = None) -> None:
    """Write a program file, all of it or nothing. All cores must have weights of the same width.

    Args:
        ticks: for how long `replay` and others run it.
        about: further keys of the spec, such as a title.

    Example:
        >>> import tempfile
        >>> from erbp_jax.nsat import files
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = f"{folder}/mine.npz"
        ...     files.write(path, erbp_program(Recipe(layers=(16, 8, 3))), ticks=100)
        ...     print(files.read(path).ticks)
        100

    Raises:
        UserError: what a file cannot hold, or a folder that cannot be written to.
    """
    path = Path(path)
    if (members := 2 + len(FIELDS) * len(program.cores)) > MAX_MEMBERS:
        raise UserError(
            f"a program file has at most {MAX_MEMBERS:,} arrays; {len(program.cores)} cores need {members:,}"
        )
    widths = {(one.limited, one.boundary if one.limited else 0) for one in program.cores}
    if len(widths) > 1:
        raise UserError(f"a program file has one width of weights for all cores, got {sorted(widths)}")
    for c, one in enumerate(program.cores):
        if len(one.events) and one.events[-1, 0] >= ticks:
            raise UserError(f"ticks: c{c}_ext has an event in tick {one.events[-1, 0]}, got {ticks} ticks")
    limited, boundary = widths.pop()
    arrays: dict[str, Any] = {"routes": program.routes}
    for c, one in enumerate(program.cores):
        for field in FIELDS:
            kind = np.uint8 if field.name in FLAGS else np.int32
            arrays[f"c{c}_{field.file_name}"] = one.arrays[field.name].astype(kind)
    spec = {
        **(about or {}),
        "format": FORMAT,
        "version": VERSION,
        "ticks": ticks,
        "n_cores": len(program.cores),
        "routing": bool(len(program.routes)),
        "w_check": limited,
        "w_boundary": boundary,
        "seed": program.seed,
        "seq": program.sequence,
        "cores": [
            {
                "n_neurons": one.neurons,
                "n_inputs": one.inputs,
                "n_states": one.states,
                "n_groups": len(one.threshold),
                "n_lrngroups": len(one.plastic),
                "learning": one.learning,
                "gated": one.gated,
                "tstdpmax": one.expiry,
            }
            for one in program.cores
        ],
    }
    arrays["spec"] = np.array(json.dumps(spec))
    try:
        write_arrays(path, arrays, compressed=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None


def check_place(path: Path) -> None:
    """Whether `write` could write there, before there is something to write.

    Raises:
        UserError: it could not; says why.
    """
    partial = partial_name(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial.open("wb").close()
        partial.unlink()
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
