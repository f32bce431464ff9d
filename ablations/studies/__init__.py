"""The paper's tables as data: names of rows and config overrides, nothing else. One file per table."""

from ablations.studies.table_4c import TABLE_4C
from ablations.variation import Study

STUDIES: dict[str, Study] = {study.table: study for study in (TABLE_4C,)}
