"""The rules of the Schema-Registry protocol: what a subject, a schema's content, a setting and a record are. Pure.

The public protocol is described at https://docs.confluent.io/platform/current/schema-registry/develop/api.html. A
subject is a family, its versions are the family's schema keys; what the key layout has no place for (ids, soft deletes,
modes, references) stands in records under ``_system/registry/``. Who reads and writes those is ``api/registry``'s
business, how it is said over HTTP ``api/rest``'s.
"""
