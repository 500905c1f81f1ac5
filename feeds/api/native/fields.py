"""Serializers that refuse what they do not know, and fields that take no other type for theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

WEB = ("https://", "http://")


class Text(serializers.CharField):
    """Text that is text: 5 is not "5"."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("must be a string")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """True or false, and no words for them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("must be true or false")
        return data


class Strict(serializers.Serializer[Any]):
    """A body whose every field is known: a typo is refused, and not dropped."""

    def to_internal_value(self, data: Any) -> Any:
        wrong: dict[Any, Any] = {}
        if isinstance(data, Mapping):
            known = [name for name, field in self.fields.items() if not field.read_only]
            rule = f"is not one of {', '.join(known)}"
            wrong = {str(name): [rule] for name in data if name not in known}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail = error.detail
            raise serializers.ValidationError({**detail, **wrong}) from None  # type: ignore[dict-item]
        if wrong:
            raise serializers.ValidationError(wrong)
        return value


def read(kind: type[Strict], data: Any, *, partial: bool = False) -> dict[str, Any]:
    """Return what DATA says, read by KIND; raises ValidationError with every fault."""
    asked = kind(data=data, partial=partial)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def web_address(value: str) -> None:
    """Refuse a VALUE that is no web address."""
    if value and not value.startswith(WEB):
        raise serializers.ValidationError("must begin with https:// or http://")
