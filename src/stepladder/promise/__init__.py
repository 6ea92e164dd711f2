"""The statistics of the promise: finite-sample bounds, certified thresholds, the audit's watch.

Everything here is arithmetic on scores and on whether an answer differed from the top rung's. The room does
no I/O and does not know questions, rungs, releases or where a sample comes from; whoever calls it answers for
the sample being drawn at random and not used in fitting.
"""

from stepladder.promise.audit import audited
from stepladder.promise.bounds import (
    beta_binomial_log_pmf,
    betting_upper_bound,
    binomial_cdf,
    binomial_log_pmf,
    binomial_test_greater,
    clopper_pearson_lower,
    clopper_pearson_upper,
    hypergeometric_cdf,
    hypergeometric_log_pmf,
)
from stepladder.promise.certify import (
    CertifiedThreshold,
    LadderPromise,
    Scope,
    allowed_errors,
    certify_ladder,
    certify_threshold,
    fewest,
    release_risk,
    scoped_errors,
)
from stepladder.promise.climbers import most_doubtful, plan_climbers
from stepladder.promise.contest import Contest, contest
from stepladder.promise.detection import DetectionBound, Drift, detection_bound
from stepladder.promise.eprocess import AgreementEstimate, AuditProcess
from stepladder.promise.inputs import InvalidPromiseInput, error_budget
from stepladder.promise.parts import certify_answered, certify_label, certify_part, coverage_bound
from stepladder.promise.plan import CalibrationPlan, Rehearsal, plan_answered, plan_calibration, plan_part
from stepladder.promise.selection import Selection, certify_precision, certify_recall
from stepladder.promise.spend import CallBudget, Choice, Spending, Worth, choose

__all__ = [
    "AgreementEstimate",
    "AuditProcess",
    "CalibrationPlan",
    "CallBudget",
    "CertifiedThreshold",
    "Choice",
    "Contest",
    "DetectionBound",
    "Drift",
    "InvalidPromiseInput",
    "LadderPromise",
    "Rehearsal",
    "Scope",
    "Selection",
    "Spending",
    "Worth",
    "allowed_errors",
    "audited",
    "beta_binomial_log_pmf",
    "betting_upper_bound",
    "binomial_cdf",
    "binomial_log_pmf",
    "binomial_test_greater",
    "certify_answered",
    "certify_label",
    "certify_ladder",
    "certify_part",
    "certify_precision",
    "certify_recall",
    "certify_threshold",
    "choose",
    "clopper_pearson_lower",
    "clopper_pearson_upper",
    "contest",
    "coverage_bound",
    "detection_bound",
    "error_budget",
    "fewest",
    "hypergeometric_cdf",
    "hypergeometric_log_pmf",
    "most_doubtful",
    "plan_answered",
    "plan_calibration",
    "plan_climbers",
    "plan_part",
    "release_risk",
    "scoped_errors",
]
