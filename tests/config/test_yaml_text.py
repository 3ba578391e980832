"""YAML as plain data: what is read, what is refused, and that nothing is ever resolved."""

import math
import os
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax.config import load_config, rule_names, yaml_text
from erbp_jax.config.load import parse_overrides
from erbp_jax.config.names import folder_name
from erbp_jax.errors import UserError
from tests.command_line import call


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-4", 2e-4),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("12345678901234567890", 12345678901234567890),
        ("", None),
        ("~", None),
        ("Null", None),
        ("yes", True),
        ("Off", False),
        ("'5'", "5"),
        ("a b", "a b"),
        ("[a, b]", ["a", "b"]),
        ("[64, {kind: conv, channels: 3}]", [64, {"kind": "conv", "channels": 3}]),
        ("${oc.env:HOME}", "${oc.env:HOME}"),
        ("a${b}c", "a${b}c"),
        ("!!str 5", "5"),
        ("2001-01-01", "2001-01-01"),
        ("=", "="),
        *((trap, trap) for trap in ("010", "1_0", "1:30", "0x10", "0b1", "1:30.5", "1_0.5", "08", "9" * 301)),
    ],
)
def test_values(text, value):
    found = yaml_text.parse(text)
    assert found == value
    assert type(found) is type(value)


def test_anchors_and_merge_keys():
    text = "a: &x {b: 1, c: 2}\nd: &y {b: 3}\ne: {<<: [*x, *y], c: 4, f: *x}\ng: {<<: *y}"
    x, y = {"b": 1, "c": 2}, {"b": 3}
    found = yaml_text.parse(text)
    assert found == {"a": x, "d": y, "e": {"b": 1, "c": 4, "f": x}, "g": y} == yaml.safe_load(text)
    assert list(found["e"]) == list(yaml.safe_load(text)["e"])


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | st.text(max_size=8, alphabet=st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["on", "1e3", "010", "1:30", "0x1", "~", "${a}", "<<", "=", "2001-01-01", ".inf", "- a", "a: b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(PLAIN)
def test_what_is_written_is_read_and_means_the_same_to_others(data):
    text = yaml_text.dump(data)
    assert yaml_text.parse(text) == data
    if not isinstance(data, str):
        assert yaml.safe_load(text) == data


def bomb(first: str, line: str) -> str:
    """Lines that each name the one before nine times."""
    return first + "".join(line.format(i=i, nine=",".join([f"*a{i - 1}"] * 9)) for i in range(1, 18))


BAD = {
    "aliases without end": bomb("a0: &a0 [x]\n", "a{i}: &a{i} [{nine}]\n"),
    "merges without end": bomb("a0: &a0 {x: 1}\n", "a{i}: &a{i} {{<<: [{nine}]}}\n"),
    "long aliases": "a: &a " + "x" * 900_000 + "\nb: [" + ",".join(["*a"] * 9000) + "]",
    "nested lists": "[" * 100_000,
    "nested groups": "{a: " * 500,
    "nested blocks": "".join(" " * i + "a:\n" for i in range(1400)),
    "nested dashes": "- " * 400_000,
    "an alias of itself": "&a [*a]",
    "a group in itself": "&a {x: *a}",
    "a merge of itself": "&a {<<: *a}",
    "no such alias": "*a",
    "many keys": "\n".join(f"k{i}: 1" for i in range(80_000)),
    "twice": "a: 1\na: 2",
    "a set": "!!set {a}",
    "bytes": "a: !!binary aGk=",
    "a date": "a: !!timestamp 2001-01-01",
    "an octal number by tag": "a: !!int 010",
    "code": "!!python/object/apply:os.system [ls]",
    "a tag of one's own": "a: !mine 3",
    "a null key": "null: 1",
    "a key of a number": "1: 1",
    "a key of a truth": "on: 1",
    "a key of a list": "[a]: 1",
    "a key of a group": "? {a: b}\n: 1",
    "a merge of a number": "a: {<<: 3}",
    "the character 0": "a: \0",
    "a bell": "a: \x07",
    "a surrogate": "a: \ud800",
    "two documents": "--- a\n--- b",
    "a tab": "\ta: 1",
    "an open quote": "a: '" + "x" * 900_000,
    "too long": "a: " + "x" * 2**20,
    "colons": ":" * 900_000,
}  # fmt: skip


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_refused_is_refused_at_once_in_one_line(text):
    began = time.perf_counter()
    with pytest.raises(UserError) as error:
        yaml_text.parse(text)
    assert time.perf_counter() - began < 2
    assert len(str(error.value)) < 350
    assert "\n" not in str(error.value)
    with pytest.raises(UserError) as error:
        parse_overrides([f"optimizer={text}"])
    assert len(str(error.value)) < 450


def test_overrides():
    assert parse_overrides(["a.b=1", "a={c: 2e-4}", "d=[x, y]", "e=", "f='1'", "g=a=b"]) == {
        "a": {"b": 1, "c": 2e-4}, "d": ["x", "y"], "e": None, "f": "1", "g": "a=b",
    }  # fmt: skip
    assert parse_overrides(["a=1", "a.b=2"]) == {"a": {"b": 2}}
    assert parse_overrides(["a.b=2", "a=null"]) == {"a": None}
    for wrong in ("a", "=1", "a..b=1", ".a=1", "a." * 1500 + "b=1", "a" * 100_000):
        with pytest.raises(UserError, match=r"an override is dotted\.key=value") as error:
            parse_overrides([wrong])
        assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"data: {dir: \xff}", "not text in UTF-8"),
        ("seed: 1".encode("utf-16"), "not text in UTF-8"),
        (b"- a\n", "a config is a mapping"),
        (b"x" * 2**21, "bytes, more than the 1,048,576"),
        (
            b"data: {dir: '${oc.env:HOME}', name: '${data.dir}'}",
            r"data\.name: must match pattern .*, got '\$\{data\.dir\}'",
        ),
        (b"training: {epochs: true}", "training.epochs: must be a valid integer, got True"),
        (b"seed: 010", "seed: must be a valid integer, in decimal digits .*, got '010'"),
        (b"encoding: {max_rate: 1:30}", "encoding.max_rate: must be a valid number, in decimal digits .*, got '1:30'"),
        (b"training: {epochs: 1_0}", "training.epochs: must be a valid integer"),
        (b"seed: " + b"9" * 5000, "seed: Unable to parse .*, got '9{79}\\.\\.\\."),
        (b"network: {init_gain: 1e300}", "init_gain: must be within the range of float32"),
        (b"encoding: {dt: 1e-320}", "encoding.dt: must be within the range of float32"),
        (b"rule: {gate: [.nan, 1]}", "rule.gate"),
        (b"? " + b"k" * 900_000 + b"\n: 1", "kkk.*: unknown key"),
        (b"optimizer: {schedule: " + b"k" * 900_000 + b"}", "optimizer.schedule: unknown: 'kkk"),
        (b"network: {layers: [" + b"a," * 4000 + b"]}", "and more"),
        (b"\n".join(b"k%d: 1" % i for i in range(4000)), "and more"),
        (b'data: {dir: "a\\0b"}', "without the character 0"),
        (b"rules: {../../x: {}}", r"rules: '\.\./\.\./x': a rule's name is 1 to 64 letters"),
        (b"rules: {1: {}}", "a key is a text"),
        (b"\n".join([b"rules:", *(b"  r%d: {}" % i for i in range(101))]), "at most 100 rules"),
    ],
)
def test_files_that_are_refused(tmp_path, content, words):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    began = time.perf_counter()
    with pytest.raises(UserError, match=words) as error:
        load_config(path)
    assert time.perf_counter() - began < 3
    assert len(str(error.value)) < 4000
    assert "object_type" not in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["../x", "/x", "a/b", ".", "..", ".x", "a,b", "x|y", "$x_{y$", "", "a b", "a\\b", "ä", "a\n", "x" * 65, "[a]"],
)
def test_a_rule_has_a_name_that_can_be_a_folder(tmp_path, name):
    path = tmp_path / "rules.yaml"
    path.write_text(yaml_text.dump({"rules": {name: {}}}))
    with pytest.raises(UserError, match="a rule's name is"):
        rule_names(path)


def test_names_that_are_kept(tmp_path):
    path = tmp_path / "rules.yaml"
    names = ["bp", "e-RBP_2.5", "-x", "9", "x" * 64]
    path.write_text(yaml_text.dump({"rules": {name: {} for name in names}}))
    assert rule_names(path) == names
    for given_, wanted in (
        ("digits.yaml", "digits"),
        ("../a b/$x.yml", "a-b-x"),
        ("...", "config"),
        ("x" * 99, "x" * 64),
    ):
        assert folder_name(given_) == wanted


def test_what_is_no_regular_file_is_not_read(tmp_path, monkeypatch, capsys):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path, words in (
        ("/dev/zero", "not a regular file"),
        (tmp_path / "pipe.yaml", "not a regular file"),
        (tmp_path, "is a folder"),
        (tmp_path / ("x" * 300), "no such config file"),
        ("x" * 100_000, "no such config file"),
        (tmp_path / "none.yaml", "no such config file"),
    ):
        for command in ("train", "compare", "simulate"):
            code, _, err = call(monkeypatch, capsys, command, path)
            assert code == 2
            assert words in err or (command == "simulate" and "neither a preset nor a YAML file" in err)
            assert len(err) < 1500


def test_a_relative_folder_of_data_is_made_absolute_when_a_config_is_read(tmp_path, monkeypatch):
    (tmp_path / "c.yaml").write_text("data: {dir: mine}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert load_config("c.yaml").data.dir == str(tmp_path / "mine")
    assert load_config("c.yaml", ["data.dir=~/x"]).data.dir == "/home/someone/x"
    assert load_config("c.yaml", ["data.dir=null"]).data.dir is None
    assert load_config("c.yaml", ["data.dir=${HOME}"]).data.dir == str(tmp_path / "${HOME}")
