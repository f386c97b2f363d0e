"""Any bytes, and any tree made of the words of the template language: a table, or one-line problems."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usim.template.draws import sample
from usim.template.override import override
from usim.template.problem import InvalidInput
from usim.template.reader import read
from usim.template.writer import dump, flow

LEAVES = st.sampled_from([0, 1, 2, 0.5, -1, 1e9, True, None, "a", "b", "fan", "a_1", "x y", "", [0, 1], [1, 0], [0.0, 0.5], [1.7, 0.1], [0, 3]])  # fmt: skip
WORDS = st.sampled_from(["uniform", "log_uniform", "normal", "integers", "choice", "weights", "min", "max", "use", "let", "chance", "repeat", "name", "kind", "furniture", "x", "unifrom"])  # fmt: skip
DRAWS = st.sampled_from([{"uniform": [0, 1]}, {"normal": [0, 1], "min": -1}, {"integers": [0, 2]}, {"choice": [1, 2]}, {"use": "a"}, {"use": "b"}])  # fmt: skip
TREES = st.recursive(
    LEAVES | DRAWS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS, inner, max_size=3)
        | st.fixed_dictionaries({"choice": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries(
            {"kind": st.sampled_from(["fan", "cat"])},
            optional={
                "name": st.sampled_from(["a", "b", "fan_1"]),
                "chance": st.sampled_from([0, 0.5, 1, {"uniform": [0, 1]}]),
                "repeat": st.sampled_from([0, 1, 3, {"integers": [0, 2]}]),
                "x": inner,
            },
        )
    ),
    max_leaves=12,
)
ITEMS = st.lists(TREES, max_size=4)
SCENES = st.fixed_dictionaries(
    {"usim": st.just("scene/1")},
    optional={
        "let": st.dictionaries(st.sampled_from(["a", "b"]), TREES, max_size=2) | TREES,
        "movers": ITEMS | TREES,
        "devices": ITEMS,
        "noises": ITEMS,
        "room": st.fixed_dictionaries({"furniture": ITEMS}) | TREES,
        "x": TREES,
    },
)
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def well_said(error, file):
    lines = str(error).splitlines()
    return lines and all(
        line.startswith(file) and line.isprintable() and len(line) < 400 for line in lines
    )


def attempt(action, *arguments):
    """What the action gives, or None and the refusal."""
    try:
        return action(*arguments), None
    except InvalidInput as error:
        return None, error


@QUICK
@given(st.binary(max_size=60) | st.text("ab:-?[]{},&*!|>'\"%@#\n \t0_.e<~", max_size=60))
def test_any_bytes_are_read_or_refused(content):
    content = content if isinstance(content, bytes) else content.encode()
    document, refusal = attempt(read, content, "fuzz.yaml")
    if refusal:
        assert well_said(refusal, "fuzz.yaml")
    else:
        assert read(dump(document.table).encode()).table == document.table


@QUICK
@given(SCENES, st.integers(0, 3))
def test_any_tree_is_sampled_or_refused(table, seed):
    document = read(dump(table).encode(), "fuzz.yaml")
    sampled, refusal = attempt(sample, document, seed)
    assert document.table == read(dump(table).encode()).table
    if refusal:
        assert well_said(refusal, "fuzz.yaml:")
        return
    again = sample(read(dump(sampled.table).encode()), seed + 1)
    assert again.table == sampled.table
    assert not again.drawn


@QUICK
@given(
    SCENES,
    st.lists(WORDS | st.sampled_from(["movers", "fan", "a", "0"]), min_size=1, max_size=4),
    TREES | st.text(max_size=9),
)
def test_any_setting_is_taken_or_refused(table, place, value):
    document = read(dump(table).encode(), "fuzz.yaml")
    setting = f"{'.'.join(place)}={value if isinstance(value, str) else flow(value)}"
    changed, refusal = attempt(override, document, setting)
    if changed is not None:
        _, refusal = attempt(sample, changed, 0)
    assert not refusal or well_said(refusal, ("fuzz.yaml", "--set"))
