"""A figure as SVG inside a page: small, with names of its own, and without a reference outside."""

import re
from io import StringIO

from markupsafe import Markup, escape
from matplotlib.figure import Figure

from rpo.report.figures.style import SERIES, settings

# matplotlib would write its name, address and the date.
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
TAG = re.compile(r"<[^>]+>")
# Wider than a column of the page: such a figure is scrolled on a phone rather than shrunk.
WIDE_INCHES = 6.0
PIXELS_AN_INCH = 96  # of CSS; SVG counts in points, 72 an inch


def inline_svg(figure: Figure, prefix: str, label: str) -> Markup:
    """The figure as an element of a page.

    Args:
        prefix: told before every id, so that figures in one page do not refer to each other.
        label: what a screen reader says.
    """
    buffer = StringIO()
    with settings():
        figure.savefig(buffer, format="svg", metadata=NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # A style element in a page would hold for all of it.
    text = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.S)
    text = TAG.sub(lambda tag: _compact(tag.group(), prefix), text)
    width, height = figure.get_size_inches()
    size = f'width="{PIXELS_AN_INCH * width:.0f}" height="{PIXELS_AN_INCH * height:.0f}"'
    box = f'viewBox="0 0 {72 * width:g} {72 * height:g}"'
    head = f'<svg role="img" aria-label="{escape(label)}" {box} {size}>'
    # The SVG is matplotlib's, which escapes the texts in it.
    return Markup(head + re.sub(r">\s+<", "><", text[text.index(">") + 1 :]).strip())


def _compact(tag: str, prefix: str) -> str:
    """One tag with prefixed names, two decimals, and the page's font."""
    if tag.startswith("<g id="):  # nothing refers to groups, but the page chooses methods
        method = re.match(f'<g id="{SERIES}(.*?)"', tag)
        name = f' data-series="{method[1]}"' if method else ""
        return f"<g{name}/>" if tag.endswith("/>") else f"<g{name}>"
    tag = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{prefix}-", tag)
    tag = tag.replace("xlink:href=", "href=")
    tag = re.sub(r"(font: [^'\";]*?px) [^;\"]*", r"\1 sans-serif", tag)
    if "base64" in tag:
        return tag
    return re.sub(r"(\.\d\d)\d+", r"\1", re.sub(r"\s+", " ", tag))
