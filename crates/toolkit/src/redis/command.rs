//! What a command says about itself: its name, its script, its text without its arguments.

use std::borrow::Cow;
use std::fmt;

use redis::{Arg, Cmd, Pipeline};

/// Arguments beyond this are not written: a span is not the place for a thousand question marks.
const ARGUMENTS_MAX: usize = 16;
/// Commands of a batch beyond this are not written.
const COMMANDS_MAX: usize = 16;
/// Longer names are no names of commands.
const NAME_BYTES_MAX: usize = 64;

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Command<'a> {
    name: &'a str,
    procedure: Option<&'a str>,
    arguments: usize,
}

impl<'a> Command<'a> {
    pub(super) fn of(cmd: &'a Cmd) -> Self {
        let mut arguments = cmd.args_iter();
        let name = text_of(arguments.next()).unwrap_or("_OTHER");
        let count = arguments.len();
        let procedure = if runs_script(name) { text_of(arguments.next()) } else { None };
        Self { name, procedure, arguments: count }
    }

    /// `db.operation.name`, as the application wrote it.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// `db.stored_procedure.name`.
    pub(super) fn procedure(&self) -> Option<&'a str> {
        self.procedure
    }
}

/// The command as it is written for Redis' command line, with `?` for each argument.
impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for _ in 0..self.arguments.min(ARGUMENTS_MAX) {
            f.write_str(" ?")?;
        }
        if self.arguments > ARGUMENTS_MAX { f.write_str(" ...") } else { Ok(()) }
    }
}

fn runs_script(name: &str) -> bool {
    ["EVALSHA", "EVALSHA_RO", "FCALL", "FCALL_RO"].iter().any(|script| name.eq_ignore_ascii_case(script))
}

/// The text of an argument that is a name.
fn text_of(argument: Option<Arg<&[u8]>>) -> Option<&str> {
    let Some(Arg::Simple(bytes)) = argument else { return None };
    let plain = bytes.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
    if bytes.is_empty() || bytes.len() > NAME_BYTES_MAX || !plain {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

/// The commands of a pipeline or a transaction.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pipeline: &'a Pipeline,
    /// The one command that all are.
    same: Option<Command<'a>>,
}

impl<'a> Batch<'a> {
    pub(super) fn of(pipeline: &'a Pipeline) -> Self {
        let mut commands = pipeline.cmd_iter().map(Command::of);
        let first = commands.next();
        let same = first.filter(|first| commands.all(|c| c.name == first.name));
        Self { pipeline, same }
    }

    /// `db.operation.name`: `PIPELINE`, or `MULTI` for a transaction, with the command that all
    /// are. A batch of one is no batch.
    pub(super) fn name(&self) -> Cow<'a, str> {
        let verb = if self.pipeline.is_transaction() { "MULTI" } else { "PIPELINE" };
        match self.same {
            Some(command) if self.pipeline.len() == 1 => Cow::Borrowed(command.name),
            Some(command) => Cow::Owned(format!("{verb} {}", command.name)),
            None => Cow::Borrowed(verb),
        }
    }

    /// `db.stored_procedure.name`, when all run the same.
    pub(super) fn procedure(&self) -> Option<&'a str> {
        let procedure = self.same?.procedure?;
        let mut commands = self.pipeline.cmd_iter().map(Command::of);
        commands.all(|c| c.procedure == Some(procedure)).then_some(procedure)
    }

    /// `db.operation.batch.size`, when it is a batch.
    pub(super) fn size(&self) -> Option<i64> {
        i64::try_from(self.pipeline.len()).ok().filter(|size| *size != 1)
    }
}

/// The texts of all commands, or the one that they share.
impl fmt::Display for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut commands = self.pipeline.cmd_iter().map(Command::of);
        if let Some(same) = self.same
            && commands.all(|c| c.arguments == same.arguments)
        {
            return write!(f, "{same}");
        }
        for (at, command) in self.pipeline.cmd_iter().map(Command::of).enumerate() {
            if at == COMMANDS_MAX {
                return f.write_str("; ...");
            }
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{command}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cmd: &Cmd) -> String {
        Command::of(cmd).to_string()
    }

    fn batch(pipeline: &Pipeline) -> (String, String, Option<i64>) {
        let batch = Batch::of(pipeline);
        (batch.name().into_owned(), batch.to_string(), batch.size())
    }

    #[test]
    fn no_argument_is_in_the_text() {
        assert_eq!(text(redis::cmd("SET").arg("user:7").arg("secret")), "SET ? ?");
        assert_eq!(text(redis::cmd("get").arg("user:7")), "get ?");
        assert_eq!(text(&redis::cmd("PING")), "PING");
        assert_eq!(text(redis::cmd("SCAN").cursor_arg(0).arg("MATCH").arg("a*")), "SCAN ? ? ?");
    }

    #[test]
    fn bounds_what_it_writes() {
        let many: Vec<u32> = (0..1000).collect();
        let shown = text(redis::cmd("DEL").arg(many));
        assert_eq!(shown.matches('?').count(), ARGUMENTS_MAX);
        assert!(shown.ends_with("? ..."));
        let mut pipeline = redis::pipe();
        for n in 0..1000 {
            pipeline.cmd(if n % 2 == 0 { "GET" } else { "TTL" }).arg(n);
        }
        let (name, shown, size) = batch(&pipeline);
        assert_eq!((name.as_str(), size), ("PIPELINE", Some(1000)));
        assert_eq!(shown.matches('?').count(), COMMANDS_MAX);
    }

    #[test]
    fn what_is_no_name_of_a_command_is_other() {
        assert_eq!(text(&redis::cmd(&"x".repeat(65))), "_OTHER");
        assert_eq!(text(&redis::cmd("a\nb")), "_OTHER");
        assert_eq!(text(&Cmd::new()), "_OTHER");
    }

    #[test]
    fn names_the_script() {
        let mut cmd = redis::cmd("EVALSHA");
        cmd.arg("4a22").arg(1).arg("k");
        assert_eq!(Command::of(&cmd).procedure(), Some("4a22"));
        assert_eq!(Command::of(redis::cmd("GET").arg("k")).procedure(), None);
    }

    #[test]
    fn a_batch_is_named_by_the_command_all_are() {
        let mut same = redis::pipe();
        same.cmd("SET").arg(1).arg(2).cmd("SET").arg(3).arg(4);
        assert_eq!(batch(&same), ("PIPELINE SET".into(), "SET ? ?".into(), Some(2)));
        let mut mixed = redis::pipe();
        mixed.atomic().cmd("SET").arg(1).arg(2).cmd("GET").arg(3);
        assert_eq!(batch(&mixed), ("MULTI".into(), "SET ? ?; GET ?".into(), Some(2)));
    }

    #[test]
    fn a_batch_of_one_is_no_batch_and_an_empty_one_is() {
        let mut one = redis::pipe();
        one.atomic().cmd("GET").arg(1);
        assert_eq!(batch(&one), ("GET".into(), "GET ?".into(), None));
        assert_eq!(batch(&redis::pipe()), ("PIPELINE".into(), String::new(), Some(0)));
    }
}
