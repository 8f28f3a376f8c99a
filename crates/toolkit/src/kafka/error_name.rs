//! `error.type` out of the names that clients give to Kafka's error codes.

/// `MessageTimedOut` as `message_timed_out`; what is behind the name, as in `Unknown(42)`, is left
/// out.
pub(super) fn snake(name: &str) -> String {
    let name = name.split(['(', ' ']).next().unwrap_or(name);
    let mut snake = String::with_capacity(name.len() + 8);
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = !letter.is_ascii_uppercase();
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake;

    #[test]
    fn names_of_codes_become_snake_case() {
        for (name, expected) in [
            ("MessageTimedOut", "message_timed_out"),
            ("UnknownTopicOrPartition", "unknown_topic_or_partition"),
            ("PartitionEOF", "partition_eof"),
            ("Unknown(42)", "unknown"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }
}
