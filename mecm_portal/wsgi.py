"""Django's pages and API as WSGI; the site process runs it on a fixed pool of threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")

application = get_wsgi_application()
