"""Options that several commands share, and what their words mean."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ablations.terminal import folded, on_one_line, width
from m2f.errors import InputError

LONGEST_NAME, LONGEST_PATH = 255, 4096  # bytes, of file systems
LARGEST_SEED = 2**32 - 1  # that numpy takes


class AnyPath(click.Path):
    """A path that a file system can have."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what is too long for any, or holds a zero byte."""
        text = os.fsencode(value)
        if b"\0" in text or len(text) > LONGEST_PATH or any(len(part) > LONGEST_NAME for part in text.split(b"/")):
            self.fail("this is no path: it is too long, or holds a zero byte.", param, ctx)
        return super().convert(value, param, ctx)


class Commands(click.Group):
    """Commands in the order of their definition, whose options are given once, but for those that say otherwise."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As defined."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find a command, and refuse an option that would silently take the place of an earlier one."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not {"-h", "--help"} & set(rest):
            parser = command.make_parser(click.Context(command, info_name=name, parent=ctx))
            given = parser.parse_args(args=list(rest))[2]
            for option in given:
                if isinstance(option, click.Option) and not option.multiple and given.count(option) > 1:
                    raise click.UsageError(f"{option.opts[0]} is given twice; give it once.", ctx)
        return name, command, rest


PATH = AnyPath(path_type=Path)
INTERRUPTED = 130  # exit code


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--store DIR``."""
    return click.option(
        "--store", type=PATH, default="runs", show_default=True, metavar="DIR", help="Directory of runs and results."
    )(command)


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--data DIR``."""
    return click.option(
        "--data",
        type=PATH,
        default="data",
        envvar="M2F_DATA",
        show_default=True,
        show_envvar=True,
        metavar="DIR",
        help="Directory of data sets.",
    )(command)


def import_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--import MODULE``, which takes effect before any argument is looked at."""
    return click.option(
        "--import",
        multiple=True,
        metavar="MODULE",
        expose_value=False,
        is_eager=True,
        callback=import_users_modules,
        help="Import a module of your own, from the current directory or installed, that adds rows.",
    )(command)


def import_users_modules(context: click.Context, option: click.Parameter, names: tuple[str, ...]) -> None:
    """The option's callback."""
    from ablations.studies.users_rows import import_modules

    import_modules(names)


def chosen_word(word: str, known: Any, kind: str) -> str:
    """The known word that the user means, or an ``InputError``."""
    from ablations.choice import choose

    return choose(word, known, kind)


def chosen_studies(tables: tuple[str, ...]) -> list[Any]:
    """The studies of the named tables, each once."""
    from ablations.studies import STUDIES

    return [STUDIES[name] for name in dict.fromkeys(chosen_word(table, STUDIES, "table") for table in tables)]


def chosen_tasks(tasks: str | None, studies: list[Any], scale: Any) -> list[str]:
    """The named tasks, or all that the studies and the scale have."""
    known = list(dict.fromkeys(task for study in studies for task in study.tasks))
    if tasks is None:
        rows = {task: {row.dataset for study in studies for row in study.rows(task)} for task in known}
        both = [task for task in known if any(scale.has(dataset, task) for dataset in rows[task])]
        if not both:
            raise InputError(
                f"{scale.directory} has no config of {' or '.join(known)}, the tasks of these tables; add "
                f"{known[0]}.py."
            )
        return both
    return list(dict.fromkeys(chosen_word(task.strip(), known, "task of these tables") for task in tasks.split(",")))


def chosen_seeds(seeds: str) -> list[int]:
    """Seeds from ``0,1,2``."""
    words = [word.strip() for word in seeds.split(",")]
    if not all(word.isdecimal() for word in words):
        raise InputError(f"--seeds must be whole numbers separated by commas, such as 0,1,2, not '{seeds}'.")
    if any(int(word) > LARGEST_SEED for word in words):
        raise InputError(f"--seeds must be at most {LARGEST_SEED}, not '{seeds}'.")
    return list(dict.fromkeys(map(int, words)))


def say(console: Any) -> Callable[[str], None]:
    """What prints a line: no markup, nothing coloured, broken between words where the terminal ends."""
    return lambda line: console.out("\n".join(folded(on_one_line(line), console.width)), highlight=False)


def make_console() -> Any:
    """A console on stdout, as wide as it."""
    from rich.console import Console

    return Console(width=width())
