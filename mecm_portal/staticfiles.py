"""Static files under hashed names; tolerant of assets that a bare test run has not installed."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """Hashed names where a manifest exists, plain names where none was collected yet."""

    manifest_strict = False
