"""`make check` fails for what it is meant to forbid: each rule meets a planted offender."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import source_rules, template_rules, translations
from tools.findings import ROOT

COPIED = (
    "apps",
    "mecm_portal",
    "tools",
    "templates",
    "locale",
    "static",
    "manage.py",
    "pyproject.toml",
)


@pytest.fixture
def house(tmp_path):
    """A copy of the house to plant things in."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run_check(house: Path, name: str):
    """`tools/check.py NAME` in the copy."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MECM_")}
    return subprocess.run(
        [sys.executable, "tools/check.py", name],
        cwd=house,
        env=environment | {"PYTHONPATH": str(house), "MECM_SITE_DIR": str(house / "site")},
        capture_output=True,
        text=True,
        check=False,
    )


def plant(house: Path, name: str, text: str) -> Path:
    path = house / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text)
    return path


@pytest.mark.parametrize(
    ("where", "line", "said"),
    [
        ("apps/common/planted.py", "from apps.hosts import models\n", "apps.common"),
        ("apps/hosts/planted.py", "import mecm_portal.roles\n", "mecm_portal.roles"),
        ("apps/hosts/planted.py", "import kubernetes\n", "kubernetes"),
        ("apps/packages/planted.py", "from guardian import shortcuts\n", "guardian"),
        ("apps/attic/__init__.py", "", "attic"),
    ],
)
def test_a_wrong_import_fails_the_floors(house, where, line, said):
    plant(house, where, f'"""Planted."""\n\n{line}')
    outcome = run_check(house, "floors")
    assert outcome.returncode == 1
    assert said in outcome.stdout
    assert "BROKEN" in outcome.stdout


def test_a_change_of_a_model_without_migration_fails(house):
    plant(
        house,
        "apps/journal/models.py",
        '\n\nclass Planted(models.Model):\n    """A table that no migration makes."""\n',
    )
    outcome = run_check(house, "migrations")
    assert outcome.returncode == 1
    assert "Planted" in outcome.stdout


def test_an_import_inside_a_function_and_a_missing_return_type_fail(house):
    plant(
        house,
        "apps/hosts/planted.py",
        '"""Planted."""\n\n\ndef f():\n    import json\n    return json\n',
    )
    outcome = run_check(house, "lint")
    assert "apps/hosts/planted.py:5:5: PLC0415" in outcome.stdout
    assert "apps/hosts/planted.py:4:5: ANN201" in outcome.stdout


def source_findings(tmp_path: Path, text: str, name: str = "apps/hosts/planted.py") -> list[str]:
    plant(tmp_path, name, text)
    return [f"{finding.line}: {finding.what}" for finding in source_rules.check(tmp_path)]


def test_a_file_of_401_lines_fails_and_one_of_400_does_not(tmp_path):
    assert source_findings(tmp_path, "x = 1\n" * 400) == []
    assert source_findings(tmp_path, "x = 1\n") == ["401: 401 lines"]


def test_a_function_of_51_lines_fails_and_one_of_50_does_not(tmp_path):
    head = 'def f() -> None:\n    """Planted."""\n'
    assert source_findings(tmp_path, head + "    x = 1\n" * 48) == []
    assert source_findings(tmp_path, "    x = 1\n") == ["1: f has 51 lines"]


@pytest.mark.parametrize(
    "text",
    [
        'if role == "center":\n    pass\n',
        'x = 1 if settings.ROLE.name == "edge" else 2\n',
        'if self.site_role in ("center",):\n    pass\n',
        "if roles.current() is roles.EDGE:\n    pass\n",
        "if settings.ROLE == CENTER:\n    pass\n",
        'match role:\n    case "edge":\n        pass\n',
        'if settings.SITE_NAME == "center":\n    pass\n',
        'import os\nx = os.environ["MECM_ROLE"]\n',
        'import os\nx = os.getenv("MECM_ROLE")\n',
    ],
)
def test_a_decision_by_the_role_fails(tmp_path, text):
    (found,) = source_findings(tmp_path, text)
    assert "decides by the role" in found or "names MECM_ROLE" in found


@pytest.mark.parametrize(
    "text",
    [
        'if kind == "edge":\n    pass\n',
        'if node.kind in ("site", "edge"):\n    pass\n',
        "if user.role == Role.ADMIN:\n    pass\n",
        "if name in settings.ROLE.nav:\n    pass\n",
        "ROLE = roles.current()\n",
    ],
)
def test_what_is_not_a_decision_by_the_role_passes(tmp_path, text):
    assert source_findings(tmp_path, text) == []


def test_a_decision_by_the_role_in_a_template_fails(tmp_path):
    found = source_findings(
        tmp_path, '<p>\n{% if role.name == "edge" %}x{% endif %}', "templates/x.html"
    )
    assert found == ["2: decides by the role"]


def test_model_signals_and_missing_docstrings_fail(tmp_path):
    text = "from django.db.models.signals import post_save\n\n\ndef f() -> None:\n    pass\n"
    assert source_findings(tmp_path, text) == [
        "1: uses Django model signals",
        "4: f has no docstring",
    ]


def words_in(text: str) -> list[tuple[int, str]]:
    return [
        (finding.line, finding.what) for finding in template_rules.is_translated("x.html", text)
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<p>\n Untranslated words</p>", 2),
        ('<a title="Untranslated">{{ x }}</a>', 1),
        ("{% if x %}\n\n<b>{{ n }} things</b>{% endif %}", 3),
        ('{% blocktranslate %}\nfine{% endblocktranslate %}\n<img alt="Raw">', 3),
    ],
)
def test_an_untranslated_text_in_a_template_fails(text, line):
    ((found, what),) = words_in(text)
    assert found == line
    assert what.endswith("untranslated")


@pytest.mark.parametrize(
    "text",
    [
        "<p>{% translate 'Words' %}</p>",
        "<p>{% blocktranslate %}Some words{% endblocktranslate %}</p>",
        "<p>{# a remark #}{{ value }} · 12 %</p>",
        '<p class="words of classes"><b translate="no">MECM <i>Portal</i></b></p>',
        "<code>kubectl get pods</code>",
    ],
)
def test_translated_and_mute_text_passes(text):
    assert words_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.com/x.js"></script>',
        '<img src="//tiles.example.com/1.png">',
        "a { background: url(http://fonts.example.com/x) }",
    ],
)
def test_another_host_fails(text):
    assert list(template_rules.stays_home("x.html", text))


@pytest.mark.parametrize(
    "text", ["<script>x()</script>", '<p style="x">', '<a onclick="x()">', "<style>"]
)
def test_inline_code_that_the_content_policy_blocks_fails(text):
    assert list(template_rules.obeys_policy("x.html", text))


def test_data_for_a_script_is_not_inline_code():
    text = '<script type="application/json" id="x">{}</script><script src="/x.js"></script>'
    assert list(template_rules.obeys_policy("x.html", text)) == []


def test_a_broken_tag_fails():
    (found,) = template_rules.compiles("x.html", "\n{% if x %}")
    assert "does not compile" in str(found)


PLANTED = """from django.utils.translation import gettext_noop as N_

X = N_("A %(new)s text.")
"""


def catalog(tmp_path: Path, entry: str = "") -> list[str]:
    plant(tmp_path, "apps/hosts/planted.py", PLANTED)
    path = translations.po_path(tmp_path, "zh_Hans")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n' + entry)
    return [str(finding) for finding in translations.check(tmp_path)]


def test_a_text_without_a_translation_fails(tmp_path):
    (found,) = catalog(tmp_path)
    assert found.startswith(
        "apps/hosts/planted.py:3: “A %(new)s text.” has no translation to zh_Hans"
    )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('#, fuzzy\nmsgid "A %(new)s text."\nmsgstr "一段%(new)s文字。"\n', "is marked fuzzy"),
        ('msgid "A %(new)s text."\nmsgstr "一段%(neu)s文字。"\n', "different %(…)s"),
        ('msgid "A %(new)s text."\nmsgstr ""\n', "has no translation"),
    ],
)
def test_a_doubtful_translation_fails(tmp_path, entry, said):
    (found,) = catalog(tmp_path, entry)
    assert said in found


def test_a_translated_text_passes_and_stays_when_catalogs_are_updated(tmp_path):
    assert catalog(tmp_path, 'msgid "A %(new)s text."\nmsgstr "一段%(new)s文字。"\n') == []
    plant(tmp_path, "apps/hosts/planted.py", 'Y = N_("Another.")\n')
    assert translations.extract(tmp_path) == 1
    written = translations.po_path(tmp_path, "zh_Hans").read_text()
    assert "一段%(new)s文字。" in written
    assert "Another." in written
    assert translations.extract(tmp_path) == 1
    assert translations.po_path(tmp_path, "zh_Hans").read_text() == written
    assert translations.compile_all(tmp_path) == 1


@pytest.mark.parametrize("sentence", ['"No such host."', 'f"No host {x}."'])
def test_a_sentence_that_no_catalog_knows_fails(tmp_path, sentence):
    plant(tmp_path, "apps/hosts/planted.py", f"NotFound({sentence})\nNotFound(N_('Fine here.'))\n")
    (found,) = translations.unmarked(tmp_path)
    assert found.line == 1


def test_every_rule_is_a_check():
    assert {rule.__name__ for rule in source_rules.RULES} == {
        "sizes",
        "docstrings",
        "signals",
        "role",
    }
    assert list(source_rules.sizes("x.py", "", ast.parse(""))) == []
