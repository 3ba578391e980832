"""From a config to the objects that it describes; milliseconds become ticks here and nowhere else."""

import math
from dataclasses import dataclass

from erbp_jax.config import schema
from erbp_jax.connections import BlankOut, Dense, GaussianBlankOut, Reliable, SharedBlankOut, Transmission
from erbp_jax.data import Dataset
from erbp_jax.encoding import Encoder, ExponentialEscape, LabelNeurons, Poisson, Regular
from erbp_jax.errors import UserError
from erbp_jax.learning import ERBP, Boxcar, RandomFeedback, Rule
from erbp_jax.network import Layer, Network
from erbp_jax.neurons import LIF, Dendrite, ErrorNeurons, GaussianNoise, Noise, PoissonKicks


@dataclass(frozen=True)
class Experiment:
    """What a config builds: everything is frozen and hashable."""

    network: Network
    encoder: Encoder
    rule: Rule
    steps: int
    test_steps: int
    update_every: int
    batch_size: int
    test_batch_size: int
    reset_state: bool = True

    @property
    def test_block(self) -> int:
        """Ticks that a test works through at once: the largest divisor of its length up to 10."""
        return max(k for k in range(1, 11) if self.test_steps % k == 0)


def build(config: schema.Config, data: Dataset) -> Experiment:
    """The experiment of a config on a data set.

    Raises:
        UserError: keys that contradict each other or the data; names them.
    """
    layers = config.network.layers
    pixels = data.image_shape[0] * data.image_shape[1]
    if layers[0] != pixels:
        raise UserError(f"network.layers: the first must be {pixels}, the pixels of {data.name}; got {layers[0]}")
    if layers[-1] != data.classes:
        raise UserError(
            f"network.layers: the last must be {data.classes}, the classes of {data.name}; got {layers[-1]}"
        )
    _check_sizes(config, len(data.train_labels))
    steps, every = config.encoding.steps, config.training.update_every
    test_steps = config.encoding.test_steps or steps
    dt = config.encoding.dt
    burn_in = ticks("rule.burn_in", config.rule.burn_in, dt)
    for key, value in (
        ("encoding.steps", steps),
        ("rule.burn_in", burn_in),
    ):
        if value % every:
            raise UserError(
                f"training.update_every: {every} ticks do not divide {key} = {value} ticks; "
                f"divisors of {value}: {', '.join(str(d) for d in range(1, min(value, 50) + 1) if value % d == 0)}"
            )
    if burn_in >= steps:
        raise UserError(f"rule.burn_in: {burn_in} of {steps} ticks leave none to learn in")
    try:
        return Experiment(
            network=_network(config.network, dt),
            encoder=_encoder(config.encoding),
            rule=_rule(config, burn_in),
            steps=steps,
            test_steps=test_steps,
            update_every=every,
            batch_size=config.training.batch_size,
            test_batch_size=min(config.training.test_batch_size, len(data.test_labels)),
            reset_state=config.training.reset_state,
        )
    except ValueError as error:  # a component's own check
        raise UserError(str(error)) from None


def warnings(config: schema.Config) -> list[str]:
    """What is allowed but will not work well, and why."""
    shortest = config.network.neuron.refractory + config.encoding.dt
    label = config.rule.label_period
    if shortest > label + 1e-9:
        return [
            f"network.neuron.refractory: an output neuron can fire every {shortest:g} ms at most, its label fires "
            f"every {label:g} ms (rule.label_period): the right answer can never match its label, so the error never "
            f"vanishes and learning stalls. Shorten the refractory period to {max(label - config.encoding.dt, 0):g} ms "
            f"or lengthen rule.label_period to {shortest:g} ms"
        ]
    return []


def ticks(key: str, milliseconds: float, dt: float) -> int:
    """A time as a whole number of ticks.

    Raises:
        UserError: it is not a multiple of dt.
    """
    exact = milliseconds / dt
    if abs(exact - round(exact)) > 1e-6 * max(1.0, exact):
        raise UserError(f"{key}: {milliseconds:g} ms is not a whole number of ticks of encoding.dt = {dt:g} ms")
    return round(exact)


def _check_sizes(config: schema.Config, train_size: int) -> None:
    if config.training.batch_size > train_size:
        raise UserError(
            f"training.batch_size: {config.training.batch_size} is more than the {train_size} training samples"
        )
    layers = len(config.network.layers) - 1
    for key, got, want, what in (
        ("gate", len(config.rule.gate), layers, "layers"),
        ("feedback_scale", len(config.rule.feedback_scale), layers - 1, "hidden layers"),
    ):
        if got not in (1, want):
            raise UserError(f"rule.{key}: one value, or one for each of the {want} {what}; got {got}")


def _network(section: schema.NetworkSection, dt: float) -> Network:
    delay = ticks("network.delay", section.delay, dt)
    neuron = LIF(
        tau_mem=section.neuron.tau_mem / dt,
        tau_syn=section.neuron.tau_syn / dt,
        threshold=section.neuron.threshold,
        refractory=ticks("network.neuron.refractory", section.neuron.refractory, dt),
        reset=section.neuron.reset,
        noise=_noise(section.neuron, dt),
    )
    transmission = _transmission(section.transmission)
    return Network(
        tuple(
            Layer(Dense(i, o, section.init_gain, transmission), neuron, delay)
            for i, o in zip(section.layers[:-1], section.layers[1:], strict=True)
        )
    )


def _noise(neuron: schema.Neuron, dt: float) -> Noise | None:
    match neuron.noise:
        case schema.NoNoise():
            return None
        case schema.GaussianNoise(sigma=sigma):
            return GaussianNoise(sigma)
        case schema.KickNoise(rate=rate, amplitude=amplitude):
            # A kick comes at any time within its tick, and has leaked a little when the tick ends. With the mean of
            # that leak the mean depolarisation is rate * amplitude * tau_mem at any dt.
            left = neuron.tau_mem / dt * -math.expm1(-dt / neuron.tau_mem) if neuron.tau_mem else 0.0
            return PoissonKicks(rate * 1e-3 * dt, amplitude * left)


def _transmission(section: schema.Transmission) -> Transmission:
    match section:
        case schema.ReliableTransmission():
            return Reliable()
        case schema.BlankOutTransmission(kind="blank_out"):
            return BlankOut(section.p)
        case schema.BlankOutTransmission(kind="shared_blank_out"):
            return SharedBlankOut(section.p)
        case schema.BlankOutTransmission():
            return GaussianBlankOut(section.p)


def _encoder(section: schema.Encoding) -> Encoder:
    match section:
        case schema.PoissonEncoding():
            dead_time = ticks("encoding.dead_time", section.dead_time, section.dt)
            return Poisson(_per_tick(section.max_rate, section.dt), dead_time)
        case schema.RegularEncoding():
            return Regular(_per_tick(section.max_rate, section.dt))
        case schema.EscapeEncoding():
            return ExponentialEscape(
                dt=section.dt,
                dead_time=ticks("encoding.dead_time", section.dead_time, section.dt),
                beta=section.beta,
                gamma=section.gamma,
                base_rate=section.base_rate,
                threshold=section.threshold,
                slope=section.slope,
            )


def _per_tick(hertz: float, dt: float) -> float:
    rate = hertz * 1e-3 * dt
    if rate > 1:
        raise UserError(f"encoding.max_rate: {hertz:g} Hz is more than one spike a tick of {dt:g} ms ({1e3 / dt:g} Hz)")
    return rate


def _rule(config: schema.Config, burn_in: int) -> Rule:
    rule, dt = config.rule, config.encoding.dt
    layers = len(config.network.layers) - 1
    gates = tuple(Boxcar(*pair) for pair in (rule.gate * layers if len(rule.gate) == 1 else rule.gate))
    scales = rule.feedback_scale * (layers - 1) if len(rule.feedback_scale) == 1 else rule.feedback_scale
    return ERBP(
        label=LabelNeurons(config.network.layers[-1], ticks("rule.label_period", rule.label_period, dt)),
        gates=gates,
        error=ErrorNeurons(rule.error_weight, rule.error_threshold, rule.error_floor),
        dendrite=Dendrite(rule.tau_dendrite / dt),
        feedback=tuple(RandomFeedback(scale, rule.zero_sum) for scale in scales),
        output_scale=rule.output_scale,
        burn_in=burn_in,
        blank_out_gates_learning=rule.blank_out_gates_learning,
    )
