"""Writes the tables of results into README.md and the pages of the docs, from the runs that docs/results keeps.

Command:   python experiments/tables.py            (or `make tables`)
           python experiments/tables.py --check    writes nothing; exit code 1 where a page and the runs differ
Hardware:  any; nothing is trained.
Wall time: seconds.
Expected:  no page changes unless a run, a declaration or a page has.

A table stands between `<!-- table: NAME -->` and `<!-- end -->` on any page. What it shows is declared once, in
`experiments/tabulated/declared.py`: rows name run folders, columns are read from config, metrics and summary. A run
that is added to `docs/results` and not declared has a row in the table of its network, under the name of its folder; a
line in `declared.py` gives it a better one.
"""

import argparse
import sys

from tabulated import pages
from tabulated.declared import TABLES
from tabulated.runs import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a page is out of date")
    arguments = parser.parse_args()
    stale = []
    for page in pages.pages(ROOT):
        text = page.read_text(encoding="utf-8")
        new = pages.written(text, TABLES)
        if new != text:
            stale.append(page.relative_to(ROOT).as_posix())
            if not arguments.check:
                page.write_text(new, encoding="utf-8")
    print("\n".join(stale) if stale else "every table is up to date")
    if arguments.check and stale:
        sys.exit(1)


if __name__ == "__main__":
    main()
