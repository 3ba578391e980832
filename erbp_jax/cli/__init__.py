"""The commands. JAX is imported inside them, so that `--help` answers at once."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Annotated

import typer

from erbp_jax.cli.running import (
    check_log,
    command,
    config_or_default,
    devices,
    new_session,
    resumable,
    train_to_the_end,
)
from erbp_jax.data.commands import app as data_app
from erbp_jax.environment import check_environment
from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.nsat.commands import app as nsat_app
from erbp_jax.outside import found

app = typer.Typer(
    help="Spiking networks that learn on line with local rules.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # nothing in a help text is markup: [default: ...] is shown
)
app.add_typer(data_app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        print(importlib.metadata.version("erbp-jax"))
        raise typer.Exit


@app.callback()
def general(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Spiking networks that learn on line with local rules."""
    del version  # its callback has worked


app.add_typer(nsat_app, name="nsat")

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[dotted.key=value]...", help="Overrides of the config.")
]


Trust = Annotated[
    bool, typer.Option("--trust", help="Import the code of your own (module:Name) that the folder's config names.")
]


@app.command()
def train(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="[CONFIG]", help="A YAML config [default: the demo's recipe, configs/digits.yaml, for any data]."
        ),
    ] = Path(),
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Run folder [default: runs/CONFIG-TIME].")] = None,
    rule: Annotated[str | None, typer.Option(help="One of the config's rules, by name.")] = None,
    log: Annotated[
        str | None, typer.Option(help="Also log every epoch, in the run folder: tensorboard or csv.")
    ] = None,
) -> None:
    """Train a network; the run folder gets numbers, checkpoints and pictures.

    A data set of your own: erbp-jax train data.path=FILE.npz 'network.layers=[auto,100,auto]'
    """
    check_environment()
    config, overrides = config_or_default(config, overrides)
    from erbp_jax.config import build, load_config
    from erbp_jax.training import run_folder

    loaded = load_config(config, overrides or [], rule)
    for warning in build.warnings(loaded):
        print(f"warning: {warning}", file=sys.stderr)
    check_log(log)
    if out is not None:
        run_folder.check_new(out)
    session = new_session(loaded)
    folder = out or run_folder.default_folder(config)
    with run_folder.lock(folder):
        run_folder.create(folder, loaded, command(), devices())
        with resumable(folder):
            print(f"run folder: {folder}")
            print(train_to_the_end(session, folder, log=log))


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="The run folder of an interrupted training.")],
    config: Annotated[Path | None, typer.Option(help="Check that the run has this config before going on.")] = None,
    overrides: Overrides = None,
    trust: Trust = False,
) -> None:
    """Go on with an interrupted training from its last checkpoint; ends as if it had never stopped.

    Overrides may say where it runs now (data.dir, training.devices, training.mesh), not what it computes.
    """
    check_environment()
    with found(run, trust):
        _resume(run, config, overrides, trust)


def _resume(run: Path, config: Path | None, overrides: list[str] | None, trust: bool) -> None:
    from erbp_jax.config import differences, load_config
    from erbp_jax.training import run_folder

    loaded = run_folder.open_config(run, trust)
    wanted = load_config(config or run / run_folder.CONFIG, overrides or [])
    if changed := [line for line in differences(loaded, wanted) if not line.startswith(run_folder.ELSEWHERE)]:
        raise UserError(
            f"{run}: a run goes on with the config that it began with; these keys differ:\n  "
            + "\n  ".join(changed)
            + "\nStart a new run for another config: erbp-jax train ... --out OTHER"
        )
    run_folder.check_modules(run, loaded)
    if run_folder.finished(run):
        from erbp_jax.training.checkpoint import Checkpoints

        Checkpoints(run / run_folder.CHECKPOINTS, loaded).check_config()
        print(f"{run}: this run is finished; its summary is {run / run_folder.SUMMARY}")
        return
    from erbp_jax.training import fit

    with run_folder.lock(run), resumable(run):
        fit.check(loaded, run)
        session = new_session(run_folder.on_devices_here(wanted))
        print(f"run folder: {run}")
        run_folder.add_environment(run, loaded, command(), devices())
        print(train_to_the_end(session, run))


@app.command()
def compare(
    config: Annotated[Path, typer.Argument(help="A YAML config, best one that has `rules`.")],
    overrides: Overrides = None,
    rules: Annotated[str | None, typer.Option(help="Which, by comma [default: all that the config has].")] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds of each rule, side by side [default: training.seeds, else 3].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder [default: runs/compare-CONFIG].")] = None,
) -> None:
    """Train one network by several rules; the same command again goes on where it stopped."""
    check_environment()
    from erbp_jax.comparison import cells, report
    from erbp_jax.comparison.table import markdown
    from erbp_jax.config import build
    from erbp_jax.config.names import folder_name
    from erbp_jax.training import run_folder

    names = [name.strip() for name in rules.split(",")] if rules is not None else None
    folder = out or Path("runs") / f"compare-{folder_name(config.name)}"
    planned = cells.plan(config, overrides or [], names, seeds, folder)
    run_folder.only_holds(folder, report.FILES, "a comparison")
    for cell in planned:
        for warning in build.warnings(cell.config):
            print(f"warning: {cell.name}: {warning}", file=sys.stderr)

    # All data and keys are looked at before anything is trained.
    sessions = {cell.name: new_session(cell.config) for cell in planned if not cell.finished}

    def work(cell: cells.Cell, title: str) -> None:
        print(train_to_the_end(sessions.pop(cell.name), cell.folder, title))

    with run_folder.lock(folder), resumable(folder, " ".join(command())):
        failures = cells.run(planned, command(), devices(), work)
        if finished := cells.finished(planned, folder):
            table = report.write_tables(finished, folder)
            print(markdown(table))
            print(f"report: {report.publish(table, finished, folder)}")
    if failures:
        raise NonFiniteError("\n".join(failures))


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[dotted.key=value]...",
            help="What to test on, for how long, by which output neurons, where: data.dir, data.test_size, "
            "data.validation_size, encoding.max_rate, encoding.test_steps, network.output_neuron, training.devices, "
            "training.mesh, training.piece, training.test_batch_size.",
        ),
    ] = None,
    anytime: Annotated[bool, typer.Option("--anytime", help="Early decisions: error by time, spikes, margin.")] = False,
    energy: Annotated[str | None, typer.Option(help="Energy model of a SynOp, for --anytime [default: talk].")] = None,
    weight_bits: Annotated[int | None, typer.Option(help="Round the trained weights to 2 to 16 bits.")] = None,
    state_bits: Annotated[int | None, typer.Option(help="Keep the neurons' states in 8 to 16 bits.")] = None,
    trust: Trust = False,
) -> None:
    """Test the last checkpoint of a run, going on or not; writes evaluation.json (anytime.json, quantized.json)."""
    check_environment()
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
    from erbp_jax.training.evaluate import check_overrides, evaluate_run, kept, told

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
    print(f"{told(result, session)} (after epoch {result['epoch']}; {where})")


@app.command()
def diagnose(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[dotted.key=value]...", help="What to look at: as for evaluate."),
    ] = None,
    trust: Trust = False,
) -> None:
    """Why is it silent? What every population of a trained network does, and what to change."""
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


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    sample: Annotated[int, typer.Option(help="Which sample of the test set.")] = 0,
    population: Annotated[str | None, typer.Option(help="Of the neuron to look at [default: the first].")] = None,
    neuron: Annotated[int | None, typer.Option(help="A neuron, from 0: its current, membrane and spikes.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of a run with several seeds [default: the first].")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the pictures [default: the run folder].")] = None,
    trust: Trust = False,
) -> None:
    """Look inside a trained network: every spike of a sample, and one neuron from current to spike."""
    check_environment()
    from erbp_jax.cli.evaluating import shown

    print(shown(run, sample, population, neuron, seed=seed, out=out or run, trust=trust))


@app.command()
def sweep(
    config: Annotated[Path, typer.Argument(metavar="[CONFIG]", help="A YAML config [as of train].")] = Path(),
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="optimizer.learning_rate=A,B,... [dotted.key=value]...",
            help="The learning rates to try, and overrides of the config.",
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Seeds of each rate [default: training.seeds].")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder [default: runs/sweep-CONFIG].")] = None,
    rule: Annotated[str | None, typer.Option(help="One of the config's rules, by name.")] = None,
) -> None:
    """Train several learning rates and seeds side by side in one program, tested on samples held out of training."""
    check_environment()
    from erbp_jax.cli.sweeping import swept

    print(swept(*config_or_default(config, overrides), seeds, out, rule))


@app.command()
def simulate(
    what: Annotated[str, typer.Argument(metavar="CONFIG|PRESET", help="A YAML file, or for example lif/step.")],
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder [default: runs/simulate-NAME].")] = None,
) -> None:
    """Run a neuron or a small network on an input: spike times, traces, a picture."""
    check_environment()
    from erbp_jax.config import to_yaml
    from erbp_jax.config.names import folder_name
    from erbp_jax.config.simulation import load_simulation
    from erbp_jax.training import run_folder

    wanted = load_simulation(what, overrides or [])
    from erbp_jax.evaluation import traces
    from erbp_jax.files import write_text

    folder = out or Path("runs") / f"simulate-{folder_name(what)}"
    run_folder.only_holds(folder, ("config.yaml", "traces.npz", "traces.png"), "a simulation")
    result = traces.simulate(wanted)
    with run_folder.lock(folder):
        write_text(folder / "config.yaml", to_yaml(wanted))
        result.save(folder / "traces.npz")
    for number, spikes in enumerate(result.spikes):
        name = f"layer {number}" if wanted.network else wanted.neuron.kind
        rate = 1e3 * spikes.sum() / (spikes.shape[1] * wanted.duration)
        print(f"{name}: {spikes.shape[1]} neurons, {int(spikes.sum())} spikes, {rate:.1f} Hz")
    times = result.spike_times()
    shown = ", ".join(f"{t:.10g}" for t in times[:60]) + (", ..." if len(times) > 60 else "")
    print(f"spikes of neuron 0 at ms: {shown or 'none'}")
    try:
        from erbp_jax.viz.traces import draw_traces

        picture = f", {draw_traces(result, what, folder / 'traces.png')}"
    except UserError as error:  # matplotlib is an extra
        picture = f"; no picture: {error}"
    print(f"traces: {folder / 'traces.npz'}{picture}")


@app.command()
def explain(
    key: Annotated[str | None, typer.Argument(help="Dotted, a key or a group [default: all keys].")] = None,
) -> None:
    """Say what a key of a config means: unit, range, default."""
    from erbp_jax.config.explain import explain as explained

    print(explained(key))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which [default: list them]; its own options follow.")] = None,
) -> None:
    """Measure speed: run a script of benchmarks/, or list them with their questions."""
    from erbp_jax.cli import benchmarks

    if name is None:
        for script, question in benchmarks.scripts().items():
            print(f"{script:18} {question}")
        return
    if code := benchmarks.run(name, context.args):
        raise typer.Exit(code)
