"""Additional analyses of `evaluate`: early decisions and low precision."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erbp_jax.errors import UserError
from erbp_jax.evaluation.energy import MODELS, EnergyModel
from erbp_jax.training import anytime as early
from erbp_jax.training import quantized
from erbp_jax.training.evaluate import kept, restore
from erbp_jax.training.session import Session
from erbp_jax.viz.anytime import anytime_curves
from erbp_jax.wording import plural

if TYPE_CHECKING:
    from erbp_jax.api.model import Model
    from erbp_jax.api.recording import Recording


def evaluate_further(
    session: Session, folder: Path, *, anytime: bool, energy: str, weight_bits: int | None, state_bits: int | None
) -> str:
    """Early decisions (`anytime.json`, a picture) and fewer bits (`quantized.json`); returns what to tell the user.

    With both, the early decisions are those of the network with fewer bits.

    Raises:
        UserError: bits out of range, no such energy model, or what a network of the run's kind cannot do.
    """
    model = energy_model(energy)
    for option, bits, lowest in (("--weight-bits", weight_bits, 2), ("--state-bits", state_bits, 8)):
        if bits is not None and not lowest <= bits <= 16:
            raise UserError(f"{option}: must be from {lowest} to 16, got {bits}")
    learner, place = restore(session, folder)
    params, lines = learner.weights, []
    if weight_bits or state_bits:
        report: dict[str, Any] = {"weight_bits": weight_bits, "state_bits": state_bits}
        report["before"] = quantized.firing_report(session, session.experiment, params, place.epoch)
        if weight_bits:
            params, report["weight_steps"] = quantized.with_weight_bits(params, weight_bits)
        if state_bits:
            session.experiment = quantized.with_state_bits(session, state_bits)
        report["after"] = quantized.firing_report(session, session.experiment, params, place.epoch)
        lines += [quantized.table(report), f"bits: {kept(folder / 'quantized.json', report)}"]
    if anytime:
        result = early.summary(session, early.recorded(session, params, place.epoch), place.epoch, model)
        lines.append(early.table(result))
        where = kept(folder / "anytime.json", result)
        try:
            picture = f", {draw(result, folder / 'anytime.png')}"
        except (UserError, OSError) as error:  # matplotlib is an extra; the folder may be read-only
            picture = f"; no picture: {error}"
        lines.append(f"anytime: {where}{picture}")
    return "\n".join(lines)


def energy_model(name: str) -> EnergyModel:
    """The energy model of a synaptic operation.

    Raises:
        UserError: there is none of that name.
    """
    if name not in MODELS:
        raise UserError(f"--energy: unknown: {name!r}; known: {', '.join(MODELS)}")
    return MODELS[name]


def draw(result: dict[str, Any], path: Path) -> Path:
    """Error over SynOps and over time for all rules.

    Raises:
        UserError: the `plot` extra is not installed.
    """
    title = f"{result['network']}, {result['rule']}, {result['dataset']}"
    return anytime_curves({title: result}, path)


def diagnosed(session: Session, folder: Path) -> str:
    """What the populations of a run's last checkpoint do on its test set, and what to change; for its first seed."""
    import jax

    from erbp_jax.api.diagnose import MOST_SAMPLES
    from erbp_jax.evaluation.advice import in_config
    from erbp_jax.evaluation.diagnosis import diagnose

    learner, place = restore(session, folder)
    first = jax.tree.map(lambda x: x[0], learner)
    n = min(MOST_SAMPLES, len(session.data.test))
    shown = session.data.test[:n]
    experiment = replace(session.experiment, test_batch_size=n, mesh=None)
    found = diagnose(
        experiment, first.weights, shown.x, shown.y, seed=int(first.seed), dt=session.dt,
        trained=place.epoch + place.batch > 0,
        naming=partial(in_config, output_apart=session.config.network.output_neuron is not None),
    )  # fmt: skip
    rest = "" if found.advice else "\nnothing out of the ordinary"
    return f"after epoch {place.epoch}, {plural(n, f'{session.data.test_name} sample')}\n{found}{rest}"


def draw_sample(
    run: Path, sample: int, population: str | None, neuron: int | None, *, seed: int | None, out: Path, trust: bool
) -> str:
    """Draw `spikes_SAMPLE.png`, and with a neuron `POPULATION_NEURON_SAMPLE.png`; returns where they are."""
    from erbp_jax.api.runs import opened
    from erbp_jax.viz.figure import save

    model, data = opened(run, seed=seed, trust=trust)
    if not 0 <= sample < len(data.test):
        raise UserError(f"--sample: the test set has samples 0 to {len(data.test) - 1}, got {sample}")
    if population is not None and neuron is None:
        raise UserError("--population: says which population --neuron is of, which was not given")
    batch = model.record(data.test.x[sample : sample + 1])
    seen = batch.of(0)
    label = "" if data.labels is None else f"label {data.labels[data.test.y[sample]]}, "
    said = answer_of(model, batch, data.test.y[sample : sample + 1])
    heading = f"test sample {sample}" + ("" if data.labels is None else f": {label}answer {said[0]}")
    pictures = [save(seen.raster(title=heading), out / f"spikes_{sample}.png")]
    if neuron is not None:
        name = population or model.network.names[0]
        pictures.append(save(seen.plot_neuron(name, neuron), out / f"{name}_{neuron}_{sample}.png"))
    rates = ", ".join(f"{name} {rate:.1f} Hz" for name, rate in seen.rates().items())
    return f"{label}answer {said[0]}; {rates}\n{', '.join(map(str, pictures))}"


def answer_of(model: "Model", seen: "Recording", target: Any) -> Any:
    """What the network answers in the presentation of a recording, as `Model.predict` says it."""
    import jax
    import jax.numpy as jnp

    from erbp_jax.tasks.base import answer_to
    from erbp_jax.trace import PopulationTrace, Trace

    network = model.network
    current, state, spikes, target = jax.tree.map(
        jnp.asarray, (dict(seen.current), dict(seen.state), dict(seen.spikes), target)
    )
    done = (PopulationTrace(current[n], state[n], spikes[n]) for n in network.names)
    trace = Trace(tuple(spikes[n] for n in network.inputs), (), tuple(done))
    return model.named(answer_to(model.task, network, trace, target))
