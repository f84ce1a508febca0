//! One JSON value laid over another.

use serde_json::Value;

/// Puts `over` over `under`, member by member: RFC 7396, without its removal of members.
pub fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}
