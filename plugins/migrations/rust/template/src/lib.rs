//! What this migration changes, in one line.
mod versiqii;

use versiqii::{Config, Outcome, Value};

fn up(config: &mut Config) -> Outcome {
    config.rename("/old_name", "/group/new_name")?;
    config.restore("/added", Value::string("usual"))
}

fn down(config: &mut Config) -> Outcome {
    config.rename("/group/new_name", "/old_name")?;
    config.take("/group")?;
    config.keep("/added", Value::string("usual"))
}

migration!(up, down);
