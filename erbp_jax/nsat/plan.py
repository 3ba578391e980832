"""A layer of floats in integers of the machine: leaks, weights, threshold, reset, chance to transmit.

A layer's currents and potentials are scaled by one factor, so the threshold is too; a threshold is about 2**11, far
above the rounding of leaks and far below the 16 bits of a state. What cannot be held exactly is made up for in the
weights, so that a steady input drives the membrane as far as in floats: leaks of the current (a steady input settles at
`w / (1 - decay)`) and chances to transmit (its mean current is `p w`).
"""

import math
from dataclasses import dataclass

import numpy as np

from erbp_jax.connections import BlankOut, Dense, Reliable
from erbp_jax.errors import UserError
from erbp_jax.neurons import LIF
from erbp_jax.nsat.fields import BY_NAME
from erbp_jax.projection import Layer

THRESHOLD = 2**11
"""About how large thresholds are made."""
LARGEST = 2**15 - 1
"""Of a state."""
LEAST = 64
"""Of a threshold: its rounding to a whole number is then at most 1.6 %."""


@dataclass(frozen=True)
class Leak:
    """`x <- x - (x shifted by exponent)`: a factor of `1 - 2**exponent` a tick; exponent 0 clears the state.

    Example:
        >>> from erbp_jax.nsat.compile import Leak
        >>> Leak.nearest(0.9)
        Leak(exponent=-3)
    """

    exponent: int

    @property
    def factor(self) -> float:
        return 1.0 - 2.0**self.exponent

    @classmethod
    def nearest(cls, factor: float) -> "Leak":
        """The leak whose factor is nearest, from 0 (cleared every tick) to 1 - 2**-15."""
        return min((cls(-n) for n in range(16)), key=lambda leak: abs(leak.factor - factor))


@dataclass(frozen=True)
class CompiledLayer:
    """What became of a layer: the choices that were made for it.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> from erbp_jax.nsat.compile import compile_network
        >>> network = ej.mlp(4, 3, neuron=ej.LIF(tau_mem=0.0, tau_syn=4.0))
        >>> (layer,) = compile_network(network, [np.ones((4, 3))]).layers
        >>> layer.current_leak.exponent, layer.refractory
        (-2, 4)
    """

    probability: int  # of transmission, fifteenths
    units: int
    cores: tuple[int, ...]
    current_leak: Leak
    membrane_leak: Leak | None  # None: the membrane is the current
    gain: int  # exponent of the summed input
    threshold: int
    reset: int | None  # value of the membrane after a spike; None: it is not set
    subtracted: int  # from the membrane at a spike
    refractory: int  # ticks, as the machine counts them
    scale: float  # integer weight per unit of weight
    vanished: float  # share of the weights that are not 0 and become 0
    wanted_leaks: tuple[float, float]  # factors of the float network: current, membrane
    wanted_probability: float

    @property
    def states(self) -> int:
        """Of a neuron; as many ticks lie between a spike that arrives and the answer to it."""
        return 1 if self.membrane_leak is None else 2


def check_layer(index: int, layer: Layer) -> tuple[LIF, float]:
    """A layer's neuron and its chance to transmit, if the machine has a like for them.

    Raises:
        UserError: says which layer and why.
    """
    neuron, connection = layer.neuron, layer.connection
    where = f"layer {index}"
    if not isinstance(neuron, LIF):
        raise UserError(f"{where}: only LIF neurons can be compiled, got {type(neuron).__name__}")
    if not isinstance(connection, Dense):
        raise UserError(f"{where}: only dense connections can be compiled, got {type(connection).__name__}")
    transmission = connection.transmission
    if not isinstance(transmission, (Reliable, BlankOut)):
        raise UserError(f"{where}: {type(transmission).__name__} transmission has no like on the machine")
    if neuron.threshold <= 0:
        raise UserError(f"{where}: a threshold of {neuron.threshold:g} cannot be compiled: it must be above 0")
    if neuron.noise is not None:
        raise UserError(f"{where}: noise on the membrane cannot be compiled; train with noise kind 'none'")
    if layer.delay:
        raise UserError(f"{where}: a delay of {layer.delay} ticks cannot be compiled: spikes take one tick")
    if neuron.refractory and neuron.reset != "value" and neuron.decays[1] > 0:
        raise UserError(
            f"{where}: a refractory period with reset {neuron.reset!r} cannot be compiled: the machine holds a "
            "membrane at a reset value only; use reset 'value' or no refractory period"
        )
    return neuron, transmission.mean


def plan_layer(index: int, layer: Layer, weights: np.ndarray, bits: int) -> CompiledLayer:
    """Leaks, scale, gain, threshold and reset of a layer with `weights[I, O]`.

    Raises:
        UserError: as `check_layer`, or numbers that the machine's integers cannot hold.
    """
    neuron, chance = check_layer(index, layer)
    where = f"layer {index}"
    weights = np.asarray(weights, np.float64)
    if not np.isfinite(weights).all():
        raise UserError(f"{where}: its weights are not finite")
    current, membrane = neuron.decays
    current_leak, membrane_leak = Leak.nearest(current), Leak.nearest(membrane) if membrane > 0 else None
    probability = _fifteenths(where, chance)
    drive = (1.0 - current_leak.factor) / (1.0 - current) * chance * 15 / probability
    scale, gain = _scale(weights * drive, neuron.threshold, bits)
    unit = scale * 2.0**gain  # of the membrane's integers in one of its floats
    threshold = _threshold(where, neuron.threshold, unit)
    separate = membrane_leak is not None  # a membrane of its own, which a reset has an effect on
    return CompiledLayer(
        probability=probability, units=weights.shape[1], cores=(),
        current_leak=current_leak, membrane_leak=membrane_leak,
        gain=gain, threshold=threshold,
        reset=_reset(where, neuron, unit, threshold) if separate and neuron.reset == "value" else None,
        subtracted=round(neuron.threshold * unit) if separate and neuron.reset == "subtract" else 0,
        refractory=_refractory(where, neuron, held=separate and neuron.reset == "value"),
        scale=scale * drive, vanished=float(np.mean((np.rint(weights * (scale * drive)) == 0) & (weights != 0))),
        wanted_leaks=(current, membrane), wanted_probability=chance,
    )  # fmt: skip


def integers(weights: np.ndarray, plan: CompiledLayer, bits: int) -> np.ndarray:
    """The weights of a layer as the machine holds them, `[I, O]`."""
    top = 2 ** (bits - 1) - 1
    return np.clip(np.rint(np.asarray(weights, np.float64) * plan.scale), -top - 1, top).astype(np.int32)


def _fifteenths(where: str, chance: float) -> int:
    nearest = round(15 * chance)
    if nearest == 0:
        raise UserError(
            f"{where}: a chance to transmit of {chance:g} would become never: the machine has fifteenths; "
            f"it must be above 1/30 = {1 / 30:.4f}"
        )
    return nearest


def _scale(driving: np.ndarray, threshold: float, bits: int) -> tuple[float, int]:
    """Integers per unit of weight before the gain, and the gain: the threshold comes to about `THRESHOLD`."""
    largest = float(np.abs(driving).max())
    if largest == 0:  # nothing ever arrives
        return THRESHOLD / threshold, 0
    scale = (2 ** (bits - 1) - 1) / largest
    gain = max(0, round(np.log2(THRESHOLD / (scale * threshold))))
    # Input is summed in 32 bits before the gain, and cut to 16 after it: with every source active it must not overflow.
    most = float(np.abs(np.rint(driving * scale)).sum(0).max())
    return scale, min(gain, int(np.log2((2**31 - 1) / most)), BY_NAME["weight_gain"].allowed[1])


def _threshold(where: str, threshold: float, unit: float) -> int:
    """The least integer above the threshold: floats fire above it, the machine at it."""
    wanted = threshold * unit
    if wanted >= LARGEST:
        raise UserError(
            f"{where}: its threshold {threshold:g} is {wanted:.3g} in units of its largest weight, more than 16 bits"
        )
    if wanted < LEAST:
        raise UserError(
            f"{where}: its threshold {threshold:g} is too small for its weights: it would be {wanted:.3g} on the "
            f"machine, which rounds it to a whole number; it must be at least {LEAST}"
        )
    return math.floor(wanted) + 1


def _reset(where: str, neuron: LIF, unit: float, threshold: int) -> int:
    value = min(round(neuron.v_reset * unit), threshold - 1)
    if abs(value) > LARGEST:
        raise UserError(f"{where}: v_reset {neuron.v_reset:g} is {value} on the machine, more than 16 bits")
    return value


def _refractory(where: str, neuron: LIF, *, held: bool) -> int:
    """Without a reset to a value a neuron may fire t_ref ticks after a spike, with one t_ref + 1 ticks."""
    ticks = neuron.refractory + (0 if held or not neuron.refractory else 1)
    if ticks > (most := BY_NAME["refractory"].allowed[1]):
        raise UserError(f"{where}: a refractory period of {neuron.refractory} ticks; the machine has at most {most}")
    return ticks
