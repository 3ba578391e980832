"""Configs: a typed schema, YAML with overrides, and the objects that a config describes."""

from erbp_jax.config.load import check, differences, load_config, rule_names, to_yaml
from erbp_jax.config.schema import Config

__all__ = ["Config", "check", "differences", "load_config", "rule_names", "to_yaml"]
