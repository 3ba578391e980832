"""`erbp-jax data ...`: fetch, verify, describe data sets."""

from typing import Annotated

import typer

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
    """Check that the files are the published ones; of other sets than MNIST, that they can be read."""
    from erbp_jax import data
    from erbp_jax.data import mnist

    data.load(name, data_dir)
    where = {"digits": "scikit-learn", "mnist": str(mnist.locate(data_dir)) if name == "mnist" else ""}
    print(f"{name}: ok ({where[name]})" if name in where else f"{name}: can be read; its checksums are not known here")


@app.command()
def info(
    name: Annotated[str, typer.Argument(help="A name, or an .npz with x and y.")] = "mnist", data_dir: Folder = None
) -> None:
    """Sizes and statistics of a data set."""
    from erbp_jax import data

    d = data.from_npz(name) if name.endswith(".npz") else data.load(name, data_dir)
    targets = f"{d.classes} numbers to follow" if d.labels is None else d.targets_text
    shape = " x ".join(map(str, d.shape or ()))
    what = f"trains of {d.ticks} ticks by {shape}" if d.ticks is not None else f"samples of {shape}"
    print(
        f"{d.name}: {len(d.train):,} training and {len(d.test):,} test {what}, {targets}; "
        f"mean value {d.train.x.mean() / (255 if d.ticks is None else 1):.4f}, "
        f"{100 * (d.train.x == 0).mean():.1f} % of the values are zero"
    )
