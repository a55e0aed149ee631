"""Members on Django's default admin site, since filer's pages suggest users."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from gallery.models import Member

admin.site.register(Member, UserAdmin)
