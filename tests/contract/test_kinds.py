"""Every kind in every room keeps its family's contract; nobody adds a test to be held to it."""

import pytest

from usim import contract
from usim.template import registry

KINDS = [(family, kind) for family in contract.FAMILIES for kind in registry.kinds(family)]


@pytest.mark.parametrize(("family", "kind"), KINDS, ids=[f"{f}-{k}" for f, k in KINDS])
def test_kind_keeps_its_contract(family, kind):
    assert contract.faults(family, registry.load(family, kind)) == []


def test_no_family_is_forgotten():
    """Families with kinds have a contract; those that wait for their first kind are named here."""
    with_kinds = {family for family in registry.families() if registry.kinds(family)}
    assert with_kinds <= {*contract.FAMILIES, "detectors", "studies"}
