// scan-engine 1.0.0 <-> 2.0.0: limits move together, YARA is switched by a word, reports get a detail.
import { Config, Value, run } from "../template/assembly/versiqii";
export { vq_abi_version, vq_alloc } from "../template/assembly/versiqii";

function up(config: Config): void {
  config.move("/scan_depth", "/limits/depth");
  config.move("/timeout_ms", "/limits/timeout_ms");
  config.move("/heuristics/max_rules", "/heuristics/rules_max");
  const used = config.take("/heuristics/use_yara").equals(Value.bool(true));
  config.set("/heuristics/yara", Value.string(used ? "on" : "off"));
  config.restore("/report", Value.string("summary"));
}

function down(config: Config): void {
  config.move("/limits/depth", "/scan_depth");
  config.move("/limits/timeout_ms", "/timeout_ms");
  config.take("/limits");
  config.move("/heuristics/rules_max", "/heuristics/max_rules");
  const on = config.take("/heuristics/yara").equals(Value.string("on"));
  config.set("/heuristics/use_yara", Value.bool(on));
  config.keep("/report", Value.string("summary"));
}

export function vq_up(at: usize, length: usize): u64 { return run(at, length, up); }
export function vq_down(at: usize, length: usize): u64 { return run(at, length, down); }
