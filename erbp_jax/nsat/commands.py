"""`erbp-jax nsat ...`: replay, run and compile programs of the fixed-point machine. JAX is imported inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from erbp_jax.environment import check_environment
from erbp_jax.errors import UserError
from erbp_jax.outside import found
from erbp_jax.wording import plural

if TYPE_CHECKING:
    from erbp_jax.nsat.files import Fixture
    from erbp_jax.nsat.replay import Outcome, Source

app = typer.Typer(help="The fixed-point machine: replay, run, compile.", no_args_is_help=True)

Compat = Annotated[
    Literal["reference", "documented"],
    typer.Option(help="Follow the reference simulator or its documentation where they differ."),
]


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Program files with expected results.")],
    draws: Annotated[
        Literal["recorded", "pcg32"] | None,
        typer.Option(help="Random numbers: recorded in the file, or from its seed [default: recorded if present]."),
    ] = None,
    compat: Compat = "reference",
) -> None:
    """Run programs again and compare every state, spike and weight; exit code 1 at the first difference."""
    check_environment()
    from erbp_jax.nsat import files as program_files
    from erbp_jax.nsat.replay import check_replay, first_mismatch
    from erbp_jax.nsat.replay import replay as run_again

    fixtures = [program_files.read(path) for path in files]
    for path, fixture in zip(files, fixtures, strict=True):
        if not any(e.states is not None or e.spikes is not None or e.weights is not None for e in fixture.expected):
            raise UserError(f"{path}: holds no expected states (X), spikes or weights (w_snap) to compare with")
        try:
            check_replay(fixture, _source(fixture, draws))
        except UserError as error:
            raise UserError(f"{path}: {error}" if len(files) > 1 else str(error)) from None
    differs = False
    for alike in _alike(fixtures, draws):
        source = _source(fixtures[alike[0]], draws)
        for i, outcomes in zip(
            alike, run_again([fixtures[i] for i in alike], source=source, compat=compat), strict=True
        ):
            mismatch = first_mismatch(fixtures[i], outcomes)
            differs |= mismatch is not None
            label = f"{files[i]}: " if len(files) > 1 else ""
            print(label + (_agreement(fixtures[i], outcomes) if mismatch is None else f"differs: {mismatch}"))
    if differs:
        raise typer.Exit(1)


def _source(fixture: "Fixture", wanted: "Source | None") -> "Source":
    from erbp_jax.nsat.replay import drawn

    if wanted is not None:
        return wanted
    there = [{"noise": e.noise, "mask": e.masks, "rr_draw": e.rounding} for e in fixture.expected]
    missing = any(
        has[name] is None for one, has in zip(fixture.program.cores, there, strict=True) for name in drawn(one)
    )
    return "pcg32" if missing else "recorded"


def _alike(fixtures: "list[Fixture]", wanted: "Source | None") -> list[list[int]]:
    """Which files run side by side in one call: a PCG32 stream is one program's own, and so are ordered writes. What
    would take too much memory together runs one by one."""
    import numpy as np

    from erbp_jax.nsat.program import merge
    from erbp_jax.nsat.replay import MAX_RECORD, record_size

    groups: dict[object, list[int]] = {}
    for i, fixture in enumerate(fixtures):
        shared = any(c.limited and len(np.unique(c.synapses[:, 4])) < len(c.synapses) for c in fixture.program.cores)
        alone = shared or _source(fixture, wanted) == "pcg32"
        groups.setdefault(i if alone else ("together", fixture.ticks.bit_length()), []).append(i)
    runs: list[list[int]] = []
    for group in groups.values():
        together = merge([fixtures[i].program for i in group])
        small = record_size(together, max(fixtures[i].ticks for i in group)) <= MAX_RECORD
        runs += [group] if small else [[i] for i in group]
    return runs


def _agreement(fixture: "Fixture", outcomes: "list[Outcome]") -> str:
    cores = fixture.program.cores
    neurons, weights = sum(c.neurons for c in cores), sum(len(c.weights) for c in cores)
    spikes = sum(len(o.spikes) for o in outcomes)
    return (
        f"bit-exact: {plural(fixture.ticks, 'tick')}, {plural(neurons, 'neuron')}, {plural(spikes, 'spike')}, "
        f"{plural(weights, 'weight')}"
    )


@app.command()
def run(
    program: Annotated[Path, typer.Argument(help="A program file.")],
    out: Annotated[Path, typer.Option(help="Folder for spikes, states, weights and a picture.")],
    ticks: Annotated[int | None, typer.Option(help="Ticks to run [default: as in the file].", min=2)] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            help="External events that replace those of the file: rows 'tick axon' or 'core tick axon', ticks from 1."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers, if the program draws any.", min=0)] = 0,
    draws: Annotated[
        Literal["key", "pcg32"], typer.Option(help="Source of random numbers: a JAX key, or one PCG32 stream.")
    ] = "key",
    compat: Compat = "documented",
) -> None:
    """Run a program; `spikes.npy` has rows core, tick, neuron. Ticks start at 1; row 0 is the initial state."""
    check_environment()
    from dataclasses import replace as changed

    from erbp_jax.nsat import files as program_files
    from erbp_jax.nsat.replay import simulate
    from erbp_jax.nsat.results import placed_layers, read_events, save, with_events

    fixture = program_files.read(program)
    length = fixture.ticks if ticks is None else ticks
    loaded = fixture.program
    if events is not None:
        loaded = with_events(loaded, read_events(events), length)
    if draws == "pcg32":
        loaded = changed(loaded, seed=seed or loaded.seed)
    outcomes = simulate(
        loaded, length, source=draws, weight_ticks=[[length - 1]] * len(loaded.cores), compat=compat, seed=seed
    )
    print(save(out, loaded, length, outcomes, placed_layers(fixture)))


@app.command("compile")
def compile_run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder with LIF neurons and dense layers.")],
    out: Annotated[Path, typer.Option(help="The program file to write.")],
    samples: Annotated[int, typer.Option(help="Test samples for the comparison.", min=1)] = 1000,
    bits: Annotated[int, typer.Option(help="Bits of a weight.", min=2, max=8)] = 8,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Allow importing the modules (module:Name) that the config of the folder names."),
    ] = False,
) -> None:
    """Compile a trained network to a program, and report how closely it agrees with the floating-point network."""
    check_environment()
    from erbp_jax.nsat.compile_run import compile_folder

    with found(folder, trust):
        print(compile_folder(folder, out, samples=samples, bits=bits))
