# What versiqiid may do in Vault: fetch a Consul token of one role, and give it back when it stops. Looking itself up,
# renewing itself and renewing what it was given come with Vault's own policy "default".

path "consul/creds/versiqii" {
  capabilities = ["read"]
}

path "sys/leases/revoke" {
  capabilities = ["update"]
}
