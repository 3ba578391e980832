"""The site: Sphinx with MyST pages, notebooks that are executed, and the reference from the docstrings. `make docs`."""

import re
import sys
from importlib.metadata import version as installed
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

project = "erbp_jax"
author = "The erbp_jax authors"
copyright = author
release = installed("erbp-jax")
version = release

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "annotations",
    "api_names",
    "docstrings",
]
default_role = "named"
exclude_patterns = ["_build", "_extensions", "conf.py", "results/**", "Thumbs.db", ".DS_Store"]
html_theme = "furo"
html_title = "erbp_jax"
html_show_sourcelink = False
templates_path: list[str] = []

# Pages
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 4  # [text](page.md#a-heading)
myst_dmath_double_inline = True
suppress_warnings = ["config.cache"]

# Notebooks: percent scripts. What has not changed since the last build is not run again; an error in a cell is one of
# the build.
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True

# The reference
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

# Every link to a name of this package has to lead somewhere. Other packages are not looked up: that needs a network.
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", "Path"),
    ("py:.*", r"(jax|jaxlib|numpy|np|optax|flax|nnx|pydantic|typer|collections|typing|pathlib|nir|matplotlib)(\..*)?"),
]

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# `make linkcheck`, which is no part of the build
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False


def setup(app: Sphinx) -> None:
    app.connect("source-read", _links_out_of_the_site)


def _links_out_of_the_site(app: Sphinx, docname: str, source: list[str]) -> None:
    """On a forge a page may link to any file or folder of the repository.

    Here a file that is no page but looks like one becomes a download, and a folder is named without a link.
    """
    page = Path(str(app.env.doc2path(docname)))

    def link(found: re.Match[str]) -> str:
        text, target = found.groups()
        path = (page.parent / target.partition("#")[0]).resolve()
        if "://" in target or target.startswith("#") or not path.exists():
            return found[0]
        if path.is_dir():
            return text
        inside = path.is_relative_to(HERE) and not path.is_relative_to(HERE / "results")
        return found[0] if inside or path.suffix not in (".md", ".py") else f"[{text}](path:{target.partition('#')[0]})"

    if page.suffix in (".md", ".py"):
        source[0] = re.sub(r"(?<!!)\[([^\[\]]+)\]\(([^()\s]+)\)", link, source[0])
