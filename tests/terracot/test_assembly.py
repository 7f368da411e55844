"""Assembly of a shard: who is asked what, in which form, in which proportion; and that none of it tells an answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest
from make_scenes import memory_scene
from scipy import ndimage

from terracot.assembly import Asked, Plan, assemble
from terracot.choices import stratum_of
from terracot.findings import SceneFacts
from terracot.language import UNITS
from terracot.levels import LEVELS, Mix, kind_named, kinds, kinds_of, parse_mix
from terracot.options import Separation
from terracot.questions.kind import Choice
from terracot.scenes import SourceError

NAMES = ("water", "cropland", "tree cover", "built-up area", "wetland", "bare ground")


def patches(seed: int, size: int = 64) -> np.ndarray:
    """A map of smooth patches in which classes are sometimes missing."""
    rng = np.random.default_rng(seed)
    fields = np.stack([ndimage.gaussian_filter(rng.random((size, size)), 6) for _ in NAMES])
    fields -= fields.mean(axis=(1, 2), keepdims=True)
    fields += rng.normal(0, 0.02, (len(NAMES), 1, 1))
    return fields.argmax(axis=0).astype(np.uint8)


@cache
def shard(first: int = 0, count: int = 64) -> tuple[SceneFacts, ...]:
    return tuple(
        SceneFacts(memory_scene([patches(n)], NAMES, scene_id=f"s{n:03d}")) for n in range(first, first + count)
    )


@cache
def asked(levels: str = "l1,l2", mix: str = "all", mcq_share: float = 0.5, seed: int = 0) -> tuple[list[Asked], ...]:
    return tuple(assemble(shard(), Plan(seed, parse_mix(levels, mix), mcq_share)))


def flat(rows: tuple[list[Asked], ...]) -> list[tuple[SceneFacts, Asked]]:
    return [(facts, one) for facts, own in zip(shard(), rows, strict=True) for one in own]


def test_a_scene_gets_two_to_four_kinds_of_l1_and_one_that_needs_pixels():
    numbers = Counter(len(own) for own in asked("l1"))
    assert set(numbers) <= {2, 3, 4}
    assert len(numbers) == 3
    for own in asked("l1"):
        assert any(one.kind.needs_pixels for one in own)
        assert len({one.kind.family for one in own}) == len(own)


def test_all_six_kinds_of_l1_are_asked():
    families = Counter(one.kind.family for _, one in flat(asked("l1")))
    assert set(families) == {"existence", "counting", "localisation", "area", "boundary", "distance"}
    assert min(families.values()) >= 5


@pytest.mark.parametrize("mix", ["all", "paper", "l1=1,l2=9"])
def test_answers_in_words_come_up_equally_often_in_every_stratum(mix: str):
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for facts, one in flat(asked(mix=mix)):
        if one.kind.balanced:
            assert one.kind.choice is not None
            outcomes[f"{one.kind.name} {stratum_of(one.kind.choice, facts, one.finding)}"][one.finding.truth.text] += 1
    assert len(outcomes) >= 5
    for stratum, counts in outcomes.items():
        assert len(counts) == 2, stratum
        assert len(set(counts.values())) == 1, (stratum, counts)


def test_options_are_true_answers_of_other_scenes_and_no_value_is_an_option_twice():
    seen: dict[str, set[float]] = defaultdict(set)
    checked = 0
    for facts, one in flat(asked("l1", mcq_share=1.0)):
        if one.options is None or one.kind.balanced:
            continue
        texts, values, answer = one.options.texts, one.options.values, one.options.answer
        assert len(set(texts)) == 4
        checked += 1
        if values[answer] is None:
            assert texts[answer] == one.finding.truth.text
            continue
        assert one.finding.truth.unit == one.options.unit
        assert values[answer] == pytest.approx(one.finding.truth.value, rel=1e-9)
        assert one.kind.choice is not None
        if one.kind.name == "counting":
            continue  # counts of other scenes may be equal
        stratum = f"{one.kind.name} {stratum_of(one.kind.choice, facts, one.finding)}"
        base = {float(f"{v * UNITS.get(one.options.unit, 1.0):.9g}") for v in values if v is not None}
        others = {
            float(f"{(f.truth.value or 0.0) * UNITS.get(f.truth.unit, 1.0):.9g}")
            for scene in shard()
            for f in one.kind.findings(scene, _filters())
            if stratum_of(one.kind.choice, scene, f) == stratum_of(one.kind.choice, facts, one.finding)
        }
        assert base <= others
        assert not base & seen[stratum]
        seen[stratum] |= base
    assert checked >= 30


def _filters():
    from terracot.assembly import FILTERS

    return FILTERS


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_the_asked_share_of_questions_gets_options(share: float):
    both = [one for _, one in flat(asked(mcq_share=share)) if one.kind.choice is not None]
    with_options = sum(one.options is not None for one in both)
    assert with_options == round(share * len(both))


def test_with_a_share_of_one_all_that_can_get_options_do():
    both = [one for _, one in flat(asked(mcq_share=1.0)) if one.kind.choice is not None]
    assert sum(one.options is not None for one in both) > 0.5 * len(both)
    assert all(one.options for one in both if one.kind.balanced)


def test_the_answer_is_each_letter_about_equally_often():
    letters: Counter[int] = Counter()
    for seed in range(6):
        for _, one in flat(asked("l1", mcq_share=1.0, seed=seed)):
            if one.options is not None and len(one.options.texts) == 4:
                letters[one.options.answer] += 1
    total = sum(letters.values())
    assert total > 250
    # Four standard deviations of a fair die.
    assert all(abs(letters[n] - total / 4) < 4 * (total * 3 / 16) ** 0.5 for n in range(4))


def test_the_same_shard_gives_the_same_questions_and_another_seed_others():
    def told(rows: list[list[Asked]]) -> list[list[tuple[str, str, object]]]:
        return [[(o.kind.name, o.finding.truth.text, o.options and o.options.texts) for o in own] for own in rows]

    fresh = [SceneFacts(memory_scene([patches(n)], NAMES, scene_id=f"s{n:03d}")) for n in range(64)]
    plan = Plan(0, parse_mix("l1,l2", "all"), 0.5)
    assert told(assemble(fresh, plan)) == told(list(asked()))
    assert told(list(asked(seed=1))) != told(list(asked()))


def test_an_empty_shard_has_no_questions():
    assert assemble([], Plan()) == []


# --- levels and their proportions -----------------------------------------------------------------------------------


def test_the_default_mix_is_that_of_the_paper():
    counts = Counter(LEVELS[one.kind.level].group for _, one in flat(asked("caption,l1,l2", "paper")))
    assert set(counts) == {"caption", "l1", "l2"}
    total = sum(counts.values())
    for group, share in (("caption", 0.25), ("l1", 0.45), ("l2", 0.30)):
        assert counts[group] / total == pytest.approx(share, abs=0.03)


def test_shares_of_ones_own_are_kept():
    counts = Counter(LEVELS[one.kind.level].group for _, one in flat(asked("caption,l1", "caption=1,l1=2")))
    assert counts["l1"] / counts["caption"] == pytest.approx(2, rel=0.08)


def test_levels_left_in_keep_whole_sets_of_a_scene():
    for own in asked("caption,l1", "caption=2,l1=1"):
        assert sum(one.kind.level == "l1" for one in own) in (0, 2, 3, 4)


def test_nothing_is_left_out_with_all():
    rows = asked("caption,l1", "all")
    assert all(sum(one.kind.level == "caption" for one in own) == 1 for own in rows)
    assert all(sum(one.kind.level == "l1" for one in own) >= 2 for own in rows)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ("l2", {"l2-spatial", "l2-semantic", "l2-spectral", "l2-temporal"}),
        ("caption,l2-semantic", {"caption", "l2-semantic"}),
        ("refer", {"refer"}),
        (None, set(LEVELS) - {"refer"}),
    ],
)
def test_levels_are_selected_by_name_or_group(levels: str | None, expected: set[str]):
    assert set(parse_mix(levels, "paper").levels) == expected


def test_what_a_source_states_is_kept_unless_levels_are_named_without_it():
    assert parse_mix(None, "paper").stated == ("refer", "qa")
    assert parse_mix("l1", "paper").stated == ()
    assert parse_mix("l1,qa", "paper").stated == ("qa",)


@pytest.mark.parametrize(
    ("levels", "mix", "said"),
    [
        ("l3", "paper", "unknown level 'l3'"),
        ("", "paper", "unknown level ''"),
        ("l1", "caption=1", "each of l1"),
        ("l1,caption", "l1=1", "says nothing of caption"),
        ("l1", "l1=0", "above 0"),
        ("l1", "l1=nan", "above 0"),
        ("l1", "l1=inf", "above 0"),
        ("l1", "l1=1,l1=2", "above 0"),
        ("l1", "half", "a mix is paper, all"),
    ],
)
def test_levels_and_mixes_that_are_none_are_refused_by_name(levels: str, mix: str, said: str):
    with pytest.raises(SourceError, match=said):
        parse_mix(levels, mix)


def test_a_level_that_a_shard_can_hardly_feed_does_not_hold_the_others_back():
    mix = Mix(("caption", "l1"), {"caption": 1.0, "l1": 100.0})
    rows = assemble(shard()[:20], Plan(0, mix))
    assert sum(one.kind.level == "l1" for own in rows for one in own) >= 40


# --- the registry ---------------------------------------------------------------------------------------------------


def test_every_level_has_kinds_and_every_kind_a_level():
    assert {kind.level for kind in kinds().values()} == set(LEVELS)
    assert all(kinds_of(level) for level in LEVELS)
    assert all(kinds()[kind.name] is kind for kind in kinds().values())


def test_every_question_of_l1_and_l2_exists_in_both_forms():
    for level, described in LEVELS.items():
        if described.group in ("l1", "l2"):
            assert all(kind.choice is not None for kind in kinds_of(level)), level


def test_an_unknown_kind_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown kind of question 'weather'"):
        kind_named("weather")


def test_words_of_a_choice_hold_the_answer():
    for _, one in flat(asked()):
        if one.kind.balanced:
            assert one.kind.choice is not None
            assert one.finding.truth.text in one.kind.choice.words(one.finding)


def test_a_choice_needs_no_separation_of_its_own():
    assert Choice("word").separation == Separation()


def test_no_two_kinds_or_quantities_share_a_name():
    from importlib import import_module

    from terracot.levels import _MODULES
    from terracot.quantities import _joined

    names = [kind.name for module in _MODULES for kind in import_module(module).KINDS]
    assert len(set(names)) == len(names)
    with pytest.raises(ValueError, match="same name: pixels"):
        _joined({"pixels": lambda r, of: 0.0}, {"pixels": lambda r, of: 1.0})
