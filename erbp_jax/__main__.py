"""`erbp-jax` and `python -m erbp_jax`: run the command line, turn errors into messages and exit codes."""

import sys
from collections.abc import Callable


def main() -> None:
    """Exit codes: 0 done, 2 the user's input is wrong (one message, no traceback), 1 anything else."""
    from erbp_jax.cli import app

    guarded(app)


def guarded(work: Callable[[], object]) -> None:
    """Call `work`; leave with the exit codes of the command line. For experiments that use its commands, too."""
    from typer import Exit

    from erbp_jax.errors import NonFiniteError, UserError

    try:
        work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except NonFiniteError as error:
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(1)
    except Exit as stop:
        sys.exit(stop.exit_code)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(1)


if __name__ == "__main__":
    main()
