"""Registers the models that own files, with few options."""

from moderation.registration import register
from tests.testapp import models

for model in (models.Volume, models.Thread, models.Song, models.Stamp, models.Exhibit):
    register(model)
for with_default_or_hidden in (models.Profile, models.Badge, models.Binned):
    register(with_default_or_hidden)
register(models.Attachment)
register(models.Piece, picture="picture", thumbnail="leaflet")
