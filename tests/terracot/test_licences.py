"""Licences: a list of allowed ones never lets a stricter one through."""

from __future__ import annotations

import pytest

from terracot.licences import allowed, mark, non_commercial


@pytest.mark.parametrize(
    ("licence", "forbids"),
    [
        ("CC-BY-4.0", False),
        ("CC-BY-NC-SA-4.0", True),
        ("CC-BY-4.0 AND CC-BY-NC-4.0", True),
        ("CDLA-Permissive-1.0", False),
        ("ODbL-1.0 AND CC-BY-SA-4.0", False),
        ("LicenseRef-unstated-RRSIS-D", True),  # who says nothing allows nothing
        ("LicenseRef-NASA-open AND CC-BY-4.0", False),
        ("NCSA", False),  # a licence whose name only looks like it
        ("CC BY-NC 4.0", True),  # as people write it
        ("cc-by-nc-sa-4.0", True),
        ("CC-BY-NC4.0", True),
        ("PolyForm-Noncommercial-1.0.0", True),
        ("non-commercial use only", True),
        ("CC-BY-4.0 AND unknown", True),
        ("NOASSERTION", True),
        ("", True),
    ],
)
def test_licence_that_forbids_commercial_use_is_recognised(licence: str, forbids: bool) -> None:
    assert non_commercial(licence) is forbids


def test_every_part_of_a_joint_licence_must_be_allowed() -> None:
    joint = "CC-BY-4.0 AND ODbL-1.0"
    assert allowed(joint, ("CC-BY-4.0", "ODbL-1.0"))
    assert allowed(joint, (joint,))
    assert not allowed(joint, ("CC-BY-4.0",))
    assert not allowed("CC-BY-NC-4.0", ("CC-BY-4.0",))
    assert not allowed("", ("CC-BY-4.0",))
    assert allowed("cc-by-4.0 AND ODbL-1.0", ("CC-BY-4.0", "odbl-1.0"))  # SPDX names have no case


def test_commercial_lets_through_what_may_be_used_commercially_and_no_more() -> None:
    assert allowed("CC-BY-SA-4.0 AND ODbL-1.0", ("commercial",))
    assert not allowed("CC-BY-NC-SA-4.0", ("commercial",))
    assert not allowed("LicenseRef-unstated", ("commercial",))
    assert allowed("CC-BY-NC-SA-4.0", ("commercial", "CC-BY-NC-SA-4.0"))


def test_people_read_why_a_licence_counts_as_non_commercial() -> None:
    assert mark("CC-BY-4.0") == ""
    assert mark("CC-BY-NC-4.0 AND CC-BY-4.0") == " (non-commercial)"
    assert mark("LicenseRef-unstated AND CC-BY-4.0") == " (not stated, so taken as non-commercial)"
