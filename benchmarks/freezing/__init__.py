"""The parts of `freeze.py`: which cases there are, and what one revision makes of a case."""
