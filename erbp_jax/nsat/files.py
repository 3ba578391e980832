"""Program files: one `.npz` of integer arrays and a JSON `spec`; nothing in it is ever executed.

`spec` is a 0-d text array with the keys of `SPEC`; the arrays of core c are those of `fields.FIELDS` by their file
names with the prefix `c{c}_`; `routes` `[R, 4]` is common. A file may also hold what a machine computed (`Expected`).
Files of version 1 may leave out `format` and `version`.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.nsat.fields import FIELDS, FLAGS, MAX_TICKS
from erbp_jax.nsat.program import NO_ROUTES, Core, Program, core

FORMAT, VERSION = "nsat-program", 1
MAX_BYTES = 2**31
"""Unpacked size of a file; the largest honest one is far below."""
RECORDED = ("X", "spikes", "w_tick", "w_snap", "mask", "rr_draw", "noise")


@dataclass(frozen=True, eq=False)
class Expected:
    """What a machine computed for one core, and the random numbers that it drew; None where a file has none."""

    states: np.ndarray | None  # X [T, N, S]
    spikes: np.ndarray | None  # [K, 2] tick, neuron
    weight_ticks: np.ndarray | None  # [Q]
    weights: np.ndarray | None  # [Q, W]
    masks: np.ndarray | None  # [T, M], -1 no event, 0 blanked, 1 transmitted
    rounding: np.ndarray | None  # [T, M, 2] draws, -1 none; causal, acausal
    noise: np.ndarray | None  # [T, N, S]


@dataclass(frozen=True, eq=False)
class Fixture:
    """A program, for how long to run it, and what came out elsewhere."""

    program: Program
    ticks: int
    stochastic: bool
    expected: tuple[Expected, ...]  # one a core
    spec: dict[str, Any]


def read(path: Path) -> Fixture:
    """A program file.

    Raises:
        UserError: with the file, the field and the reason: not an archive, too large, pickled, missing, malformed or
            inconsistent.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        return _parse(_load(path))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_BYTES:
                raise UserError(f"unpacks to {size:,} bytes, more than the {MAX_BYTES:,} that are allowed")
        loaded: dict[str, np.ndarray] = {}
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                try:
                    loaded[name] = archive[name]
                except ValueError as error:  # an array of objects would need a pickle; a header that lies
                    raise UserError(f"{name}: not a plain array ({error})") from None
        return loaded
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise UserError(f"not a readable .npz archive ({error or type(error).__name__})") from None


def _parse(arrays: dict[str, np.ndarray]) -> Fixture:
    spec = _spec(arrays)
    cores, expected = [], []
    for c, description in enumerate(spec["cores"]):
        cores.append(_core(arrays, c, description, spec))
        expected.append(_expected(arrays, c, cores[-1], spec["ticks"]))
    known = {"spec", "routes"} | {f"c{c}_{n}" for c in range(len(cores)) for n in _names()}
    if unknown := sorted(set(arrays) - known):
        raise UserError(f"{unknown[0]}: no such field in a program of {len(cores)} core(s)")
    program = Program(
        tuple(cores),
        _routes(arrays) if spec.get("routing", True) else NO_ROUTES,
        seed=spec.get("seed", 0),
        sequence=spec.get("seq", 0),
    )
    return Fixture(program, spec["ticks"], bool(spec.get("stochastic", False)), tuple(expected), spec)


def _spec(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    if "spec" not in arrays:
        raise UserError("spec: missing")
    if arrays["spec"].dtype.kind != "U" or arrays["spec"].ndim:
        raise UserError("spec: must be one text (a 0-d unicode array)")
    try:
        spec = json.loads(str(arrays["spec"]))
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"spec: not JSON ({error})") from None
    if not isinstance(spec, dict):
        raise UserError(f"spec: must be an object, got {type(spec).__name__}")
    if spec.get("format", FORMAT) != FORMAT:
        raise UserError(f"spec.format: must be {FORMAT!r}, got {spec['format']!r}")
    if spec.get("version", 1) != VERSION:
        raise UserError(f"spec.version: this release reads version {VERSION}, got {spec['version']!r}")
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
        raise UserError("spec.cores: must be a list of objects, one a core")
    if len(cores) != _whole(spec, "n_cores", 1, 4096, missing=len(cores)):
        raise UserError(f"spec.n_cores: {spec['n_cores']}, but spec.cores has {len(cores)}")
    return spec


def _whole(spec: dict[str, Any], name: str, low: int, high: int, *, missing: int | None = None, where="spec.") -> int:
    value = spec.get(name, missing)
    if value is None:
        raise UserError(f"{where}{name}: missing")
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{where}{name}: must be a whole number in [{low}, {high}], got {value!r}")
    return value


def _flag(spec: dict[str, Any], name: str, where: str = "spec.") -> bool:
    value = spec.get(name)
    if value not in (0, 1, False, True):
        raise UserError(f"{where}{name}: must be true or false, got {value!r}")
    return bool(value)


def _core(arrays: dict[str, np.ndarray], c: int, description: dict[str, Any], spec: dict[str, Any]) -> Core:
    prefix, where = f"c{c}_", f"spec.cores[{c}]."
    made = core(
        inputs=_whole(description, "n_inputs", 0, 2**20, where=where),
        learning=_flag(description, "learning", where),
        gated=_flag(description, "gated", where),
        expiry=_whole(description, "tstdpmax", 1, 2000, missing=1023, where=where),
        limited=bool(spec["w_check"]),
        boundary=spec["w_boundary"],
        where=prefix,
        **{f.name: arrays[prefix + f.file_name] for f in FIELDS if prefix + f.file_name in arrays},
    )
    counts = {
        "n_neurons": made.neurons,
        "n_states": made.states,
        "n_groups": len(made.threshold),
        "n_lrngroups": len(made.plastic),
    }
    for name, found in counts.items():
        if name in description and description[name] != found:
            raise UserError(f"{where}{name}: {description[name]!r}, but the arrays have {found}")
    if len(made.events) and int(made.events[-1, 0]) >= spec["ticks"]:
        raise UserError(f"{prefix}ext[{len(made.events) - 1}]: tick {made.events[-1, 0]} is beyond the last, {spec['ticks'] - 1}")
    return made


def _expected(arrays: dict[str, np.ndarray], c: int, made: Core, ticks: int) -> Expected:
    t, n, s, m, w = ticks, made.neurons, made.states, len(made.synapses), len(made.weights)
    shapes: dict[str, tuple[int | None, ...]] = {
        "X": (t, n, s),
        "spikes": (None, 2),
        "w_tick": (None,),
        "w_snap": (None, w),
        "mask": (t, m),
        "rr_draw": (t, m, 2),
        "noise": (t, n, s),
    }
    found: list[np.ndarray | None] = []
    for name in RECORDED:
        array = arrays.get(f"c{c}_{name}")
        if array is not None:
            shape = shapes[name]
            if len(shape) != array.ndim or any(b is not None and a != b for a, b in zip(array.shape, shape, strict=True)):
                wanted = ["any" if x is None else x for x in shape]
                raise UserError(f"c{c}_{name}: must have shape {wanted}, got {list(array.shape)}")
            if array.dtype.kind not in "iu":
                raise UserError(f"c{c}_{name}: must hold integers, got {array.dtype}")
            array = array.astype(np.int32)
        found.append(array)
    if found[2] is not None and (found[3] is None or len(found[3]) != len(found[2])):
        raise UserError(f"c{c}_w_snap: must have a row for each of the {len(found[2])} ticks in c{c}_w_tick")
    return Expected(*found)


def _routes(arrays: dict[str, np.ndarray]) -> np.ndarray:
    routes = arrays.get("routes", NO_ROUTES)
    if routes.dtype.kind not in "iu":
        raise UserError(f"routes: must hold integers, got {routes.dtype}")
    return routes.astype(np.int32).reshape(-1, 4) if not routes.size else routes.astype(np.int32)


def _names() -> tuple[str, ...]:
    return tuple(f.file_name for f in FIELDS) + RECORDED


def write(path: Path, program: Program, *, ticks: int, about: dict[str, Any] | None = None) -> None:
    """Write a program file, all of it or nothing. All cores must have weights of the same width.

    Args:
        ticks: for how long `replay` and others run it unless they are told.
        about: further keys of the spec, such as a title.
    """
    widths = {(one.limited, one.boundary) for one in program.cores}
    if len(widths) > 1:
        raise UserError(f"a program file has one width of weights for all cores, got {sorted(widths)}")
    limited, boundary = widths.pop()
    arrays: dict[str, np.ndarray] = {"routes": program.routes}
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
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as stream:
        np.savez_compressed(stream, spec=np.array(json.dumps(spec)), **arrays)  # pyright: ignore[reportArgumentType]
    temporary.replace(path)
