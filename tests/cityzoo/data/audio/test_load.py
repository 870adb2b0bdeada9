"""Sounds are found with their labels, checked and split."""

import numpy as np
import pytest

from cityzoo.data.audio import load, load_unlabelled
from cityzoo.data.audio.check import measure
from cityzoo.data.audio.corruptions import corrupt
from cityzoo.errors import InputError

RNG = np.random.default_rng(0)


def noise(seconds=0.3, level=0.1):
    return RNG.uniform(-level, level, int(seconds * 16_000)).astype(np.float32)


@pytest.fixture
def folders(write, tmp_path):
    """Ten sirens and ten horns in folders."""
    for label in ("siren", "horn"):
        for number in range(10):
            write(f"{label}/{number}.wav", noise())
    return tmp_path


def labels_of(side):
    return [side.class_names[int(each.target.argmax())] for each in side.examples]


def test_folders_name_the_classes_and_no_sound_is_on_both_sides(folders):
    data = load(str(folders))
    assert data.train.class_names == ("horn", "siren")
    assert len(data.train) + len(data.val) == 20
    assert not {e.path for e in data.train.examples} & {e.path for e in data.val.examples}
    assert all(
        name.split("/")[0] == label
        for side in (data.train, data.val)
        for name, label in zip([e.name for e in side.examples], labels_of(side), strict=True)
    )
    again = load(str(folders))
    assert [e.path for e in again.val.examples] == [e.path for e in data.val.examples]


def test_names_give_labels_and_speakers_and_speakers_stay_together(write, tmp_path):
    for speaker in ("ann", "bob", "cem", "dua"):
        for digit in range(2):
            for number in range(3):
                write(f"{digit}_{speaker}_{number}.wav", noise())
    data = load(str(tmp_path))
    assert data.findings.named_by == "{label}_{speaker}_{number}"
    assert data.train.class_names == ("0", "1")
    groups = [{each.group for each in side.examples} for side in (data.train, data.val)]
    assert groups[0] | groups[1] == {"ann", "bob", "cem", "dua"}
    assert not groups[0] & groups[1]
    mixed = load(str(tmp_path), split_by="clip", pattern="{label}_{group}_{number}")
    assert {each.group for each in mixed.train.examples} & {each.group for each in mixed.val.examples}
    assert mixed.findings.counts["shared group"]


def test_a_table_names_files_labels_speakers_and_splits(write, tmp_path):
    rows = ["path,label,speaker,split"]
    for number in range(6):
        write(f"clips/{number}.flac", noise())
        rows.append(
            f"clips/{number}.flac,{'ab'[number % 2]},s{number % 3},{'val' if number > 3 else 'train'}"
        )
    rows.append("clips/missing.wav,a,s1,train")
    (tmp_path / "data.csv").write_text("\n".join(rows))
    data = load(str(tmp_path / "data.csv"))
    assert (len(data.train), len(data.val), data.has_val_split) == (4, 2, True)
    assert [each.group for each in data.val.examples] == ["s1", "s2"]
    assert data.findings.counts["missing"] == 1
    with pytest.raises(InputError, match="missing.wav"):
        load(str(tmp_path), strict=True)


def test_the_check_counts_what_is_wrong(folders, write):
    copy = noise()
    write("siren/copy1.wav", copy, subtype="FLOAT")
    write("horn/copy2.wav", copy, subtype="FLOAT")
    write("siren/silence.wav", np.zeros(8000, np.float32))
    write("siren/loud.wav", np.clip(noise(level=5), -1, 1))
    write("siren/click.wav", noise(0.01))
    write("siren/brief.wav", noise(0.05))
    (folders / "siren" / "broken.mp3").write_bytes(b"no sound")
    (folders / "siren" / "notes.txt").write_text("?")
    findings = load(str(folders)).findings
    found = {kind: findings.counts[kind] for kind in findings.counts}
    wanted = {
        "contradiction": 1,
        "silent": 1,
        "clipped": 1,
        "empty": 1,
        "short": 1,
        "broken": 1,
        "unused file": 1,
    }
    assert {kind: found.get(kind) for kind in wanted} == wanted
    assert "broken.mp3" in findings.text()
    with pytest.raises(InputError, match="broken.mp3"):
        load(str(folders), strict=True)


def test_copies_never_are_in_train_and_val(write, tmp_path):
    shared = noise()
    for split, count in (("train", 4), ("val", 2)):
        for label in "ab":
            for number in range(count):
                write(f"{split}/{label}/{number}.wav", noise())
        write(f"{split}/a/same.wav", shared, subtype="FLOAT")
    data = load(str(tmp_path))
    assert (len(data.train), len(data.val)) == (9, 4)
    assert data.findings.counts["across splits"] == 1


@pytest.mark.parametrize(
    "how, word",
    [
        ({"format": "wave"}, "folders"),
        ({"classes": ("sirn",)}, "siren"),
        ({"split_by": "group"}, "speaker"),
        ({"pattern": "{speaker}_{number}"}, "label"),
        ({"class_map": {"siren": "ignore", "horn": "ignore"}}, "labels"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(folders, how, word):
    with pytest.raises(InputError, match=word) as error:
        load(str(folders), **how)
    assert "\n" not in str(error.value)


def test_sounds_without_labels(folders, write):
    found, findings = load_unlabelled(str(folders))
    assert len(found) == 20
    assert found.examples[0].seconds == pytest.approx(0.3)
    with pytest.raises(InputError, match="no sounds"):
        load_unlabelled(str(folders / "nothing"))


def test_corruptions_do_as_they_say():
    clip = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 16_000)).astype(np.float32)
    added = corrupt(clip, "noise", 10.0, 3) - clip
    assert 10 * np.log10(np.mean(clip**2) / np.mean(added**2)) == pytest.approx(10, abs=0.3)
    assert np.abs(corrupt(clip, "gain", -30.0)).max() == pytest.approx(0.5 * 10**-1.5, rel=1e-2)
    assert np.mean(np.abs(corrupt(clip, "clipping", 12.0)) == 1) > 0.5
    assert np.abs(corrupt(clip, "telephone", 0.0) - clip)[100:-100].max() < 0.02
    high = (0.5 * np.sin(2 * np.pi * 5000 * np.arange(8000) / 16_000)).astype(np.float32)
    assert measure(corrupt(high, "telephone", 0.0))[0] < -40


def test_a_table_whose_files_do_not_exist_is_refused_with_one_of_them(tmp_path):
    (tmp_path / "table.csv").write_text("path,label\nnowhere.wav,siren\n")
    with pytest.raises(InputError, match="nowhere.wav"):
        load(str(tmp_path / "table.csv"))
