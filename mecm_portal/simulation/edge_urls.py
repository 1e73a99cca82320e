"""The addresses of an edge, whatever the role of this process is."""

from mecm_portal import urls
from mecm_portal.roles import EDGE

urlpatterns = urls.patterns_of(EDGE)
handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500
