function migrate(config, context)
  move(config, "/group/new_name", "/old_name")
  take(config, "/group")
  keep(config, "/added", "usual")
  return config
end
