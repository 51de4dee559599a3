"""Who may look at the operations page, and who may act there: the same people as in the admin's list of tasks."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

type View = Callable[..., HttpResponseBase]

LOOK, ACT = "tasks.view_taskrecord", "tasks.change_taskrecord"


def _for_staff(permission: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def check(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not (request.user.is_staff and request.user.has_perm(permission)):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return check

    return decorate


def page(view: View) -> View:
    """For staff who may see tasks."""
    return require_safe(_for_staff(LOOK)(view))


def action(view: Callable[..., str]) -> View:
    """For staff who may change tasks: does something and gives a sentence, for the page or as JSON for ops.js."""

    @wraps(view)
    def act(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        said = view(request, *args, **kwargs)
        if not request.accepts("text/html"):
            return JsonResponse({"said": said})
        messages.info(request, said)
        back = request.POST.get("next", "")
        return redirect(back if url_has_allowed_host_and_scheme(back, None) else "ops:index")

    return require_POST(_for_staff(ACT)(act))
