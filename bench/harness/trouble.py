"""What ends a measurement: a server, or what it needs, does not do what it must."""


class Trouble(Exception):
    """Says who, and what."""
