"""Measurements on networks and rules."""
