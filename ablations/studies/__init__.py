"""The paper's tables and figures as data: names of rows and config overrides, nothing else. One file each.

A figure whose number is also a table's is called figII and the like. S1, S2 and S3 are studies of what came after it.
"""

from ablations.studies.baseline import BASELINE
from ablations.studies.figure_3 import FIGURE_3
from ablations.studies.figure_ib import FIGURE_IB
from ablations.studies.figure_ii import FIGURE_II
from ablations.studies.figure_iii import FIGURE_III
from ablations.studies.figure_iv import FIGURE_IV
from ablations.studies.main_results import TABLE_1, TABLE_2, TABLE_3, TABLE_I, TABLE_III, TABLE_V
from ablations.studies.other_data_sets import TABLE_6, TABLE_7, TABLE_IX, TABLE_VII, TABLE_VIII
from ablations.studies.servers import TABLE_II, TABLE_IV, TABLE_VI
from ablations.studies.study import Study
from ablations.studies.study_s1 import STUDY_S1
from ablations.studies.study_s2 import STUDY_S2
from ablations.studies.study_s3 import STUDY_S3
from ablations.studies.table_4a import TABLE_4A
from ablations.studies.table_4b import TABLE_4B
from ablations.studies.table_4c import TABLE_4C
from ablations.studies.table_4d import TABLE_4D
from ablations.studies.table_4e import TABLE_4E
from ablations.studies.table_5 import TABLE_5
from ablations.studies.table_xia import TABLE_XIA
from ablations.studies.table_xib import TABLE_XIB
from ablations.studies.table_xiic import TABLE_XIIC
from ablations.studies.table_xiid import TABLE_XIID

TABLES = (TABLE_4A, TABLE_4B, TABLE_4C, TABLE_4D, TABLE_4E, TABLE_5, TABLE_XIA, TABLE_XIB, TABLE_XIIC, TABLE_XIID)
FIGURES = (FIGURE_IB, FIGURE_II, FIGURE_III, FIGURE_IV, FIGURE_3)

MAIN_RESULTS = (TABLE_1, TABLE_2, TABLE_I, TABLE_III, TABLE_V, TABLE_3)
OTHER_DATA_SETS = (TABLE_6, TABLE_7, TABLE_VII, TABLE_VIII, TABLE_IX)
TEST_SERVERS = (TABLE_II, TABLE_IV, TABLE_VI)

SINCE_THE_PAPER = (STUDY_S1, STUDY_S2, STUDY_S3)
# Tables whose differences the paper does not claim; the rows of Table 7 are data sets.
WITHOUT_CLAIMS = frozenset(study.table for study in (*SINCE_THE_PAPER, TABLE_7))

STUDIES: dict[str, Study] = {
    study.table: study
    for study in (*TABLES, *FIGURES, *MAIN_RESULTS, *OTHER_DATA_SETS, *TEST_SERVERS, *SINCE_THE_PAPER, BASELINE)
}
