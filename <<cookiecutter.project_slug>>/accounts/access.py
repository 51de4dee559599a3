"""Who may use pages and API: in DEBUG everybody, in production who has signed in.

The API answers in JSON whatever happens, so it checks the login and the CSRF token itself: middleware would answer
with a redirect or a page.
"""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt

from accounts.errors import CsrfFailed, MethodNotAllowed, NotAuthenticated, refusal

type View = Callable[..., HttpResponseBase]


def page_login_required(view: View) -> View:
    """Send visitors without a login to the sign-in page, except in DEBUG."""
    protected = login_required(view)

    @wraps(view)
    def open_in_debug(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return (view if settings.DEBUG else protected)(request, *args, **kwargs)

    return open_in_debug


def api_view(*, methods: list[str]) -> Callable[[View], View]:
    """Make a view part of the JSON API.

    Only `methods` are let through. Without DEBUG a login is asked for (401) and, for anything but reading, a CSRF
    token (403). An `ApiError` or `Http404` that the view raises becomes `{"error": {"type", "message"}}`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer_in_json(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            try:
                if request.method not in methods:
                    raise MethodNotAllowed(request.method or "", methods)
                _check_access(request)
                return view(request, *args, **kwargs)
            except Exception as error:
                if answer := refusal(error):
                    return answer.response()
                raise

        return csrf_exempt(answer_in_json)

    return decorate


def _check_access(request: HttpRequest) -> None:
    if settings.DEBUG:
        return
    if not request.user.is_authenticated:
        raise NotAuthenticated("Sign in first: this API needs the session cookie of a signed-in user.")
    if reason := _CsrfCheck(_no_response).process_view(request, _no_response, (), {}):
        raise CsrfFailed(f"{reason} Send the token of the csrftoken cookie in the header X-CSRFToken.")


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check, which gives the reason instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def _no_response(request: HttpRequest) -> HttpResponseBase:
    raise NotImplementedError  # the check above wants a view and a next layer, and calls neither
