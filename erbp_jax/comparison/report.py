"""`report.html`: everything about a comparison in one file that needs nothing else."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from erbp_jax.comparison.cells import Cell
from erbp_jax.comparison.table import cells, collect, columns_of, markdown, test_name_of
from erbp_jax.files import write_json, write_text
from erbp_jax.tasks.base import judged_by
from erbp_jax.training import run_folder
from erbp_jax.viz.names import FORMED, entry_name
from erbp_jax.wording import plural

STYLE = """
:root { color-scheme: light; --ink: #1b2733; --muted: #5b6875; --line: #d9dfe5; --accent: #c2410c; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p.note { color: var(--muted); margin: .3rem 0 1rem; max-width: 52rem; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 4px; }
.scroll { background: linear-gradient(to right, #fff 40%, #fff0) 0 0 / 3rem 100% no-repeat local,
  linear-gradient(to left, #fff 40%, #fff0) 100% 0 / 3rem 100% no-repeat local,
  linear-gradient(to right, #0003, #0000) 0 0 / 1rem 100% no-repeat scroll,
  linear-gradient(to left, #0003, #0000) 100% 0 / 1rem 100% no-repeat scroll; }
.scroll::-webkit-scrollbar { height: 10px; background: var(--line); }
.scroll::-webkit-scrollbar-thumb { background: var(--muted); border-radius: 5px; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
table { min-width: 100%; }
th, td { padding: .35rem .8rem; text-align: right; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
th { font-weight: 600; color: var(--muted); font-size: .85rem; vertical-align: bottom; min-width: 3.5rem; }
td.best { color: var(--accent); font-weight: 700; }
img { max-width: 100%; height: auto; display: block; }
.scroll img { max-width: none; width: max(100%, 40rem); mix-blend-mode: multiply; }
@media (max-width: 40rem) { body { margin: 1rem auto; padding: 0 .7rem; } th, td { padding: .3rem .5rem; } }
.rules { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1.2rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .3rem; }
details { margin: .4rem 0; } summary { cursor: pointer; }
pre { background: #f5f7f9; padding: .8rem; overflow-x: auto; font-size: .8rem; border-radius: 4px; }
"""


FILES = ("cells", "table.json", "table.md", "learning_curves.png", "alignment.png", "report.html")
"""What a comparison writes."""


def write_tables(finished: Sequence[Cell], out: Path) -> dict[str, Any]:
    """Write `table.json` and `table.md` of finished cells; returns the table."""
    table = collect(finished)
    write_json(out / "table.json", table)
    write_text(out / "table.md", markdown(table))
    return table


def publish(table: dict[str, Any], finished: Sequence[Cell], out: Path) -> Path:
    """Draw the pictures and write `report.html`; returns its path.

    Raises:
        UserError: the `plot` extra is not installed.
    """
    from erbp_jax.viz import comparison

    metrics = {_name(cell): run_folder.read_metrics(cell.folder) for cell in finished}
    curves = comparison.learning_curves(
        metrics, out / "learning_curves.png", judged_by(table), test_name=test_name_of(table)
    )
    alignment = comparison.alignment_curves(metrics, out / "alignment.png")
    return write(table, finished, curves, alignment, out / "report.html")


def _name(cell: Cell) -> str:
    return entry_name(cell.name, cell.config.rule.kind, getattr(cell.config.rule, "form", None))


def write(table: dict[str, Any], finished: Sequence[Cell], curves: Path, alignment: Path | None, path: Path) -> Path:
    """Write the report under a temporary name, then rename."""
    title = f"{table['network']} on {table['dataset']}"
    measure = judged_by(table)
    name = f"{test_name_of(table)} {measure.name}"
    protocol = escape(table["protocol"]).replace("+-", "&plusmn;")
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="note">One network, {plural(len(finished), "learning rule")}. {name.capitalize()}: {protocol}. '
        f"{_notes(table)}</p>",
        _scrolling(_table(table), "Results"),
        "<h2>Learning curves</h2>",
        '<p class="note">Lines are means over seeds, bands one standard deviation over seeds. '
        "Operations: synaptic operations of the forward pass and of plasticity for local rules; with the dense "
        "multiply-accumulates of the backward pass and of the weight gradients for gradient rules.</p>",
        _scrolling(
            _picture(curves, f"{name.capitalize()} of every rule by epochs, by samples and by operations"),
            "Learning curves",
        ),
    ]
    if alignment is not None:
        parts += [
            "<h2>Alignment</h2>",
            '<p class="note">Left, what the rule&#8217;s feedback carries from the output to a hidden layer against '
            "the transpose of the forward weights on that way. Right, the rule&#8217;s update of a layer against the "
            "gradient, for the same batch and spikes. At 90 degrees they have nothing in common; below, the rule "
            "descends the loss.</p>",
            _scrolling(
                _picture(alignment, "Angles of feedback to weights, and of updates to gradients, by epochs"),
                "Alignment",
            ),
        ]
    for file, heading in (
        ("weights.png", "Weights onto the first layer, or kernels"),
        ("raster.png", "One test sample"),
        ("feature_maps.png", "Its feature maps"),
    ):
        shown = [(_name(c), c.folder / file) for c in finished if (c.folder / file).is_file()]
        if shown:
            parts.append(f'<h2>{heading}</h2><div class="rules">')
            parts += [
                f"<figure><figcaption>{escape(name)}</figcaption>{_picture(image, f'{heading}, {name}')}</figure>"
                for name, image in shown
            ]
            parts.append("</div>")
    parts.append("<h2>Configs, versions, commands</h2>")
    parts += [_details(cell) for cell in finished]
    html = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n'
        "<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )
    write_text(path, html)
    return path


def _notes(table: dict[str, Any]) -> str:
    """What a reader of the table has to know besides."""
    said = ["The best of a column is bold and in colour."] if len(table["rows"]) > 1 else []
    if any(row["rule"] in FORMED for row in table["rows"]):
        said.append(
            "A rule in the form &ldquo;spiking&rdquo; learns in the spiking network; in the form &ldquo;rate&rdquo; in "
            "the same network without spikes and without time."
        )
    if table["goal"] is not None and "samples_to" not in columns_of(table):
        said.append(f"No rule reached {table['goal']:g} %.")
    return " ".join(said)


def _scrolling(inner: str, name: str) -> str:
    """What may be wider than the window, in a frame that scrolls by itself, by keyboard as well."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(name)}">{inner}</div>'


def _table(table: dict[str, Any]) -> str:
    rows, measure = table["rows"], judged_by(table)
    fields = {"test": f"test_{measure.name}", "samples_to": "samples_to_goal", "operations_to": "operations_to_goal"}
    good = max if measure.high_is_good else min
    lowest = {
        key: (good if key == "test" else min)((row[field] for row in rows if row[field] is not None), default=None)
        for key, field in fields.items()
    }
    heads = columns_of(table)
    head = "".join(f"<th>{escape(text)}</th>" for text in heads.values())
    body = []
    for row, texts in zip(rows, cells(table), strict=True):
        tds = []
        for key in heads:
            best = key in fields and len(rows) > 1 and row[fields[key]] is not None and row[fields[key]] == lowest[key]
            tds.append(f"<td{' class=best' if best else ''}>{escape(texts[key]).replace('+-', '&plusmn;')}</td>")
        body.append(f"<tr>{''.join(tds)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _picture(path: Path, description: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{escape(description)}" src="data:image/png;base64,{data}">'


def _details(cell: Cell) -> str:
    environment = run_folder.read_json(cell.folder / run_folder.ENVIRONMENT)
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items() if version)
    facts = (
        f"command: {' '.join(environment['command'])}\nstarted: {environment['started']}\n"
        f"devices: {', '.join(environment['devices'])}\npython {environment['python']}, {versions}\n"
        f"revision: {environment['git']}\n\n"
    )
    config = (cell.folder / run_folder.CONFIG).read_text()
    return f"<details><summary>{escape(_name(cell))}</summary><pre>{escape(facts + config)}</pre></details>"
