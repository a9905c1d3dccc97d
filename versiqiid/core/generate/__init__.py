"""Documents made from a JSON Schema: the same ones for the same seed, on every machine. Nothing is validated here.

For whoever needs inputs that nobody wrote: law tests of migrations, witnesses of an incompatible change. First come the
boundaries (what is least, what is most, each member alone, each alternative, each bound), then seeded random documents,
for as long as they are asked for. A document *should* fit its schema and need not: keywords that only forbid (``not``,
``contains`` with a maximum, two patterns at once) are left to the caller's validator, which has the last word anyway.

``dice.py`` is the one source of chance, ``flatten.py`` takes a schema's combinations apart, ``boundaries.py`` and
``samples.py`` make values, ``mutate.py`` changes documents a little, and ``shrink.py`` makes a document smaller step by
step. A member that no schema names is made only on demand: an object that is open says that anything may be there, and
a document that its author had in mind has the members that its author named.
"""

from versiqiid.core.generate.dice import Dice
from versiqiid.core.generate.documents import documents
from versiqiid.core.generate.mutate import mutate
from versiqiid.core.generate.shrink import smaller

__all__ = ["Dice", "documents", "mutate", "smaller"]
