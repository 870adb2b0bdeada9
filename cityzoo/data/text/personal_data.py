"""Mask personal data in text by rules that hold in many countries. Standard library only.

Names are found where a title or an introduction comes before them ("Frau Weber", "my name is Ana Silva") or where a
list is given: a name alone looks like any other word.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

KINDS = ("email", "phone", "id", "plate", "name")
CAPITAL = "[A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĘĚĞİŁŃŇŐŘŚŞŠŤŮŰŹŻŽ]"
WORD = rf"{CAPITAL}(?:[^\W\d_]|['’])+(?:-[^\W\d_]+)*(?!\w)"
PARTICLE = r"(?:(?:von|van|zu|zur|vom|de|der|den|del|della|di|da|du|la|le|el|al|bin|ibn)\ )"
FULL_NAME = rf"{PARTICLE}{{0,2}}{WORD}(?:\ {PARTICLE}{{0,2}}{WORD}){{0,2}}"
TITLE = """Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam|Herrn?|Frau|Fräulein|Mme|Mlle|Monsieur|Madame|Sra?|Srta|Señora?|
    Signora?|Dhr|Mevr|Mevrouw|Meneer|Pani?|Bayan"""
INTRODUCTION = r"""my\ name\ is|i\ am\ called|(?:(?:first|last|full|sur|family|caller|driver)[ -]?|\b)name:|ich\ heiße|
    mein\ name\ ist|je\ m['’]appelle|mon\ nom\ est|me\ llamo|mi\ nombre\ es|mi\ chiamo|ik\ heet|mijn\ naam\ is|
    meu\ nome\ é|nazywam\ się"""
PHONE = r"tel(?:ephone|efono?|éfono)?|phone|mobile?|cell|fax|handy|whatsapp|call(?:\ me)?(?:\ at|\ on)?"
PLATE = r"""(?:(?:licen[cs]e|number|registration|vehicle)[ -])?plates?|kennzeichen|nummernschild|kfz|immatriculation|
    reg(?:istration)?\.?\ (?:no|number|nr)|matr[ií]cula|targa|kenteken|tablica"""
ID = r"""(?:id|identity|personal|national(?:\ id)?|social\ security|tax|insurance|passport)[ -]?(?:card[ -]?)?
    (?:number|no|nr)|ssn|passport|driver'?s?\ licen[cs]e|reisepass(?:-?nr)?|führerschein(?:-?nr)?|
    (?:personal)?ausweis(?:nummer|-?nr)?|
    (?:steuer-?)?id-?nr|steuer-?nr|dni|nie|nif|bsn|pesel|cpf|aadhaar"""
MONTH = "JAN|FEB|MAR|APR|MAY|MAI|JUN|JUL|AUG|SEP|OCT|OKT|NOV|DEC|DEZ"
STOP = "and|or|of|to|in|on|at|is|was|with|for|the|per|und|oder|von|im|et|de|en"  # no part of a plate
UNIT = "GBP|CHF|CZK|HKD|CNY|GMT|PST|MST|CST|MSK|KMH|MPH|RPM|FPS|DPI|PDF|JPG|PNG|KWH"


def _cued(cue: str, value: str) -> str:
    # A value that any of these words comes before: "Tel.: 1234567", "the plate was AB 1234".
    between = r"(?:\.?\ (?i:no|nr|number|is|was|ist|est|es|lautet)\b)*[.:#=\ ]{1,4}"
    return rf"\b(?i:{cue})\b{between}(?P<@NAME_value>{value})"


# At each place of the text the first rule that fits is taken. What "keep" rules find stays as it is.
RULES = {
    "email": r"(?<![\w.+%'-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    "keep_uuid": r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
    "keep_time": r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d[\d:.,]*(?:Z|[+-]\d\d:?\d\d)?)?(?![\w-])",
    "keep_date": rf"\b\d\d?(?:[./]\d\d?[./]|-\d\d?-|-(?i:{MONTH})-)(?:\d{{4}}|\d\d)(?![\w/-]|\.\d)",
    "keep_ip": r"(?<![\w.+])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)",
    "id_iban": r"\b[A-Z]{2}\d\d(?:\ ?[A-Z0-9]{4}){2,7}(?:\ ?[A-Z0-9]{1,3})?\b",
    "id_payment": r"(?<![\w.])[3-6]\d{3}[ -]?(?:\d{4}[ -]?\d{4}[ -]?\d{4}|\d{6}[ -]?\d{5})(?![\w-]|\.\d)",
    "id_social": r"(?<![\w.-])\d{3}-\d\d-\d{4}(?![\w-])",
    "id_vehicle": r"\b(?=(?:\d*[A-Z]){3})(?=(?:[A-Z]*\d){3})[A-HJ-NPR-Z0-9]{17}\b",
    "id_cued": _cued(ID, r"(?=[A-Za-z./-]{0,4}\d)[A-Za-z0-9](?:[./-]?[A-Za-z0-9]|\ ?\d){4,20}"),
    "plate_cued": _cued(
        PLATE,
        rf"(?!(?:\d+\ )?(?:{STOP})\b)(?=[\w -]{{0,8}}\d)(?=[\d -]{{0,8}}[^\W\d_])[^\W_]{{1,4}}"
        rf"(?:[ -]?(?!(?:{STOP})\b)[^\W\d_]{{1,3}}\b)?(?:[ -]?\d[^\W_]{{0,3}}){{0,3}}\b",
    ),
    "phone_cued": _cued(PHONE, r"(?:\((?=\d+\)))?\+?\d(?:[ ()/.-]{0,3}\d){5,14}(?!\w)"),
    "phone_world": r"(?<![\w.])(?:\+|00(?=[1-9]))\d(?:[ ()/.-]{0,3}\d){7,14}(?!\w|\.\d)",
    "phone_trunk": r"(?<![\w./:+-])(?:\((?=0\d+\)))?0[1-9](?:\)?[ /.-]{0,3}\d){7,10}(?!\w|[.:]\d)",
    "phone_nanp": r"(?<![\w.+-])(?:\((?=\d{3}\)))?[2-9]\d\d(?:\)\ ?|[ .-])[2-9]\d\d[ .-]\d{4}(?![\w-])",
    "keep_road": r"\b(?:[A-Z]|US|SR|CR|RN|SS)[ -]?\d{1,3}(?!\w|-[A-Z])",
    "plate_four": r"\b[A-Z]{2}[ -]?\d\d?[ -]?[A-Z]{1,3}[ -]?\d{4}\b",  # India
    "plate_hyphen": r"\b[A-ZÄÖÜ]{1,3}-[A-Z]{1,2}[ -]?[1-9]\d{0,3}[EH]?\b",  # Germany
    "plate_space": r"\b[A-ZÄÖÜ]{1,3}\ (?:[A-Z]{2}\ ?[1-9]\d{1,3}|[A-Z]\ ?[1-9]\d\d\d?)[EH]?\b",
    # Britain, Italy, France; not an encryption or a metric
    "plate_inner": r"\b(?!AES|SHA|AP50|AP75)(?:[A-Z]{2}[ -]?\d{2,4}[ -]?[A-Z]{2,3}|[A-Z]{1,3}-\d{1,3}-[A-Z]{1,3})\b",
    "plate_outer": r"\b\d{1,3}-[A-Z]{2,3}-\d\d?\b|\b\d[A-Z]{3}\d{3}\b",  # the Netherlands, California
    "plate_end": rf"\b\d{{4}}[ -]?(?!{UNIT})[BCDFGHJKLMNPRSTVWXYZ]{{3}}\b",  # Spain
    "name_title": rf"\b(?:{TITLE})\.?\ (?:(?:Dr|Prof|Ing|med)\.\ ?){{0,3}}(?P<name_title_value>{FULL_NAME})",
    "name_cued": rf"\b(?i:{INTRODUCTION})\ ?(?P<name_cued_value>{FULL_NAME})",
}
# Every rule begins with a word, a plus sign or a bracket: trying none elsewhere saves most of the time.
START = r"(?:\b(?=\w)|(?<!\w)(?=[+(]))"
NAMED = "|".join(f"(?P<{name}>{rule.replace('@NAME', name)})" for name, rule in RULES.items())
RULE = re.compile(f"{START}(?:{NAMED})", re.VERBOSE)


def mask_text(text: str, names: Iterable[str] = ()) -> str:
    """Replace e-mail addresses, phone, document and account numbers, license plates and names by their kind.

    Dates, times, prices, addresses of the internet, road names and identifiers of requests stay.

    Args:
        text: any text, such as a line of a log.
        names: people's names to mask wherever they occur, whatever their case.

    Example:
        >>> mask_text("12:30 A9: B-AB 1234 hit a fence, Frau Weber (0171 2345678) paid 1.200 EUR")
        '12:30 A9: [plate] hit a fence, Frau [name] ([phone]) paid 1.200 EUR'
        >>> mask_text("reported by ana silva", names=["Ana Silva"])
        'reported by [name]'
    """
    listed = _names_rule(
        tuple(sorted({name.strip() for name in names if name.strip()}, key=len, reverse=True))
    )
    return RULE.sub(_replacement, listed.sub("[name]", text) if listed else text)


@functools.lru_cache(maxsize=8)
def _names_rule(names: tuple[str, ...]) -> re.Pattern[str] | None:
    words = (r"\s+".join(map(re.escape, name.split())) for name in names)
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if names else None


def _replacement(found: re.Match[str]) -> str:
    rule = found.lastgroup or ""
    rule = rule.removesuffix("_value")
    kind, value = rule.partition("_")[0], f"{rule}_value"
    if kind == "keep" or not PROOFS.get(rule, bool)(found[rule]):
        return found[0]
    start = found.start(value) if value in RULE.groupindex else found.start()
    return f"{found[0][: start - found.start()]}[{kind}]"


def _is_iban(text: str) -> bool:
    """Return whether the check digits of ISO 13616 are right."""
    letters = re.sub(r"\W", "", text)
    return int("".join(str(int(each, 36)) for each in letters[4:] + letters[:4])) % 97 == 1


def _is_payment_card(text: str) -> bool:
    """Return whether the check digit of ISO 7812 (Luhn) is right."""
    digits = [int(each) for each in reversed(text) if each.isdigit()]
    doubled = [sum(divmod(2 * each, 10)) for each in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


PROOFS = {"id_iban": _is_iban, "id_payment": _is_payment_card}
