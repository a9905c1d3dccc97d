# What an engine that reads its config straight from Consul may do: the effective configs of its environment, no more.
key_prefix "versiqii/effective/prod/eu-fr/" {
  policy = "read"
}
