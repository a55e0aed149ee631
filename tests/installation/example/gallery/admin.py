"""The only admin site: it is not Django's default one."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from gallery.models import Album, Attachment, Member, Photo

from moderation.admin import add_remove_action
from moderation.admin.action import RemoveSelectedMixin

desk = admin.AdminSite(name="desk")


@admin.register(Album, site=desk)
class AlbumAdmin(RemoveSelectedMixin, admin.ModelAdmin):
    """Albums, by the mixin."""


desk.register([Photo, Attachment])
desk.register(Member, UserAdmin)
add_remove_action(desk, Member)
