"""`erbp-jax nsat compile`: a run folder in, a program file and a report out."""

from pathlib import Path

import jax
import numpy as np

from erbp_jax.config.build import in_rate_form
from erbp_jax.errors import UserError
from erbp_jax.nsat import files
from erbp_jax.nsat.agreement import Agreement, agreement
from erbp_jax.nsat.compile import Compiled, compile_network
from erbp_jax.nsat.plan import CompiledLayer, check_layer
from erbp_jax.random import Stream, root_key
from erbp_jax.tasks import Classification
from erbp_jax.training import run_folder
from erbp_jax.training.evaluate import restore
from erbp_jax.training.session import Session
from erbp_jax.wording import plural


def compile_folder(folder: Path, out: Path, *, samples: int, bits: int) -> str:
    """Compile the last checkpoint of a run (its first seed) and compare the two on test samples.

    Raises:
        UserError: no run, no checkpoint, or a network that the machine has no like for; nothing is written then.
    """
    config = run_folder.open_config(folder)
    files.check_place(out)
    if in_rate_form(config):
        raise UserError(f"{folder}: a rate network has no spikes; compile a spiking one")
    session = Session(run_folder.on_devices_here(config))
    if not isinstance(session.experiment.task, Classification):
        raise UserError(f"nsat compile: needs a classification, and the run's task is {session.experiment.task}")
    learner, place = restore(session, folder)
    params = jax.tree.map(lambda x: x[0], learner.weights)
    network, data = session.experiment.network, session.data
    if not network.is_chain:
        raise UserError(f"{folder}: only a chain of layers can be compiled, this is {network.name}")
    for index, layer in enumerate(network.layers):  # before its weights are looked for: pooling has none
        check_layer(index, layer)
    compiled = compile_network(
        network, [np.asarray(layer["weight"]) for layer in params.trained.projections], bits=bits
    )
    result = agreement(
        network, params, compiled, session.experiment.encoder, data.test.x[:samples], data.test.y[:samples],
        steps=session.experiment.test_steps, key=root_key(config.seed, Stream.TEST),
    )  # fmt: skip
    title = f"{'-'.join(map(str, network.sizes))}, compiled from epoch {place.epoch}"
    about = {"title": title, "latency": compiled.latency, "layers": _placed(compiled)}
    files.write(out, compiled.program, ticks=session.experiment.test_steps + compiled.latency + 1, about=about)
    whose = f"weights after epoch {place.epoch}" + (", averaged" if learner.mean is not None else "")
    whose += f", of seed {config.seed}, the first of {len(session.seeds)}" if len(session.seeds) > 1 else ""
    return "\n".join([whose, *describe(compiled), *report(result), f"program: {out}"])


def _placed(compiled: Compiled) -> list[list[list[int]]]:
    """Where each layer lies: `[core, first neuron, neurons]` a piece; pictures of a run read it."""
    placed = []
    for plan, pieces in zip(compiled.layers, compiled.pieces, strict=True):
        ends = [*(unit for _, _, unit in pieces[1:]), plan.units]
        placed.append([[c, first, end - unit] for (c, first, unit), end in zip(pieces, ends, strict=True)])
    return placed


def describe(compiled: Compiled) -> list[str]:
    """Describe the compiled network, and where it differs from the original."""
    lines = [f"{plural(len(compiled.program.cores), 'core')}, {plural(len(compiled.program.routes), 'route')}"]
    for i, layer in enumerate(compiled.layers):
        cores = f"core{'s' if len(layer.cores) > 1 else ''} {', '.join(map(str, layer.cores))}"
        lines.append(
            f"layer {i}: {plural(layer.units, 'neuron')} on {cores}; threshold {layer.threshold}, "
            f"gain 2^{layer.gain}, {layer.scale:.3g} a unit of weight; {'; '.join(_approximations(layer))}"
        )
    return lines


def _approximations(layer: CompiledLayer) -> list[str]:
    current, membrane = layer.wanted_leaks
    leaks = f"current x{layer.current_leak.factor:g} per tick (float {current:.3g})"
    if layer.membrane_leak is not None:
        leaks += f", membrane x{layer.membrane_leak.factor:g} (float {membrane:.3g})"
    notes = [leaks]
    if layer.wanted_probability < 1:
        taken, wanted = layer.probability / 15, layer.wanted_probability
        notes.append(
            f"chance to transmit {layer.probability}/15 = {taken:.3g} (float {wanted:.3g}), "
            f"weights x{wanted / taken:.3g}"
        )
    if layer.vanished:
        notes.append(f"{100 * layer.vanished:.3g} % of the weights become 0")
    return notes


def report(result: Agreement) -> list[str]:
    lines = [
        f"test error by spike count on {plural(result.samples, 'sample')}: float {result.float_error:.2f} %, "
        f"compiled {result.compiled_error:.2f} %; same decision {result.same_decision:.2f} %"
    ]
    for i, (r, (a, b)) in enumerate(zip(result.correlation, result.counts, strict=True)):
        lines.append(f"layer {i}: spikes per neuron and sample {a:.3f} float, {b:.3f} compiled; correlation {r:.4f}")
        if result.saturated[i]:
            lines[-1] += f"; {result.saturated[i]:.2g} % of its states cut to 16 bits"
    return lines
