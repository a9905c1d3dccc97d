"""Compatibility of Avro schemas: whether a reader's schema resolves all that a writer's schema writes.

``reading.py`` is the door to the avro library, ``resolve.py`` walks two schemas by the specification's rules
(https://avro.apache.org/docs/1.12.0/specification/#schema-resolution), ``judge.py`` puts the verdict into words. The
library is imported when the first pair is judged.
"""

from versiqiid.core.compatibility.avro.judge import AvroJudge

__all__ = ["AvroJudge"]
