"""What can happen: the entry types, the topics that they reach, and the documents that describe them. Pure data.

Who appends an entry decides what is in it; this room only says which members a reader may rely on. An entry type that
is not in the catalogue is still published (``audit`` gets every entry), it merely has no schema.
"""

from versiqiid.core.events.asyncapi import Described, asyncapi
from versiqiid.core.events.catalogue import CATALOGUE, EventType, Topic, topics_of
from versiqiid.core.events.schema import event_schema

__all__ = ["CATALOGUE", "Described", "EventType", "Topic", "asyncapi", "event_schema", "topics_of"]
