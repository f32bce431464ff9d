"""The command line ``m2f``. The commands are in ``ablations.commands``."""

import sys
from typing import Any

import click

from ablations.commands.bench import bench
from ablations.commands.check import check
from ablations.commands.compare import compare
from ablations.commands.convert import convert
from ablations.commands.cost import cost
from ablations.commands.data import data_commands
from ablations.commands.diff import diff
from ablations.commands.doctor import doctor
from ablations.commands.eval import evaluate
from ablations.commands.export import export
from ablations.commands.list import list_rows
from ablations.commands.merge import merge
from ablations.commands.options import INTERRUPTED, Commands
from ablations.commands.pack import pack
from ablations.commands.predict import predict
from ablations.commands.report import report
from ablations.commands.rerun import rerun
from ablations.commands.run import run
from ablations.commands.selftest import selftest
from ablations.commands.status import status
from ablations.commands.table import evaluate_table
from ablations.commands.train import train
from ablations.terminal import on_one_line
from m2f import __version__
from m2f.errors import InputError

COMMANDS = (
    list_rows,
    run,
    status,
    report,
    check,
    diff,
    compare,
    merge,
    pack,
    rerun,
    cost,
    bench,
    convert,
    evaluate,
    evaluate_table,
    train,
    predict,
    export,
    doctor,
    selftest,
    data_commands,
)


class BadInput(click.ClickException):
    """An ``InputError`` on its way out: its sentence on stderr, exit code 2."""

    exit_code = 2


class AllCommands(Commands):
    """Commands whose ``InputError`` is a sentence, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise BadInput(on_one_line(str(error))) from error
        except click.exceptions.NoArgsIsHelpError:
            raise  # the help, of many lines
        except click.UsageError as error:
            raise click.UsageError(on_one_line(error.format_message()), error.ctx) from error  # it may repeat words
        except KeyboardInterrupt:
            click.echo("Stopped. What is done is kept: the same command goes on from here.", err=True)
            sys.exit(INTERRUPTED)


@click.group(cls=AllCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="m2f", message="%(prog)s %(version)s")
def main() -> None:
    """Run the tables of the Mask2Former paper again and lay the numbers beside the paper's."""


for command in COMMANDS:
    main.add_command(command)
