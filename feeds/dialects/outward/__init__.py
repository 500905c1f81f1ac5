"""Systems that composed events are sent to, by the name that a connection keeps."""

from feeds.dialects.letters import Upstream
from feeds.dialects.outward import compass, pulseboard, streams, teamhub

UPSTREAMS: dict[str, Upstream] = {
    "compass": compass,
    "streams": streams,
    "teamhub": teamhub,
    "pulseboard": pulseboard,
}
