from moderation.storage.s3.adapter import S3Adapter

__all__ = ["S3Adapter"]
