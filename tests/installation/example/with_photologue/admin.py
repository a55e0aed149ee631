"""The action for the photos of django-photologue."""

from django.contrib import admin
from photologue.models import Photo

from moderation.admin import add_remove_action

add_remove_action(admin.site, Photo)
