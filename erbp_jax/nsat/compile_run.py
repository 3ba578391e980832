"""`erbp-jax nsat compile`: a run folder in, a program file and a report out."""

from pathlib import Path

import jax
import numpy as np

from erbp_jax.config import schema
from erbp_jax.errors import UserError
from erbp_jax.nsat import files
from erbp_jax.nsat.agreement import Agreement, agreement
from erbp_jax.nsat.compile import Compiled, check_layer, compile_network
from erbp_jax.random import Stream, root_key
from erbp_jax.training import run_folder
from erbp_jax.training.checkpoint import Checkpoints
from erbp_jax.training.session import Session


def compile_folder(folder: Path, out: Path, *, samples: int, bits: int) -> str:
    """Compile the last checkpoint of a run (its first seed) and compare the two on test samples.

    Raises:
        UserError: no run, no checkpoint, or a network that the machine has no like for; nothing is written then.
    """
    config = run_folder.open_config(folder)
    if isinstance(config.rule, schema.GradientRule) and config.rule.form == "rate":
        raise UserError(f"{folder}: a rate network has no spikes; compile a spiking one")
    session = Session(config)
    checkpoints = Checkpoints(folder / run_folder.CHECKPOINTS)
    learner, place = checkpoints.restore(session.start())
    checkpoints.close()
    params = jax.tree.map(lambda x: x[0], learner.params)
    network = session.experiment.network
    for index, layer in enumerate(network.layers):  # before its weights are looked for: pooling has none
        check_layer(index, layer)
    compiled = compile_network(network, [np.asarray(layer["weight"]) for layer in params], bits=bits)
    data = session.data
    result = agreement(
        network, params, compiled, session.experiment.encoder, data.test_images[:samples], data.test_labels[:samples],
        steps=session.experiment.test_steps, key=root_key(config.seed, Stream.TEST),
    )  # fmt: skip
    title = f"{'-'.join(map(str, network.sizes))}, compiled from epoch {place.epoch}"
    about = {"title": title, "latency": compiled.latency}
    files.write(out, compiled.program, ticks=session.experiment.test_steps + compiled.latency + 1, about=about)
    return "\n".join([*describe(compiled), *report(result), f"program: {out}"])


def describe(compiled: Compiled) -> list[str]:
    lines = [f"{len(compiled.program.cores)} core(s), {len(compiled.program.routes)} routes"]
    for i, layer in enumerate(compiled.layers):
        current, membrane = layer.wanted_leaks
        leaks = f"current x{layer.current_leak.factor:g} a tick (float {current:.3g})"
        if layer.membrane_leak is not None:
            leaks += f", membrane x{layer.membrane_leak.factor:g} (float {membrane:.3g})"
        cores = ", ".join(map(str, layer.cores))
        lines.append(
            f"layer {i}: {layer.units} neurons on core(s) {cores}; threshold {layer.threshold}, gain 2^{layer.gain}, "
            f"{layer.scale:.3g} a unit of weight; {leaks}"
        )
    return lines


def report(result: Agreement) -> list[str]:
    lines = [
        f"test error on {result.samples} samples: float {result.float_error:.2f} %, "
        f"compiled {result.compiled_error:.2f} %; same decision {result.same_decision:.2f} %"
    ]
    for i, (r, (a, b)) in enumerate(zip(result.correlation, result.counts, strict=True)):
        lines.append(f"layer {i}: spikes a neuron and sample {a:.3f} float, {b:.3f} compiled; correlation {r:.4f}")
    return lines
