-- What this migration changes, in one line. Its way back is down.lua.
function migrate(config, context)
  move(config, "/old_name", "/group/new_name")
  restore(config, "/added", "usual")
  return config
end
