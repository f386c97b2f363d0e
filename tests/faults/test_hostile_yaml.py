"""R8: hostile YAML is refused in under 0.1 s, in one line, with a position."""

import time

import pytest

from usim.template.draws import sample
from usim.template.problem import InvalidInput
from usim.template.reader import read

LIMIT_S = 0.1

ALIAS_BOMB = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 9)
)
MERGE_BOMB = b"a0: &a0 {k: v}\n" + b"".join(
    b"a%d: &a%d {<<: [%s]}\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 9)
)

HOSTILE = {
    "alias bomb": (ALIAS_BOMB, "anchors are not allowed"),
    "merge bomb": (MERGE_BOMB, "not allowed"),
    "merge key": (b"a: {<<: {b: 1}}", "the merge key <<; not allowed"),
    "10^5 lists": (b"a: " + b"[" * 10**5, "nested more than 32 deep"),
    "10^5 mappings": (b"{a: " * 10**5, "nested more than 32 deep"),
    "10^5 dashes": (b"- " * 10**5, "nested more than 32 deep"),
    "10^5 question marks": (b"? " * 10**5, "keys are words"),
    "10^5 flow keys": (b"[? " * 10**5, "nested more than 32 deep"),
    "python object": (b"a: !!python/object/apply:os.system [echo]", "tags are not allowed"),
    "python name": (b"a: !!python/name:os.system x", "tags are not allowed"),
    "own tag": (b"a: !mine x", "tags are not allowed"),
    "binary": (b"a: !!binary R0lG", "tags are not allowed"),
    "empty tag": (b"a: ! x", "tags are not allowed"),
    "many tag directives": (
        b"".join(b"%%TAG !a%d! a\n" % i for i in range(50_000)) + b"--- a",
        "directives are not allowed",
    ),
    "duplicate keys": (b"a: 1\nb: 2\na: 3", "this key is also on line 1"),
    "list as key": (b"? [a, b]\n: 1", "keys are words"),
    "number as key": (b"1: 2", "the key 1 is not a word"),
    "10 MB": (b"a: " + b"x" * 10_000_000, "at most 1048576 are read"),
    "NUL": (b"a: \0", "control character 0x00"),
    "escaped NUL": (b'a: "\\0"', "control character U+0000"),
    "escape sequence": (b"a: \x1b[31m", "control character 0x1b"),
    "BOM": (b"\xef\xbb\xbfa: 1", "byte order mark"),
    "UTF-16": ("a: 1".encode("utf-16"), "byte order mark"),
    "UTF-16 without BOM": ("a: 1".encode("utf-16-le"), "control character"),
    "invalid UTF-8": (b"a: \xff", "not UTF-8"),
    "overlong UTF-8": (b"a: \xc0\xae", "not UTF-8"),
    "lone surrogate": (b"a: \xed\xa0\x80", "not UTF-8"),
    "escaped surrogate": (b'a: "\\ud800"', "not YAML"),
    "5000 digits": (b"a: " + b"9" * 5000, "it has 5000 characters"),
    "900 digits": (b"a: " + b"9" * 900, "too large a whole number"),
    "10^6 digits": (b"a: " + b"9" * 10**6, "it has 1000000 characters"),
    "10^6 hexadecimal digits": (b"a: 0x" + b"f" * 10**6, "it has 1000002 characters"),
    "10^6 decimals": (b"a: 1_" + b"9" * 10**6 + b".", "is not a number"),
    "1e400": (b"a: 1e400", "too large a number"),
    "nan": (b"a: .nan", "is not a number"),
    "inf": (b"a: -.INF", "is not a number"),
    "two documents": (b"a: 1\n---\na: 2", "a second document"),
    "10^5 documents": (b"---\n" * 10**5, "a second document"),
    "empty": (b"", "the file is empty"),
    "only spaces": (b" " * 10**6, "the file is empty"),
    "only comments": (b"#\n" * 500_000, "the file is empty"),
    "10^6 line ends": (b"\n" * 10**6, "the file is empty"),
    "list": (b"[a]", "where fields such as"),
    "unclosed": (b"a: [1, 2", "a list is not closed"),
    "unclosed quote": (b'a: "' + b"x" * 10**6, "a quoted text is not closed"),
    "tab": (b"a:\n\tb: 1", "indent with spaces"),
    "key of 10^6 letters": (b'? "' + b"k" * 10**6 + b'"\n: 1', "is not a word"),
    "colons": (b"a: " * 300_000, "a ':' where none can stand"),
    "undefined alias": (b"a: *b", "aliases are not allowed"),
    "alias of itself": (b"a: &a [*a]", "anchors are not allowed"),
}  # fmt: skip


def refused(content):
    """The message, and the least of three processor times: others may use the machine as well."""
    times = []
    for _ in range(3):
        start = time.process_time()
        with pytest.raises(InvalidInput) as caught:
            read(content, "hostile.yaml")
        times.append(time.process_time() - start)
    return str(caught.value).splitlines(), min(times)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused_quickly_in_one_line(name):
    content, said = HOSTILE[name]
    lines, seconds = refused(content)
    assert any(said in line for line in lines), lines
    for line in lines:
        assert line.startswith("hostile.yaml:")
        assert len(line) < 250
        assert line.isprintable()
    # A file that is too large has no position; everything else has.
    if name != "10 MB":
        assert all(line.split(":")[1].isdigit() for line in lines), lines
    assert seconds < LIMIT_S, f"{seconds:.3f} s"


def test_r8_figure(figures):
    slowest = max((refused(content)[1], name) for name, (content, _) in HOSTILE.items())
    figures("hostile YAML: slowest refusal", slowest[0], "s", LIMIT_S, len(HOSTILE))
    assert slowest[0] < LIMIT_S, slowest


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)  # a sparse terabyte
    with pytest.raises(InvalidInput, match=r"huge\.yaml: 1099511627776 bytes; at most"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [b"[" + b"{a: 1}," * 100_000 + b"]", b"a: [" + b"1," * 500_000 + b"]", b"- a\n" * 250_000],
)
def test_wide_files_are_refused_at_the_limit_of_values(content):
    """Legal up to 50,000 values, so the time is that of reading them; nothing grows beyond."""
    lines, seconds = refused(content)
    assert any("more than 50000 values" in line for line in lines)
    assert seconds < 1.0


def test_laughs_through_let_are_refused():
    text = "let:\n  a0: [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"  a{i}: [{', '.join([f'{{use: a{i - 1}}}'] * 9)}]\n" for i in range(1, 9)
    )
    document = read(f"{text}x: {{use: a8}}\n".encode(), "hostile.yaml")
    start = time.perf_counter()
    with pytest.raises(InvalidInput, match=r"^hostile.yaml:\d+:\d+: .*more than 50000 values"):
        sample(document, 0)
    assert time.perf_counter() - start < 1.0
