# What a developer needs. Support staff leave out create, update and delete.
path "secret/data/kitegateway/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "secret/metadata/kitegateway/*" {
  capabilities = ["create", "list", "read", "update"]
}
