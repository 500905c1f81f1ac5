"""Answers that are kept, so that a request sent twice is done once."""

from datetime import timedelta

from django.utils import timezone

from feeds.models import KeptAnswer, User

KEPT = timedelta(hours=24)


def claim_answer(user: User, key: str, *, fingerprint: str) -> tuple[KeptAnswer, bool]:
    """Return the answer of USER's KEY, and whether the caller has just made it and must fill it.

    Call it in the transaction that does the work: whoever comes second waits here for its end.
    """
    mine = KeptAnswer.objects.filter(user_id=user.pk, key=key)
    mine.filter(created_at__lt=timezone.now() - KEPT).delete()
    return KeptAnswer.objects.get_or_create(
        user_id=user.pk, key=key, defaults={"fingerprint": fingerprint, "status": 0, "body": ""}
    )


def keep_answer(kept: KeptAnswer, *, status: int, body: str) -> None:
    """Fill the claimed answer KEPT."""
    kept.status, kept.body = status, body
    kept.save(update_fields=["status", "body"])
