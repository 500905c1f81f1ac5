"""Compose an event by hand: one form class for each kind, and the table that its fields come of."""

from feeds.composing.forms import (
    FORMS,
    Blamed,
    ComposeForm,
    PasteForm,
    Place,
    ProgressForm,
    TemplateForm,
)
from feeds.composing.history import later_of, names_there, remembered, start_of
from feeds.composing.kinds import KINDS, kind_of
from feeds.composing.preview import Snippet, activity_of, snippets_of
from feeds.composing.samples import Sample, curl_of, sample_of
from feeds.composing.slots import Kind, Slot, Start

__all__ = [
    "FORMS",
    "KINDS",
    "Blamed",
    "ComposeForm",
    "Kind",
    "PasteForm",
    "Place",
    "ProgressForm",
    "Sample",
    "Slot",
    "Snippet",
    "Start",
    "TemplateForm",
    "activity_of",
    "curl_of",
    "kind_of",
    "later_of",
    "names_there",
    "remembered",
    "sample_of",
    "snippets_of",
    "start_of",
]
