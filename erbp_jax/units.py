"""Units, ranges and meanings in annotations: what a number is in a config, and what it becomes in the library.

A config speaks of milliseconds and hertz, so that it says the same at any length of a tick; the library counts ticks.
A field or a parameter carries its unit in its annotation, and nothing else has to say it again::

    @dataclass(frozen=True)
    class Adaptive:
        tau_mem: Time = 10.0                # ticks here, ms in a config; a default is what it is at ticks of 1 ms
        hold: Ticks = 3                     # a whole number of ticks; in a config ms, a multiple of the tick
        noise_rate: Rate = 0.1              # spikes per tick; Hz in a config
        rise: Annotated[float, AtLeast(0.0), "What a spike adds to the threshold."] = 0.5

A text in an annotation says what the number means, for `erbp-jax explain`; so does the string below a field. For type
checkers every annotation of this module is a plain `float` or `int`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from erbp_jax.errors import UserError

MOST = 2**31 - 1
"""Of a count: ticks, samples and units are counted in 32 bits."""


class Clock(NamedTuple):
    """The length of a tick, and the config key that sets it."""

    dt: float  # ms
    key: str = "encoding.dt"


@dataclass(frozen=True)
class Unit:
    """What a number is counted in, in a config and in the library.

    `change`: `time` from ms to ticks, `ticks` the same and whole, `rate` from Hz to events per tick, `per_ms` from
    something every ms to something every tick, `none` where both count alike.
    """

    name: str
    change: Literal["time", "ticks", "rate", "per_ms", "none"] = "none"


@dataclass(frozen=True)
class AtLeast:
    """The lower bound, allowed itself; of the number as a config has it."""

    value: float


@dataclass(frozen=True)
class Above:
    """The lower bound, not allowed itself."""

    value: float


@dataclass(frozen=True)
class AtMost:
    """The upper bound, allowed itself."""

    value: float


@dataclass(frozen=True)
class Below:
    """The upper bound, not allowed itself."""

    value: float


@dataclass(frozen=True)
class Infinite:
    """The number may be infinite."""


@dataclass(frozen=True)
class Listed:
    """A list of which a single value stands for a list of one; `of_lists` where each value is a list itself."""

    of_lists: bool = False


@dataclass(frozen=True)
class PerTick:
    """Bounds of a rate in events per tick, `least` to `most`; `open` where `most` itself is refused, with a `hint`."""

    least: float
    most: float
    open: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Part:
    """A component of a registry group: a group of keys with a `kind`."""

    group: str


@dataclass(frozen=True)
class FromBuilder:
    """No key: whoever builds from a config gives the value of this name, such as `dt`."""

    name: str


Positive = Annotated[float, Above(0.0)]
NonNegative = Annotated[float, AtLeast(0.0)]
Probability = Annotated[float, AtLeast(0.0), AtMost(1.0)]
Count = Annotated[int, AtLeast(1)]
Whole = Annotated[int, AtLeast(0)]

Time = Annotated[float, Unit("ms", "time"), AtLeast(0.0)]
"""Ticks in Python, ms in a config."""
PositiveTime = Annotated[float, Unit("ms", "time"), Above(0.0)]
Ticks = Annotated[int, Unit("ms", "ticks"), AtLeast(0.0)]
"""A whole number of ticks in Python; in a config ms, a multiple of the tick."""
Rate = Annotated[float, Unit("Hz", "rate"), Above(0.0)]
"""Events per tick in Python, Hz in a config."""
PerMs = Annotated[float, Unit("1/ms", "per_ms")]
"""Added every tick in Python; in a config every ms."""
Ms = Annotated[float, Unit("ms")]
"""ms in Python and in a config: of models whose own equations are in ms."""
Hertz = Annotated[float, Unit("Hz")]
"""Hz in Python and in a config."""
Dt = Annotated[float, FromBuilder("dt")]
"""The length of a tick in ms: in a config `encoding.dt`, and no key of its own."""


def ticks(key: str, milliseconds: float, dt: float, clock: str = "encoding.dt") -> int:
    """A time as a whole number of ticks; `key` and `clock` are where the config says the two.

    Raises:
        UserError: it is not a multiple of dt, or too many ticks for 32 bits.
    """
    exact = milliseconds / dt
    if exact > MOST:
        raise UserError(f"{key}: {milliseconds:g} ms are {exact:.3g} ticks of {clock} = {dt:g} ms, more than {MOST:,}")
    if abs(exact - round(exact)) > 1e-6 * min(max(1.0, exact), 1e3):
        low, high = (n * dt for n in (int(exact), int(exact) + 1))
        raise UserError(
            f"{key}: {milliseconds:g} ms is not a whole number of ticks of {clock} = {dt:g} ms; "
            f"{low:.10g} and {high:.10g} are"
        )
    return round(exact)


def in_library(value: Any, metadata: tuple[Any, ...], key: str, clock: Clock) -> Any:
    """A config's number as the library counts it; `metadata` is that of its annotation.

    Raises:
        UserError: a time off the grid of ticks, a rate that no tick can hold; names the key.
    """
    unit = next((m for m in metadata if isinstance(m, Unit)), None)
    if unit is None or value is None:
        return value
    if isinstance(value, tuple):
        return tuple(in_library(part, metadata, key, clock) for part in value)
    changes: dict[str, Callable[[], Any]] = {
        "time": lambda: value / clock.dt,
        "ticks": lambda: ticks(key, value, *clock),
        "rate": lambda: _per_tick(value, metadata, key, clock),
        "per_ms": lambda: value * clock.dt,
        "none": lambda: value,
    }
    return changes[unit.change]()


def _per_tick(hertz: float, metadata: tuple[Any, ...], key: str, clock: Clock) -> float:
    rate, dt = hertz * 1e-3 * clock.dt, clock.dt
    for bound in metadata:
        if not isinstance(bound, PerTick):
            continue
        if rate > bound.most:
            raise UserError(
                f"{key}: {hertz:g} Hz is more than one spike per tick of {dt:g} ms ({bound.most * 1e3 / dt:g} Hz)"
            )
        if bound.open and rate == bound.most:
            raise UserError(f"{key}: {hertz:g} Hz is a spike in every tick of {dt:g} ms; {bound.hint}")
        if rate < bound.least:
            least = bound.least * 1e3 / dt
            raise UserError(f"{key}: {hertz:g} Hz cannot be drawn in ticks of {dt:g} ms; at least {least:.4g} Hz")
    return rate
