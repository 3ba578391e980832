"""`erbp-jax nir ...`: networks to and from other simulators. JAX is imported inside the commands."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from erbp_jax.cli.options import Trust
from erbp_jax.environment import check_environment
from erbp_jax.errors import UserError
from erbp_jax.wording import plural

app = typer.Typer(help="Exchange networks with other simulators through NIR files.", no_args_is_help=True)

Method = Literal["exact", "euler"]
How = Annotated[Method, typer.Option("--method", help="Discretisation of time constants: exact or euler.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A .nir file.")]


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a model saved as .npz.")],
    out: Annotated[Path, typer.Option("--out", help="The .nir file to write.")],
    method: How = "exact",
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Store what NIR cannot express as metadata instead of refusing it.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed, for a run with several seeds [default: the first].")] = None,
    trust: Trust = False,
) -> None:
    """Write a trained network as a NIR graph."""
    check_environment()
    from erbp_jax.api.files import load
    from erbp_jax.api.runs import open_run
    from erbp_jax.nir import to_nir, write
    from erbp_jax.nir.exporting import UNSAID

    if run.is_file() and seed is not None:
        raise UserError("--seed: a saved model is of one seed; it belongs to run folders")
    model = load(run, trust=trust) if run.is_file() else open_run(run, seed=seed, trust=trust)
    try:
        graph = to_nir(model, method=method, metadata=metadata)
    except UserError as error:
        raise UserError(f"{run}: {error}") from None
    write(out, graph)
    kept = [f"{name}: {node.metadata[UNSAID]}" for name, node in graph.nodes.items() if UNSAID in node.metadata]
    print(
        f"{out}: {plural(len(graph.nodes), 'node')}, {plural(len(graph.edges), 'edge')}; dt {model.dt:g} ms, {method}"
    )
    if kept:
        print(f"kept as metadata alone, other simulators leave it out: {'; '.join(kept)}")


@app.command("import")
def import_(
    file: File,
    out: Annotated[Path, typer.Option("--out", help="The model to write, .npz, which ej.load reads.")],
    dt: Annotated[float, typer.Option(help="Length of a tick, ms.")] = 1.0,
    method: How = "exact",
    steps: Annotated[int, typer.Option(help="Ticks of a presentation.")] = 300,
) -> None:
    """Convert a NIR graph to a model that takes spike trains and classifies by spike count."""
    check_environment()
    from erbp_jax.api.files import save
    from erbp_jax.nir import from_nir
    from erbp_jax.nir.modelling import model_of

    network, params = from_nir(file, dt, method)
    try:
        model = model_of(network, params, dt, steps)
    except ValueError as error:
        raise UserError(f"{file}: {error}") from None
    save(out, model)
    print(
        f"{out}: {network.name}, {plural(len(network.projections), 'projection')}; dt {dt:g} ms, {method}, "
        f"{plural(steps, 'tick')}"
    )


@app.command()
def info(file: File) -> None:
    """Describe a NIR graph: nodes, shapes, parameters, time constants, cycles, and inexact conversions."""
    check_environment()
    from erbp_jax.nir import info as describe

    print(describe(file))
