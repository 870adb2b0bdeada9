"""Checks of a run, an exported model or a folder of models: signature, permissions, exposed and dangerous files."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.security.encrypted_folder import decrypt_temporarily, has_encrypted
from cityzoo.security.encryption_keys import EncryptionKeys
from cityzoo.security.finding import FAILED, OK, SKIPPED, WARNING, Finding, summarize
from cityzoo.security.signing import SIGNATURE, verify_folder

MARKS = ("preprocessing.json", "report.json", SIGNATURE, f"{SIGNATURE}.enc", "preprocessing.json.enc")
RUNS_CODE = {".pkl", ".pickle", ".pt", ".pth", ".joblib", ".dill", ".so", ".dll", ".h5", ".hdf5"}
SECRET_NAMES = re.compile(r"\.env|id_(rsa|ed25519|ecdsa)|\.git|\.ssh|.*\.(key|pfx|p12)|api_?keys?\.json")
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|czk_[0-9a-f]{8}_[\w-]{43}|AKIA[0-9A-Z]{16}")
LOCAL_PATH = re.compile(rb"(?:/home|/Users|/root|[A-Z]:\\\\?Users)[/\\][\w.-]+")
TEXTS = {".json", ".html", ".md", ".csv", ".txt", ".yaml", ".yml", ".py"}
LONGEST = 50_000_000  # bytes of a text that is searched


def check_folder(
    folder: Path, public_key: Path | None, most_loss: float, keys: EncryptionKeys | None = None
) -> list[Finding]:
    """Check a folder of one or of several models.

    Args:
        folder: run, exported folder, or MODELS with NAME/VERSION/.
        public_key: of the signer; None: signatures are not verified.
        most_loss: of the metric under corruptions of the images, as a share of it.
        keys: that decrypt models in memory, to check what is in them; None: encrypted ones are checked from outside.

    Raises:
        InputError: no folder, or another key than its files were encrypted with.
    """
    if not folder.is_dir():
        raise InputError(
            f"'{folder}' is not a folder: give a run, an exported folder, MODELS, or a server's http address"
        )
    findings = []
    for model in find_model_folders(folder):
        name = "" if model == folder else f" {model.relative_to(folder).as_posix()}"
        with decrypt_temporarily(model, keys) if keys else nullcontext(model) as plain:
            sealed = model if (model / SIGNATURE).is_file() else plain
            findings.append(_check_signature(sealed, f"signature{name}", public_key))
            findings += _check_reports(plain, name, most_loss)
    return [
        *findings,
        _check_permissions(folder),
        _check_secrets(folder),
        _check_code(folder),
        _check_local_paths(folder),
        Finding("encryption", OK, "files are encrypted")
        if has_encrypted(folder)
        else Finding(
            "encryption", WARNING, "plain files: encrypt the disk, or python -m cityzoo protect encrypt"
        ),
    ]


def find_model_folders(folder: Path) -> list[Path]:
    """Return the folder itself if it holds a model, else those of its models' versions."""
    if any((folder / mark).is_file() for mark in MARKS):
        return [folder]
    inner = sorted({path.parent for mark in MARKS for path in folder.glob(f"*/*/{mark}")})
    return inner or [folder]


def _check_signature(model: Path, name: str, public_key: Path | None) -> Finding:
    if public_key is None:
        signed = any((model / each).is_file() for each in (SIGNATURE, f"{SIGNATURE}.enc"))
        detail = "signed, not verified: give --public-key FILE" if signed else "not signed: protect sign"
        return Finding(name, WARNING, detail)
    if (model / f"{SIGNATURE}.enc").is_file():
        return Finding(name, SKIPPED, "encrypted with its signature: give --encryption-key FILE")
    try:
        return Finding(
            name, OK, f"by key {verify_folder(model, public_key)[:12]}, no file changed, missing or extra"
        )
    except InputError as error:
        return Finding(name, FAILED, str(error))


def _check_permissions(folder: Path) -> Finding:
    problems = []
    for path in (folder, *_paths(folder)):
        about = path.lstat()
        name = str(path.relative_to(folder.parent))
        if stat.S_ISLNK(about.st_mode):
            problems.append(f"{name}: a link")
        elif about.st_mode & stat.S_IWOTH:
            problems.append(f"{name}: everybody may change it (chmod o-w)")
        elif about.st_mode & (stat.S_ISUID | stat.S_ISGID) and path.is_file():
            problems.append(f"{name}: setuid")
        elif hasattr(os, "getuid") and about.st_uid not in (0, os.getuid(), folder.stat().st_uid):
            problems.append(f"{name}: belongs to another user")
    return summarize("permissions", problems, "nobody else may change a file")


def _check_secrets(folder: Path) -> Finding:
    problems = []
    for path in _paths(folder):
        if SECRET_NAMES.fullmatch(path.name):
            problems.append(f"{path.relative_to(folder)}: does not belong in a folder that is passed on")
        elif path.is_file() and path.suffix in TEXTS | {".pem"} and PRIVATE_KEY.search(_head(path)):
            problems.append(f"{path.relative_to(folder)}: holds a private key or an API key")
    return summarize("secrets", problems, "no keys, passwords or repositories")


def _check_code(folder: Path) -> Finding:
    problems = []
    for path in _paths(folder):
        name = str(path.relative_to(folder))
        if path.suffix.lower() in RUNS_CODE:
            problems.append(f"{name}: may run code when it is loaded")
        elif path.suffix == ".keras" and b'"Lambda"' in _keras_config(path):
            problems.append(f"{name}: has a Lambda layer, which runs code")
    return summarize("code in files", problems, "no pickles, libraries or Lambda layers")


def _keras_config(path: Path) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json")
    except (OSError, KeyError, zipfile.BadZipFile):
        return b'"Lambda"'  # what cannot be read is not trusted


def _check_local_paths(folder: Path) -> Finding:
    found = [
        f"{path.relative_to(folder)}: {match[0].decode(errors='replace')}"
        for path in _paths(folder)
        if path.is_file() and path.suffix in TEXTS and (match := LOCAL_PATH.search(_head(path)))
    ]
    return summarize("local paths", found, "no paths of somebody's home", WARNING)


def _check_reports(model: Path, name: str, most_loss: float) -> Iterator[Finding]:
    parity, report = (_document(model / name) for name in ("parity.json", "report.json"))
    if parity is not None:
        good = parity.get("passed") is True
        detail = "the exported file answers as the trained model" if good else "failed: export it again"
        yield Finding(f"parity gate{name}", OK if good else FAILED, detail)
    if report is not None:
        yield check_robustness(report, most_loss, f"robustness{name}")


def check_robustness(report: dict[str, Any], most_loss: float, name: str = "robustness") -> Finding:
    """Return the finding about a report's section of rain, fog, night and other corruptions.

    Args:
        report: the run's report.json.
        most_loss: mean loss of the metric that a corruption may cause, as a share of its clean value.
        name: of the check.
    """
    try:
        rows = report["robustness"]["corruptions"]
        losses = {each: float(row["mean_relative_loss"]) for each, row in rows.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return Finding(name, WARNING, "not measured: python evaluate.py RUN --robustness")
    lost = {each: loss for each, loss in losses.items() if loss > most_loss}
    worst = max(losses, key=lambda each: losses[each]) if losses else "none"
    shown = [f"{each} costs {loss:.0%} (allowed: {most_loss:.0%})" for each, loss in lost.items()]
    return summarize(
        name, shown, f"worst of {len(losses)}: {worst}, {losses.get(worst, 0):.0%} (allowed: {most_loss:.0%})"
    )


def _document(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST)
    except OSError:
        return b""
