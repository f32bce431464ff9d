"""What a comparison found: lines for people, JSON for programs, JUnit XML for continuous integration."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from ablations.gate.baseline_file import TableRow
from ablations.gate.regression import (
    CHANGED,
    ERROR_RATE,
    FAILURES,
    IMPROVED,
    MISSING,
    NEW,
    NO_MACHINE,
    REGRESSED,
    SAME,
    SPEED,
    UNTESTED,
    Finding,
)
from m2f.files import write_atomically, write_json

ORDER = (REGRESSED, CHANGED, MISSING, IMPROVED, NEW, UNTESTED, SAME)
ONE_BY_ONE = (REGRESSED, CHANGED, IMPROVED)  # of other verdicts a line a row is enough
NAMED = 4  # metrics in such a line


def lines(findings: Sequence[Finding], verbose: bool = False) -> Iterator[str]:
    """What got worse, what is missing, what is better, and how many there are of all.

    ``verbose`` adds the metric of each table where it is the same.
    """
    for verdict in ORDER if verbose else [verdict for verdict in ORDER if verdict != SAME]:
        chosen = [finding for finding in findings if finding.verdict == verdict]
        shown = chosen if verdict in ONE_BY_ONE else [finding for finding in chosen if finding.primary and finding.new]
        if verdict in (MISSING, NEW):
            yield from (f"{verdict:<10} {line}" for line in _by_row(chosen))
        else:
            yield from (f"{verdict:<10} {finding.row}, {finding.name}: {words(finding)}" for finding in shown)
    yield from _without_machine(findings)
    yield summary(findings)


def _without_machine(findings: Sequence[Finding]) -> Iterator[str]:
    """How many rows' speeds could not be compared: that is said of all of them at once."""
    number = sum(finding.reason == NO_MACHINE for finding in findings)
    if number:
        rows = f"{number} row{'s' if number > 1 else ''}"
        yield f"{UNTESTED:<10} {SPEED} of {rows}: on one side or both, {NO_MACHINE}"


def _by_row(findings: Sequence[Finding]) -> Iterator[str]:
    def row(finding: Finding) -> TableRow:
        return finding.row

    for of_row, group in groupby(sorted(findings, key=row), row):
        names = [finding.name for finding in group]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"{of_row}: {', '.join(names[:NAMED])}{more}"


def words(finding: Finding) -> str:
    """The numbers of a finding, and why they count as they do."""
    numbers = " -> ".join(_number(values) for values in (finding.old, finding.new) if values)
    if finding.kind == "metric" and finding.old and finding.new:
        numbers += f" ({len(finding.old)} and {len(finding.new)} seeds)"
    reasons = [finding.reason] if finding.reason else []
    if finding.chance is not None:
        reasons.append(f"chance {finding.chance:.2g}, {finding.visible:.2g} would show")
    return "; ".join([numbers, *reasons])


def _number(values: Sequence[float]) -> str:
    return f"{fmean(values):.6g}"


def summary(findings: Sequence[Finding]) -> str:
    """How many findings there are of each verdict."""
    count = Counter(finding.verdict for finding in findings)
    return f"{len(findings)} compared: " + ", ".join(
        f"{count[verdict]} {verdict}" for verdict in ORDER if count[verdict]
    )


def failures(findings: Sequence[Finding], allow_missing: bool) -> list[Finding]:
    """The findings for which a check fails."""
    return [
        finding
        for finding in findings
        if finding.verdict in FAILURES and not (allow_missing and finding.verdict == MISSING)
    ]


def write_findings(path: Path, findings: Sequence[Finding], passed: bool) -> None:
    """Write all findings as JSON."""
    write_json(path, {"passed": passed, "error_rate": ERROR_RATE, "findings": [_record(each) for each in findings]})


def _record(finding: Finding) -> dict[str, Any]:
    return {
        **finding.row._asdict(),
        "name": finding.name,
        "kind": finding.kind,
        "verdict": finding.verdict,
        "old": list(finding.old),
        "new": list(finding.new),
        "difference": finding.difference,
        "primary": finding.primary,
        "chance": finding.chance,
        "visible": finding.visible,
        "reason": finding.reason,
    }


def write_junit(path: Path, findings: Sequence[Finding], failing: Sequence[Finding]) -> None:
    """Write JUnit XML: a suite for each table, task and scale, a test for each row and metric.

    What ``failing`` holds is a failure; what could not be compared is skipped.
    """
    from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

    document = JUnitXml("m2f check")
    failed = set(map(id, failing))
    for block, group in groupby(sorted(findings, key=lambda finding: finding.row), lambda finding: finding.row.block):
        suite = TestSuite(" ".join(block))
        for finding in group:
            case = TestCase(finding.name, classname=".".join((*block, finding.row.variant.replace(".", "_"))), time=0)
            if id(finding) in failed:
                case.result = [Failure(f"{finding.verdict}: {words(finding)}", finding.verdict)]
            elif finding.verdict in (MISSING, NEW, UNTESTED):
                case.result = [Skipped(f"{finding.verdict} {finding.reason}".strip())]
            else:
                case.system_out = words(finding)
            suite.add_testcase(case)
        document.add_testsuite(suite)
    document.update_statistics()
    write_atomically(path, document.tostring())
