"""What the templates of a story need: an event as one sentence, and how its state is drawn."""

from __future__ import annotations

from django import template

from feeds import richtext, vocabulary
from feeds.models import Activity, EventKind
from feeds.templatetags.pulseboard import has_html

State = Activity.State
register = template.Library()
register.filter("mark_of", vocabulary.mark)


@register.filter
def sentence(activity: Activity) -> str:
    """Say in plain words who did what; what was rolled back was deployed before."""
    if has_html(activity):
        return richtext.plain(activity.title) or activity.external_id
    what = vocabulary.headline(activity) or activity.external_id
    did, since = vocabulary.phrase(activity), ""
    if (activity.kind, activity.state) == (EventKind.DEPLOYMENT, State.ROLLED_BACK):
        did, since = (
            vocabulary.PHRASES[EventKind.DEPLOYMENT, State.SUCCEEDED],
            " (rolled back since)",
        )
    words = (activity.actor_name or activity.actor_key, did, what)
    return " ".join(filter(None, words)) + since
