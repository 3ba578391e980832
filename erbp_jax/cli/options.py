"""Arguments that several commands have."""

from typing import Annotated

import typer

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[dotted.key=value]...", help="Overrides of the config.")
]

Trust = Annotated[
    bool, typer.Option("--trust", help="Import the code of your own (module:Name) that the folder's config names.")
]
