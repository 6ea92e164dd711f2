"""How a ladder release comes into service and goes out of it: certificate, canary, promotion, audit, drift, roll back.

It writes which ladder release a task's questions get, with the reason in the history, and keeps where each task stands.
It does not know how a rung is trained or who asks; it decides from the ledger's rows alone.
"""

from stepladder.rollout.arms import ArmFigures, ArmsCompared, ArmsReport, compare_arms
from stepladder.rollout.canary import Trial, beside_live, try_out
from stepladder.rollout.certify import calibration_rows, certify
from stepladder.rollout.contest import Compared, compare_releases
from stepladder.rollout.drift import Drifted, how_inputs_stand, new_words
from stepladder.rollout.moves import (
    approve,
    approved_by,
    draw_more,
    drop_by_hand,
    promote,
    rollback_by_hand,
    start_canary,
    take_back,
)
from stepladder.rollout.report import Report
from stepladder.rollout.retest import Retest, earlier, forgotten, retest
from stepladder.rollout.standing import Standing, Step, wait_for_more
from stepladder.rollout.turn import (
    Plan,
    begin_canary,
    calibrate,
    next_turn,
    try_candidate,
    wait_for_calibration,
)
from stepladder.rollout.version import note_version, with_version
from stepladder.rollout.watch import fingerprint, watch

__all__ = [
    "ArmFigures",
    "ArmsCompared",
    "ArmsReport",
    "Compared",
    "Drifted",
    "Plan",
    "Report",
    "Retest",
    "Standing",
    "Step",
    "Trial",
    "approve",
    "approved_by",
    "begin_canary",
    "beside_live",
    "calibrate",
    "calibration_rows",
    "certify",
    "compare_arms",
    "compare_releases",
    "draw_more",
    "drop_by_hand",
    "earlier",
    "fingerprint",
    "forgotten",
    "how_inputs_stand",
    "new_words",
    "next_turn",
    "note_version",
    "promote",
    "retest",
    "rollback_by_hand",
    "start_canary",
    "take_back",
    "try_candidate",
    "try_out",
    "wait_for_calibration",
    "wait_for_more",
    "watch",
    "with_version",
]
