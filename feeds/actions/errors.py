"""The rules that an action may meet; str(error) is fit to show."""


class ActionError(Exception):
    """A rule that forbids an action; str(error) is fit to show."""


class SiteUnknown(ActionError):
    """The cloudId is not this site's."""


class SourceUnknown(ActionError):
    """No such event source, and nothing that allows to make one."""


class ComponentUnknown(ActionError):
    """No such component."""


class ComponentMalformed(ActionError):
    """The component's ARI cannot be read."""


class LinkUnknown(ActionError):
    """The component has no such link."""


class SourceLimitReached(ActionError):
    """The component has as many sources as it may."""


class Forbidden(ActionError):
    """Somebody else's: neither its author nor an admin asks."""


class Conflict(ActionError):
    """Something unique exists already."""


class TooMany(ActionError):
    """One more of something than Compass allows."""
