"""Whether a run that goes on, or is evaluated, has the data that it was trained on."""

from __future__ import annotations

import logging
from shlex import quote
from typing import Any

from cityzoo.fit.run_folder import RunFolder
from cityzoo.modalities import Dataset, Findings, Modality
from cityzoo.modalities.identity import DataIdentity, describe_changes, require_same_names, restrict

LOG = logging.getLogger(__name__)


def check_resumed(folder: RunFolder, modality: Modality[Any], data: Dataset) -> list[str]:
    """Keep the identity of a run's data; compare it with the one that a resumed run began with.

    Returns:
        What the report must say of data that changed, since the run began, in splits or labels.

    Raises:
        InputError: the classes, or what else the model's outputs and inputs stand for, are others.
    """
    own = getattr(data, "new", data)  # of a continued run: what it replays is named by its memory
    splits = {id(each): each for each in (own.train, own.val, own.held_out)}
    found = modality.data_identity(splits.values(), data.findings.as_dict()["source"])
    known = DataIdentity.read(folder.data)
    if known is None or folder.is_unbegun:
        found.write(folder.data)
        return []
    require_same_names(known, found, str(folder.path))
    changes = describe_changes(known.splits, found.splits)
    if not changes:
        return []
    said = f"the {modality.unit} changed since this run began: {'; '.join(changes)}"
    config = quote(str(folder.spec))
    LOG.warning(
        "WARNING: %s. Training continues on the data as it is now; stop it and restore the data, or train a new run on "
        "it: python train.py --config %s",
        *(said, config),
    )
    return [said]


def check_evaluated(
    folder: RunFolder, modality: Modality[Any], truth: Any, findings: Findings, is_part: bool
) -> None:
    """Compare the examples that a run is evaluated on with those that it held out.

    Args:
        folder: of the run.
        modality: of the examples.
        truth: the examples, of the run's own data.
        findings: of that data.
        is_part: whether only some of them, or other splits, are evaluated.

    Raises:
        InputError: the data has other classes, or another order of them.
    """
    known = DataIdentity.read(folder.data)
    if known is None or not len(truth):
        return
    found = modality.data_identity([truth], findings.as_dict()["source"])
    require_same_names(known, found, str(folder.path))
    changes = [] if is_part else describe_changes(restrict(known.splits, found.splits), found.splits)
    if changes:
        LOG.warning(
            "WARNING: the %s changed since this run was trained: %s. These metrics are of the data as it is now; "
            "restore the data, or train a new run on it: python train.py --config %s",
            *(modality.unit, "; ".join(changes), quote(str(folder.spec))),
        )
