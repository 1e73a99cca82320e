"""Uploads go to disk, and only so much of them.  What is in them is judged elsewhere."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import TemporaryFileUploadHandler

# Above the limit by this much, so that the reader still gets to say its own sentence about size.
SLACK_BYTES = 1024 * 1024


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Streams a file to the site's temporary directory and stops where no package can be."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> Any:
        """Write a piece; RequestDataTooBig ends the request, and Django drops the file."""
        if start + len(raw_data) > settings.PACKAGE_MAX_BYTES + SLACK_BYTES:
            self.file.close()
            raise RequestDataTooBig("The upload is larger than any package may be.")
        return super().receive_data_chunk(raw_data, start)
