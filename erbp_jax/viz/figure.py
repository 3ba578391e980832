"""Matplotlib, imported where it is used and drawn without a display."""

from pathlib import Path
from typing import Any

from erbp_jax.errors import UserError

INK, MUTED, ACCENT = "#1b2733", "#8a97a5", "#c2410c"


def pyplot() -> Any:
    """`matplotlib.pyplot` on the Agg backend.

    Raises:
        UserError: the `plot` extra is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise UserError("pictures need the plot extra: pip install 'erbp-jax[plot]'") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": MUTED,
            "axes.labelcolor": INK,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )
    return plt


def save(figure: Any, path: Path) -> Path:
    """Write a PNG under a temporary name, then rename."""
    partial = path.with_name(f".{path.stem}.partial.png")
    figure.savefig(partial, dpi=130, bbox_inches="tight", facecolor="white")
    pyplot().close(figure)
    partial.replace(path)
    return path


def colours() -> tuple[str, ...]:
    """Colours for lines that must be told apart, by people who see colours differently too (Okabe and Ito 2008)."""
    return ("#c2410c", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1b2733", "#8a97a5")
