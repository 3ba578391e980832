"""`erbp-jax data ...`: fetch, verify, describe data sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from erbp_jax.archive import open_archive, shown
from erbp_jax.errors import UserError
from erbp_jax.wording import plural

app = typer.Typer(help="Data sets: fetch, verify, info.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="mnist, digits, or an image set of TFDS: fashion_mnist, kmnist, emnist/letters, ...")
]
Folder = Annotated[str | None, typer.Option("--dir", help="Folder to look in.")]


@app.command()
def fetch(
    name: Name = "mnist",
    data_dir: Annotated[str | None, typer.Option("--dir", help="Folder [default: the user cache].")] = None,
) -> None:
    """Download a data set and verify it."""
    from erbp_jax.data import fetch as fetching
    from erbp_jax.data import mnist

    if name == "digits":
        print("digits: comes with scikit-learn, nothing to fetch")
        return
    if name != "mnist":
        print(f"{name}: prepared by TFDS in {fetching.prepare(name, data_dir)}")
        return
    folder = fetching.fetch(data_dir)
    mnist.load(str(folder))
    print(f"mnist: four files, verified, in {folder}")


@app.command()
def verify(name: Name = "mnist", data_dir: Folder = None) -> None:
    """Check that the files are the published ones (MNIST), or that they can be read (other data sets)."""
    from erbp_jax import data
    from erbp_jax.data import mnist

    data.load(name, data_dir)
    where = {"digits": "scikit-learn", "mnist": str(mnist.locate(data_dir)) if name == "mnist" else ""}
    print(f"{name}: ok ({where[name]})" if name in where else f"{name}: can be read; its checksums are not known here")


@app.command()
def info(
    name: Annotated[
        str, typer.Argument(help="A name, an .npz with x and y, or a file or folder of recordings.")
    ] = "mnist",
    data_dir: Folder = None,
    picture: Annotated[Path | None, typer.Option(help="Plot event recordings to this .png file.")] = None,
    repair: Annotated[bool, typer.Option(help="Sort events that are out of order.")] = False,
) -> None:
    """Show sizes and statistics of a data set, and the faults of event recordings."""
    from erbp_jax import data
    from erbp_jax.data.events import describe, find_recordings

    found = find_recordings(name, data_dir, repair=repair)
    if found is not None or _holds_recordings(name):
        parts = describe.find(name, repair=repair) if found is None else describe.parts(found)
        _describe(parts, picture)
        return
    if picture is not None:
        raise UserError(f"--picture: draws recordings of events, and {shown(name)} is none")
    d = data.from_npz(name) if name.endswith(".npz") else data.load(name, data_dir)
    targets = f"{plural(d.classes, 'number')} to follow" if d.labels is None else d.targets_text
    shape = " x ".join(map(str, d.shape or ()))
    what = f"trains of {plural(d.ticks, 'tick')} by {shape}" if d.ticks is not None else f"samples of {shape}"
    print(
        f"{d.name}: {len(d.train):,} training and {len(d.test):,} {d.test_name} {what}, {targets}; "
        f"mean value {d.mean:.4f}, {100 * (d.train.x == 0).mean():.1f} % of the values are zero"
    )


def _holds_recordings(name: str) -> bool:
    """Whether a path is one of recordings; an `.npz` of images is not."""
    from erbp_jax.data import NAMES

    path = Path(name)
    if name in NAMES or not path.exists():
        return path.suffix in (".bin", ".bs2", ".aedat", ".h5", ".hdf5")
    if path.suffix == ".npz":
        with open_archive(path) as archive:
            return "starts" in archive.names
    return True


def _describe(found: Mapping[str, Sequence[Any]], picture: Path | None) -> None:
    from erbp_jax.data.events import describe

    about = [describe.described(part, recordings) for part, recordings in found.items()]
    print("\n".join(map(str, about)))
    if picture is not None:
        from erbp_jax.viz.events import draw_events

        first = next(iter(found.values()))
        if not about[0].faults and about[0].number:
            draw_events(first, picture)
            print(f"picture: {picture}")
    if any(part.faults for part in about):
        raise typer.Exit(1)
