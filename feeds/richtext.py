"""HTML that strangers sent, for titles and contents: made harmless, and linked to what we know.

There is no other sanitiser. nh3 (ammonia) decides what stays; what is done afterwards only adds
links and takes images out of HTML that is well-formed and clean already.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

import nh3

from feeds.mentions import Known, known

INLINE = {
    *("a", "abbr", "b", "code", "del", "em", "i", "img", "ins", "q", "s", "small", "span"),
    *("strike", "strong", "sub", "sup", "tt", "u"),
}
BLOCKS = {
    *("blockquote", "br", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("li", "ol", "p", "pre", "ul", "table", "caption", "colgroup", "col", "thead", "tbody"),
    *("tfoot", "tr", "th", "td"),
}
#: Goes with all that is inside; of any other tag the text stays.
DROPPED = {"script", "style", "iframe", "object", "embed", "form"}
ATTRIBUTES = {"*": {"title"}, "a": {"href"}, "img": {"src", "alt"}}
SCHEMES = {"http", "https", "mailto"}
LINK_REL = "nofollow noopener noreferrer"

UNLINKED = {"a", "code", "pre", "tt"}  # what stands in them is a link already, or quoted
REMEMBERED = 2048  # texts; a title has 255 characters, a content 5000


@lru_cache(REMEMBERED)
def clean(html: str) -> str:
    """Return HTML without all that could harm; safe to put on a page.

    An image becomes a link with its alternative text: showing it would tell its host who reads.
    """
    cleaned = nh3.clean(
        html,
        tags=INLINE | BLOCKS,
        clean_content_tags=DROPPED,
        attributes=ATTRIBUTES,
        attribute_filter=_whole_address,
        url_schemes=SCHEMES,
        link_rel=LINK_REL,
    )
    return _rewritten(cleaned, _Rewriter()) if "<img" in cleaned else cleaned


def linked(html: str, *, base: str = "") -> str:
    """Return clean(HTML) in which keys of issues and projects, and names of users, are links.

    BASE goes in front of the paths of our own pages: settings.SITE_URL for readers elsewhere.
    """
    return _linked(html, base, False, known())


def line(html: str) -> str:
    """Return HTML as linked() does, with a space for all that would break a line."""
    return _linked(html, "", True, known())


@lru_cache(REMEMBERED)
def plain(html: str) -> str:
    """Return the text of HTML in one line; not escaped, so not safe to put on a page as it is."""
    walk = _Text()
    walk.feed(nh3.clean(html, tags=INLINE | BLOCKS, clean_content_tags=DROPPED))
    walk.close()
    return " ".join("".join(walk.pieces).split())


def web(url: str) -> str:
    """Return URL if it is a web address, else "": nothing else becomes a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme.lower() in {"http", "https"} and parts.netloc else ""


def _whole_address(tag: str, attribute: str, value: str) -> str | None:
    """Drop an address that begins at no host: written for the sender's pages, it is wrong here."""
    mail = attribute == "href" and value.lower().startswith("mailto:")
    return value if attribute not in {"href", "src"} or mail or web(value) else None


@lru_cache(REMEMBERED)
def _linked(html: str, base: str, inline: bool, known: Known) -> str:
    return _rewritten(clean(html), _Linker(known, base=base, inline=inline))


def _rewritten(cleaned: str, rewriter: _Rewriter) -> str:
    rewriter.feed(cleaned)
    rewriter.close()
    return "".join(rewriter.pieces)


# ---- walks over clean HTML


class _Text(HTMLParser):
    """Collects text; where a block begins or ends stands a space."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS:
            self.pieces.append(" ")
        elif tag == "img":
            self.pieces.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


class _Rewriter(HTMLParser):
    """Writes HTML as it reads it, but for images."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.inside: list[str] = []  # open elements in which nothing is linked

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pieces.append(self._image(dict(attrs)))
            return
        if tag in UNLINKED:
            self.inside.append(tag)
        self.pieces.append(self.get_starttag_text() or "")

    def _image(self, attributes: Mapping[str, str | None]) -> str:
        source, words = attributes.get("src"), attributes.get("alt") or ""
        if not source or "a" in self.inside:
            return escape(words, quote=False)
        return _link(source, words or "image", rel=LINK_REL)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()
        self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.pieces.append(escape(data, quote=False))


class _Linker(_Rewriter):
    """Writes HTML as it reads it, and links what is known; INLINE leaves blocks out."""

    def __init__(self, known: Known, *, base: str, inline: bool) -> None:
        super().__init__()
        self.known = known
        self.base = base
        self.inline = inline

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.inline and tag in BLOCKS:
            self.pieces.append(" ")
        else:
            super().handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.inline and tag in BLOCKS:
            self.pieces.append(" ")
        else:
            super().handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self.inside:
            super().handle_data(data)
            return
        done = 0
        for mention in self.known.mentions(data):
            self.pieces.append(escape(data[done : mention.start], quote=False))
            address = mention.url if "://" in mention.url else self.base + mention.url
            self.pieces.append(_link(address, data[mention.start : mention.end]))
            done = mention.end
        self.pieces.append(escape(data[done:], quote=False))


def _link(address: str, words: str, *, rel: str = "") -> str:
    attribute = f' rel="{rel}"' if rel else ""
    return f'<a href="{escape(address)}"{attribute}>{escape(words, quote=False)}</a>'
