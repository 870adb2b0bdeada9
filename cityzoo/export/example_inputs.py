"""How the example script of an exported folder makes the file's input of what users have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Source(NamedTuple):
    """Source code of a script, up to its `feeds`.

    Attributes:
        argument: of the command line.
        packages: that pip installs besides NumPy and the runtime.
        imports: lines, besides those of all scripts.
        code: lines that make `feeds`.
    """

    argument: str
    packages: str
    imports: str
    code: str


PIL = "from PIL import Image, ImageOps\n"
LETTERBOX = """
height, width = about["inputs"][0]["size_hw"]
image = Image.open(sys.argv[1] if len(sys.argv) > 1 else HERE / "example.png")
image = ImageOps.exif_transpose(image).convert("RGB")
scale = min(width / image.width, height / image.height)
size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
left, top = (width - size[0]) // 2, (height - size[1]) // 2
canvas = Image.new("RGB", (width, height), (about["inputs"][0]["resize"]["pad_value"],) * 3)
canvas.paste(image.resize(size, Image.Resampling.BILINEAR), (left, top))
feeds = {about["inputs"][0]["name"]: np.asarray(canvas, np.float32)[None]}
"""
STRETCH = """
height, width = about["inputs"][0]["size_hw"]
image = Image.open(sys.argv[1] if len(sys.argv) > 1 else HERE / "example.png")
image = ImageOps.exif_transpose(image).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
feeds = {about["inputs"][0]["name"]: np.asarray(image, np.float32)[None]}
"""
PROBES = """
probes = np.load(HERE / "probes.npz")
feeds = {t["name"]: probes["input." + t["name"]][:1].astype(t["dtype"]) for t in about["inputs"]}
"""
TEXT = """
tensor = about["inputs"][0]
text = sys.argv[1] if len(sys.argv) > 1 else str(np.load(HERE / "probes.npz")["sources"][0])
text = re.sub(tensor["text"]["removed"], "", text)
print(text)
"""
TOKENS = """
ids = Tokenizer.from_file(str(HERE / tensor["text"]["file"])).encode(text).ids
ids += [tensor["text"]["padding_id"]] * ((tensor["shape"][1] or 0) - len(ids))
feeds = {tensor["name"]: np.array([ids], np.int32)}
"""
WORDS = """
offsets = [found.span() for found in re.finditer(tensor["text"]["words"], text)]
encoded = Tokenizer.from_file(str(HERE / tensor["text"]["file"])).encode(
    [text[start:end] for start, end in offsets], is_pretokenized=True
)
ids = encoded.ids + [tensor["text"]["padding_id"]] * ((tensor["shape"][1] or 0) - len(encoded.ids))
feeds = {tensor["name"]: np.array([ids], np.int32)}
"""
TERMS = """
weights = json.loads((HERE / tensor["text"]["file"]).read_text(encoding="utf-8"))
words = re.findall(r"\\w+", text[: tensor["text"]["longest"]].lower())
terms = ["word " + " ".join(words[i : i + n]) for n in (1, 2) for i in range(len(words) - n + 1)]
terms += ["part " + f" {word} "[i : i + n] for word in words for n in (2, 3, 4) for i in range(len(word) + 3 - n)]
row = np.array([terms.count(t) and (1 + np.log(terms.count(t))) * w for t, w in weights.items()], np.float32)
feeds = {tensor["name"]: row[None] / max(np.linalg.norm(row), 1e-12)}
"""
SOUND = """
tensor = about["inputs"][0]
size, rate = tensor["shape"][1], tensor["sound"]["rate"]
if len(sys.argv) > 1:
    samples, found = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)
    if found != rate:
        sys.exit(f"{found} Hz: convert it to {rate} Hz")
    clip = samples.mean(axis=1)
else:
    clip = np.load(HERE / "probes.npz")["input."][0].astype(np.float32)
clip = np.pad(clip, (max(0, size - len(clip)) // 2, max(0, size - len(clip) + 1) // 2))
start = (len(clip) - size) // 2
feeds = {tensor["name"]: clip[None, start : start + size].astype(np.float32)}  # the middle of a longer one
"""
KINDS = {
    "letterbox": Source(" IMAGE", " pillow", PIL, LETTERBOX),
    "stretch": Source(" IMAGE", " pillow", PIL, STRETCH),
    "tokenizer.json": Source(
        ' "SOME TEXT"', " tokenizers", "from tokenizers import Tokenizer\n", TEXT + TOKENS
    ),
    "words": Source(' "SOME TEXT"', " tokenizers", "from tokenizers import Tokenizer\n", TEXT + WORDS),
    "tfidf.json": Source(' "SOME TEXT"', "", "", TEXT + TERMS),
    "sound": Source(" SOUND.wav", " soundfile", "import soundfile\n", SOUND),
    "": Source("", "", "", PROBES),
}


def find_source(about: Mapping[str, Any]) -> Source:
    """Return how a file's input is made.

    Args:
        about: the file's description.
    """
    tensor = about["inputs"][0]
    kind = tensor.get("resize", {}).get("mode") or tensor.get("text", {}).get("file")
    kind = "words" if "words" in tensor.get("text", {}) else kind
    return KINDS[kind or ("sound" if "sound" in tensor else "")]
