"""Inputs of the peers' own test suites, as sufficient statistics; ids are those of the project's peer_cases list.

Sources: growthbook/growthbook@8f1db4456915 packages/stats/tests, e10v/tea-tasting@90306f16dbba tests,
alexeiveselov92/ab-analysis-kit@a5ba985157fb tests, PostHog/posthog products/experiments/stats/tests.
"""

from lifthouse.statistics.moments import Moments


def mean_arm(count, total, squares):
    return Moments.from_sums([count], [[total]], [[squares]])


def proportion_arm(count, successes):
    return mean_arm(count, successes, successes)


GB_WELCH = (mean_arm(3407, 1396.87, 52377.9767), mean_arm(3461, 2422.7, 134698.29))
PH_WELCH = (mean_arm(2507, 1196.87, 37377.9767), mean_arm(2461, 1922.7, 94698.29))
GB_PROPORTION = (proportion_arm(28, 14), proportion_arm(30, 16))
GB_RATIO = (
    Moments.from_sums([100], [[270, 510]], [[848.79, -900, 810]]),
    Moments.from_sums([120], [[300, 500]], [[869, -905, 800]]),
)
GB_CUPED = (
    Moments.from_sums([3001], [[300, 210]], [[600, -20, 415]]),
    Moments.from_sums([3000], [[222, 120]], [[555, -10, 405]]),
)
# The same case declared binomial: the peer takes squares from sums.
GB_CUPED_BINOMIAL = (
    Moments.from_sums([3001], [[300, 210]], [[300, -20, 210]]),
    Moments.from_sums([3000], [[222, 120]], [[222, -10, 120]]),
)

# tea_inputs: make_users_data(n_users=100, covariates=True, rng=42); orders, sessions, and both before the experiment.
ORDERS, SESSIONS, ORDERS_BEFORE, SESSIONS_BEFORE = range(4)
TEA = (
    Moments.from_sums([53], [[30, 105, 28, 102]], [[58, 80, 56, 94, 259, 76, 260, 90, 118, 380]]),
    Moments.from_sums([47], [[18, 89, 15, 92]], [[30, 41, 23, 42, 205, 36, 213, 31, 42, 290]]),
)
TEA_HAS_ORDER = (19, 53, 13, 47)
