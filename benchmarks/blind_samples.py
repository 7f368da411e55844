"""python benchmarks/blind_samples.py DATASET | --procedural YAML [--levels l1,l2] [--per-kind N] [--seed N] [--json]

How well can the questions of a finished Terra-CoT data set be answered without any image? Every kind is read whose
questions have options, or two possible words as answers. Two readers are trained on some scenes and asked about others:
one sees numbers of the options (values, ranks, letters, lengths, as benchmarks/blind_reader.py does), the other sees
the words and pairs of words of question and options, class names and numbers included. What a question says alone
should leave both at chance.

Exit code 1 when a reader beats chance: when the lower bound of its accuracy, at 95 % over all readers and kinds
together (Bonferroni), lies above chance. The upper bound is the usual one-sided 95 % bound of the better reader. Beside
it the control that shows the reader of words can find a leak: the same questions with one space more where the answer
is the first option.

With --procedural the rows are those that `terracot generate procedural YAML --mix all` writes, made in memory.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from terrabench.blind import FOLDS, Z_ONE_SIDED_95, option_features, wilson_upper
from terracot.assembly import Plan
from terracot.findings import Finding, SceneFacts
from terracot.generate import shard_samples
from terracot.levels import kinds, parse_mix
from terracot.plugins import LETTERS, EvidenceMask
from terracot.rules import Truth
from terracot.seeding import seed_of, seeded_rng
from terracot.shards import read_rows
from terracot.sources import open_source

COLUMNS = ["id", "scene_id", "group", "kind", "level", "question", "options", "option_values", "answer", "truth"]
COLUMNS += ["masks", "parameters", "form"]
SHARD, FEWEST = 64, 60
WORD = re.compile(r"[a-z]+(?:-[a-z]+)*|\d[\d,.]*|  ")


def made_in_memory(settings: str, levels: str | None, seed: int) -> Iterator[dict[str, Any]]:
    """The rows of a procedural data set, made as `terracot generate` makes them."""
    source = open_source("procedural", settings)
    ids, plan = source.ids(), Plan(seed, parse_mix(levels, "all"))
    for start in tqdm(range(0, len(ids), SHARD), desc="scenes", unit="shard"):
        facts = [SceneFacts(source.load(scene_id)) for scene_id in ids[start : start + SHARD]]
        for rows in shard_samples(facts, plan):
            yield from rows


def as_choice(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A row as a reader gets it: question, options and the letter of the answer; None when it has none of the kind.

    Open questions with two possible words get these as options, in the order of a hash.
    """
    seen = {"group": row["scene_id"], "question": row["question"], "truth": row["truth"], "id": row["id"]}
    if row["options"]:
        return {**seen, **{name: row[name] for name in ("options", "option_values", "answer")}}
    kind = kinds().get(row["kind"])
    if kind is None or not kind.balanced or kind.choice is None:
        return None
    blank = np.zeros((1, 1), dtype=bool)
    masks = tuple(EvidenceMask(m["t"], m["class_name"], blank, bool(m["plural"])) for m in row["masks"])
    truth = Truth(row["truth"]["value"], row["truth"]["unit"], row["truth"]["text"])
    names = tuple(mask.class_name for mask in masks)
    finding = Finding(row["kind"], masks[-1].t, names, masks, truth, json.loads(row["parameters"]))
    words = sorted(kind.choice.words(finding), key=lambda word: seed_of("blind", row["id"], word))
    return {**seen, "options": words, "option_values": [None] * 2, "answer": LETTERS[words.index(truth.text)]}


def scores_of_numbers(items: Sequence[Mapping[str, Any]], train: npt.NDArray[Any], test: npt.NDArray[Any]) -> list[int]:
    """Answers of a reader of numbers: gradient boosting over what is seen of each option."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    features = [option_features(item) for item in items]
    reader = HistGradientBoostingClassifier(max_iter=80, learning_rate=0.1, max_leaf_nodes=15, random_state=0)
    reader.fit(np.concatenate([features[i] for i in train]), np.concatenate([_correct(items[i]) for i in train]))
    return [int(np.argmax(reader.predict_proba(features[i])[:, 1])) for i in test]


def scores_of_words(items: Sequence[Mapping[str, Any]], train: npt.NDArray[Any], test: npt.NDArray[Any]) -> list[int]:
    """Answers of a reader of words: logistic regression over words and pairs of words, each with the option."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import LogisticRegression

    hasher = FeatureHasher(2**16, input_type="string", alternate_sign=False)
    tokens = [_tokens(item) for item in items]
    reader = LogisticRegression(C=0.1, max_iter=300)
    seen = hasher.transform([option for i in train for option in tokens[i]])
    reader.fit(seen, np.concatenate([_correct(items[i]) for i in train]))
    return [int(np.argmax(reader.decision_function(hasher.transform(tokens[i])))) for i in test]


def _correct(item: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.arange(len(item["options"])) == LETTERS.index(item["answer"]))


def _tokens(item: Mapping[str, Any]) -> list[list[str]]:
    """By option: its own words and its place, alone and with every word and pair of words of the question."""
    words = WORD.findall(item["question"].lower())
    said = set(words) | {f"{a} {b}" for a, b in pairwise(words)}
    order = [item["question"].lower().find(option.lower()) for option in item["options"]]
    tokens = []
    for n, option in enumerate(item["options"]):
        own = [f"is {option}", f"at {n}", f"named {sorted(order).index(order[n])}"]
        tokens.append([*own, *(f"{one} | {word}" for one in own for word in said)])
    return tokens


READERS = {"numbers": scores_of_numbers, "words": scores_of_words}


def right_answers(items: Sequence[Mapping[str, Any]], reader: str) -> int:
    """How many items a reader answers right, each by a reader that was trained on other scenes."""
    names = sorted({item["group"] for item in items})
    places = seeded_rng("blind", len(names)).permutation(len(names))
    fold = {name: place % FOLDS for name, place in zip(names, places, strict=True)}
    folds = np.array([fold[item["group"]] for item in items])
    right = 0
    for n in range(FOLDS):
        train, test = np.flatnonzero(folds != n), np.flatnonzero(folds == n)
        answers = READERS[reader](items, train, test)
        right += sum(items[int(i)]["answer"] == LETTERS[a] for i, a in zip(test, answers, strict=True))
    return right


def marked(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The items with a leak: one more space at the end of the question where the answer is the first option."""
    return [{**item, "question": item["question"] + "  " * (item["answer"] == "A")} for item in items]


def lower(right: int, n: int, z: float) -> float:
    """One-sided lower bound of a share (Wilson score)."""
    return 1.0 - wilson_upper(n - right, n, z)


def judged(by_kind: Mapping[str, Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What the readers reach on each kind, and whether that is more than chance."""
    tests = len(READERS) * sum(len(items) >= FEWEST for items in by_kind.values())
    strict = NormalDist().inv_cdf(1 - 0.05 / max(tests, 1))
    results: list[dict[str, Any]] = []
    for kind, items in sorted(by_kind.items()):
        n = len(items)
        result: dict[str, Any] = {"kind": kind, "n": n}
        if n >= FEWEST:
            chance = float(np.mean([1 / len(item["options"]) for item in items]))
            right = {name: right_answers(items, name) for name in READERS}
            best = max(right.values())
            result |= {"chance": chance, **{name: count / n for name, count in right.items()}}
            result |= {
                "upper95": wilson_upper(best, n, Z_ONE_SIDED_95),
                "beats_chance": lower(best, n, strict) > chance,
            }
            result["marked"] = right_answers(marked(items), "words") / n
        results.append(result)
    return results


@click.command()
@click.argument("dataset", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--procedural", metavar="YAML", help="Settings of synthetic scenes, such as '{scenes: 2000, size: 64}'.")
@click.option("--levels", help="Levels of the procedural data set; all that have such questions when not given.")
@click.option("--per-kind", type=int, help="At most N questions of each kind, drawn by hash; all when not given.")
@click.option("--seed", type=int, default=0)
@click.option("--json", "as_json", is_flag=True)
def main(
    dataset: Path | None, procedural: str | None, levels: str | None, per_kind: int | None, seed: int, as_json: bool
) -> None:
    """Score the blind readers on every kind of question of DATASET."""
    if (dataset is None) == (procedural is None):
        raise click.UsageError("give either DATASET or --procedural")
    rows = (
        read_rows(dataset, "samples", COLUMNS) if dataset is not None else made_in_memory(str(procedural), levels, seed)
    )
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if (item := as_choice(row)) is not None:
            by_kind[f"{row['level']} {row['kind']}"].append(item)
    for items in by_kind.values():
        items.sort(key=lambda item: seed_of("blind", item["id"]))
        del items[per_kind or len(items) :]
    results = judged(by_kind)
    if as_json:
        print(json.dumps(results, indent=2))
    else:
        print(f"{'kind':<36} {'n':>5} {'chance':>7} {'numbers':>8} {'words':>7} {'upper 95':>9} {'marked':>7}")
        for r in results:
            if "chance" not in r:
                print(f"{r['kind']:<36} {r['n']:>5}  too few")
                continue
            scores = f"{r['chance']:7.1%} {r['numbers']:8.1%} {r['words']:7.1%} {r['upper95']:9.1%} {r['marked']:7.1%}"
            print(f"{r['kind']:<36} {r['n']:>5} {scores}{'  above chance' if r['beats_chance'] else ''}")
    sys.exit(1 if any(r.get("beats_chance") for r in results) else 0)


if __name__ == "__main__":
    main()
