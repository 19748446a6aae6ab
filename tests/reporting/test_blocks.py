"""The same blocks as HTML and as Markdown; text stays text in both."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.reporting.blocks import (
    Code,
    Folded,
    Heading,
    List,
    Markup,
    Prose,
    Section,
    Table,
    markdown_text,
    section_html,
    section_markdown,
)

ATTACK = "<script>|`*_[x](y)\n# z"


def test_a_section_is_shown_twice() -> None:
    table = Table(("name", "count"), [("a", "1,000"), ("b", "")])
    section = Section("Two Words", [Prose("Why."), table, Code(["t2t x", "t2t y"])])
    assert section_markdown(section) == (
        "## Two Words\n\nWhy.\n\n"
        "| name | count |\n| --- | ---: |\n| a | 1,000 |\n| b |  |\n\n"
        "    t2t x\n    t2t y"
    )
    page = section_html(section)
    assert page.startswith('<section id="two-words"><h2>Two Words</h2><p>Why.</p>')
    assert '<td class="number">1,000</td>' in page and "<td>a</td>" in page


def test_headings_and_sentences_are_shown_twice() -> None:
    section = Section("T", [Heading(ATTACK), List(["One.", ATTACK])])
    assert "\n\n- One.\n- " in section_markdown(section)
    assert "### " in section_markdown(section)
    page = section_html(section)
    assert "<h3>&lt;script&gt;" in page and "<ul><li>One.</li><li>&lt;s" in page


def test_what_only_a_browser_can_show_is_left_out_of_markdown() -> None:
    blocks = [Markup("<svg></svg>"), Folded("more", [Prose("inside")])]
    section = Section("Title", blocks)
    shown = "<svg></svg><details><summary>more</summary><p>inside</p></details>"
    assert shown in section_html(section)
    assert section_markdown(section) == ""


def test_text_stays_text() -> None:
    table = Table((ATTACK, "b"), [(ATTACK, ATTACK)])
    blocks = [Prose(ATTACK), table, Code([ATTACK]), Folded(ATTACK, [Prose(ATTACK)])]
    section = Section(ATTACK, blocks)
    assert "<script" not in section_html(section)
    lines = section_markdown(section).splitlines()
    plain = [line for line in lines if not line.startswith("    ")]
    assert not any("<" in line for line in plain)
    assert len([line for line in plain if line.startswith("| ")]) == 3
    # The attack's own heading stays within the paragraph, the table, the code.
    assert not any(line.startswith("# ") for line in plain)


@given(st.text())
def test_markdown_text_is_one_line_without_open_marks(text: str) -> None:
    shown = markdown_text(text)
    assert len(shown.splitlines()) <= 1
    for mark in "`*_|[":
        assert shown.count(mark) == shown.count(f"\\{mark}") == text.count(mark)
    assert "<" not in shown


def test_a_browser_keeps_the_hyphens_of_a_flag_with_its_name() -> None:
    page = section_html(Section("Title", [Code(["t2t a--b --mixture=x,y <z"])]))
    assert "t2t a--b <span class=" in page
    assert '<span class="flag">--mixture</span>=x,y &lt;z' in page


def test_long_lists_may_be_broken_and_short_ones_stay() -> None:
    long, parted = "one,two,three,four,five,six", "one,<wbr>two,<wbr>three,<wbr>four"
    table = Table(("a",), [(long,), ("x,y",)])
    for block in (table, Prose(f"of {long}"), Code([f"t2t --mixture={long}"])):
        assert parted in section_html(Section("Title", [block]))
    page = section_html(Section("Title", [table, Prose("1,000 of 4,000")]))
    assert "<td>x,y</td>" in page and "1,000 of 4,000" in page


def test_ranges_stand_as_numbers_do() -> None:
    rows = [
        ("98.5\u00a0–\u00a0100.0", "1 – a"),
        ("-1\u00a0–\u00a02\u00a0–\u00a03", "2"),
    ]
    page = section_html(Section("Title", [Table(("a", "b"), rows)]))
    assert '<td class="number">98.5\u00a0–' in page
    assert "<td>1 – a</td>" in page
