"""What to change in a network that is silent, saturated or not taught, in the names that its user knows."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import NamedTuple

from erbp_jax.learning.base import is_supervised
from erbp_jax.learning.erbp import ERBP
from erbp_jax.projection import Population
from erbp_jax.training.experiment import Experiment
from erbp_jax.wording import plural

MANY_PERCENT = 50.0
"""Of neurons that are silent or saturated, from which something should be changed."""
CLOSED_PERCENT = 80.0
"""Of neurons and ticks with a closed gate, from which something should be changed."""
UNDECIDED_PERCENT, UNDECIDED_PERCENT_UNTRAINED = 20.0, 50.0
"""Of samples without an answer, from which something should be changed, after and before training."""


class Seen(NamedTuple):
    """What one population (or input) did, over all samples shown."""

    name: str
    rate: float
    """Mean, Hz."""
    silent: float
    """Percent of neurons that never fired."""
    saturated: float | None
    """Percent of neurons at 90 % of their highest rate or above; None for inputs and neurons that know none."""
    drive: float | None
    """Mean size of the synaptic current, in thresholds; None where there is no current or threshold."""
    open_gates: float | None
    """Percent of neurons and ticks whose gate is open; None for rules without gates."""


class Names(NamedTuple):
    """What a user calls the settings that act on one population; None for a setting that is not there."""

    threshold: str | None
    gain: str | None
    """Of the initial weights."""
    max_rate: str | None
    """Of the encoder."""
    steps: str | None
    """Ticks of a presentation."""
    gate: str | None
    penalty: str | None
    """Strength of activity regularisation, where there is some."""
    learning_rate: str


Naming = Callable[[Experiment, Population], Names]


def in_python(experiment: Experiment, population: Population) -> Names:
    """The arguments of what a Python program is made of.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.evaluation.advice import in_python
        >>> from erbp_jax.training.experiment import Experiment
        >>> network = ej.mlp(4, 3, neuron=ej.LIF())
        >>> experiment = Experiment(network, ej.Poisson(0.25), ej.BackProp(), 10, 10, 10, 1, 1)
        >>> names = in_python(experiment, network.populations[0])
        >>> names.threshold, names.gain, names.max_rate, names.gate
        ('LIF(threshold=...)', 'Dense(gain=...)', 'Poisson(max_rate=...)', None)
    """
    rule, encoder = experiment.rule, experiment.encoder
    onto = [p.connection for p in experiment.network.projections if p.target == population.name]
    return Names(
        _argument(population.neuron, "threshold"),
        next((name for c in onto if (name := _argument(c, "gain"))), None),
        _argument(encoder, "max_rate") or _argument(encoder, "base_rate"),
        "fit(steps=...)" if _argument(encoder, "max_rate") or _argument(encoder, "base_rate") else None,
        "ERBP(gates=...)" if isinstance(rule, ERBP) else None,
        "ERBP(rate_penalty=...)" if _penalised(experiment) else None,
        "fit(learning_rate=...)",
    )


def in_config(experiment: Experiment, population: Population, *, output_apart: bool = False) -> Names:
    """The keys of a config; `output_apart` if it has a `network.output_neuron`.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.evaluation.advice import in_config
        >>> from erbp_jax.training.experiment import Experiment
        >>> network = ej.mlp(4, 3, neuron=ej.LIF())
        >>> experiment = Experiment(network, ej.Poisson(0.25), ej.BackProp(), 10, 10, 10, 1, 1)
        >>> names = in_config(experiment, network.populations[0], output_apart=True)
        >>> names.threshold, names.gain, names.max_rate, names.gate
        ('network.output_neuron.threshold', 'network.init_gain', 'encoding.max_rate', None)
    """
    python = in_python(experiment, population)
    output = output_apart and population.name == experiment.network.output
    return Names(
        python.threshold and f"network.{'output_neuron' if output else 'neuron'}.threshold",
        python.gain and "network.init_gain",
        python.max_rate and f"encoding.{'max_rate' if _argument(experiment.encoder, 'max_rate') else 'base_rate'}",
        python.steps and "encoding.steps",
        python.gate and "rule.gate",
        python.penalty and "rule.rate_penalty",
        "optimizer.learning_rate",
    )


def _argument(part: object, name: str) -> str | None:
    """How a part is made with another value of an argument that it has; a property of that name is none."""
    there = name in {f.name for f in fields(part)} if is_dataclass(part) else hasattr(part, name)
    return f"{type(part).__name__}({name}=...)" if there else None


def _penalised(experiment: Experiment) -> bool:
    return isinstance(experiment.rule, ERBP) and any(experiment.rule.rate_penalty)


def advice(
    experiment: Experiment, found: Sequence[Seen], undecided: float | None, unanswered: int, *, trained: bool,
    naming: Naming,
) -> list[str]:  # fmt: skip
    """What to change, the first cause first: what is silent makes silent what comes after it.

    Args:
        found: the inputs first, then the populations in declared order.
        undecided: percent of samples without an answer; None if the task decides nothing.
        unanswered: classes among the targets whose output neuron never fired.
        trained: whether the network has learned before it was looked at.
    """
    network, lines = experiment.network, []
    inputs = len(network.inputs)
    for seen in found[:inputs]:
        lines += _of_input(seen, naming(experiment, network.populations[0]))
    quiet = bool(lines)
    for seen, population in zip(found[inputs:], network.populations, strict=True):
        names = naming(experiment, population)
        if seen.silent >= MANY_PERCENT and not quiet:
            quiet = True
            lines.append(_of_silence(seen, names, trained))
        elif population.name == network.output and unanswered and trained and not quiet:
            lines.append(
                f"{seen.name}: {plural(unanswered, 'class is', 'classes are')} never answered, for the output "
                f"{'neuron never fires' if unanswered == 1 else 'neurons never fire'}: "
                + _alternatives(f"lower {names.learning_rate}", _raised(names.gain, names.steps))
            )
        if seen.saturated is not None and seen.saturated >= MANY_PERCENT:
            lines.append(_of_saturation(seen, names, trained))
        if seen.open_gates is not None and 100.0 - seen.open_gates >= CLOSED_PERCENT:
            lines.append(
                f"{seen.name}: its gate is open in {seen.open_gates:.0f} % of all ticks, so that little is learned: "
                + _alternatives(f"widen {names.gate}", names.gain and f"lower {names.gain}")
                + (f"; if it was open before training, start anew with a lower {names.learning_rate}" * trained)
            )
    if not is_supervised(experiment.rule):
        lines.append(f"{network.output}: {untaught(experiment)}")
    most = UNDECIDED_PERCENT if trained else UNDECIDED_PERCENT_UNTRAINED
    if undecided is not None and undecided >= most and not lines:
        names = naming(experiment, network.population(network.output))
        lines.append(
            f"{network.output}: {undecided:.0f} % of the samples are undecided, though neurons fire: no output neuron "
            f"has more spikes than all others: " + (f"raise {names.steps}" if names.steps else "show longer trains")
        )
    return lines


def untaught(experiment: Experiment) -> str:
    """What the scores of a rule mean that does not learn from the targets."""
    name = experiment.task.measures[0].name
    return (
        f"the rule learns without targets, so nothing teaches an output neuron what to answer; the {name} still "
        "compares answers with targets: expect chance level (the guide to choosing a rule says how to score such a "
        "network)"
    )


def _of_input(seen: Seen, names: Names) -> list[str]:
    if seen.silent < 100.0:
        return []
    remedy = f"raise {names.max_rate} or {names.steps}" if names.max_rate else "look at the trains of the data"
    return [f"{seen.name}: no input ever fires: {remedy}"]


def _of_silence(seen: Seen, names: Names, trained: bool) -> str:
    current = "" if seen.drive is None else f" (mean current {seen.drive:.2g} thresholds)"
    lower = " or ".join(name for name in (names.threshold, names.penalty) if name)
    remedies = _alternatives(lower and f"lower {lower}", _raised(names.gain, names.max_rate, names.steps))
    later = f"; if it fired before training, lower {names.learning_rate}" * trained
    share = f"{seen.silent:.0f} % of its neurons never fire{current}"
    return f"{seen.name}: {share}: {remedies or 'the weights onto it are too weak'}{later}"


def _of_saturation(seen: Seen, names: Names, trained: bool) -> str:
    remedies = _alternatives(names.gain and f"lower {names.gain}", names.threshold and f"raise {names.threshold}")
    later = f"; if it did not before training, start anew with a lower {names.learning_rate}" * trained
    share = f"{seen.saturated:.0f} % of its neurons fire as fast as they can"
    return f"{seen.name}: {share}: {remedies or 'the weights onto it are too strong'}{later}"


def _raised(*names: str | None) -> str | None:
    given = [name for name in names if name]
    return f"raise {_listed(given)}" if given else None


def _alternatives(*remedies: str | None) -> str:
    return ", or ".join(filter(None, remedies))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
