"""``terrascope-vlm``: ask one question, serve a page to ask from, train. What is heavy is imported by its command."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import terracot
from terracot.cli import named_values, parse_arguments, run_command
from terracot.cli_look import FiniteRange, json_option
from terrascope_vlm import needs

LATE = {"train": ("terrascope_vlm.training.command", "train", "Train on Terra-CoT folders: stage1, then stage2.")}
"""Commands that are imported when they are called: module, name in it, line of the overview."""

MOST_OPTIONS = 10


class _Group(click.Group):
    """With the commands of ``LATE``. Errors of this package become the one ``Error:`` line of ``run_command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted([*super().list_commands(ctx), *LATE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now if it is of ``LATE``."""
        if cmd_name not in LATE:
            return super().get_command(ctx, cmd_name)
        module, name, _ = LATE[cmd_name]
        found: click.Command = getattr(import_module(module), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The overview; nothing is imported for it."""
        width = formatter.width - 12
        lines = {name: command.get_short_help_str(width) for name, command in self.commands.items()}
        lines |= {name: line for name, (_, _, line) in LATE.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(lines.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in (*needs.TO_ANSWER, *needs.TO_TRAIN):
                raise
            raise click.ClickException(f"{error.name} is not installed: {needs.INSTALL}") from error
        except ValueError as error:
            if type(error).__module__.partition(".")[0] == __package__:
                raise click.ClickException(str(error)) from error
            raise


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(terracot.__version__, prog_name="terrascope-vlm")
def cli() -> None:
    """The reference TerraScope: a vision-language model that draws the regions it reasons about.

    Exit codes: 0 done; 2 wrong use, or something that cannot be read or written; 130 interrupted.
    """


_checkpoint = click.option(
    "--checkpoint", metavar="DIR", type=click.Path(), help="The model; without it the small one that comes along."
)
_model_args = click.option(
    "--model-args",
    metavar="K=V,...",
    multiple=True,
    help="Arguments of the model, as `terrabench run` takes them: device=cuda,evidence=box,max_new_tokens=256.",
)


def _model(checkpoint: str | None, model_args: Sequence[str]) -> Any:
    from terracot.plugins import load_model

    named = {} if checkpoint is None else {"checkpoint": checkpoint}
    return load_model("terrascope", parse_arguments(model_args) | named)


@cli.command(short_help="Answer a question about images and draw what the answer rests on.")
@click.argument("words", metavar="[IMAGE...] QUESTION", nargs=-1, required=True)
@click.option("--option", "options", metavar="TEXT", multiple=True, help="An option to choose from: give several.")
@click.option("--sar", metavar="FILE", multiple=True, help="SAR image; the n-th goes with the n-th IMAGE, or alone.")
@click.option("--date", "dates", metavar="YYYY-MM-DD", multiple=True, help="When each IMAGE was taken, in their order.")
@click.option("-o", "how", metavar="NAME=VALUE", multiple=True, help="Of a GeoTIFF: bands, unit, scale, offset.")
@click.option("--sar-option", "sar_how", metavar="NAME=VALUE", multiple=True, help="The same of SAR images.")
@click.option("--gsd", metavar="METRES", type=FiniteRange(min=0, min_open=True), help="Size of a pixel, if unknown.")
@click.option("--window", metavar="ROW COLUMN HEIGHT WIDTH", type=int, nargs=4, help="The part of the images to read.")
@_checkpoint
@_model_args
@click.option("--out", metavar="PNG", type=click.Path(path_type=Path), help="Picture to write: images, masks, trace.")
@json_option
def ask(
    words: tuple[str, ...],
    options: tuple[str, ...],
    sar: tuple[str, ...],
    dates: tuple[str, ...],
    how: tuple[str, ...],
    sar_how: tuple[str, ...],
    gsd: float | None,
    window: tuple[int, int, int, int] | None,
    checkpoint: str | None,
    model_args: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Answer QUESTION about images (GeoTIFF, PNG or JPEG) and draw what the answer rests on.

    Several images are dates, in the order of time. A GeoTIFF says itself where it lies; of others the size of a pixel
    is unknown unless --gsd states it. What the values of a GeoTIFF mean is never guessed: for Sentinel-2 give
    -o unit=reflectance -o scale=0.0001.
    """
    *images, question = words
    if Path(question).is_file():
        raise click.UsageError(f"{question} is a file; the question comes last: terrascope-vlm ask IMAGE QUESTION")
    if not (images or sar):
        raise click.UsageError("no image was given: terrascope-vlm ask IMAGE QUESTION")
    if len(options) == 1 or len(options) > MOST_OPTIONS:
        raise click.UsageError(f"give two to {MOST_OPTIONS} --option TEXT, or none; found {len(options)}")
    if out is not None and out.suffix.lower() != ".png":
        raise click.UsageError(f"--out {out}: expected a name that ends in .png")
    from terrascope_vlm.ask import answer_text, files_of
    from terrascope_vlm.opening import prompt_of

    files = files_of(images, sar, dates, named_values(how), named_values(sar_how, "--sar-option takes NAME=VALUE"))
    prompt = prompt_of(files, question, options, gsd=gsd, window=window)
    model = _model(checkpoint, model_args)
    (told,) = model.tell([prompt])
    if out is not None:
        from terrascope_vlm.drawing import write_picture

        write_picture(told, out)
    if as_json:
        picture = None if out is None else str(out)
        click.echo(json.dumps(told.record() | {"model": model.info, "picture": picture}, ensure_ascii=False))
        return
    click.echo(answer_text(told))
    if out is not None:
        click.echo(str(out))


@cli.command(short_help="Serve a page on this machine to ask from.")
@_checkpoint
@_model_args
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def demo(checkpoint: str | None, model_args: tuple[str, ...], port: int, no_browser: bool) -> None:
    """Serve a page on this machine to ask from: drop images, ask, see masks appear in the reasoning.

    It listens on 127.0.0.1 alone, and the address holds a secret; end it with Ctrl-C.
    """
    from terrascope_vlm.demo.server import serve

    serve(_model(checkpoint, model_args), port, open_browser=not no_browser, say=click.echo)


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script: runs a command and returns its exit code; what users can mend is one ``Error:`` line."""
    return run_command(cli, "terrascope-vlm", sys.argv[1:] if arguments is None else arguments)
