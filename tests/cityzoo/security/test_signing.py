"""Signed folders: what was signed is accepted, anything else is named."""

import json
import shutil
import subprocess
import sys

import pytest

from cityzoo.errors import InputError
from cityzoo.security.signing import SIGNATURE, sign_folder, verify_folder

pytest.importorskip("cryptography")


@pytest.fixture
def folder(tmp_path, signer_file):
    """Signed, with a folder in it."""
    made = tmp_path / "model"
    (made / "extra" / "deep").mkdir(parents=True)
    (made / "model.onnx").write_bytes(b"weights" * 1000)
    (made / "preprocessing.json").write_text("{}")
    (made / "extra" / "deep" / "labels 1.txt").write_text("car")
    sign_folder(made, signer_file)
    return made


def test_a_signed_folder_is_accepted_wherever_it_lies(folder, public_file, tmp_path):
    """Copied elsewhere, under another name."""
    verify_folder(folder, public_file)
    verify_folder(shutil.copytree(folder, tmp_path / "copy"), public_file)


def test_signing_again_replaces_the_signature(folder, signer_file, public_file):
    """After a wanted change."""
    (folder / "preprocessing.json").write_text('{"a": 1}')
    sign_folder(folder, signer_file)
    verify_folder(folder, public_file)


def swap(folder):
    a, b = folder / "model.onnx", folder / "preprocessing.json"
    content = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(content)


def rename_resource(folder):
    """A forged list under the old signature."""
    import base64

    bundle = json.loads((folder / SIGNATURE).read_text())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"model.onnx", b"other.onnx")
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    (folder / SIGNATURE).write_text(json.dumps(bundle))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda f: (f / "model.onnx").write_bytes(b"weightz" * 1000), "'model.onnx' was changed"),
        (
            lambda f: (f / "extra/deep/labels 1.txt").unlink(),
            "'extra/deep/labels 1.txt' was signed and is missing",
        ),
        (lambda f: (f / "model.data").write_text("x"), "'model.data' is extra"),
        (lambda f: (f / ".hidden").write_text("x"), "'.hidden' is extra"),
        (lambda f: (f / "extra" / SIGNATURE).write_text("x"), f"'extra/{SIGNATURE}' is extra"),
        (lambda f: (f / "link").symlink_to("model.onnx"), "is a link"),
        (swap, "'model.onnx' was changed"),
        (rename_resource, "was changed or forged"),
        (lambda f: (f / SIGNATURE).unlink(), "is not signed"),
        (lambda f: (f / SIGNATURE).write_text("{"), "is no signature"),
        (lambda f: (f / SIGNATURE).write_text("[" * 100_000), "is no signature"),
        (lambda f: (f / SIGNATURE).write_text('{"verificationMaterial": []}'), "is no signature"),
    ],
)
def test_changes_are_refused_with_the_name_of_the_file(folder, public_file, change, message):
    """Changed, missing, extra, hidden, linked, swapped, forged."""
    change(folder)
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        verify_folder(folder, public_file)


def test_another_key_is_refused(folder, tmp_path, signer_file, public_file):
    """Also when the attacker writes the wanted key's hint into his signature."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from cityzoo.security.signing import key_hint, load_public_keys, public_pem

    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "other.pem").write_bytes(public_pem(other))
    with pytest.raises(InputError, match="signed by another key"):
        verify_folder(folder, tmp_path / "other.pem")
    text = (folder / SIGNATURE).read_text().replace(*load_public_keys(public_file), key_hint(other))
    (folder / SIGNATURE).write_text(text)
    with pytest.raises(InputError, match="was changed or forged"):
        verify_folder(folder, tmp_path / "other.pem")


def test_one_of_several_public_keys_is_enough(folder, tmp_path, public_file):
    """While a new key replaces an old one."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from cityzoo.security.signing import public_pem

    new = public_pem(ec.generate_private_key(ec.SECP256R1()).public_key())
    (tmp_path / "both.pem").write_bytes(new + public_file.read_bytes())
    verify_folder(folder, tmp_path / "both.pem")


def test_keys_of_another_kind_are_one_line(folder, tmp_path, signer_file, public_file):
    """A private key for a public one, another curve, RSA, no key."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from cityzoo.security.signing import public_pem

    other = tmp_path / "other.pem"
    for content in (
        b"",
        signer_file.read_bytes(),
        public_pem(ec.generate_private_key(ec.SECP384R1()).public_key()),
    ):
        other.write_bytes(content)
        with pytest.raises(InputError, match="is not a public key of EC P-256"):
            verify_folder(folder, other)
    with pytest.raises(InputError, match="is not a private key"):
        sign_folder(folder, public_file)
    with pytest.raises(InputError, match="holds no files"):
        (tmp_path / "empty").mkdir()
        sign_folder(tmp_path / "empty", signer_file)


def test_verifying_is_quick_and_light(folder, public_file):
    """In a fresh process: half a second with its imports, and nothing heavy."""
    script = f"""
import sys, time
from pathlib import Path
start = time.process_time()
from cityzoo.security.signing import verify_folder
verify_folder(Path({str(folder)!r}), Path({str(public_file)!r}))
print(time.process_time() - start, {{"tensorflow", "keras", "numpy", "jwt"}} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seconds, heavy = ran.stdout.split(maxsplit=1)
    assert float(seconds) < 0.5 and heavy.strip() == "set()"


def test_model_signing_and_this_one_understand_each_other(folder, tmp_path, signer_file, public_file):
    """The reference implementation verifies ours, and we verify its signatures; it is not a dependency."""
    theirs = pytest.importorskip("model_signing")
    theirs.verifying.Config().use_elliptic_key_verifier(public_key=public_file).verify(
        folder, folder / SIGNATURE
    )
    (folder / SIGNATURE).unlink()
    theirs.signing.Config().use_elliptic_key_signer(private_key=signer_file).sign(folder, folder / SIGNATURE)
    verify_folder(folder, public_file)
