"""What a config may say, and will not work well."""

import math
from typing import Any

from erbp_jax.config import schema
from erbp_jax.config.build import in_rate_form
from erbp_jax.config.suggested import is_gradient


def warnings(config: schema.Config) -> list[str]:
    """What is allowed but will not work well, and why."""
    section, encoding = config.network, config.encoding
    presented = min(encoding.steps, encoding.test_steps or encoding.steps) * encoding.dt
    rate_form = in_rate_form(config)
    found = []
    depth = len(section.layers) - 1
    if not rate_form and depth * section.delay >= presented:
        found.append(
            f"network.delay: spikes need {depth} x {section.delay:g} ms to the output and a presentation takes "
            f"{presented:g} ms (encoding.steps x encoding.dt): none arrives"
        )
    max_rate = None if encoding.entry.outside else getattr(encoding, "max_rate", None)
    if max_rate is not None and max_rate * 1e-3 * presented < 1:
        found.append(
            f"encoding.max_rate: at {max_rate:g} Hz a white pixel fires "
            f"{max_rate * 1e-3 * presented:.2g} times in a presentation of {presented:g} ms: most are silent"
        )
    if isinstance(section.transmission, schema.BlankOutTransmission) and 0 in section.transmission.p:
        found.append("network.transmission.p: 0 transmits no spike: what comes after it is silent")
    for key, neuron in (("neuron", section.neuron), ("output_neuron", section.output_neuron)):
        refractory = _refractory(neuron)
        if not rate_form and refractory >= presented:
            found.append(
                f"network.{key}.refractory: {refractory:g} ms are not less than a presentation of {presented:g} ms "
                "(encoding.steps x encoding.dt): every neuron fires once at most"
            )
    if is_gradient(config.rule):
        return found + _short_sight(config)
    return found + (_label(config) if hasattr(config.rule, "label_period") else [])


def _refractory(neuron: Any) -> float:
    """In ms, where the neuron is one of ours that has a refractory period."""
    value = 0.0 if neuron is None or neuron.entry.outside else getattr(neuron, "refractory", 0.0)
    return value if isinstance(value, float) else 0.0


def _short_sight(config: schema.Config) -> list[str]:
    every, steps = config.training.update_every, config.encoding.steps
    if in_rate_form(config) or every is None or every >= steps:
        return []
    return [
        f"training.update_every: back-propagation is cut off every {every} of {steps} ticks; "
        "leave it out to go back through the whole presentation"
    ]


def _label(config: schema.Config) -> list[str]:
    found, rule = [], config.rule
    dt, label = config.encoding.dt, rule.label_period
    shortest = _refractory(config.network.output_neuron or config.network.neuron) + dt
    where = "output_neuron" if config.network.output_neuron else "neuron"
    if shortest > label + 1e-9:
        found.append(
            f"network.{where}.refractory: an output neuron can fire every {shortest:g} ms at most, its label fires "
            f"every {label:g} ms (rule.label_period): the right answer can never match its label, so the error never "
            f"vanishes and learning stalls. Shorten the refractory period to {max(label - dt, 0):g} ms "
            f"or lengthen rule.label_period to {shortest:g} ms"
        )
    shown = config.encoding.steps * dt
    spikes = math.ceil(shown / label) - math.ceil(rule.burn_in / label)  # they come at 0, label, 2 label, ...
    if spikes < 1 or label >= shown:
        found.append(
            f"rule.label_period: with a label spike every {label:g} ms there are {max(spikes, 0)} between the end of "
            f"rule.burn_in, {rule.burn_in:g} ms, and that of the presentation, {shown:g} ms: hardly anything says "
            "which answer is right"
        )
    return found
