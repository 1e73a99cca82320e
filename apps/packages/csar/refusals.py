"""Why a package is refused: one sentence for each code.  Not for remarks; those are checks."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid

SENTENCES: Final[dict[str, str]] = {
    # The file as a whole
    "wrong_extension": N_("“%(path)s” is not named as a package: its name must end in .csar."),
    "empty": N_("The file is empty; a package is a zip archive with content."),
    "archive_too_big": N_("The package has %(size)s bytes; at most %(limit)s bytes are accepted."),
    "not_a_zip": N_("“%(path)s” is not a zip archive; a package must be one."),
    "truncated": N_(
        "The archive “%(path)s” is cut off or damaged: its table of contents does not end where "
        "the file ends. Send the whole file again."
    ),
    "archive_ambiguous": N_(
        "The archive “%(path)s” can be read in two ways: it has more than one table of contents "
        "or data that belongs to no entry. Pack it again with one plain zip tool."
    ),
    "no_entries": N_("The archive “%(path)s” contains no file."),
    # Its entries
    "too_many_entries": N_(
        "“%(path)s” has more than %(limit)s entries, which is the most that is accepted."
    ),
    "encrypted": N_("“%(path)s” is encrypted; every file of a package must be readable."),
    "compression_method": N_(
        "“%(path)s” is packed by a method that is not understood; only “stored” and “deflated” are."
    ),
    "name_not_utf8": N_(
        "The name “%(path)s” is not marked and written as UTF-8; pack it again with UTF-8 names."
    ),
    "name_control": N_(
        "The name “%(path)s” contains a control or invisible character; rename the file."
    ),
    "path_absolute": N_("“%(path)s” is an absolute path; names must be relative to the package."),
    "path_traversal": N_(
        "“%(path)s” points out of the package with “..”; names must stay inside it."
    ),
    "path_backslash": N_("“%(path)s” contains a backslash; folders must be separated by “/”."),
    "path_odd": N_(
        "“%(path)s” is not a plain path: it is too long, or a part of it is empty, is a single "
        "dot, or ends in a dot or a space. Rename it."
    ),
    "link": N_("“%(path)s” is a symbolic link; put the file itself into the package."),
    "hard_link": N_("“%(path)s” is a hard link; put the file itself into the package."),
    "special_file": N_(
        "“%(path)s” is a device, a pipe or another special file; only files and folders belong "
        "into a package."
    ),
    "duplicate_name": N_("“%(path)s” is in the archive more than once; names must be unique."),
    "colliding_names": N_(
        "“%(path)s” and “%(other)s” differ only in upper and lower case or in the spelling of "
        "their characters; rename one of them."
    ),
    "file_and_folder": N_("“%(path)s” is both a file and a folder; rename one of them."),
    "folder_with_data": N_("The folder “%(path)s” carries data; only files may."),
    "entry_too_big": N_("“%(path)s” unpacks to more than %(limit)s bytes, which is its limit."),
    "total_too_big": N_(
        "Unpacked, “%(path)s” has more than %(limit)s bytes in all, which is the limit."
    ),
    "ratio": N_(
        "“%(path)s” unpacks to more than %(limit)s times its packed size, as a decompression "
        "bomb does."
    ),
    "size_lies": N_(
        "“%(path)s” does not unpack to the size that its header states; the archive is damaged "
        "or made to deceive."
    ),
    "checksum": N_(
        "“%(path)s” does not have the checksum that the archive states for it; it was damaged. "
        "Pack it again."
    ),
    "header_mismatch": N_(
        "“%(path)s” is described differently by its own header and by the table of contents."
    ),
    "overlap": N_("“%(path)s” shares its bytes with another entry; each entry needs its own."),
    "entry_damaged": N_("“%(path)s” cannot be unpacked: its packed data is damaged."),
    # Documents
    "metadata_missing": N_("TOSCA-Metadata/TOSCA.meta is missing; a package must have it."),
    "metadata_ambiguous": N_(
        "The package has several TOSCA-Metadata/TOSCA.meta files: “%(path)s” and “%(other)s”. "
        "Keep one."
    ),
    "manifest_missing": N_(
        "The manifest is missing: a package has one file ending in .mf beside TOSCA-Metadata."
    ),
    "manifest_incomplete": N_("The manifest “%(path)s” does not state %(key)s."),
    "manifest_value_long": N_(
        "The manifest “%(path)s” states %(key)s with more than %(limit)s characters."
    ),
    "entry_undefined": N_(
        "“%(path)s” does not say where the service template is: it needs a line "
        "Entry-Definitions, and none was found where one usually is."
    ),
    "template_missing": N_(
        "The service template is missing: “%(path)s”, which TOSCA.meta names as its "
        "Entry-Definitions, is not in the package."
    ),
    "template_malformed": N_("“%(path)s” is not a service template: it has no topology_template."),
    "template_names_missing_file": N_(
        "“%(path)s” names the file “%(other)s” for “%(node)s” (line %(line)s), and the package "
        "does not contain it."
    ),
    "not_text": N_("“%(path)s” must be text in UTF-8, and it is not."),
    "text_too_big": N_("“%(path)s” has more than %(limit)s bytes; that is too long to be read."),
    "yaml_malformed": N_("“%(path)s” is not valid YAML: line %(line)s, %(problem)s."),
    "yaml_bomb": N_(
        "“%(path)s” expands to too much (line %(line)s): too many or too deep nodes, or aliases "
        "that multiply or refer to themselves."
    ),
    "json_malformed": N_("“%(path)s” is not valid JSON: line %(line)s, %(problem)s."),
    "json_shape": N_("“%(path)s” must be a list of images, each an object with a name."),
    # Charts
    "chart_missing": N_(
        "A container package needs a Helm chart, and there is no .tgz under "
        "Artifacts/Deployment/Charts."
    ),
    "chart_not_tgz": N_("“%(path)s” is not a chart: it must be a tar archive packed by gzip."),
    "chart_truncated": N_("The chart “%(path)s” is cut off or damaged. Pack it again."),
    "chart_trailing": N_("The chart “%(path)s” has data behind its end. Pack it again."),
    "chart_without_chart_yaml": N_("The chart “%(path)s” has no Chart.yaml in its top folder."),
    "chart_several": N_("“%(path)s” holds more than one chart; give each a file of its own."),
    # Digests, under the policy "enforce"
    "digest_mismatch": N_(
        "“%(path)s” has the digest %(found)s, and the manifest states %(expected)s: one of the "
        "two was changed."
    ),
    "digest_missing_file": N_("The manifest lists “%(path)s”, and the package does not have it."),
    "digest_algorithm": N_(
        "The manifest uses the digest algorithm “%(algorithm)s” for “%(path)s”; SHA-256, SHA-384 "
        "and SHA-512 are accepted."
    ),
    "digest_none": N_("The manifest lists no digest; this site accepts only packages with them."),
    "digest_uncovered": N_(
        "The manifest has no digest for “%(path)s”; this site wants each deployable file covered."
    ),
}


class PackageRefused(Invalid):
    """The package is not accepted; ``code`` is a key of SENTENCES."""

    title = N_("Package refused")
    default_code = "package_refused"


def refuse(code: str, path: str = "", /, **params: Any) -> NoReturn:
    """Raise PackageRefused with the sentence of ``code`` about ``path``."""
    raise PackageRefused(SENTENCES[code], code=code, path=shown(path), **params)


def shown(text: str, width: int = 200) -> str:
    """``text`` made safe to show: control and undecodable characters escaped, length bounded."""
    safe = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text[: width + 1]
    )
    return safe if len(text) <= width else safe[: width - 1] + "…"
