"""What the page of a component, a source, an actor, a repository or an issue says before its feed.

Each digest is a bounded look: so many newest rows along one index, or a window of time that is cut
and says so. None of them costs more on a table of ten million.
"""
