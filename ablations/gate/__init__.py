"""What ``m2f check`` and ``m2f diff`` do."""

from pathlib import Path

from ablations.gate.baseline_file import BaselineFile, read_baseline_file, write_baseline_file
from ablations.gate.findings import failures, lines, write_findings, write_junit
from ablations.gate.measured import Say, read_evidence
from ablations.gate.regression import find_changes, require_tested
from m2f.errors import InputError


def check(
    store: Path,
    baseline: Path,
    say: Say,
    allow_missing: bool = False,
    junit: Path | None = None,
    json_file: Path | None = None,
    verbose: bool = False,
) -> bool:
    """Whether nothing of a sweep is worse than a baseline, has changed, or is missing.

    Args:
        store: the sweep: a store, or its results as CSV.
        baseline: what to compare with: a baseline, results as CSV, or a store.
        say: takes a line of what was found.
        allow_missing: whether the sweep may lack what the baseline has.
        junit: where to write JUnit XML.
        json_file: where to write all findings.
        verbose: whether to say what is the same, too.

    Raises:
        InputError: one of the two cannot be read, they have no row in common, or a table's metric cannot be tested.
    """
    if not baseline.exists():
        raise InputError(
            f"There is no baseline at {baseline}; make one with --update, or name another with --baseline."
        )
    findings = find_changes(read_evidence(baseline, say), read_evidence(store, say).evidence)
    require_tested(findings)
    failing = failures(findings, allow_missing)
    for line in lines(findings, verbose):
        say(line)
    if junit:
        write_junit(junit, findings, failing)
    if json_file:
        write_findings(json_file, findings, passed=not failing)
    return not failing


def update(store: Path, baseline: Path, say: Say) -> None:
    """Take a sweep's numbers into a baseline, in the place of what it has of the same tables, tasks and scale.

    What a baseline says besides, its tolerances and its other tables, stays. Without one, a new one is made.

    Raises:
        InputError: the sweep cannot be read, or something else than a baseline is in its place.
    """
    sweep = read_evidence(store, say).evidence
    known = read_baseline_file(baseline) if baseline.exists() else None
    if known and known.evidence.rows & sweep.rows:
        for line in lines(find_changes(known, sweep)):
            say(line)
    write_baseline_file(baseline, (known or BaselineFile(sweep)).updated(sweep))
    say(f"{baseline} holds {len(sweep.rows)} rows of {store}.")


def diff(first: Path, second: Path, say: Say, verbose: bool = False) -> None:
    """Compare any two of stores, baselines and results as CSV; the first is taken as the baseline.

    Raises:
        InputError: one of them cannot be read, or they have no row in common.
    """
    old, new = read_evidence(first, say), read_evidence(second, say)
    for block in sorted(old.evidence.sources.keys() & new.evidence.sources.keys()):
        before, after = old.evidence.sources[block], new.evidence.sources[block]
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                say(f"{' '.join(block)}: {name} {before.get(name)} -> {after.get(name)}")
    for line in lines(find_changes(old, new.evidence), verbose):
        say(line)
