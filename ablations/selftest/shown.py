"""What an examination found, for people."""

from collections import defaultdict
from collections.abc import Sequence

from rich.console import Console

from ablations.selftest.examination import Examination
from ablations.selftest.findings import Finding
from ablations.selftest.training_step import TrainingStep
from ablations.terminal import Column, folded, table

COLUMNS = (
    Column("check", least=16),
    Column("compared", least=14),
    Column("number", right=True),
    Column("farthest", least=12),
    Column("difference", right=True),
    Column("bound", right=True),
    Column(""),
)


def show(examination: Examination, console: Console) -> None:
    """Print a line for each kind of comparison, each one that is wrong, and what a training takes."""
    kinds: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in examination.findings:
        kinds[finding.check, finding.quantity].append(finding)
    console.out(f"Self-test of {examination.device}", highlight=False)
    for line in table(COLUMNS, [(*kind, *cells(own)) for kind, own in kinds.items()], console.width):
        console.out(line, highlight=False)
    lines = [wrong_line(finding) for finding in examination.findings if not finding.right]
    if examination.training_step:
        lines += step_lines(examination.training_step, examination.hours)
    lines.append(examination.room.words)
    lines.append("All is right." if examination.right else "This machine does NOT compute m2f rightly, see above.")
    for line in lines:
        console.out("\n".join(folded(line, console.width)), highlight=False)


def cells(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The farthest of findings of a kind."""
    worst = max(findings, key=_distance)
    difference = "" if worst.difference is None else f"{worst.difference:.1e}"
    verdict = "right" if all(finding.right for finding in findings) else "WRONG"
    return str(len(findings)), worst.subject, difference, f"{worst.bound:.0e}", verdict


def wrong_line(finding: Finding) -> str:
    """A sentence about what is wrong."""
    if finding.error:
        how = f"raised {finding.error}"
    elif finding.difference is None:
        how = f"{finding.quantity} is no finite number"
    else:
        how = f"{finding.quantity} differs by {finding.difference:.1e}, more than {finding.bound:.0e}"
    return f"WRONG: {finding.check}, {finding.subject}: {how}"


def step_lines(step: TrainingStep, hours: dict[str, float]) -> list[str]:
    """What the baseline's training step takes, and where it tells hours, trainings at the paper's scale."""
    images = "1 image" if step.images == 1 else f"{step.images} images"
    lines = [
        f"Training step of the paper's R50, {images} of {step.side} x {step.side}, {step.precision}: "
        f"{step.seconds:.3f} s, {step.speed / 1e12:.2f} TFLOP/s, {step.memory / 1e9:.1f} GB at the peak."
    ]
    if hours:
        own = ", ".join(f"{table} {value:,.0f}" for table, value in hours.items())
        lines.append(
            "At this speed, hours of one such device for each table at the paper's scale, all tasks, one seed, without "
            f"evaluations and with every row as fast as its baseline: {own}."
        )
    return lines


def _distance(finding: Finding) -> float:
    return float("inf") if finding.difference is None else finding.difference / finding.bound
