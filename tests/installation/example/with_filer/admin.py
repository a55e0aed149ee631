"""The action for the files of django-filer. Its list of folders calls actions otherwise."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from filer.models import File, Image
from gallery.models import Member

from moderation.admin import add_remove_action

admin.site.register(Member, UserAdmin)  # filer's pages suggest users
for model in (File, Image):
    add_remove_action(admin.site, model)
