"""From a config to the objects that it describes; milliseconds become ticks in this folder alone."""

from dataclasses import dataclass

from erbp_jax.config import schema
from erbp_jax.config.build_neuron import build_neuron
from erbp_jax.config.build_precision import store_in_bits
from erbp_jax.config.build_rule import build_rule
from erbp_jax.config.time import ticks
from erbp_jax.connections import BlankOut, Dense, GaussianBlankOut, Reliable, SharedBlankOut, Transmission
from erbp_jax.data import Dataset
from erbp_jax.encoding import Analog, Encoder, ExponentialEscape, Poisson, Regular
from erbp_jax.errors import UserError
from erbp_jax.learning import Rule
from erbp_jax.network import Layer, Network

LOCAL_UPDATE_EVERY = 5
"""Ticks between the weight changes of a local rule, unless the config says."""


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
    if config.training.batch_size > len(data.train_labels):
        raise UserError(
            f"training.batch_size: {config.training.batch_size} is more than the {len(data.train_labels)} training "
            "samples"
        )
    try:
        network, encoder = _network(config.network, config.encoding.dt), _encoder(config.encoding)
        steps = config.encoding.steps
        test_steps = config.encoding.test_steps or steps
        if isinstance(config.rule, schema.GradientRule) and config.rule.form == "rate":
            network, encoder = network.rate_form(config.rule.smoothing), Analog(_max_rate(config.encoding))
            steps = test_steps = 1
        network, rule = store_in_bits(config.precision, network, build_rule(config))
        return Experiment(
            network=network,
            encoder=encoder,
            rule=rule,
            steps=steps,
            test_steps=test_steps,
            update_every=_update_every(config, steps, rule.burn_in),
            batch_size=config.training.batch_size,
            test_batch_size=min(config.training.test_batch_size, len(data.test_labels)),
            reset_state=config.training.reset_state,
        )
    except ValueError as error:  # a component's own check
        raise UserError(str(error)) from None


def warnings(config: schema.Config) -> list[str]:
    """What is allowed but will not work well, and why."""
    if isinstance(config.rule, schema.GradientRule):
        every, steps = config.training.update_every, config.encoding.steps
        if config.rule.form == "rate" or every is None or every >= steps:
            return []
        return [
            f"training.update_every: back-propagation is cut off every {every} of {steps} ticks; "
            "leave it out to go back through the whole presentation"
        ]
    shortest = getattr(config.network.neuron, "refractory", 0.0) + config.encoding.dt
    label = config.rule.label_period
    if shortest > label + 1e-9:
        return [
            f"network.neuron.refractory: an output neuron can fire every {shortest:g} ms at most, its label fires "
            f"every {label:g} ms (rule.label_period): the right answer can never match its label, so the error never "
            f"vanishes and learning stalls. Shorten the refractory period to {max(label - config.encoding.dt, 0):g} ms "
            f"or lengthen rule.label_period to {shortest:g} ms"
        ]
    return []


def _update_every(config: schema.Config, steps: int, burn_in: int) -> int:
    default = steps if isinstance(config.rule, schema.GradientRule) else min(LOCAL_UPDATE_EVERY, steps)
    every = config.training.update_every or default
    if steps == 1:
        every = 1  # the rate form has one tick
    for key, value in (("encoding.steps", steps), ("rule.burn_in", burn_in)):
        if value % every:
            raise UserError(
                f"training.update_every: {every} ticks do not divide {key} = {value} ticks; "
                f"divisors of {value}: {', '.join(str(d) for d in range(1, min(value, 50) + 1) if value % d == 0)}"
            )
    if burn_in >= steps:
        raise UserError(f"rule.burn_in: {burn_in} of {steps} ticks leave none to learn in")
    segment = getattr(config.rule, "segment", None)
    if segment and every % segment:
        raise UserError(f"rule.segment: {segment} ticks do not divide the {every} ticks of back-propagation")
    return every


def _network(section: schema.NetworkSection, dt: float) -> Network:
    delay = ticks("network.delay", section.delay, dt)
    neuron = build_neuron(section.neuron, dt)
    last = build_neuron(section.output_neuron, dt) if section.output_neuron else neuron
    pairs = list(zip(section.layers[:-1], section.layers[1:], strict=True))
    transmission = build_transmission(section.transmission)
    return Network(
        tuple(
            Layer(Dense(i, o, section.init_gain, transmission), last if n == len(pairs) else neuron, delay)
            for n, (i, o) in enumerate(pairs, 1)
        )
    )


def build_transmission(section: schema.Transmission) -> Transmission:
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


def _max_rate(section: schema.Encoding) -> float:
    """Spikes per tick of a white pixel."""
    if isinstance(section, schema.EscapeEncoding):
        return section.dt / (section.dead_time + section.dt)
    return _per_tick(section.max_rate, section.dt)


def _per_tick(hertz: float, dt: float) -> float:
    rate = hertz * 1e-3 * dt
    if rate > 1:
        raise UserError(f"encoding.max_rate: {hertz:g} Hz is more than one spike a tick of {dt:g} ms ({1e3 / dt:g} Hz)")
    return rate
