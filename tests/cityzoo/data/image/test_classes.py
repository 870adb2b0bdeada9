import pytest

from cityzoo.data.image.classes import map_classes
from cityzoo.errors import InputError

NAMES = ("bus", "car", "van", "person")


def test_the_datas_own_order_without_wishes():
    assert map_classes(NAMES)[0] == NAMES


def test_classes_pick_and_order():
    names, labels = map_classes(NAMES, ["car", "bus"])
    assert names == ("car", "bus")
    assert labels == {"bus": 1, "car": 0, "van": "other class", "person": "other class"}


def test_a_map_merges_renames_and_ignores():
    names, labels = map_classes(NAMES, [], {"van": "car", "bus": "large vehicle", "person": "ignore"})
    assert names == ("large vehicle", "car")
    assert labels == {"bus": 0, "car": 1, "van": 1, "person": "ignored class"}


def test_classes_name_what_the_map_makes():
    assert map_classes(NAMES, ["vehicle"], {"car": "vehicle", "bus": "vehicle"})[1]["bus"] == 0


@pytest.mark.parametrize(
    ("classes", "class_map", "message"),
    [
        (["cars"], {}, "unknown class in --classes 'cars': did you mean 'car'"),
        (["van"], {"van": "car"}, "unknown class in --classes 'van'"),
        ([], {"persn": "ignore"}, "unknown class in --class-map 'persn': did you mean 'person'"),
        ([], dict.fromkeys(NAMES, "ignore"), "ignores every class"),
    ],
)
def test_names_that_the_data_lacks(classes, class_map, message):
    with pytest.raises(InputError, match=message):
        map_classes(NAMES, classes, class_map)


def test_data_without_any_class_where_that_will_do():
    assert map_classes([], may_be_none=True) == ((), {})
    with pytest.raises(InputError, match="keep at least one"):
        map_classes(["car"], class_map={"car": "ignore"}, may_be_none=True)
    with pytest.raises(InputError):
        map_classes([], ["car"], may_be_none=True)


def test_a_hundred_thousand_classes_are_refused_unless_some_are_selected():
    """A head of so many outputs would fill the memory; the message does not list them."""
    names = [f"class {number}" for number in range(100_000)]
    with pytest.raises(InputError, match="100000 classes, allowed are 10000") as caught:
        map_classes(names)
    assert len(str(caught.value)) < 200
    assert map_classes(names, ["class 7"])[0] == ("class 7",)


def test_names_of_an_earlier_run_that_the_data_lacks_are_passed_over():
    """Ignored and selected ones; data with none of the selected classes is refused still."""
    found = map_classes(["bus", "car"], ["truck", "car"], {"person": "ignore"}, may_lack=True)
    assert found == (("car",), {"bus": "other class", "car": 0})
    with pytest.raises(InputError, match="'truck'"):
        map_classes(["bus", "car"], ["truck"], may_lack=True)
    with pytest.raises(InputError, match="'person'"):
        map_classes(["bus", "car"], (), {"person": "ignore"})
