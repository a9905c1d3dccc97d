"""A second, naive implementation of the rule "How one effective config is computed", to hold the product against.

Written from the text of the key layout alone, over the whole tree, slowly and plainly: no snapshot, no index, no cache
and no import of the product. Where both agree on random worlds and random edits, either both are right or both made the
same mistake from the same text; so nothing here may be borrowed from ``versiqiid``.

=============  ==============================================================================
``reading``    bytes to documents: strict JSON, else one YAML 1.2 document of the core schema
``forms``      our own documents: which fields there are, and of what type
``versions``   five schemes: which texts are versions, in which order, and inside which ranges
``guests``     a handful of WebAssembly modules, and what each is known to do
``steps``      one migration step: patch, lens, guest
``judge``      schemas: usable or not, and the violations of a document
``rule``       steps 1 to 8 over the whole tree
``history``    what stays from before: the last good config of every binding
``worlds``     random worlds and random edits, made to collide
``drive``      a running engine beside the oracle, compared after every edit
=============  ==============================================================================
"""
