"""The README of augment/ names every policy and every transform, with the bounds that hold."""

from pathlib import Path

from augment import POLICIES, TRANSFORMS, get_policy

README = Path(__file__).resolve().parents[2] / "augment" / "README.md"


def rows(heading):
    """The cells of the first table under a heading."""
    part = README.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in part.splitlines()
        if "| `" in line[:3]
    ]


def test_every_policy_has_its_row():
    assert [row[0].strip("`") for row in rows("Policies")] == list(POLICIES)


def test_every_transform_has_its_row_with_its_values():
    written = {row[0].strip("`"): row[1:] for row in rows("Transforms")}
    assert set(written) == set(TRANSFORMS)
    for name, transform in TRANSFORMS.items():
        values = ", ".join(
            f"`{key}` {value.low:g} to {value.high:g}" for key, value in transform.values.items()
        )
        assert written[name] == [transform.stage, values or "none"]


def test_the_example_is_a_policy(tmp_path):
    example = README.read_text().split("```yaml\n")[1].split("```")[0]
    (tmp_path / "example.yaml").write_text(example)
    assert [step.transform for step in get_policy(str(tmp_path / "example.yaml")).steps] == [
        "rotate",
        "fog",
        "mosaic",
    ]
