"""The first account. While there is none, whoever reads the log may make it through a link that is good once."""

from django.contrib.auth import get_user_model, login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods


class AccountExists(Exception):
    """Somebody has made the first account already."""


class FirstAccountForm(UserCreationForm):
    """Name, password and, optionally, an address for the password reset."""

    class Meta(UserCreationForm.Meta):
        fields = ("username", "email")
        help_texts = {"email": "Optional. A forgotten password is reset through it."}

    def save(self, commit: bool = True) -> User:
        """Raises AccountExists when another request was quicker."""
        self.instance.is_staff = self.instance.is_superuser = True
        with transaction.atomic():
            _one_at_a_time()
            if account_exists():
                raise AccountExists
            user: User = super().save(commit)
            return user


def account_exists() -> bool:
    return get_user_model()._default_manager.exists()


def first_account_path() -> str | None:
    """The path of the link that makes the first account, or None where there is an account."""
    return None if account_exists() else reverse("accounts:first", args=[_token()])


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def first_account(request: HttpRequest, token: str) -> HttpResponse:
    if not constant_time_compare(token, _token()):
        raise Http404
    if account_exists():
        return _gone(request)
    form = FirstAccountForm(request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/first.html", {"form": form})
    try:
        user = form.save()
    except AccountExists:
        return _gone(request)
    login(request, user)
    return redirect("/")


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/first_gone.html", status=410)


def _token() -> str:
    """Follows from SECRET_KEY, so every interpreter and every node knows it and nothing is stored."""
    return salted_hmac("accounts.first", "first account", algorithm="sha256").hexdigest()


def _one_at_a_time() -> None:
    """Let the rest of this transaction run in one request at a time.

    The users' table has no row to lock yet, its content type has. On SQLite the transaction itself holds the lock.
    """
    content_type = ContentType.objects.get_for_model(get_user_model())
    ContentType.objects.select_for_update().get(pk=content_type.pk)
