"""The heap of a process that serves pages: what is loaded stays out of its garbage collections."""

import gc

#: Objects that are new when a collection begins. Python's 700 make ten a page, and each thirteenth
#: page waits for a full one; nearly all that a page leaves goes without.
NEW = 10_000


def settle() -> None:
    """Keep what is loaded now for as long as the process lives, and collect less often.

    A full collection that walked it too would hold up some request for a third of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW, 10, 10)
