"""What is written twice about a release is written alike."""

import tomllib

import pytest
import yaml

import erbp_jax


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_citation_has_the_version_and_the_authors_of_the_project(root, project):
    citation = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]
    assert "1612.05596" in citation["preferred-citation"]["identifiers"][0]["value"]


def test_the_version_is_a_text():
    assert erbp_jax.__version__.count(".") == 2


def test_workflows_and_templates_are_yaml(root):
    files = sorted((root / ".github").rglob("*.yml"))
    assert len(files) == 6
    for file in files:
        assert yaml.safe_load(file.read_text("utf-8")), file


def test_the_matrix_has_the_oldest_python_and_those_of_the_classifiers(root, project):
    matrix = yaml.safe_load((root / ".github/workflows/test.yml").read_text("utf-8"))["jobs"]["test"]["strategy"]
    tried = set(matrix["matrix"]["python"])
    python = "Programming Language :: Python :: 3."
    claimed = {c.rpartition(" ")[2] for c in project["classifiers"] if c.startswith(python)}
    assert claimed <= tried
    assert project["requires-python"].removeprefix(">=") in tried
