"""How each moderator wants to review drafts."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from moderation import conf


class PictureSize(models.TextChoices):
    """The sizes of pictures, which are also the values of MODERATION_PICTURE_SIZE."""

    SMALL = "small", _("small")
    MEDIUM = "medium", _("medium")
    LARGE = "large", _("large")


class ReviewPreferences(models.Model):
    """How a moderator sees pictures on the page of a draft, and whether letters are shortcuts.

    For a moderator without a row, the settings of the site apply.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("moderator"),
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    is_blurred = models.BooleanField(_("blur pictures"))
    is_grey = models.BooleanField(_("show pictures in grey"))
    picture_size = models.CharField(_("picture size"), max_length=10, choices=PictureSize)
    is_using_letter_keys = models.BooleanField(_("use single-letter shortcuts"))

    class Meta:
        verbose_name = _("review preferences")
        verbose_name_plural = _("review preferences")
        default_permissions = ()  # everybody may change their own, nobody those of others

    def __str__(self) -> str:
        return str(self.user)

    @classmethod
    def of(cls, user: AbstractBaseUser) -> ReviewPreferences:
        """Return the preferences of a user, or unsaved ones with the site's settings."""
        return cls.objects.filter(user_id=user.pk).first() or cls(
            user_id=user.pk,
            is_blurred=conf.blur_pictures(),
            is_grey=conf.grey_pictures(),
            picture_size=conf.picture_size(),
            is_using_letter_keys=conf.letter_keys(),
        )
