"""The live feed: streams that say what is new and what has changed.

Nobody publishes. While somebody listens, one task of the process (watch.py) asks the database four
times a second what it has not noticed (window.py: new activities, changes.py: changed and deleted
ones), and works out once for each distinct filter, however many share it, what to tell
(lookout.py). A stream itself (streams.py) holds no thread and no connection.

A page gets hints without rows, such as {"seq": 918273, "new": 3}, and fetches what it may see; a
program gets the activities themselves (catchup.py: also those that it missed).
"""
