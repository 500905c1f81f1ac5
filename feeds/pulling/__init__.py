"""Reading the events of others: TeamHub connections, page by page, into the feed.

claims.py says which connection is whose turn, run.py asks the upstream, recording.py writes what it
answers, and lag.py says how old that is.
"""

from feeds.pulling.lag import lag_of
from feeds.pulling.run import pull

__all__ = ["lag_of", "pull"]
