# What versiqiid may do in Consul: its own tree, and the sessions under which it leads and its agents report.
# `versiqii/` is the setting `root` and a slash. tests/e2e/test_vault_consul.py runs the daemon with exactly these rights.

key_prefix "versiqii/" {
  policy = "write"
}

# A session belongs to the node of the Consul agent that is asked. Name your nodes instead of "" if they are few.
session_prefix "" {
  policy = "write"
}

# May be left out: then Consul's version stays unknown, and transactions have 64 operations instead of 128.
agent_prefix "" {
  policy = "read"
}
