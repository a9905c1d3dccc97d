"""Consul as key-value store and lock service: python-consul2's endpoints over a transport of our own.

``ConsulStore`` in ``store.py`` is the face; ``settings.py`` says where Consul is. The rules that are kept here, and the
defects of the library that are worked round, are listed in ``docs/consul-rules.md``. Nothing is imported by this
module, so that an embedded daemon never loads an HTTP client.
"""
