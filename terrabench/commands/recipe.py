"""``terrabench build --recipe`` and ``terrabench recipe``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from terrabench.commands.shared import json_option, print_json
from terracot.cli import EXIT_INVALID, SHOWN_PROBLEMS, named_values, print_counts

PINNED = (
    "Instead, a benchmark as its recipe has it: build --recipe NAME [SOURCE=PATH]... --out DIR (see `recipe list`)."
)


class BuildOrRecipe(click.Command):
    """``build`` takes SOURCE and PATH; with ``--recipe`` it is another command, whose sources have names."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> click.Context:
        """The context of the one or the other."""
        if any(argument.partition("=")[0] == "--recipe" for argument in args):
            return build_by_recipe.make_context(info_name, args, *rest, **extra)
        return super().make_context(info_name, args, *rest, **extra)


@click.command()
@click.option("--recipe", "name", required=True, metavar="NAME", help="A name of `terrabench recipe list`, or a file.")
@click.argument("places", nargs=-1, metavar="[SOURCE=PATH]...")
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--workers", metavar="N", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@json_option
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def build_by_recipe(name: str, places: tuple[str, ...], out: Path, workers: int, as_json: bool, quiet: bool) -> int:
    """Build a benchmark again, item by item as its recipe says, from its sources at the places given.

    Exit code 1 when what came out is not the benchmark of the recipe; how it differs is said line by line.
    """
    from terrabench.building.recipe_build import build_recipe
    from terrabench.building.recipes import read_recipe

    recipe = read_recipe(name)
    progress = sys.stderr.isatty() and not (quiet or as_json)
    built = build_recipe(recipe, named_values(places, "a source is given as SOURCE=PATH"), out, workers, progress)
    counts = dict(built.summary.counts)
    if as_json:
        print_json(
            {
                "out": str(out),
                "recipe": recipe.name,
                "counts": counts,
                "same": not built.differences,
                "differences": built.differences,
                "notes": built.notes,
            }
        )
        return EXIT_INVALID if built.differences else 0
    for note in built.notes if built.differences or not quiet else ():
        click.echo(f"Note: {note}", err=True)
    if built.differences:
        for difference in built.differences[:SHOWN_PROBLEMS]:
            click.echo(difference)
        if len(built.differences) > SHOWN_PROBLEMS:
            click.echo(f"... and {len(built.differences) - SHOWN_PROBLEMS} more (all of them with --json)")
        click.echo(f"{out} is complete, but it is not the benchmark {recipe.name}", err=True)
        return EXIT_INVALID
    if not quiet:
        click.echo(f"{counts['items']} items over {counts['scenes']} scenes, all as the recipe {recipe.name} has them")
        print_counts(recipe.content.tasks)
    return 0


@click.group()
def recipe() -> None:
    """Recipes: whole benchmarks pinned to the last item."""


@recipe.command()
@click.option(
    "--from", "benches", metavar="[NAME=]BENCH", required=True, multiple=True, help="A built benchmark, or several."
)
@click.option("--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="Recipe to write, .yaml.")
@click.option("--about", metavar="TEXT", required=True, help="One sentence about it.")
def new(benches: tuple[str, ...], out: Path, about: str) -> None:
    """Write the recipe of built benchmarks: together they become one, whose items lie in FILE.txt beside it.

    NAME is how a source is called where the recipe is used; by default as its scenes call it.
    """
    from terrabench.building.recipes import new_recipe, part_name, write_recipe

    if out.suffix != ".yaml":
        raise click.UsageError(f"--out {out}: expected a name that ends in .yaml")
    folders: dict[str, Path] = {}
    for given in benches:
        left, separator, right = given.partition("=")
        folder = Path(right if separator else left)
        name = left if separator else part_name(folder)
        if name in folders:
            raise click.UsageError(f"two benchmarks are called {name}; give --from NAME=BENCH")
        folders[name] = folder
    made = new_recipe(folders, out.stem, about)
    write_recipe(made, out)
    click.echo(
        f"{len(made.content.ids)} items over {len(made.content.scenes)} scenes: {out}, {out.with_suffix('.txt')}"
    )
    places = "".join(f" {name}=PATH" for name in made.asked)
    click.echo(f"Build it again: terrabench build --recipe {out}{places} --out DIR")


@recipe.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the recipes that come with the package."""
    from terrabench.building.recipes import read_recipe, shipped_recipes

    read = {name: read_recipe(name) for name in shipped_recipes()}
    if as_json:
        print_json({name: {"about": r.about, "needs": r.asked, **r.content.expected()} for name, r in read.items()})
        return
    for name, found in read.items():
        click.echo(f"{name}: {found.about}")
        needs = " ".join(f"{place}=PATH" for place in found.asked) or "nothing"
        click.echo(f"  {len(found.content.ids)} items over {len(found.content.scenes)} scenes; needs {needs}")
