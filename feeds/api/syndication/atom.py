"""Atom (RFC 4287) with the extensions of Atlassian Activity Streams, as its readers expect them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from urllib.parse import quote
from xml.sax.xmlreader import AttributesImpl

from django.utils.encoding import iri_to_uri
from django.utils.xmlutils import SimplerXMLGenerator

from feeds.api.syndication.entries import GENERATOR, Entry, Feed, Person, Thing

CONTENT_TYPE = "application/atom+xml; charset=utf-8"
NAMESPACES = {
    "xmlns": "http://www.w3.org/2005/Atom",
    "xmlns:activity": "http://activitystrea.ms/spec/1.0/",
    "xmlns:atlassian": "http://streams.atlassian.com/syndication/general/1.0",
    "xmlns:usr": "http://streams.atlassian.com/syndication/username/1.0",
}
ICON = "http://streams.atlassian.com/syndication/icon"
SCHEMA = "http://activitystrea.ms/schema/1.0/"  # where simple names of verbs and types belong
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0


class _Writer(SimplerXMLGenerator):
    """Writes XML; what it must not hold becomes U+FFFD, wherever it stands."""

    def characters(self, content: str) -> None:
        super().characters(_legal(content))

    @contextmanager
    def element(self, name: str, **attributes: str) -> Iterator[None]:
        """Write the element NAME around what is written meanwhile."""
        legal = {name: _legal(value) for name, value in attributes.items()}
        self.startElement(name, AttributesImpl(legal))
        yield
        self.endElement(name)

    def leaf(self, name: str, text: str = "", **attributes: str) -> None:
        """Write the element NAME with TEXT alone."""
        with self.element(name, **attributes):
            self.characters(text)

    def link(self, relation: str, address: str, **attributes: str) -> None:
        """Write a link, if there is an address."""
        if address:
            self.leaf("link", rel=relation, href=iri_to_uri(address), **attributes)


def write(feed: Feed) -> str:
    """Write FEED as Atom."""
    text = StringIO()
    to = _Writer(text, "utf-8", short_empty_elements=True)
    to.startDocument()
    with to.element("feed", **NAMESPACES):
        to.leaf("id", feed.id)
        to.leaf("title", feed.title, type="text")
        to.leaf("updated", feed.updated)
        to.link("self", feed.address, type="application/atom+xml")
        to.link("alternate", feed.page, type="text/html")
        to.link("next", feed.older, type="application/atom+xml")  # RFC 5005
        to.link("previous", feed.newer, type="application/atom+xml")
        to.leaf("generator", GENERATOR)
        to.leaf("atlassian:timezone-offset", "+0000")
        for entry in feed.entries:
            _entry(to, entry)
    to.endDocument()
    return text.getvalue()


def _entry(to: _Writer, entry: Entry) -> None:
    with to.element("entry"):
        to.leaf("id", entry.id)
        to.leaf("title", entry.title, type="html")
        to.leaf("content", entry.content, type="html")
        _author(to, entry.author)
        to.leaf("published", entry.published)
        to.leaf("updated", entry.published)  # the moment by which readers order and filter
        to.link("alternate", entry.link)
        to.link(ICON, entry.icon, title=entry.icon_title)
        uri = {"uri": iri_to_uri(entry.generator_url)} if entry.generator_url else {}
        to.leaf("generator", entry.generator, **uri)
        to.leaf("activity:verb", _name(entry.verb))
        _thing(to, "activity:object", entry.object)
        if entry.target:
            _thing(to, "activity:target", entry.target)
        to.leaf("atlassian:timezone-offset", "+0000")


def _author(to: _Writer, author: Person) -> None:
    with to.element("author"):
        to.leaf("name", author.name)
        if author.email:
            to.leaf("email", author.email)
        if author.url:
            to.leaf("uri", iri_to_uri(author.url))
        to.link("photo", author.image)
        if author.username:
            to.leaf("usr:username", author.username)
        to.leaf("activity:object-type", _name("person"))


def _thing(to: _Writer, name: str, thing: Thing) -> None:
    with to.element(name):
        to.leaf("id", thing.id)
        to.leaf("title", thing.title, type="text")
        to.leaf("summary", thing.summary, type="text")
        to.link("alternate", thing.url)
        if thing.type:
            to.leaf("activity:object-type", _name(thing.type))


def _name(name: str) -> str:
    """Write a verb or a type as an address: simple names belong to the schema."""
    return name if ":" in name else SCHEMA + quote(name)


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
