"""A module of handlers without a main()."""
from reeve import handler


@handler
def thrice(n):
    return 3 * n


class Twice:
    @staticmethod
    def twice(n):
        return 2 * n
