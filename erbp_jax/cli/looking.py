"""The commands that look: at a run, at a neuron. JAX is imported inside them, so that `--help` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from erbp_jax.archive import shown
from erbp_jax.cli.options import Overrides, Trust
from erbp_jax.cli.running import new_session
from erbp_jax.environment import check_environment
from erbp_jax.errors import UserError
from erbp_jax.outside import found
from erbp_jax.wording import plural


def evaluate(
    run: Annotated[Path | None, typer.Argument(help="A run folder.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[dotted.key=value]...",
            help="What to test on, for how long, by which output neurons and decision, where: data.dir, "
            "data.test_size, data.validation_size, encoding.max_rate, encoding.test_steps, network.output_neuron, "
            "task, training.devices, training.mesh, training.piece, training.test_batch_size.",
        ),
    ] = None,
    anytime: Annotated[bool, typer.Option("--anytime", help="Early decisions by spikes and by currents.")] = False,
    energy: Annotated[str | None, typer.Option(help="Energy model of a SynOp, for --anytime [default: talk].")] = None,
    weight_bits: Annotated[int | None, typer.Option(help="Round the trained weights to 2 to 16 bits.")] = None,
    state_bits: Annotated[int | None, typer.Option(help="Store the neuron states in 8 to 16 bits.")] = None,
    nir: Annotated[
        Path | None, typer.Option("--nir", help="Test a NIR graph instead of a run, on data.path=FOLDER.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Test the last checkpoint of a run, finished or not; writes evaluation.json (anytime.json, quantized.json)."""
    check_environment()
    if nir is not None:
        from erbp_jax.nir.evaluating import evaluate_overrides

        if anytime or energy is not None or weight_bits is not None or state_bits is not None:
            raise UserError("--nir: goes with none of --anytime, --energy, --weight-bits, --state-bits")
        first = [] if run is None else [str(run)]  # the first override, where there is no run
        print(evaluate_overrides(nir, [*first, *(overrides or [])]))
        return
    if run is None:
        raise UserError("RUN: a run folder is needed, or --nir FILE")
    with found(run, trust):
        _evaluate(run, overrides, anytime, energy, weight_bits, state_bits, trust)


def _evaluate(
    run: Path,
    overrides: list[str] | None,
    anytime: bool,
    energy: str | None,
    weight_bits: int | None,
    state_bits: int | None,
    trust: bool,
) -> None:
    from erbp_jax.config import load_config
    from erbp_jax.training import run_folder

    loaded = run_folder.open_config(run, trust)
    wanted = load_config(run / run_folder.CONFIG, overrides or [])
    run_folder.check_modules(run, loaded)
    from erbp_jax.training.checkpoint import Checkpoints
    from erbp_jax.training.evaluate import check_overrides, evaluate_run, kept, result_line

    check_overrides(loaded, wanted)
    if energy is not None and not anytime:
        raise UserError("--energy: belongs to --anytime, which was not given")
    Checkpoints(run / run_folder.CHECKPOINTS, loaded).newest()
    session = new_session(run_folder.on_devices_here(wanted))
    if anytime or weight_bits is not None or state_bits is not None:
        from erbp_jax.cli.evaluating import evaluate_further

        bits = {"weight_bits": weight_bits, "state_bits": state_bits}
        print(evaluate_further(session, run, anytime=anytime, energy=energy or "talk", **bits))
        return
    result = evaluate_run(session, run)
    where = kept(run / "evaluation.json", result)
    print(f"{result_line(result, session)} (after epoch {result['epoch']}; {where})")


def diagnose(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[dotted.key=value]...", help="Overrides of the config, as for evaluate."),
    ] = None,
    trust: Trust = False,
) -> None:
    """Find out why a network is silent: report the activity of every population, and suggest what to change."""
    check_environment()
    from erbp_jax.cli.evaluating import diagnosed
    from erbp_jax.config import load_config
    from erbp_jax.training import run_folder
    from erbp_jax.training.evaluate import check_overrides

    with found(run, trust):
        loaded = run_folder.open_config(run)
        wanted = load_config(run / run_folder.CONFIG, overrides or [])
        check_overrides(loaded, wanted)
        print(diagnosed(new_session(run_folder.on_devices_here(wanted)), run))


def show(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    sample: Annotated[int, typer.Option(help="Index of a sample of the test set.")] = 0,
    population: Annotated[
        str | None, typer.Option(help="Population of the neuron to plot [default: the first].")
    ] = None,
    neuron: Annotated[
        int | None, typer.Option(help="Index of a neuron, from 0: plot its current, membrane and spikes.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed, for a run with several seeds [default: the first].")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the figures [default: the run folder].")] = None,
    trust: Trust = False,
) -> None:
    """Plot the activity of a trained network: every spike of one sample, and one neuron from current to spike."""
    check_environment()
    from erbp_jax.cli.evaluating import draw_sample

    print(draw_sample(run, sample, population, neuron, seed=seed, out=out or run, trust=trust))


def simulate(
    what: Annotated[str, typer.Argument(metavar="CONFIG|PRESET", help="A YAML file, or for example lif/step.")],
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder [default: runs/simulate-NAME-TIME].")] = None,
) -> None:
    """Run a neuron or a small network on an input; write spike times, traces and a figure."""
    check_environment()
    from erbp_jax.config import to_yaml
    from erbp_jax.config.simulation import load_simulation
    from erbp_jax.training import run_folder

    wanted = load_simulation(what, overrides or [])
    from erbp_jax.evaluation import traces
    from erbp_jax.files import write_text

    if out is not None:
        run_folder.check_new(out)
    result = traces.simulate(wanted)
    folder = out or run_folder.default_folder(f"simulate-{what}")
    with run_folder.lock(folder):
        write_text(folder / "config.yaml", to_yaml(wanted))
        result.save(folder / "traces.npz")
    for number, spikes in enumerate(result.spikes):
        name = f"layer {number}" if wanted.network else wanted.neuron.kind
        rate = 1e3 * spikes.sum() / (spikes.shape[1] * wanted.duration)
        print(f"{name}: {plural(spikes.shape[1], 'neuron')}, {plural(int(spikes.sum()), 'spike')}, {rate:.1f} Hz")
    times = result.spike_times()
    listed = ", ".join(f"{t:.10g}" for t in times[:60]) + (", ..." if len(times) > 60 else "")
    of = f" of layer {len(result.spikes) - 1}" if wanted.network else ""
    print(f"spikes of neuron 0{of} at ms: {listed or 'none'}")
    try:
        from erbp_jax.viz.traces import draw_traces

        title = what if not overrides else shown(f"{what} with {' '.join(overrides)}", 110)
        picture = f", {draw_traces(result, title, folder / 'traces.png')}"
    except UserError as error:  # matplotlib is an extra
        picture = f"; no picture: {error}"
    print(f"traces: {folder / 'traces.npz'}{picture}")
