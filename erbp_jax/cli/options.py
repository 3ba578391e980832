"""Arguments that several commands have."""

from typing import Annotated

import typer

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[dotted.key=value]...", help="Overrides of the config.")
]

Trust = Annotated[
    bool, typer.Option("--trust", help="Allow importing the modules (module:Name) that the config of the folder names.")
]
