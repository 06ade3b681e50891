"""Whether two handfuls of measurements differ: no assumption about how they are distributed."""
import collections
import math
import random
import statistics

RESAMPLES = 4_000


def rank_sum_p(first, second):
    """Mann and Whitney's test, two-sided and exact, ties included: how often a random division of
    all values into two groups of these sizes has rank sums at least as far apart as these are.

    All divisions are counted by their sum, not enumerated; 40 values take some milliseconds.
    """
    place = collections.defaultdict(list)
    for index, value in enumerate(sorted([*first, *second])):
        place[value].append(index + 1)
    # Ranks of equal values are their mean; twice a rank is a whole number.
    twice = {value: places[0] + places[-1] for value, places in place.items()}
    ranks = [twice[value] for value in [*first, *second]]
    divisions = [collections.Counter() for _ in range(len(first) + 1)]
    divisions[0][0] = 1
    for rank in ranks:
        for size in range(len(first), 0, -1):
            for total, count in divisions[size - 1].items():
                divisions[size][total + rank] += count
    middle = len(first) * (len(ranks) + 1)  # twice the expected sum
    distance = abs(sum(ranks[:len(first)]) - middle)
    sums = divisions[len(first)]
    far = sum(count for total, count in sums.items() if abs(total - middle) >= distance)
    return far / sum(sums.values())


def smallest_p(count, other):
    """What the test says where the two groups do not overlap at all."""
    return 2 / math.comb(count + other, count)


def ratio_interval(first, second):
    """Where the ratio of the medians, second over first, lies with 95 %: bootstrap, percentiles.

    The same numbers give the same interval.
    """
    draw = random.Random(1)
    ratios = sorted(
        ratio(draw.choices(first, k=len(first)), draw.choices(second, k=len(second)))
        for _ in range(RESAMPLES))
    return ratios[RESAMPLES // 40], ratios[-RESAMPLES // 40 - 1]


def ratio(first, second):
    """Second over first, of the medians; what was nothing and is something has grown without end."""
    under, over = statistics.median(first), statistics.median(second)
    if under == 0:
        return 1.0 if over == 0 else math.inf
    return over / under


def holm(p_values):
    """The p-values of questions that were asked together, so that none is answered by chance only
    because there were many of them (Holm's step-down correction)."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for step, index in enumerate(order):
        highest = max(highest, min(1.0, p_values[index] * (len(order) - step)))
        corrected[index] = highest
    return corrected
