"""The configs that come with the package: `configs/` of a checkout, or `erbp_jax/configs` of an installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
PLACES = (PACKAGE.parent / "configs", PACKAGE / "configs")
FOLDER = "configs"
"""What their names begin with, as in `configs/digits.yaml`."""


def shipped(path: Path) -> Path | None:
    """The shipped config of this name; None if a file of that name is there, or none is shipped."""
    if path.is_absolute() or path.parts[:1] != (FOLDER,) or ".." in path.parts:
        return None
    try:
        if path.exists():
            return None
    except OSError:  # a name that no file can have
        return None
    return next((found for place in PLACES if (found := place.joinpath(*path.parts[1:])).is_file()), None)


def names() -> list[str]:
    """All that are shipped, as a command takes them."""
    place = next((place for place in PLACES if place.is_dir()), PLACES[0])
    return sorted(f"{FOLDER}/{file.relative_to(place).as_posix()}" for file in place.rglob("*.yaml"))
