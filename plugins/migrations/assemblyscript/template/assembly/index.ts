// What this migration changes, in one line.
import { Config, Value, run } from "./versiqii";
export { vq_abi_version, vq_alloc } from "./versiqii";

function up(config: Config): void {
  config.move("/old_name", "/group/new_name");
  config.restore("/added", Value.string("usual"));
}

function down(config: Config): void {
  config.move("/group/new_name", "/old_name");
  config.take("/group");
  config.keep("/added", Value.string("usual"));
}

export function vq_up(at: usize, length: usize): u64 { return run(at, length, up); }
export function vq_down(at: usize, length: usize): u64 { return run(at, length, down); }
