"""The commands. JAX is imported inside them, so that `--help` answers at once."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Annotated

import typer

from erbp_jax.cli.data import app as data_app
from erbp_jax.cli.looking import diagnose, evaluate, show, simulate
from erbp_jax.cli.nir import app as nir_app
from erbp_jax.cli.options import Overrides, Trust
from erbp_jax.cli.running import (
    check_log,
    command,
    config_or_default,
    devices,
    log_of,
    named_config,
    new_session,
    resumable,
    train_to_the_end,
)
from erbp_jax.environment import check_environment
from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.nsat.commands import app as nsat_app
from erbp_jax.outside import found

app = typer.Typer(
    help="Spiking networks that learn online with local rules.",
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
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Spiking networks that learn online with local rules."""
    del version  # its callback has worked


app.add_typer(nsat_app, name="nsat")
app.add_typer(nir_app, name="nir")


@app.command()
def train(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="[CONFIG]", help="A YAML config [default: the demo's settings, configs/digits.yaml, for any data]."
        ),
    ] = Path(),
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Run folder [default: runs/CONFIG-TIME].")] = None,
    rule: Annotated[str | None, typer.Option(help="One of the config's rules, by name.")] = None,
    log: Annotated[
        str | None, typer.Option(help="Additional log of every epoch in the run folder: tensorboard or csv.")
    ] = None,
) -> None:
    """Train a network; write metrics, checkpoints and figures to the run folder.

    To train on your own data: erbp-jax train data.path=FILE.npz 'network.layers=[auto,100,auto]'
    """
    check_environment()
    config, overrides = config_or_default(config, overrides)
    from erbp_jax.config import load_config
    from erbp_jax.config.advice import warnings
    from erbp_jax.config.load import first_of
    from erbp_jax.training import run_folder

    loaded = load_config(config, overrides or [], rule)
    if said := first_of(config, overrides, rule):
        print(said)
    for warning in warnings(loaded):
        print(f"warning: {warning}", file=sys.stderr)
    check_log(log)
    if out is not None:
        run_folder.check_new(out)
    session = new_session(loaded)
    session.trace()
    folder = out or run_folder.default_folder(config.name)
    with run_folder.lock(folder):
        run_folder.create(folder, loaded, command(), devices())
        with resumable(folder):
            print(f"run folder: {folder}")
            print(train_to_the_end(session, folder, log=log))


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="The run folder of an interrupted training.")],
    config: Annotated[Path | None, typer.Option(help="Check that the run has this config before resuming.")] = None,
    overrides: Overrides = None,
    trust: Trust = False,
) -> None:
    """Resume an interrupted training from its last checkpoint; the result is that of an uninterrupted run.

    Overrides may change where the run computes (data.dir, training.devices, training.mesh), not what it computes.
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
            f"{run}: a run continues with the config that it began with; these keys differ:\n  "
            + "\n  ".join(changed)
            + "\nStart a new run for another config: erbp-jax train ... --out OTHER"
        )
    run_folder.check_modules(run, loaded)
    if run_folder.finished(run):
        from erbp_jax.training.checkpoint import Checkpoints

        Checkpoints(run / run_folder.CHECKPOINTS, loaded).check_config()
        print(f"{run}: this run is finished; its summary is {run / run_folder.SUMMARY}")
        return
    from erbp_jax.training import fit, run_data

    with run_folder.lock(run), resumable(run):
        fit.check(loaded, run)
        session = new_session(run_folder.on_devices_here(wanted))
        run_data.check_same(run, session.data)
        print(f"run folder: {run}")
        run_folder.add_environment(run, loaded, command(), devices())
        print(train_to_the_end(session, run, log=log_of(run)))


@app.command()
def compare(
    config: Annotated[Path, typer.Argument(help="A YAML config, preferably with `rules`.")],
    overrides: Overrides = None,
    rules: Annotated[
        str | None, typer.Option(help="Names of rules, comma-separated [default: all in the config].")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds of each rule, trained in parallel [default: training.seeds, else 3].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder [default: runs/compare-CONFIG].")] = None,
) -> None:
    """Train one network by several rules; repeating the command resumes where it stopped."""
    check_environment()
    from erbp_jax.comparison import cells, report
    from erbp_jax.comparison.table import markdown
    from erbp_jax.config.advice import warnings
    from erbp_jax.config.names import folder_name
    from erbp_jax.training import run_folder

    config = named_config(config)
    names = [name.strip() for name in rules.split(",")] if rules is not None else None
    folder = out or Path("runs") / f"compare-{folder_name(config.name)}"
    planned = cells.plan(config, overrides or [], names, seeds, folder)
    run_folder.only_holds(folder, report.FILES, "a comparison")
    for cell in planned:
        for warning in warnings(cell.config):
            print(f"warning: {cell.name}: {warning}", file=sys.stderr)

    # All data and keys are looked at before anything is trained.
    sessions = {cell.name: new_session(cell.config) for cell in planned if not cell.finished}
    for session in sessions.values():
        cells.check_data(folder, session.config, session.data)
        session.trace()

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
def sweep(
    config: Annotated[Path, typer.Argument(metavar="[CONFIG]", help="A YAML config [default: as for train].")] = Path(),
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="optimizer.learning_rate=A,B,... [dotted.key=value]...",
            help="Learning rates to try, and overrides of the config.",
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Seeds of each learning rate [default: training.seeds].")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder [default: runs/sweep-CONFIG-TIME].")] = None,
    rule: Annotated[str | None, typer.Option(help="One of the config's rules, by name.")] = None,
) -> None:
    """Train several learning rates and seeds in parallel in one program, and test them on held-out training samples."""
    check_environment()
    from erbp_jax.cli.sweeping import swept

    print(swept(*config_or_default(config, overrides), seeds, out, rule))


@app.command()
def explain(
    key: Annotated[str | None, typer.Argument(help="Dotted name of a key or group [default: all keys].")] = None,
) -> None:
    """Explain a key of a config: meaning, unit, range, default."""
    from erbp_jax.config.explain import explain as explained

    print(explained(key))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="Name of a benchmark [default: list them], followed by its options.")
    ] = None,
) -> None:
    """Measure speed: run a script of benchmarks/, or list the scripts with the question that each answers."""
    from erbp_jax.cli import benchmarks

    if name is None:
        for script, question in benchmarks.scripts().items():
            print(f"{script:18} {question}")
        return
    if code := benchmarks.run(name, context.args):
        raise typer.Exit(code)


for _command in (evaluate, diagnose, show, simulate):
    app.command()(_command)
