"""From a config to the objects that it describes."""

import math
from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from erbp_jax.chain import sequential
from erbp_jax.config import estimate, schema
from erbp_jax.config.build_connections import build_connections
from erbp_jax.config.build_precision import store_in_bits, weight_grids
from erbp_jax.config.build_task import build_task
from erbp_jax.config.by_events import input_by_events
from erbp_jax.config.construct import construct
from erbp_jax.config.suggested import is_gradient
from erbp_jax.connections import BlankOut, Dense, Reliable, SharedBlankOut, Transmission
from erbp_jax.data import Dataset
from erbp_jax.data.shift import Shift
from erbp_jax.encoding import Analog, Encoder
from erbp_jax.errors import UserError
from erbp_jax.learning.base import OTHERWISE, check_length
from erbp_jax.learning.targets import for_curves
from erbp_jax.network import Network
from erbp_jax.parallel import make_mesh
from erbp_jax.projection import Projection
from erbp_jax.training.average import BITS as AVERAGE_BITS
from erbp_jax.training.average import Average
from erbp_jax.training.experiment import Experiment
from erbp_jax.units import Clock, ticks


def build(config: schema.Config, data: Dataset) -> Experiment:
    """The experiment of a config on a data set.

    Raises:
        UserError: keys that contradict each other or the data, or that ask for more memory than there is; names them.
    """
    pixels = data.features
    network_section = config.network.sized(pixels, data.classes)
    config = config.model_copy(update={"network": network_section})
    first, last = network_section.ends
    if first != pixels:
        raise UserError(f"network.layers: the first must be {pixels}, the inputs of {data.called}; got {first}")
    if last != data.classes:
        what = "classes" if data.labels is not None else "curves"
        raise UserError(f"network.layers: the last must be {data.classes}, the {what} of {data.called}; got {last}")
    if config.training.batch_size > len(data.train):
        raise UserError(
            f"training.batch_size: {config.training.batch_size} is more than the {len(data.train)} training samples"
        )
    try:
        clock, steps = Clock(config.encoding.dt), config.encoding.steps
        spikes_given = data.ticks is not None
        longest = max(steps, config.encoding.test_steps or steps)
        if data.ticks is not None and longest > data.ticks:
            raise UserError(
                f"encoding.steps: {longest} ticks asked for, and the trains of {data.called} have {data.ticks}"
            )
        encoder: Encoder = (
            data.frames() if spikes_given else construct(config.encoding, "encoding", clock, {"steps": steps})
        )
        # Walking through spikes needs a word between all devices a turn.
        one_device = jax.default_backend() == "cpu" and config.training.over_batch == 1
        sparse = one_device and input_by_events(
            data,
            # An encoder that does not say how fast it fires is taken to fire often.
            1.0 if spikes_given else getattr(encoder, "max_rate", 1.0),
            network_section.first_dense,
            config.training.batch_size,
            _every(config, steps),
        )
        network = _network(config.network, data.image_shape, clock, sparse)
        test_steps = config.encoding.test_steps or steps
        if in_rate_form(config):
            network, encoder = network.rate_form(config.rule.smoothing), Analog(_highest(encoder))
            steps = test_steps = 1
        given = {"network": network, "classes": network.classes, "steps": config.encoding.steps}
        rule = construct(config.rule, "rule", clock, given)
        rule = rule if data.labels is not None else for_curves(rule)
        network, rule = store_in_bits(config.precision, network, rule)
        burn_in = _burn_in(config)
        check_length(rule, steps, burn_in)
        experiment = Experiment(
            network=network,
            encoder=encoder,
            rule=rule,
            steps=steps,
            test_steps=test_steps,
            update_every=_update_every(config, steps, burn_in),
            burn_in=burn_in,
            batch_size=config.training.batch_size,
            test_batch_size=min(config.training.test_batch_size, len(data.test)),
            reset_state=config.training.reset_state,
            mesh=_mesh(config.training),
            average=_average(config, network),
            shift=_shift(config.data.shift, data),
            task=build_task(config, data, clock),
        )
        shapes = estimate.Shapes(
            steps=steps,
            test_steps=test_steps,
            burn_in=burn_in,
            update_every=experiment.update_every,
            test_block=experiment.test_block,
            batch=experiment.batch_size,
            test_batch=experiment.test_batch_size,
            samples=len(data.train),
            tests=len(data.test),
            sample_bytes=data.train.x[0].nbytes if isinstance(data.train.x, np.ndarray) else pixels,
        )
        estimate.check(config, network, rule, shapes, experiment.mesh)
    except ValueError as error:  # a component's own check, of its numbers or of the network that it meets
        raise UserError(str(error)) from None
    return experiment


def _shift(pixels: int, data: Dataset) -> Shift | None:
    if not pixels:
        return None
    if data.shape is None or len(data.shape) != 2 or data.ticks is not None:
        raise UserError(f"data.shift: moves grey images, but the samples of {data.called} are not grey images")
    return Shift(pixels, (data.shape[0], data.shape[1]))


def _average(config: schema.Config, network: Network) -> Average | None:
    if config.optimizer.average is None:
        return None
    few = config.precision.weight_bits is not None
    return Average(config.optimizer.average, weight_grids(config.precision, network, AVERAGE_BITS) if few else None)


def in_rate_form(config: schema.Config) -> bool:
    """Whether the network is trained without spikes: a key of gradient rules."""
    return getattr(config.rule, "form", "spiking") == "rate"


def _highest(encoder: Encoder) -> float:
    """Spikes per tick of a white pixel.

    Raises:
        UserError: of an encoder that does not say.
    """
    rate = getattr(encoder, "max_rate", None)
    if rate is None:
        raise UserError(f"rule.form: the rate form needs an encoder with a max_rate, {type(encoder).__name__} has none")
    return rate


def _mesh(section: schema.Training) -> jax.sharding.Mesh | None:
    parts = (section.mesh.seeds, section.over_batch, section.mesh.neurons)
    if math.prod(parts) == 1:
        return None
    try:
        return make_mesh(*parts)
    except ValueError as error:
        raise UserError(f"training.mesh: {error}") from None


def _burn_in(config: schema.Config) -> int:
    return ticks("rule.burn_in", getattr(config.rule, "burn_in", 0.0), config.encoding.dt)


def _update_every(config: schema.Config, steps: int, burn_in: int) -> int:
    every = _every(config, steps)
    if steps == 1:
        every = 1  # the rate form has one tick
    unsaid = ", as it is not given," if config.training.update_every is None else ""
    for key, value in (("encoding.steps", steps), ("rule.burn_in", burn_in)):
        if value % every:
            raise UserError(
                f"training.update_every: {every} ticks{unsaid} do not divide {key} = {value} ticks; "
                f"divisors of {value}: {', '.join(str(d) for d in range(1, min(value, 50) + 1) if value % d == 0)}"
            )
    if burn_in >= steps:
        raise UserError(f"rule.burn_in: {burn_in} of {steps} ticks leave none to learn in")
    segment = getattr(config.rule, "segment", None)
    if segment and every % segment:
        raise UserError(f"rule.segment: {segment} ticks do not divide the {every} ticks of back-propagation")
    return every


def _every(config: schema.Config, steps: int) -> int:
    """Ticks of a block."""
    default = steps if is_gradient(config.rule) else min(OTHERWISE.update_every or steps, steps)
    return config.training.update_every or default


def _network(section: schema.NetworkSection, image_shape: tuple[int, ...], clock: Clock, sparse: bool) -> Network:
    delay = ticks("network.delay", section.delay, clock.dt)
    neuron = construct(section.neuron, "network.neuron", clock)
    last = construct(section.output_neuron, "network.output_neuron", clock) if section.output_neuron else neuron
    if section.events == "auto":
        by_events = int(sparse)
    else:
        by_events = {"none": 0, "input": 1, "all": len(section.layers)}[section.events]
    *hidden, output = build_connections(
        section, image_shape, build_transmissions(section.transmission, len(section.layers) - 1), by_events, clock
    )
    if section.adaptation is not None:
        neuron = construct(section.adaptation, "network.adaptation", clock, {"neuron": neuron})
    chain = sequential(*((connection, neuron) for connection in hidden), (output, last), delay=delay)
    return _recurrent(chain, section) if section.recurrent else chain


def _recurrent(chain: Network, section: schema.NetworkSection) -> Network:
    """The chain, and from each hidden population all to all back to itself, a tick later."""
    transmissions = build_transmissions(section.transmission, len(section.layers) - 1)
    back = []
    for population, layer, transmission in zip(chain.hidden, chain.layers, transmissions, strict=False):
        if len(layer.connection.output_shape) > 1:
            raise UserError(f"network.recurrent: is for layers of units, and {population.name} has maps")
        again = Dense(population.size, population.size, section.init_gain, transmission(False))
        back.append(Projection(population.name, population.name, again, delay=1))
    return Network(chain.populations, (*chain.projections, *back))


def build_transmissions(section: schema.Transmission, layers: int) -> tuple[Callable[[bool], Transmission], ...]:
    """How spikes cross onto each layer; each is to know whether to work through them one by one.

    Raises:
        UserError: a number of chances that does not fit the layers.
    """
    if isinstance(section, schema.ReliableTransmission):
        return (Reliable,) * layers
    if len(section.p) not in (1, layers):
        raise UserError(
            f"network.transmission.p: one value, or one for each of the {layers} layers; got {len(section.p)}"
        )
    chances = section.p * layers if len(section.p) == 1 else section.p
    match section.kind:
        case "blank_out":
            return tuple(Reliable if p == 1.0 else partial(BlankOut, p) for p in chances)
        case "shared_blank_out":
            return tuple(lambda _, p=p: SharedBlankOut(p) for p in chances)
