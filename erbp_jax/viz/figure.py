"""Matplotlib, imported where it is used and drawn without a display: files, colours, texts, axes of errors."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, wraps
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.files import replacing

INK, MUTED, ACCENT = "#1b2733", "#8a97a5", "#c2410c"
LONGEST = 80
"""Letters of a name in a picture."""
WEIGHT = "weight (unit of the threshold)"
WIDE = 3.0
"""An axis of errors is logarithmic if the greatest is so many times the least, or more."""
Parameters = ParamSpec("Parameters")
Drawn = TypeVar("Drawn")


STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def _matplotlib() -> Any:
    """The package, of which nothing global is changed: backend, settings and pyplot's figures are the user's.

    Raises:
        UserError: the `plot` extra is not installed.
    """
    try:
        import matplotlib
        import matplotlib.figure
        import matplotlib.ticker
    except ImportError:
        raise UserError("pictures need the plot extra: pip install 'erbp-jax[plot]'") from None
    return matplotlib


def styled(draw: Callable[Parameters, Drawn]) -> Callable[Parameters, Drawn]:
    """Let a function draw in the package's style, which ends with it."""

    @wraps(draw)
    def inner(*args: Parameters.args, **options: Parameters.kwargs) -> Drawn:
        with _matplotlib().rc_context(STYLE):
            return draw(*args, **options)

    return inner


def subplots(rows: int = 1, columns: int = 1, *, figsize: tuple[float, float], **axes: Any) -> tuple[Any, Any]:
    """A figure that pyplot does not know, and its axes; a notebook shows it by itself."""
    figure = picture()(figsize=figsize, layout="constrained")
    return figure, figure.subplots(rows, columns, **axes)


def ticker() -> Any:
    """`matplotlib.ticker`."""
    return _matplotlib().ticker


@cache
def picture() -> type[Any]:
    """The class of figures."""

    class Picture(_matplotlib().figure.Figure):
        def _repr_png_(self) -> bytes:
            stream = BytesIO()
            self.savefig(stream, format="png", dpi=100, bbox_inches="tight")
            return stream.getvalue()

    return Picture


def save(figure: Any, path: Path) -> Path:
    """Write a PNG, all of it or nothing, its folder too if that is not there, and let go of the figure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            figure.savefig(stream, format="png", dpi=130, bbox_inches="tight", facecolor="white")
    finally:
        if (plt := sys.modules.get("matplotlib.pyplot")) is not None:
            plt.close(figure)
    return path


def colours() -> tuple[str, ...]:
    """Colours for lines that must be told apart, by people who see colours differently too (Okabe and Ito 2008)."""
    return ("#c2410c", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1b2733", "#8a97a5")


def lines() -> Iterator[dict[str, str]]:
    """Colour, dashes and marker of one line after the other, without end: the first 128 are all different, and the
    first eight differ in dashes and marker, too, for those who print in grey."""
    for i in itertools.count():
        turn, c = divmod(i % 128, 8)
        dashes, marker = (c + turn) % 4, (c + c // 4 + turn // 4) % 4
        yield {"color": colours()[c], "linestyle": ("-", "--", "-.", ":")[dashes], "marker": "osv^"[marker]}


def rules() -> Iterator[dict[str, str]]:
    """Colour and marker of one rule after the other, without end, where dashes say something else: 48 are different."""
    for i in itertools.count():
        yield {"color": colours()[i % 8], "marker": "os^vDP"[(i + i // 24) % 6]}


def plain(name: object) -> str:
    """A name that somebody else chose, as matplotlib has to be given it to show it literally, in one line.

    `$` begins no formula, a leading `_` hides nothing from a legend, what is no letter or has none in the font is
    written as Python escapes it, and a name that is too long is cut.
    """
    text = "".join(c if c.isprintable() and ord(c) in _glyphs() else _escaped(c) for c in str(name)[: LONGEST + 1])
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return ("\u200b" if text[:1] in ("", "_") else "") + text.replace("$", r"\$")


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


@cache
def _glyphs() -> frozenset[int]:
    """Letters that the font has."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(font_manager.findfont(font_manager.FontProperties())).get_charmap())


def error_axis(axis: Any, errors: Sequence[float] | np.ndarray, *, most: float = 100.0) -> None:
    """The y axis of errors in percent: as far as they reach, and logarithmic if they differ by much and none is 0."""
    values = np.asarray(errors, float).ravel()
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, most)
    ticker = _matplotlib().ticker
    if low > 0 and high >= WIDE * low:
        axis.set_yscale("log")
        low, high = low / 1.25, min(1.25 * high, 1.1 * most)
        axis.set_ylim(low, high)
        axis.yaxis.set_major_locator(ticker.FixedLocator(log_ticks(low, high, least=5)))
        axis.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axis.yaxis.set_minor_formatter(ticker.NullFormatter())
        return
    beyond = max(0.1 * (high - low), 0.05 * high, 0.05)  # a curve at 0 or at 100 % is seen, too
    axis.set_ylim(low - beyond, high + beyond if high > 0 else 2.0)
    shown = [tick for tick in axis.yaxis.get_major_locator()() if 0 <= tick <= most]  # no error below 0 or above 100 %
    if len(shown) >= 2:
        axis.yaxis.set_major_locator(ticker.FixedLocator(shown))


def positive_scale(axis: Any, values: Sequence[float] | np.ndarray) -> bool:
    """A logarithmic x axis if all values are above 0 and they span a decade or more.

    Returns:
        Whether it is one.
    """
    values = np.asarray(values, float)
    ticker = _matplotlib().ticker
    logarithmic = bool(len(values) and (values > 0).all() and values.max() >= 10.0 * values.min())
    axis.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    if logarithmic:
        low, high = float(values.min()), float(values.max())
        margin = (high / low) ** 0.05
        axis.set_xscale("log")
        axis.set_xlim(low / margin, high * margin)
        axis.xaxis.set_major_locator(ticker.FixedLocator(log_ticks(low / margin, high * margin)))
        axis.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
        axis.xaxis.set_minor_formatter(ticker.NullFormatter())
    return logarithmic


STEPS = (
    (1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5),
)  # fmt: skip
"""Numbers of a decade that a logarithmic axis names, coarse to fine."""


def log_ticks(low: float, high: float, least: int = 4) -> list[float]:
    """Round numbers between two positive ones: of the coarsest steps that give `least`, or else of the finest; of very
    many decades every n-th."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    found: list[float] = []
    for steps in STEPS:
        found = [m * 10.0**e for e in range(first, last + 1) for m in steps if low <= m * 10.0**e <= high]
        if len(found) >= least:
            break
    return found[:: -(-len(found) // 9)] if found else found


def dash_size(neurons: int, inches: float) -> float:
    """Area (points squared) of the `|` of a spike in a raster of so many neurons and such a height: as long as a row is
    high, but never too short to be seen."""
    return float(np.clip(0.8 * 72.0 * inches / neurons, 2.2, 8.0) ** 2)


def dashes(axis: Any, time: np.ndarray, neuron: np.ndarray, neurons: int, inches: float, colour: Any = INK) -> None:
    """Spikes of a raster; an empty one says so."""
    axis.scatter(
        time, neuron, s=dash_size(neurons, inches), marker="|", c=colour, linewidths=1.1, rasterized=True, zorder=2
    )
    if not len(time):
        axis.text(0.5, 0.5, "no spikes", transform=axis.transAxes, ha="center", va="center", color=INK, fontsize=9)


def neuron_axis(axis: Any) -> None:
    """The y axis of neurons, after its limits were set: whole numbers, three at least where there are three neurons."""
    low, high = axis.get_ylim()
    least = 3 if abs(high - low) > 3 else 1
    axis.yaxis.set_major_locator(_matplotlib().ticker.MaxNLocator(nbins=6, integer=True, min_n_ticks=least))


def epoch_axis(axis: Any, epochs: Sequence[float]) -> None:
    """The x axis of epochs: whole numbers, and some room around a single one."""
    axis.xaxis.set_major_locator(_matplotlib().ticker.MaxNLocator(integer=True))
    if len(set(epochs)) == 1:
        axis.set_xlim(epochs[0] - 1, epochs[0] + 1)
