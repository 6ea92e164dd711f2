"""Fields as columns: what a field is, is learned; what a value says, is kept."""

import math

import numpy as np
import pytest

from stepladder.models import Columns


def learn(*values):
    return Columns.learn([{"x": value} for value in values])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((1, 2.5, None), "number"),
        ((True, False), "number"),
        (("2026-11-21T07:00:00Z", "2026-11-22"), "time"),
        (("a", "b"), "code"),
        (("100", "200"), "code"),
        ((None, None), "code"),
        ((1, "a", "b"), "code"),
    ],
)
def test_what_a_field_is_shows_in_its_values(values, kind):
    assert learn(*values).columns[0].kind == kind


def test_a_few_odd_values_do_not_change_what_a_field_is():
    columns = learn(*range(20), "n/a")
    assert columns.columns[0].kind == "number"
    assert math.isnan(columns.table([{"x": "n/a"}])[0, 0])


def test_times_are_taken_apart():
    columns = learn("2026-11-21T07:30:00+00:00", "2026-01-01")
    assert columns.names == ["x day", "x hour", "x weekday", "x monthday"]
    day, hour, weekday, monthday = columns.table([{"x": "2026-11-21T07:30:00Z"}])[0]
    assert (hour, weekday, monthday) == (7.5, 5, 21)
    assert day == pytest.approx(20778.3125)


def test_codes_are_places_by_frequency_and_counts():
    columns = learn("b", "a", "b", "上海", "b", "上海")
    found = columns.table([{"x": "b"}, {"x": "上海"}, {"x": "new"}, {}])
    assert found[:2, 0].tolist() == [0, 1]
    assert np.isnan(found[2:, 0]).all()
    assert found[:, 1] == pytest.approx(np.log1p([3, 2, 0, 0]))
    assert columns.codes == [0]


def test_unknown_fields_are_left_out_and_missing_ones_are_nothing():
    columns = Columns.learn([{"a": 1, "b": "x"}, {"a": 2}])
    assert columns.names == ["a", "b", "b count"]
    assert columns.table([{"zzz": 1}]).shape == (1, 3)
    assert columns.table([]).shape == (0, 3)


def test_huge_and_odd_numbers_do_no_harm():
    found = learn(1, 2).table([{"x": 10**400}, {"x": float("nan")}, {"x": -(10**400)}])[:, 0]
    assert found[0] == math.inf and math.isnan(found[1]) and found[2] == -math.inf


def test_what_is_described_is_read_back():
    columns = Columns.learn([{"a": 1, "b": "x", "c": "2026-01-01"}])
    assert Columns.of(columns.describe()) == columns
    with pytest.raises(ValueError, match="kind"):
        Columns.of([{"field": "a", "kind": "colour", "values": {}}])


def test_more_values_than_have_a_place_are_hashed_as_well():
    columns = learn(*(f"user{k}" for k in range(300)))
    assert columns.columns[0].kind == "id"
    assert columns.names == ["x", "x count", "x hash 0", "x hash 1"]
    assert columns.codes == [0, 2, 3]
    seen = columns.table([{"x": f"user{k}"} for k in range(300)] + [{"x": "never seen"}, {"x": None}])
    assert len({tuple(row) for row in seen[:301, 2:].tolist()}) > 280
    assert np.isfinite(seen[300, 2:]).all()
    assert np.isnan(seen[301, 2:]).all()
    again = Columns.of(columns.describe()).table([{"x": "user7"}, {"x": "never seen"}])
    assert np.array_equal(again, seen[[7, 300]], equal_nan=True)
