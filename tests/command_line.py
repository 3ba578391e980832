"""The command line in the test's own process."""

import sys

from erbp_jax.__main__ import main


def call(monkeypatch, capsys, *arguments):
    """`erbp-jax ARGUMENTS`: exit code, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["erbp-jax", *map(str, arguments)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    out, err = capsys.readouterr()
    return code, out, err
