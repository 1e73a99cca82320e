"""The link that the edge opens: one websocket, through which the center asks as if it had dialled.

At the center ``endpoint`` takes lines in, ``board`` keeps them, ``through`` leads requests onto
them, and ``doors`` is their side of the database.  At the edge ``dialing`` keeps the line up, and
``answering`` hands what comes to the site's own application.
"""

PATH = "/sync/v1/channel"
