"""Tier 1 migrations: small reversible operations on the members of a document, written as data.

A lens is a list of one-key objects. The same list maps a document (``applying.py``), runs backwards (``inverse.py``)
and maps the schema that the documents follow (``schema.py``). ``operations.py`` holds the values, ``reading.py`` the
way from and to JSON. No lens calls anything: it can be judged by reading it.

The operations and their names are those of Project Cambria (https://www.inkandswitch.com/cambria/); what each does to
a document, and when it fails, is settled here:

==============================================  =====================================================================
``rename {source, destination}``                the member moves to a name that is free
``add {name, type, default}``                   a new member with the default; ``default`` may be left out: the empty
                                                value of the (first) type, null where null is among the types
``remove {name, type, default}``                the member goes; type and default say how its inverse adds it again
``hoist {host, name}``                          member ``name`` of the object ``host`` moves up beside ``host``
``plunge {host, name}``                         member ``name`` moves down into the object ``host``
``wrap {name}``                                 the value becomes an array of that one value
``head {name}``                                 the array becomes its first element
``in {name, lens}``                             the lens works on that member
``map {lens}``                                  the lens works on each element; what stands here must be an array
``convert {name, mapping, sourceType,           the scalar is looked up in ``mapping[0]``, an object whose names are
destinationType}``                              the values as text; ``mapping[1]`` is for the way back
==============================================  =====================================================================

A member that is not there is a failure, and so is a name that is taken: a lens never guesses and never overwrites.
"""

from versiqiid.core.lens.applying import apply
from versiqiid.core.lens.inverse import invert, lossy_pointers
from versiqiid.core.lens.operations import Lens
from versiqiid.core.lens.reading import lens_to_json, parse_lens
from versiqiid.core.lens.schema import apply_to_schema

__all__ = ["Lens", "apply", "apply_to_schema", "invert", "lens_to_json", "lossy_pointers", "parse_lens"]
