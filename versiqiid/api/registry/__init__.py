"""The use cases of the Schema-Registry protocol over the store: no HTTP here. Rules are ``core/registry``'s.

Everything is read from the store when it is asked and written in one transaction that fails when it has moved; nothing
is kept in memory, so that any number of processes agree.
"""
