"""How long texts may be."""

KEY_LENGTH = 255  # characters of any indexed text; dialects.mapping.key() cuts to it
REFUSAL_BODY_LENGTH = 10_000  # characters kept of a body that was refused or ignored
ZONE_LENGTH = 64  # characters of the name of a time zone
ALIAS_LENGTH = 1024  # characters of an external alias, as Compass has it
REVISIONS_KEPT = 50  # of one activity; the trigger of 0011_revisions has the same number
