"""What moderation knows about the files of this app."""

from gallery.models import Attachment, Photo

from moderation.registration import register

register(Photo, title="album__title", owner="album__owner__username", picture="picture")
register(Attachment)
