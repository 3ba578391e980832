"""Campaigns: what is tried at random, many times, with the outcomes that are allowed. `make campaign` runs them all."""
