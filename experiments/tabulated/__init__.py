"""Tables of results, made from the runs that `docs/results` keeps. The command is `experiments/tables.py`.

`runs` reads a run, `declared` says what each table shows, `networks` and `cost` make the tables, `pages` writes them
between markers.
"""
