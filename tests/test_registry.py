"""Units, keys and kinds: what the registry makes of a declaration."""

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from erbp_jax import units
from erbp_jax.config import check, to_yaml, yaml_text
from erbp_jax.config.construct import construct
from erbp_jax.config.explain import explain, page, rows
from erbp_jax.config.schema import Encoding, LayerSpec, Neuron, Rule
from erbp_jax.config.schema.base import Section
from erbp_jax.config.sections import make_section
from erbp_jax.errors import UserError
from erbp_jax.outside import fingerprints, found, named
from erbp_jax.registry import GROUPS, Context, Entry, entries, find, register
from erbp_jax.units import AtLeast, Clock, Count, Dt, Listed, Rate, Ticks, Time


@dataclass(frozen=True)
class Made:
    """Something with keys of every kind."""

    tau: Time = 4.0
    """How long it lasts."""
    hold: Ticks = 2
    rate: Rate = 0.25
    each: Annotated[tuple[Time, ...], Listed()] = (1.0,)
    pair: tuple[Ticks, Ticks] = (1, 2)
    late: Time | None = None
    many: Count = 3
    word: Literal["a", "b"] = "a"
    plain: Annotated[float, AtLeast(0.0), "Said here."] = 0.5
    dt: Dt = 1.0
    unknown: object = None


def section(make, **values):
    made = make_section(Entry("loss", ("made",), make), Section)
    return made.model_validate({"kind": "made", **values})


def test_units_change_once():
    keys = section(Made, tau=5, hold=1.5, rate=100, each=3, pair=[1, 2], late=2)
    assert construct(keys, "here", Clock(0.5)) == Made(10.0, 3, 0.05, (6.0,), (2, 4), 4.0, dt=0.5)


def test_defaults_are_those_of_a_millisecond():
    assert construct(section(Made), "here", Clock(1.0)) == Made()
    dumped = section(Made).model_dump()
    assert (dumped["tau"], dumped["hold"], dumped["rate"]) == (4.0, 2.0, 250.0)
    assert "unknown" not in dumped
    assert "dt" not in dumped


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tau": -1}, "greater than or equal to 0"),
        ({"many": 0}, "greater than or equal to 1"),
        ({"many": 1.5}, "integer"),
        ({"word": "c"}, "'a' or 'b'"),
        ({"pair": [1]}, "Field required"),
        ({"strange": 1}, "Extra inputs"),
    ],
)
def test_a_section_checks_its_keys(values, words):
    with pytest.raises(ValueError, match=words):
        section(Made, **values)


def test_times_off_the_grid_name_their_key():
    with pytest.raises(UserError, match=r"here\.hold: 0\.7 ms is .* of encoding\.dt = 0\.5 ms; 0\.5 and 1 are"):
        construct(section(Made, hold=0.7), "here", Clock(0.5))


def test_a_function_is_given_what_it_asks_for():
    def make(context: Context, dt, size: int = 2):
        return context.key, dt, context.given["more"], context.section.size, size

    assert construct(section(make, size=7), "here", Clock(0.5), {"more": 1}) == ("here", 0.5, 1, 7, 7)


def test_a_value_without_a_type_has_a_hash():
    def make(anything): ...

    made = section(make, anything=[1, [2, "a"]])
    assert made.anything == (1, (2, "a"))
    assert hash(made) == hash(section(make, anything=(1, (2, "a"))))
    with pytest.raises(ValueError, match="no group of keys"):
        section(make, anything={"a": 1})


def test_modules_of_the_library_are_not_noted():
    """Their version is noted anyway."""
    assert fingerprints(["erbp_jax.neurons:LIF"]) == {}


def test_what_a_config_cannot_give_needs_a_default():
    def make(thing: dict): ...

    with pytest.raises(UserError, match="a config cannot give 'thing'"):
        section(make)


def test_a_kind_is_taken_once():
    with pytest.raises(ValueError, match=r"'lif' is erbp_jax\.neurons\.lif\.LIF"):
        register("neuron", "lif")(Made)
    with pytest.raises(ValueError, match="a group and at least one kind"):
        register("neutron", "lif")


def test_a_trick_is_registered_for_a_place_that_there_is():
    with pytest.raises(ValueError, match=r"trick 'late': place must be one of normalise, rate, .* count, got 'after'"):
        register("trick", "late", place="after")
    assert find("trick", "late") is None
    register("loss", "elsewhere", place="after")  # other groups have no places


def test_every_registered_component_is_one():
    """Classes have what their group wants; those that are finished into another object are made by their sections."""
    for group, about in GROUPS.items():
        for entry in entries(group):
            if isinstance(entry.make, type) and entry.finish is None:
                assert not [name for name in about.wanted if not hasattr(entry.make, name)], entry


def test_kinds_in_a_config_are_found():
    plain = {"network": {"layers": [3, {"kind": "a:B"}], "neuron": {"kind": "lif"}}, "rule": {"kind": "c:d"}}
    assert named(plain) == ["a:B", "c:d"]


def test_code_that_a_folder_names_is_imported_only_where_it_is_trusted(tmp_path, monkeypatch):
    (tmp_path / "a_module_of_mine.py").write_text("from erbp_jax.neurons import LIF as Mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    kind = "a_module_of_mine:Mine"
    with found("a folder"), pytest.raises(UserError, match=r"a folder names code of the module a_module.* --trust"):
        find("neuron", kind)
    assert "a_module_of_mine" not in sys.modules
    for trust in (True, [kind]):
        with found("a folder", trust), found("a folder"):
            assert find("neuron", kind)
    with found("a folder", ["another:Kind"]), pytest.raises(UserError, match="--trust"):
        find("neuron", kind)
    with found("a folder", True), found("another folder"), pytest.raises(UserError, match="another folder names"):
        find("neuron", kind)
    config = check({"network": {"neuron": {"kind": kind, "tau_mem": 3}}}, "t")
    again = check(yaml_text.parse(to_yaml(config)), "t")
    assert again == config
    assert hash(again) == hash(config)
    del sys.modules["a_module_of_mine"]


def test_every_key_has_a_meaning():
    assert [row.path for row in rows() if not row.meaning] == []


def test_explain_tells_one_key_or_a_group():
    output = explain("rule.feedback_scale")
    assert output.startswith("rule.feedback_scale (erbp, perbp): number, or a list of these, >= 0, default 3\n")
    assert "best near 0.03" in output
    assert "encoding.dt: number, in ms, > 0, default 1" in explain("encoding")
    assert explain("optimizer.tricks.0.bound") == explain("optimizer.tricks.N.bound")
    assert explain("network.output_neuron.tau_mem") == explain("network.neuron.tau_mem")
    assert all(f"{group}." in explain() for group in ("data", "encoding", "network.neuron", "rule", "training.mesh"))
    with pytest.raises(UserError, match=r"no key 'rule\.feedback_scal'; did you mean 'rule\.feedback_scale'"):
        explain("rule.feedback_scal")


def test_the_page_of_all_keys_is_up_to_date(root):
    """`python -m erbp_jax.config.explain > docs/reference/config.md` writes it."""
    assert (root / "docs" / "reference" / "config.md").read_text() == page()


def test_defaults_come_first():
    assert [group.known()[0] for group in (Neuron, Encoding, Rule)] == ["lif", "poisson", "erbp"]
    assert LayerSpec.known() == ["conv", "delayed", "dense", "pool", "sparse"]


def test_annotations_are_public():
    import erbp_jax as ej

    assert (ej.Time, ej.Ticks, ej.Rate, ej.register) == (units.Time, units.Ticks, units.Rate, register)
