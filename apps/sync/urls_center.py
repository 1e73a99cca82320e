"""``/sync/v1`` of a center."""

from django.urls import path

from apps.sync import api, api_joining

urlpatterns = [
    path("site", api.SiteView.as_view()),
    path("invitations", api_joining.InvitationsView.as_view()),
    path("invitations/<uuid:invitation_id>", api_joining.InvitationView.as_view()),
    path("edges/<uuid:edge_id>/revoke", api_joining.EdgeRevokeView.as_view()),
    path("edges/<uuid:edge_id>/autonomy", api_joining.EdgeAutonomyView.as_view()),
    path("join", api_joining.JoinView.as_view()),
    path("hello", api_joining.HelloView.as_view()),
    path("accounts", api_joining.AccountsView.as_view()),
    path("keys", api_joining.KeysView.as_view()),
]
