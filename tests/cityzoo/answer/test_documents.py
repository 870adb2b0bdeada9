"""Documents cut at headings and paragraphs."""

from cityzoo.answer.documents import LONGEST, cut_document


def test_markdown_headings_make_a_path_and_code_has_none():
    text = "Intro.\n# Waste\n## Bulky\nCall.\n```\n# no heading\n```\n## Bins\nWeekly.\n# Library #\nOpen."
    assert list(cut_document(text, ".md")) == [
        ("", "Intro."),
        ("Waste > Bulky", "Call.\n```\n# no heading\n```"),
        ("Waste > Bins", "Weekly."),
        ("Library", "Open."),
    ]


def test_short_paragraphs_are_joined_and_long_ones_cut_at_sentences():
    sentence = "This sentence is here to be long enough. "
    text = "Short.\n\nAlso short.\n\n" + sentence * 40
    passages = [passage for _, passage in cut_document(text, ".txt")]
    assert passages[0].startswith("Short.\n\nAlso short.")
    assert all(len(passage) <= LONGEST and passage.endswith(".") for passage in passages)
    assert " ".join(passages).count("long enough") == 40
    assert list(cut_document("# 1 is no heading", ".txt")) == [("", "# 1 is no heading")]


def test_html_loses_scripts_and_keeps_headings():
    page = (
        "<html><head><style>p {}</style></head><body><nav>Menu</nav><h1>Library</h1><p>Open 9&nbsp;&ndash;&nbsp;5 "
        "<b>daily</b>.</p><script>steal()</script><ul><li>Books</li><li>Maps</li></ul><h2>Rooms</h2>Two."
    )
    assert list(cut_document(page, ".html")) == [
        ("Library", "Open 9 – 5 daily.\n\nBooks\n\nMaps"),
        ("Library > Rooms", "Two."),
    ]
