"""The commands. JAX is imported inside them, so that `--help` answers at once."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erbp_jax.data.commands import app as data_app
from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.nsat.commands import app as nsat_app

if TYPE_CHECKING:
    from erbp_jax.config import Config
    from erbp_jax.training.session import Session

app = typer.Typer(
    help="Spiking networks that learn on line with local rules.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.add_typer(nsat_app, name="nsat")

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[dotted.key=value]...", help="Overrides of the config.")
]


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="A YAML config.")],
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Run folder [default: runs/CONFIG-TIME].")] = None,
    rule: Annotated[str | None, typer.Option(help="One of the config's rules, by name.")] = None,
) -> None:
    """Train a network; the run folder gets numbers, checkpoints and pictures."""
    from erbp_jax.config import build, load_config
    from erbp_jax.training import run_folder

    loaded = load_config(config, overrides or [], rule)
    for warning in build.warnings(loaded):
        print(f"warning: {warning}", file=sys.stderr)
    folder = out or run_folder.default_folder(config)
    session = _session(loaded)
    with run_folder.lock(folder):
        run_folder.create(folder, loaded, _command(), _devices())
        print(f"run folder: {folder}")
        print(_fit(session, folder, resume=False))


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="The run folder of an interrupted training.")],
    config: Annotated[Path | None, typer.Option(help="Check that the run has this config before going on.")] = None,
    overrides: Overrides = None,
) -> None:
    """Go on with an interrupted training from its last checkpoint; ends as if it had never stopped."""
    from erbp_jax.config import differences, load_config
    from erbp_jax.training import run_folder

    loaded = run_folder.open_config(run)
    wanted = load_config(config or run / run_folder.CONFIG, overrides or [])
    if changed := differences(loaded, wanted):
        raise UserError(
            f"{run}: a run goes on with the config that it began with; these keys differ:\n  "
            + "\n  ".join(changed)
            + "\nStart a new run for another config: erbp-jax train ... --out OTHER"
        )
    if (run / run_folder.SUMMARY).exists():
        print(f"{run}: this run is finished; its summary is {run / run_folder.SUMMARY}")
        return
    with run_folder.lock(run):
        print(f"run folder: {run}")
        from erbp_jax.training.checkpoint import Checkpoints

        going_on = Checkpoints.exist(run / run_folder.CHECKPOINTS)  # not if it was killed before its first one
        print(_fit(_session(loaded), run, resume=going_on))


@app.command()
def compare(
    config: Annotated[Path, typer.Argument(help="A YAML config, best one that has `rules`.")],
    overrides: Overrides = None,
    rules: Annotated[str | None, typer.Option(help="Which, by comma [default: all that the config has].")] = None,
    seeds: Annotated[int, typer.Option(help="Seeds of each rule, trained side by side.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Folder [default: runs/compare-CONFIG].")] = None,
) -> None:
    """Train one network by several rules; the same command again goes on where it stopped."""
    from erbp_jax.comparison import cells, report
    from erbp_jax.comparison.table import markdown
    from erbp_jax.config import build
    from erbp_jax.training import run_folder
    from erbp_jax.training.checkpoint import Checkpoints

    names = [name.strip() for name in rules.split(",")] if rules is not None else None
    folder = out or Path("runs") / f"compare-{config.stem}"
    planned = cells.plan(config, overrides or [], names, seeds, folder)
    run_folder.only_holds(folder, report.FILES, "a comparison")
    for cell in planned:
        for warning in build.warnings(cell.config):
            print(f"warning: {cell.name}: {warning}", file=sys.stderr)

    sessions = {cell.name: _session(cell.config) for cell in planned if not cell.finished}  # all data and keys, first

    def work(cell: cells.Cell, title: str) -> None:
        going_on = Checkpoints.exist(cell.folder / run_folder.CHECKPOINTS)
        session = sessions.pop(cell.name)
        print(_fit(session, cell.folder, resume=going_on, label=title, again=" ".join(_command())))

    with run_folder.lock(folder):
        failures = cells.run(planned, _command(), _devices(), work)
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
        typer.Argument(metavar="[data.*|encoding.test_steps=value]...", help="What to test on, and for how long."),
    ] = None,
    anytime: Annotated[bool, typer.Option("--anytime", help="Early decisions: error by time, spikes, margin.")] = False,
    energy: Annotated[str, typer.Option(help="Energy model of a SynOp, for --anytime.")] = "talk",
    weight_bits: Annotated[int | None, typer.Option(help="Round the trained weights to 2 to 16 bits.")] = None,
    state_bits: Annotated[int | None, typer.Option(help="Keep the neurons' states in 8 to 16 bits.")] = None,
) -> None:
    """Test the last checkpoint of a run; writes evaluation.json (anytime.json, quantized.json)."""
    from erbp_jax.config import differences, load_config
    from erbp_jax.training import run_folder

    loaded = run_folder.open_config(run)
    wanted = load_config(run / run_folder.CONFIG, overrides or [])
    allowed = (
        "data.dir",
        "data.test_size",
        "data.validation_size",
        "encoding.max_rate",
        "encoding.test_steps",
        "network.output_neuron",
        "training.test_batch_size",
    )
    if wrong := [d for d in differences(loaded, wanted) if not d.startswith(allowed)]:
        raise UserError("evaluate: only " + ", ".join(allowed) + " can be overridden; got\n  " + "\n  ".join(wrong))
    with run_folder.lock(run):
        session = _session(wanted)
        from erbp_jax.training.evaluate import evaluate_further, evaluate_run

        if anytime or weight_bits is not None or state_bits is not None:
            bits = {"weight_bits": weight_bits, "state_bits": state_bits}
            print(evaluate_further(session, run, anytime=anytime, energy=energy, **bits))
            return
        result = evaluate_run(session, run)
        run_folder.write_json(run / "evaluation.json", result)
    spread = f" +- {result['test_error_std']:.2f}" if result["test_error_std"] is not None else ""
    print(
        f"test error {result['test_error']:.2f}{spread} % on {result['test_size']} samples, "
        f"{result['undecided']:.2f} % undecided, {result['synops_per_sample']:,.0f} SynOps a sample "
        f"(after epoch {result['epoch']}; {run / 'evaluation.json'})"
    )


@app.command()
def simulate(
    what: Annotated[str, typer.Argument(metavar="CONFIG|PRESET", help="A YAML file, or for example lif/step.")],
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder [default: runs/simulate-NAME].")] = None,
) -> None:
    """Run a neuron or a small network on an input: spike times, traces, a picture."""
    from erbp_jax.config import to_yaml
    from erbp_jax.config.simulation import load_simulation
    from erbp_jax.training import run_folder

    wanted = load_simulation(what, overrides or [])
    from erbp_jax.analysis import traces

    folder = out or Path("runs") / f"simulate-{what.removesuffix('.yaml').replace('/', '-')}"
    run_folder.only_holds(folder, ("config.yaml", "traces.npz", "traces.png"), "a simulation")
    result = traces.simulate(wanted)
    with run_folder.lock(folder):
        run_folder.write_text(folder / "config.yaml", to_yaml(wanted))
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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which [default: list them]; its own options follow.")] = None,
) -> None:
    """Measure speed: run a script of benchmarks/, or list them with their questions."""
    from erbp_jax import benchmarks

    if name is None:
        for script, question in benchmarks.scripts().items():
            print(f"{script:18} {question}")
        return
    if code := benchmarks.run(name, context.args):
        raise typer.Exit(code)


def _session(config: "Config") -> "Session":
    """A session with the compilation cache on: a second run of the same config starts at once."""
    import jax

    cache = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if cache is None:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        jax.config.update("jax_compilation_cache_dir", str(base / "erbp_jax" / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

    from erbp_jax.training.session import Session

    return Session(config)


def _fit(session: "Session", folder: Path, *, resume: bool, label: str = "training", again: str | None = None) -> str:
    """Train, draw; returns what to tell the user at the end."""
    from erbp_jax.training.fit import fit

    try:
        summary, learner = fit(session, folder, resume=resume, label=label, again=again)
    except KeyboardInterrupt:  # fit has said how to go on
        raise typer.Exit(1) from None
    try:
        from erbp_jax.viz.run import draw_run

        pictures = ", ".join(p.name for p in draw_run(session, learner, folder))
    except UserError as error:  # matplotlib is an extra
        pictures = f"none: {error}"
    spread = summary["test_error_mean_last5_std"]
    seeds = f" +- {spread:.2f} over {summary['seeds']} seeds" if spread is not None else ""
    last = min(5, summary["epochs"])
    return (
        f"test error {summary['test_error_mean_last5']:.2f}{seeds} % (mean of the last {last} epochs), "
        f"{summary['samples_per_second']:,.0f} samples/s, compiled in {summary['compile_seconds']:.1f} s\n"
        f"summary: {folder / 'summary.json'}; pictures: {pictures}"
    )


def _devices() -> list[str]:
    import jax

    return [f"{d.platform}:{d.device_kind}" for d in jax.devices()]


def _command() -> list[str]:
    program = Path(sys.argv[0])
    ours = program.name in ("erbp-jax", "__main__.py", "-c")
    return [*(["erbp-jax"] if ours else ["python", shlex.quote(str(program))]), *map(shlex.quote, sys.argv[1:])]
