-- scan-engine 2.0.0 -> 1.0.0: the way back of up.lua; what a report says beyond the usual is kept aside.
function migrate(config, context)
  move(config, "/limits/depth", "/scan_depth")
  move(config, "/limits/timeout_ms", "/timeout_ms")
  take(config, "/limits")
  move(config, "/heuristics/rules_max", "/heuristics/max_rules")
  set(config, "/heuristics/use_yara", take(config, "/heuristics/yara") == "on")
  keep(config, "/report", "summary")
  return config
end
