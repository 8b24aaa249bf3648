"""Options of a command line that none of its methods reads."""

from collections.abc import Iterable, Iterator

from rpo.commands.train import section_of


def unread(keys: Iterable[str], methods: Iterable[str]) -> Iterator[str]:
    """The keys in sections of other methods: TRAINER.COOP.N_CTX where only RPO is run.

    With several methods in one command each reads its own, so that is no mistake.
    """
    sections = {section_of(method) or method.upper() for method in methods}
    for key in dict.fromkeys(keys):
        node, _, rest = key.partition(".")
        section, dot, _ = rest.partition(".")
        if node == "TRAINER" and dot and section not in sections:
            yield key
