//! scan-engine 1.0.0 <-> 2.0.0: limits move together, YARA is switched by a word, reports get a detail.
#[path = "../template/src/versiqii.rs"]
mod versiqii;

use versiqii::{Config, Outcome, Value};

fn up(config: &mut Config) -> Outcome {
    config.rename("/scan_depth", "/limits/depth")?;
    config.rename("/timeout_ms", "/limits/timeout_ms")?;
    config.rename("/heuristics/max_rules", "/heuristics/rules_max")?;
    let used = config.take("/heuristics/use_yara")? == Value::bool(true);
    config.set("/heuristics/yara", Value::string(if used { "on" } else { "off" }))?;
    config.restore("/report", Value::string("summary"))
}

fn down(config: &mut Config) -> Outcome {
    config.rename("/limits/depth", "/scan_depth")?;
    config.rename("/limits/timeout_ms", "/timeout_ms")?;
    config.take("/limits")?;
    config.rename("/heuristics/rules_max", "/heuristics/max_rules")?;
    let on = config.take("/heuristics/yara")? == Value::string("on");
    config.set("/heuristics/use_yara", Value::bool(on))?;
    config.keep("/report", Value::string("summary"))
}

migration!(up, down);
