import pytest

from zoo.peft import methods


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("lora:8", ("lora", 8)),
        ("adalora:1", ("adalora", 1)),
        ("adapter:064", ("adapter", 64)),
        ("ssf", ("ssf", None)),
    ],
)
def test_a_way_is_a_name_and_a_number(how, expected):
    assert methods.parse(how) == expected


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("lorra:8", "unknown adaptation method 'lorra:8': did you mean 'lora:RANK'"),
        ("LoRA:8", "did you mean 'lora:RANK'"),
        ("adaptor", "did you mean 'adapter:WIDTH'"),
        ("bitfit-9000", "Allowed: lora:RANK, adalora:RANK, adapter:WIDTH, bias, norm, ssf"),
        ("", "unknown adaptation method ''"),
        ("lora", "RANK must be a whole number of at least 1, e.g. 'lora:8'"),
        ("lora:", "RANK must be"),
        ("lora:0", "RANK must be"),
        ("lora:-4", "RANK must be"),
        ("adalora:2.5", "RANK must be"),
        ("adalora:²", "RANK must be"),
        ("adapter:wide", "WIDTH must be"),
        ("lora:4:4", "RANK must be"),
        ("bias:3", "'bias' takes no number, give 'bias'"),
    ],
)
def test_what_is_no_way_is_answered_in_one_line(how, said):
    with pytest.raises(ValueError, match=".") as caught:
        methods.parse(how)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_every_way_that_is_named_can_be_made():
    for name in methods.names():
        way = methods.make(name.replace("RANK", "3").replace("WIDTH", "3"))
        assert way.trains and callable(way.plan)
        assert not way.folds or callable(way.fold)
