-- scan-engine 1.0.0 -> 2.0.0: limits move together, YARA is switched by a word, reports get a detail.
function migrate(config, context)
  move(config, "/scan_depth", "/limits/depth")
  move(config, "/timeout_ms", "/limits/timeout_ms")
  move(config, "/heuristics/max_rules", "/heuristics/rules_max")
  local used = take(config, "/heuristics/use_yara")
  set(config, "/heuristics/yara", used == true and "on" or "off")
  restore(config, "/report", "summary")
  return config
end
