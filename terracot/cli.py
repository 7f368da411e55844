"""The ``terracot`` command. Everything heavy is imported by the command that needs it, so that ``--help`` is quick."""

from __future__ import annotations

import dataclasses
import functools
import gc
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import terracot
from terracot import cli_look
from terracot.cli_look import FiniteRange
from terracot.cli_look import folder_argument as _folder
from terracot.cli_look import json_option as _json_option
from terracot.released.commands import export, import_command

if TYPE_CHECKING:
    from terracot.dataset import Summary
    from terracot.generate import SourceSpec
    from terracot.rewriting import Rewriter

EXIT_INVALID, EXIT_WRONG_USE, EXIT_QUARANTINED, EXIT_INTERRUPTED = 1, 2, 3, 130
SHOWN_PROBLEMS = 20
KEPT = "What is finished is safe; to go on where it stopped"

_source_option = click.option(
    "-o",
    "--option",
    metavar="NAME=VALUE",
    multiple=True,
    help="Option of the source; `terracot sources NAME` lists them.",
)


def _with_options(command: Callable[..., Any], options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    for add in reversed(options):
        command = add(command)
    return command


def names_source(command: Callable[..., Any]) -> Callable[..., Any]:
    """SOURCE, PATH and what chooses among its scenes; the command gets them as one ``spec``."""

    @functools.wraps(command)
    def with_spec(
        *, source: str, path: str, layout: str | None, split: str | None, option: tuple[str, ...], **others: Any
    ) -> Any:
        return command(spec=source_of(source, path, layout, split, option), **others)

    return _with_options(
        with_spec,
        [
            click.argument("source"),
            click.argument("path"),
            click.option(
                "--layout", metavar="NAME", help="Shipped layout of a geotiff folder (see `terracot sources geotiff`)."
            ),
            click.option("--split", metavar="NAME", help="Read only this split of a published data set."),
            _source_option,
            click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Read only the first N scenes."),
            click.option(
                "--workers", metavar="N", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."
            ),
            click.option(
                "--max-quarantined",
                metavar="SHARE",
                type=FiniteRange(0, 1),
                default=0.05,
                show_default=True,
                help="Exit with code 3 when a larger share of the scenes cannot be used.",
            ),
        ],
    )


def reads_scenes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Arguments and options of every command that writes a folder from the scenes of a source."""
    return _with_options(
        names_source(command),
        [
            click.option(
                "--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder to write."
            ),
            click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Seed of every choice."),
        ],
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(terracot.__version__, prog_name="terracot")
def cli() -> None:
    """Terra-CoT data: satellite scenes with label maps in, verifiable reasoning samples out.

    Exit codes: 0 done; 1 a check failed; 2 wrong use, or something that cannot be read or written; 3 more scenes were
    quarantined than --max-quarantined allows; 130 interrupted.
    """


cli.add_command(export)
cli.add_command(import_command)


@cli.command()
@reads_scenes
@click.option(
    "--allow-license",
    metavar="NAME,...",
    help="Use only scenes under these licences; `commercial` allows all that permit commercial use.",
)
@click.option(
    "--levels",
    metavar="NAME,...",
    help="Some of refer, caption, l1, l2 (or one of l2-spatial, l2-semantic, l2-spectral, l2-temporal), qa. Default: "
    "caption,l1,l2 and what a source states itself.",
)
@click.option(
    "--mix",
    metavar="SHARES",
    default="paper",
    show_default=True,
    help="Proportion of the levels: paper (250 captions to 450 L1 to 300 L2 to 2000 refer), all (nothing left out), "
    "or caption=1,l1=2,...",
)
@click.option(
    "--mcq-share",
    metavar="SHARE",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    help="Part of the L1 and L2 questions that get options, as far as other scenes lend them.",
)
@click.option(
    "--images",
    type=click.Choice(["embed", "files"]),
    default="embed",
    show_default=True,
    help="Keep pictures and pixels in the scene table, or as .png and .npy files beside it.",
)
@click.option(
    "--modality",
    metavar="NAME,...",
    help="Use only the images of these sensors: optical, sar, multispectral. Scenes without them are quarantined.",
)
@click.option(
    "--split-blocks",
    metavar="KM",
    type=FiniteRange(min=0, min_open=True),
    help="Give every scene the split of its block of the ground, KM kilometres wide, instead of the source's.",
)
@click.option(
    "--split-shares",
    metavar="NAME=SHARE,...",
    help="Splits of --split-blocks and the share of blocks in each.  [default: train=0.8,val=0.1,test=0.1]",
)
@click.option(
    "--rewriter",
    metavar="URL",
    help="OpenAI-compatible server that rewords questions and traces; what it changes beyond words is not taken. A key "
    "is read from OPENAI_API_KEY.",
)
@click.option("--rewriter-model", metavar="NAME", help="Model of the server to ask.")
@click.option(
    "--rewriter-cache",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where its replies are kept, so that a second run costs nothing.  [default: the user's cache folder]",
)
@_json_option
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def generate(
    spec: SourceSpec,
    out: Path,
    limit: int | None,
    seed: int,
    workers: int,
    allow_license: str | None,
    levels: str | None,
    mix: str,
    mcq_share: float,
    images: str,
    modality: str | None,
    split_blocks: float | None,
    split_shares: str | None,
    rewriter: str | None,
    rewriter_model: str | None,
    rewriter_cache: Path | None,
    max_quarantined: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a Terra-CoT data set of the scenes of SOURCE at PATH.

    The result has the same bytes whatever the number of workers. A run that was stopped goes on where it was when the
    same command is given again. Scenes that cannot be used are listed in quarantine.jsonl.
    """
    from terracot import dataset
    from terracot.levels import parse_mix
    from terracot.modalities import parse_modalities
    from terracot.shards import without_pandas
    from terracot.splits import SHARES, SplitRule, parse_shares

    without_pandas()
    gc.freeze()  # what was imported stays, and the collector need not look through it again and again
    if split_shares is not None and split_blocks is None:
        raise click.UsageError("--split-shares says how --split-blocks KM divides the ground; give both")
    allowed = tuple(name.strip() for name in (allow_license or "").split(",") if name.strip())
    if allow_license is not None and not allowed:
        raise click.UsageError("--allow-license names no licence; expected NAME,...")
    progress = sys.stderr.isatty() and not (quiet or as_json)
    chosen = parse_mix(levels, mix)
    shares = SHARES if split_shares is None else parse_shares(split_shares)
    rule = None if split_blocks is None else SplitRule(split_blocks, shares)
    words = rewriter_of(rewriter, rewriter_model, rewriter_cache)
    spec = dataclasses.replace(spec, modalities=parse_modalities(modality))
    result = dataset.generate(
        spec, out, seed, limit, workers, allowed, progress, chosen, mcq_share, rule, words, images
    )
    report = report_of(result)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    elif not quiet:
        print_generated(report)
    exit_if_quarantined(result, max_quarantined)
    if not report["counts"]["samples"]:
        click.echo(f"Warning: no sample could be made; {result.out / 'quarantine.jsonl'} says why", err=True)
        raise click.exceptions.Exit(EXIT_INVALID)


def rewriter_of(url: str | None, model: str | None, cache: Path | None) -> Rewriter | None:
    """The server that rewords, or None; ``UsageError`` unless address and model come together."""
    if url is None and model is None:
        if cache is not None:
            raise click.UsageError("--rewriter-cache is for --rewriter URL --rewriter-model NAME")
        return None
    if url is None or model is None:
        raise click.UsageError("give both --rewriter URL and --rewriter-model NAME")
    from terracot.chat import Chat, default_cache
    from terracot.rewriting import Rewriter

    return Rewriter(Chat(url, model, str(cache or default_cache()), temperature=0.7))


def source_of(
    source: str, path: str, layout: str | None = None, split: str | None = None, options: Sequence[str] = ()
) -> SourceSpec:
    """The source as it was named on the command line."""
    from terracot.generate import source_spec
    from terracot.sources.catalogue import CATALOGUE

    given = named_values(options) | {k: v for k, v in (("layout", layout), ("split", split)) if v is not None}
    for name in ("layout", "split"):
        if name in given and source in CATALOGUE and not CATALOGUE[source].takes(name):
            able = ", ".join(info.name for info in CATALOGUE.values() if info.takes(name))
            raise click.UsageError(f"{source} takes no --{name}; it is for {able}")
    return source_spec(source, path, given)


def named_values(options: Sequence[str], what: str = "-o takes NAME=VALUE") -> dict[str, str]:
    """``("labels=tiles",)`` to ``{"labels": "tiles"}``; ``UsageError`` for anything else, or the same name twice."""
    values: dict[str, str] = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not (name and separator and value) or name in values:
            raise click.UsageError(f"{what}, each name once; found {option!r}")
        values[name] = value
    return values


def parse_arguments(given: Sequence[str]) -> dict[str, Any]:
    """``("k=v,n=3",)`` to ``{"k": "v", "n": 3}``: values are JSON where they are, else words; ``UsageError`` if not."""
    arguments: dict[str, Any] = {}
    for pair in (p for text in given for p in text.split(",") if p.strip()):
        key, separator, value = pair.partition("=")
        if not separator or not key.strip().isidentifier():
            raise click.UsageError(f"--model-args takes name=value,...; found {pair!r}")
        try:
            arguments[key.strip()] = json.loads(value)
        except ValueError:
            arguments[key.strip()] = value.strip()
    return arguments


def report_of(result: Summary) -> dict[str, Any]:
    """What is told of a finished folder, as plain values."""
    from terracot.dataset import QUARANTINE
    from terracot.io import MANIFEST, iter_jsonl, read_json

    manifest = read_json(result.out / MANIFEST)
    return {
        "out": str(result.out),
        "scenes_read": result.scenes_read,
        "counts": dict(manifest["counts"]),
        "quarantined": result.quarantined,
        "quarantined_share": result.quarantined_share,
        "reasons": _by_count(entry["reason"] for entry in iter_jsonl(result.out / QUARANTINE)),
    } | ({"splits": manifest["splits"]} if "splits" in manifest else {})


def exit_if_quarantined(result: Summary, allowed: float, what: str = "scene") -> None:
    """Exit with code 3 when more than the allowed share of the scenes (or rows) could not be used."""
    if result.quarantined_share > allowed:
        click.echo(
            f"Warning: {result.quarantined} of {result.scenes_read} {what}s were quarantined, more than "
            f"--max-quarantined {allowed:g} allows. What could be used is complete in {result.out}; the reasons are in "
            f"{result.out / 'quarantine.jsonl'}",
            err=True,
        )
        raise click.exceptions.Exit(EXIT_QUARANTINED)


def print_quarantined(report: Mapping[str, Any], what: str = "scene") -> None:
    """How many scenes (or rows) could not be used, and the commonest reasons."""
    if not report["quarantined"]:
        click.echo(f"no {what} quarantined")
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in list(report["reasons"].items())[:3])
    click.echo(
        f"{report['quarantined']} of {report['scenes_read']} {what}s quarantined ({reasons}): "
        f"{Path(report['out']) / 'quarantine.jsonl'}"
    )


def print_counts(counts: Mapping[str, int]) -> None:
    """Counts by kind or task, a line each."""
    width = max(map(len, counts), default=0)
    for name, count in counts.items():
        click.echo(f"  {name:<{width}}{count:>8}")


def print_generated(report: Mapping[str, Any], what: str = "scene") -> None:
    """What a finished folder holds, and how much could not be used."""
    counts = report["counts"]
    click.echo(f"{counts['samples']} samples over {counts['scenes']} scenes: {Path(report['out']) / 'data'}")
    print_counts(counts["kinds"])
    if "splits" in report:
        _print_splits(report["splits"])
    if counts.get("left_out"):
        click.echo(f"{counts['left_out']} scenes left out to keep levels in proportion (--mix all keeps them)")
    print_quarantined(report, what)


def _print_splits(splits: Mapping[str, Any]) -> None:
    scenes = ", ".join(f"{name} {count}" for name, count in splits["scenes"].items())
    click.echo(
        f"scenes by blocks of {splits['blocks_km']:g} km: {scenes} ({splits['units']} units, the largest of "
        f"{splits['largest_unit_scenes']} scenes)"
    )
    if splits["without_georeference"]:
        click.echo(f"{splits['without_georeference']} scenes have no georeference and went by their group")


@cli.command()
@_folder
@click.option("--source", metavar="PATH", help="Where the source lies: also rebuild everything from its labels.")
@_source_option
@_json_option
def verify(folder: Path, source: str | None, option: tuple[str, ...], as_json: bool) -> None:
    """Measure every number and mask of the finished data set or benchmark DIR again."""
    from terracot.status import require_finished
    from terracot.verify import verify as check

    require_finished(folder)
    report = check(folder, source, sys.stderr.isatty() and not as_json, named_values(option))
    if as_json:
        content = {"ok": report.ok, "problems": report.problems, "checked": dict(report.checked)}
        click.echo(json.dumps(content, ensure_ascii=False))
    else:
        for problem in report.problems[:SHOWN_PROBLEMS]:
            click.echo(problem)
        if len(report.problems) > SHOWN_PROBLEMS:
            click.echo(f"... and {len(report.problems) - SHOWN_PROBLEMS} more (all of them with --json)")
        checked = ", ".join(f"{name} {count}" for name, count in report.checked.items())
        found = "no problem" if report.ok else f"{len(report.problems)} problem{'s'[: len(report.problems) != 1]}"
        click.echo(f"{found}; checked: {checked or 'nothing'}")
    if not report.ok:
        raise click.exceptions.Exit(EXIT_INVALID)


@cli.command()
@click.argument("name", required=False)
@_json_option
def sources(name: str | None, as_json: bool) -> None:
    """List the sources with licence, size and what they can answer; with NAME, all that is known of one."""
    from terracot.sources.listing import details, overview, plain

    if as_json:
        click.echo(json.dumps(plain(name), ensure_ascii=False))
    else:
        click.echo(overview() if name is None else details(name))


@cli.command()
@reads_scenes
@click.option("--model", "model", metavar="SPEC", required=True, help="A registered model, or path.py:Class.")
@click.option("--model-args", metavar="K=V,...", multiple=True, help="Arguments of the model.")
@click.option(
    "--batch-size", metavar="N", type=click.IntRange(min=1), default=8, show_default=True, help="Scenes a call."
)
@_json_option
def annotate(
    spec: SourceSpec,
    out: Path,
    limit: int | None,
    seed: int,
    workers: int,
    max_quarantined: float,
    model: str,
    model_args: tuple[str, ...],
    batch_size: int,
    as_json: bool,
) -> None:
    """Write captions with masks that a model gives to the scenes of SOURCE at PATH, with labels or without.

    Where a label map knows the place, only the part of a region that map and model agree on is kept, and the agreement
    is told. Nothing of it is measured; the samples say so.
    """
    from terracot.annotation import AnnotateJob
    from terracot.annotation import annotate as ask
    from terracot.io import MANIFEST, read_json

    arguments = tuple(sorted(parse_arguments(model_args).items()))
    job = AnnotateJob(spec, str(out), model, arguments, seed, batch_size)
    result = ask(job, limit, workers, sys.stderr.isatty() and not as_json)
    report = report_of(result) | {"agreement": read_json(out / MANIFEST)["annotation"]["agreement"]}
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        print_generated(report)
        _print_agreement(report["agreement"])
    exit_if_quarantined(result, max_quarantined)
    if not report["counts"]["samples"]:
        click.echo(f"Warning: no reply could be used; {result.out / 'quarantine.jsonl'} says why", err=True)
        raise click.exceptions.Exit(EXIT_INVALID)


def _print_agreement(found: Mapping[str, Any]) -> None:
    if not found["regions_compared"]:
        click.echo("no region could be compared with a label map")
        return
    click.echo(
        f"{found['regions_compared']} regions compared with label maps: mean IoU {found['mean_iou']:.3f}, "
        f"{found['regions_dropped']} dropped; {found['regions_without_labels']} could not be compared"
    )
    for name, one in found["classes"].items():
        click.echo(f"  {name}: {one['regions']} regions, mean IoU {one['mean_iou']:.3f}")


@cli.command()
@names_source
@_json_option
def check(spec: SourceSpec, limit: int | None, workers: int, max_quarantined: float, as_json: bool) -> None:
    """Read the whole download of SOURCE at PATH and say which scenes can be used, and why the others cannot.

    Nothing is written. Exit code 0: usable; 1: no scene is; 3: more than --max-quarantined of them are not.
    """
    from terracot.sources.listing import survey_table
    from terracot.survey import survey

    found = survey(spec, limit, workers, progress=sys.stderr.isatty() and not as_json)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        click.echo(survey_table(found, max_quarantined))
    if not found.usable:
        raise click.exceptions.Exit(EXIT_INVALID)
    if found.unusable_share > max_quarantined:
        raise click.exceptions.Exit(EXIT_QUARANTINED)


@cli.command()
@_folder
@_json_option
def status(folder: Path, as_json: bool) -> None:
    """Say whether DIR is finished (exit 0), unfinished or damaged (1), or not a data set (2)."""
    from terracot.status import folder_status, status_dict

    found = folder_status(folder)
    if as_json:
        click.echo(json.dumps(status_dict(found), ensure_ascii=False))
    else:
        _print_status(status_dict(found))
    codes = {"finished": 0, "not a data set": EXIT_WRONG_USE}
    raise click.exceptions.Exit(codes.get(found.state, EXIT_INVALID))


def _print_status(found: Mapping[str, Any]) -> None:
    kind = f" ({found['kind']})" if found["kind"] else ""
    click.echo(f"{found['folder']}: {found['state']}{kind}")
    for stage, shards in found["shards"].items():
        click.echo(f"  {stage}: {shards['done']} of {shards['planned']} shards done")
    for name, count in found["counts"].items():
        text = ", ".join(f"{k} {v}" for k, v in count.items()) if isinstance(count, Mapping) else count
        click.echo(f"  {name}: {text}")
    if found["state"] in ("finished", "damaged"):
        click.echo(f"  quarantined: {found['quarantined']}")
    for problem in found["problems"][:SHOWN_PROBLEMS]:
        click.echo(f"  {problem}")


def _by_count(words: Iterable[str]) -> dict[str, int]:
    from collections import Counter

    return dict(sorted(Counter(words).items(), key=lambda pair: (-pair[1], pair[0])))


for _command in cli_look.COMMANDS:
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script: runs a command and returns its exit code; what users can mend is one ``Error:`` line."""
    return run_command(cli, "terracot", sys.argv[1:] if arguments is None else arguments)


def run_command(command: click.Command, program: str, arguments: Sequence[str]) -> int:
    """Run a click command with the exit codes and error lines that all programs of this package share."""
    if not arguments and isinstance(command, click.Group):
        arguments = ["--help"]
    try:
        return command.main(list(arguments), prog_name=program, standalone_mode=False) or 0
    except click.Abort:
        again = shlex.join([program, *arguments])
        kept = "Nothing was written; to begin again" if arguments[:1] == ["check"] else KEPT
        click.echo(f"Interrupted. {kept}:\n  {again}", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if isinstance(error, click.UsageError) and error.ctx else ""
        return _failed(error.format_message() + hint)
    except ValueError as error:
        if not _is_explained(error):
            raise
        return _failed(str(error))


def _failed(message: str) -> int:
    click.echo("Error: " + " ".join(message.split()), err=True)
    return EXIT_WRONG_USE


def _is_explained(error: ValueError) -> bool:
    """True for the errors of this package, whose messages are written for users."""
    from terracot.chat import ChatError
    from terracot.ground import GroundError
    from terracot.io import OutputError
    from terracot.masks import RleError
    from terracot.plugins import ModelError
    from terracot.scenes import SceneError, SourceError

    known = SourceError | SceneError | GroundError | OutputError | RleError | ChatError | ModelError
    return isinstance(error, known)
