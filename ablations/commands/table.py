"""``m2f table``."""

import sys
from pathlib import Path
from typing import Any

import click

from ablations.commands.options import PATH, chosen_studies, data_option, import_option
from ablations.terminal import width
from m2f.errors import InputError

SCALE = "paper"  # whose models the published checkpoints are


@click.command("table")
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option(
    "--checkpoints",
    type=PATH,
    required=True,
    metavar="DIR",
    help="Where published checkpoints lie, or below; `m2f list --checkpoints` names them.",
)
@click.option(
    "--out", type=PATH, default="evaluations", show_default=True, metavar="DIR", help="Directory of the evaluations."
)
@click.option("--multi-scale", is_flag=True, help="Also the m.s. columns: twelve passes an image instead of one.")
@click.option("--json", "as_json", is_flag=True, help="An object with the numbers and what is missing.")
@import_option
@data_option
def evaluate_table(
    tables: tuple[str, ...], checkpoints: Path, out: Path, multi_scale: bool, as_json: bool, data: Path
) -> None:
    """Evaluate the published checkpoints that are there as rows of TABLE, beside the paper's numbers.

    A checkpoint is found by its name, model_final_94dc52.pkl, or model_final_94dc52.pth as `m2f convert` writes it.
    Each is evaluated once, whatever rows it fills; what OUT has of an earlier call is not done again.
    """
    from json import dumps

    from rich.console import Console

    from ablations.evaluation import shown_progress
    from ablations.planning.published import published_rows
    from ablations.planning.scales import chosen_scale
    from ablations.running.published import comparison, evaluate_rows, found_files, lines, missing
    from ablations.running.worker import input_sentence
    from m2f.engine.coco_evaluation import Evaluation, evaluate_on

    studies = chosen_studies(tables)
    for study in studies:
        if study.submitting:
            raise InputError(
                f"The numbers of Table {study.table} are a test server's, which takes the zip of `{study.submitting}`."
            )
        if study.evaluation and not study.evaluation.adds:
            raise InputError(f"{study.table} looks into its models; `m2f run {study.table}` trains and evaluates them.")
    rows = list(published_rows(studies, chosen_scale(SCALE)))
    files = found_files(rows, checkpoints)
    if not files:
        raise InputError(
            f"{checkpoints} has no checkpoint of these rows; `m2f list --checkpoints {' '.join(tables)}` says what "
            "they are called and where they are published."
        )
    console = Console(file=sys.stderr)

    def evaluate(config: Path, checkpoint: Path, place: Path, results: Path, change: Any) -> Evaluation:
        with shown_progress(console) as progress:
            return evaluate_on(config, checkpoint, place, results, progress=progress, change=change)

    try:
        filled = evaluate_rows(
            rows, files, data.absolute(), out, multi_scale, evaluate, lambda line: click.echo(line, err=True)
        )
        found = comparison(filled)
    except InputError as error:
        raise InputError(input_sentence(error)) from error
    absent = list(missing(rows, files))
    if as_json:
        click.echo(dumps({"numbers": found, "missing": absent}, indent=1))
    else:
        click.echo("\n".join(lines(found, absent, width())))
