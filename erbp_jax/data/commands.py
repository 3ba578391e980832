"""`erbp-jax data ...`: fetch, verify, describe data sets."""

from typing import Annotated

import typer

from erbp_jax.archive import shown
from erbp_jax.errors import UserError

app = typer.Typer(help="Data sets: fetch, verify, info.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="mnist or digits")]


@app.command()
def fetch(
    name: Name = "mnist",
    data_dir: Annotated[str | None, typer.Option("--dir", help="Folder [default: the user cache].")] = None,
) -> None:
    """Download a data set and verify it."""
    from erbp_jax.data import fetch as fetch_mnist
    from erbp_jax.data import mnist

    _known(name)
    if name == "digits":
        print("digits: comes with scikit-learn, nothing to fetch")
        return
    folder = fetch_mnist.fetch(data_dir)
    mnist.load(str(folder))
    print(f"mnist: four files, verified, in {folder}")


@app.command()
def verify(
    name: Name = "mnist",
    data_dir: Annotated[str | None, typer.Option("--dir", help="Folder to look in.")] = None,
) -> None:
    """Check that the files are the published ones."""
    from erbp_jax import data
    from erbp_jax.data import mnist

    _known(name)
    where = "scikit-learn" if name == "digits" else str(mnist.locate(data_dir))
    data.load(name, data_dir)
    print(f"{name}: ok ({where})")


@app.command()
def info(
    name: Name = "mnist",
    data_dir: Annotated[str | None, typer.Option("--dir", help="Folder to look in.")] = None,
) -> None:
    """Sizes and statistics of a data set."""
    from erbp_jax import data

    _known(name)
    d = data.load(name, data_dir)
    height, width = d.image_shape
    print(
        f"{d.name}: {len(d.train.y):,} training and {len(d.test.y):,} test images of {height} x {width}, "
        f"{d.classes} classes; mean pixel {d.train.x.mean() / 255:.4f}, "
        f"{100 * (d.train.x == 0).mean():.1f} % of the pixels are zero"
    )


def _known(name: str) -> None:
    from erbp_jax import data

    if name not in data.NAMES:
        raise UserError(f"data: {shown(repr(name))} is not known; there are {' and '.join(data.NAMES)}")
