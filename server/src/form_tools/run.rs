//! `form run`: a form filled in the terminal, question after question. What is
//! asked goes to standard error and the instance to standard output; answers
//! are lines, so that a script can give them too.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use doorstep::clock::{Clock, china_offset};
use doorstep_form::xform::{self, Identity};
use doorstep_form::{AnswerError, Context, NodeKind, NodePath, NodeView, ProblemKind, Session};

use super::choose::{self, Choice};
use crate::options::RunOptions;

const HELP: &str = "A line is the answer; an empty line keeps what is there. Also:
  :back            the question before
  :next            the next one, whatever is wrong with this answer
  :clear           no answer
  :go /path        another question
  :language NAME   another language of the form
  :problems        what stands in the way of finishing
  :finish          finish now
  :quit            stop; nothing is kept
An answer that begins with a colon is typed with two.";

/// Asks, and writes the instance.
///
/// # Errors
/// When the form cannot be used, the answers end before it can be finished, or
/// the person stops.
pub(crate) fn run(options: &RunOptions) -> anyhow::Result<()> {
    let read = super::read(&options.file, options.media.as_deref())?;
    let Some(plan) = read.plan else {
        anyhow::bail!("{} cannot be used; `doorstep form check` says why", options.file.display());
    };
    let now = options.now.unwrap_or_else(|| Clock::system().now().with_timezone(&china_offset()));
    let context =
        Context { now, seed: options.seed, username: options.username.clone(), ..Context::default() };
    let mut session = Session::start(Arc::new(plan), context, &BTreeMap::new());
    if let Some(language) = options.language.as_deref().filter(|language| !session.set_language(language)) {
        anyhow::bail!(
            "the form has no language {language:?}; it has {}",
            session.plan().form().languages().join(", ")
        );
    }
    let (session, instance) = Filling::new(session, io::stdin().lock(), io::stderr().lock()).fill(now)?;
    let text = if options.xml {
        let identity = Identity {
            instance_id: Some(instance_id(options.seed, now)),
            instance_name: session.instance_name().filter(|name| !name.is_empty()),
            ..Identity::default()
        };
        xform::instance_to_xml(session.plan().form(), &instance, &identity).xml
    } else {
        serde_json::to_string_pretty(&instance)?
    };
    match &options.out {
        None => doorstep::terminal::say(text),
        Some(file) => std::fs::write(file, text + "\n").map_err(|cause| {
            anyhow::anyhow!("{} cannot be written ({cause}); name another", file.display())
        })?,
    }
    Ok(())
}

/// Who the instance is, where the form has no place for that: the same for the
/// same seed and moment, like everything random in it.
fn instance_id(seed: u64, now: chrono::DateTime<chrono::FixedOffset>) -> String {
    let milliseconds = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    let mut drawn = [0; 10];
    drawn.iter_mut().zip(seed.to_be_bytes()).for_each(|(byte, of_seed)| *byte = of_seed);
    format!("uuid:{}", uuid::Builder::from_unix_timestamp_millis(milliseconds, &drawn).into_uuid())
}

/// Where one stops: a question, or the end of a repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stop {
    Question(NodePath),
    Note(NodePath),
    MoreOf(NodePath),
}

impl Stop {
    fn path(&self) -> &NodePath {
        match self {
            Stop::Question(path) | Stop::Note(path) | Stop::MoreOf(path) => path,
        }
    }
}

/// Where to go from a stop.
enum Way {
    Stay,
    Next,
    Back,
    To(NodePath),
    Finish,
    Quit,
}

struct Filling<I, O> {
    session: Session,
    input: I,
    output: O,
    title: Option<String>,
}

impl<I: BufRead, O: Write> Filling<I, O> {
    fn new(session: Session, input: I, output: O) -> Self {
        Self { session, input, output, title: None }
    }

    /// Nobody reads: there is nobody to tell.
    fn tell(&mut self, line: impl Display) {
        let _ = writeln!(self.output, "{line}");
    }

    /// The session as it was finished, and what came of it.
    fn fill(
        mut self,
        now: chrono::DateTime<chrono::FixedOffset>,
    ) -> anyhow::Result<(Session, serde_json::Value)> {
        let title = self.session.plan().form().title().to_owned();
        self.tell(format_args!("{title}  (:help lists what can be typed beside answers)"));
        let mut at: Option<Stop> = self.stops().into_iter().next();
        loop {
            let Some(stop) = at.clone() else {
                match self.session.finish(now) {
                    Ok(instance) => return Ok((self.session, instance)),
                    Err(problems) => {
                        self.tell("This stands in the way of finishing:");
                        for problem in &problems {
                            self.tell(format_args!("  {}: {}", problem.path, problem.message));
                        }
                        let first = problems.first().map(|problem| problem.path.clone());
                        at = first.as_ref().and_then(|path| self.stop_at(path));
                        anyhow::ensure!(at.is_some(), "the form asks for what nobody can answer; check it");
                        if self.at_end()? {
                            anyhow::bail!("the answers end before the form can be finished");
                        }
                        continue;
                    }
                }
            };
            at = match self.ask(&stop)? {
                Way::Stay => Some(stop),
                Way::Next => self.after(&stop),
                Way::Back => self.before(&stop).or(Some(stop)),
                Way::To(path) => {
                    let found = self.stop_at(&path);
                    if found.is_none() {
                        self.tell(format_args!("  nothing is asked at {path} now"));
                    }
                    found.or(Some(stop))
                }
                Way::Finish => None,
                Way::Quit => anyhow::bail!("stopped; nothing was written"),
            };
        }
    }

    fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.input.fill_buf()?.is_empty())
    }

    /// The next line, without its end; `None` when there is none.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn stops(&self) -> Vec<Stop> {
        let mut stops = Vec::new();
        let mut open: Vec<NodePath> = Vec::new();
        for path in self.session.pages().into_iter().filter(|page| page.relevant).flat_map(|page| page.nodes)
        {
            let close = |open: &mut Vec<NodePath>, stops: &mut Vec<Stop>| {
                while let Some(series) = open.pop_if(|series| !is_in(series, &path)) {
                    stops.push(Stop::MoreOf(series));
                }
            };
            close(&mut open, &mut stops);
            let Some(view) = self.session.node(&path).filter(|view| view.relevant) else { continue };
            match view.kind {
                NodeKind::Repeat => {
                    let fixed =
                        matches!(self.session.clone().add_repeat(&path), Err(AnswerError::FixedRepeat(_)));
                    if !fixed || view.instances.unwrap_or(0) > 0 {
                        open.push(path);
                    }
                }
                NodeKind::Note => stops.push(Stop::Note(path)),
                kind if kind.is_container() => {}
                _ => stops.push(Stop::Question(path)),
            }
        }
        stops.extend(open.into_iter().rev().map(Stop::MoreOf));
        stops
    }

    fn stop_at(&self, path: &NodePath) -> Option<Stop> {
        self.stops().into_iter().find(|stop| stop.path() == path)
    }

    fn after(&self, stop: &Stop) -> Option<Stop> {
        self.stops().into_iter().skip_while(|other| other != stop).nth(1)
    }

    fn before(&self, stop: &Stop) -> Option<Stop> {
        let stops = self.stops().into_iter().take_while(|other| other != stop);
        stops.filter(|other| matches!(other, Stop::Question(_))).last()
    }

    fn ask(&mut self, stop: &Stop) -> anyhow::Result<Way> {
        let Some(view) = self.session.node(stop.path()) else { return Ok(Way::Next) };
        self.tell_title(stop.path());
        match stop {
            Stop::Note(_) => {
                self.tell(format_args!("\n{}", view.label));
                Ok(Way::Next)
            }
            Stop::MoreOf(path) => self.ask_for_more(path, &view),
            Stop::Question(path) => {
                self.show(&view);
                if view.read_only {
                    return Ok(Way::Next);
                }
                let Some(line) = self.line()? else { return Ok(Way::Finish) };
                match line.strip_prefix(':') {
                    Some(rest) if !rest.starts_with(':') => self.command(rest.trim(), Some(path)),
                    Some(text) => self.answer(path, text),
                    None if line.trim().is_empty() => Ok(self.keep(path)),
                    None => self.answer(path, &line),
                }
            }
        }
    }

    fn tell_title(&mut self, path: &NodePath) {
        let page = self.session.pages().into_iter().find(|page| page.nodes.contains(path));
        let title = page.and_then(|page| page.title).filter(|title| !title.is_empty());
        if title.is_some() && title != self.title {
            self.tell(format_args!("\n== {}", title.as_deref().unwrap_or_default()));
            self.title = title;
        }
    }

    fn show(&mut self, view: &NodeView) {
        let label = if view.label.is_empty() { &view.name } else { &view.label };
        let required = if view.required { " *" } else { "" };
        self.tell(format_args!("\n{label}{required}   [{}]", view.path));
        if !view.hint.is_empty() {
            self.tell(format_args!("  {}", view.hint));
        }
        for line in choose::listed(&view.choices) {
            self.tell(line);
        }
        if let Some(shape) = shape(view) {
            self.tell(format_args!("  ({shape})"));
        }
        let value = if view.value.is_empty() { String::new() } else { format!("[{}] ", view.value) };
        let _ = write!(self.output, "> {value}").and_then(|()| self.output.flush());
    }

    /// An empty line: what is there stays. What must be answered is asked again.
    fn keep(&mut self, path: &NodePath) -> Way {
        match self.session.node(path) {
            Some(view) if view.problem.is_some_and(ProblemKind::hinders) => {
                self.tell_problem(&view);
                Way::Stay
            }
            _ => Way::Next,
        }
    }

    fn answer(&mut self, path: &NodePath, line: &str) -> anyhow::Result<Way> {
        let Some(view) = self.session.node(path) else { return Ok(Way::Next) };
        let value = if view.kind.is_select() {
            match choose::meant(&view, line.trim()) {
                Choice::Value(value) => value,
                Choice::Several(several) => {
                    self.tell("  several are meant:");
                    for line in choose::listed(&several) {
                        self.tell(line);
                    }
                    return Ok(Way::Stay);
                }
                Choice::None(word) => {
                    self.tell(format_args!("  {word:?} is not one of the choices"));
                    return Ok(Way::Stay);
                }
            }
        } else if view.kind == NodeKind::Acknowledge {
            let yes = ["ok", "y", "yes", "是", "1"].contains(&line.trim().to_lowercase().as_str());
            if yes { "OK".to_owned() } else { String::new() }
        } else {
            line.to_owned()
        };
        if let Err(refused) = self.session.answer(path, &value) {
            self.tell(format_args!("  {refused}"));
            return Ok(Way::Next);
        }
        let Some(view) = self.session.node(path) else { return Ok(Way::Next) };
        if view.problem.is_some() {
            self.tell_problem(&view);
        }
        Ok(if view.problem.is_some_and(ProblemKind::hinders) { Way::Stay } else { Way::Next })
    }

    fn tell_problem(&mut self, view: &NodeView) {
        let message = match view.problem {
            Some(ProblemKind::Required) => &view.required_message,
            _ => &view.constraint_message,
        };
        if let Some(message) = message.clone() {
            self.tell(format_args!("  ! {message}"));
        }
    }

    fn ask_for_more(&mut self, path: &NodePath, view: &NodeView) -> anyhow::Result<Way> {
        let label = if view.label.is_empty() { &view.name } else { &view.label };
        let number = view.instances.unwrap_or(0);
        if matches!(self.session.clone().add_repeat(path), Err(AnswerError::FixedRepeat(_))) {
            return Ok(Way::Next);
        }
        self.tell(format_args!(
            "\n{label}: {number}.  + adds one, -1 removes the first, an empty line goes on   [{path}]"
        ));
        let _ = write!(self.output, "> ").and_then(|()| self.output.flush());
        let Some(line) = self.line()? else { return Ok(Way::Finish) };
        let line = line.trim();
        if let Some(command) = line.strip_prefix(':') {
            return self.command(command, None);
        }
        let outcome = match (line, line.strip_prefix('-')) {
            ("", _) => return Ok(Way::Next),
            ("+", _) => self.session.add_repeat(path).map(|_| Some(number + 1)),
            (_, Some(position)) => match format!("{path}[{}]", position.trim()).parse::<NodePath>() {
                Ok(instance) => self.session.remove_repeat(&instance).map(|_| None),
                Err(_) => return Ok(self.not_understood(line)),
            },
            _ => return Ok(self.not_understood(line)),
        };
        match outcome {
            Err(refused) => {
                self.tell(format_args!("  {refused}"));
                Ok(Way::Stay)
            }
            Ok(None) => Ok(Way::Stay),
            Ok(Some(position)) => {
                let instance = format!("{path}[{position}]/");
                let first = self.stops().into_iter().find(|stop| stop.path().as_str().starts_with(&instance));
                Ok(first.map_or(Way::Stay, |stop| Way::To(stop.path().clone())))
            }
        }
    }

    fn not_understood(&mut self, line: &str) -> Way {
        self.tell(format_args!("  {line:?} is not understood; :help lists what is"));
        Way::Stay
    }

    fn command(&mut self, command: &str, question: Option<&NodePath>) -> anyhow::Result<Way> {
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        Ok(match word {
            "back" => Way::Back,
            "next" => Way::Next,
            "finish" => Way::Finish,
            "quit" => Way::Quit,
            "help" => {
                self.tell(HELP);
                Way::Stay
            }
            "clear" => {
                if let Some(Err(refused)) = question.map(|path| self.session.answer(path, "")) {
                    self.tell(format_args!("  {refused}"));
                }
                Way::Stay
            }
            "go" => match rest.trim().parse() {
                Ok(path) => Way::To(path),
                Err(wrong) => {
                    self.tell(format_args!("  {wrong}"));
                    Way::Stay
                }
            },
            "language" => {
                if !self.session.set_language(rest.trim()) {
                    let languages = self.session.plan().form().languages().join(", ");
                    self.tell(format_args!("  the form has {languages}"));
                }
                Way::Stay
            }
            "problems" => {
                for problem in self.session.problems() {
                    self.tell(format_args!("  {}: {}", problem.path, problem.message));
                }
                Way::Stay
            }
            _ => self.not_understood(&format!(":{command}")),
        })
    }
}

/// Whether a path lies in an instance of the repeat.
fn is_in(series: &NodePath, path: &NodePath) -> bool {
    path.as_str().strip_prefix(series.as_str()).is_some_and(|rest| rest.starts_with('['))
}

/// What an answer looks like, where that is not plain.
fn shape(view: &NodeView) -> Option<String> {
    let parameter = |name: &str| view.parameters.get(name).map_or("?", String::as_str);
    Some(match view.kind {
        NodeKind::Integer => "a whole number".to_owned(),
        NodeKind::Decimal => "a number".to_owned(),
        NodeKind::Range => {
            format!("from {} to {} in steps of {}", parameter("start"), parameter("end"), parameter("step"))
        }
        NodeKind::Date => "a day, as 2026-11-23".to_owned(),
        NodeKind::Time => "a time, as 09:30".to_owned(),
        NodeKind::DateTime => "a day and a time, as 2026-11-23T09:30".to_owned(),
        NodeKind::SelectMultiple => "any number of them, separated by spaces".to_owned(),
        NodeKind::Rank => "all of them in your order, separated by spaces".to_owned(),
        NodeKind::Acknowledge => "y for yes".to_owned(),
        NodeKind::Geopoint => "latitude longitude altitude accuracy, in degrees and metres".to_owned(),
        NodeKind::Geotrace | NodeKind::Geoshape => "places as latitude longitude, separated by ;".to_owned(),
        kind if kind.is_media() => "the name of a file".to_owned(),
        _ => return None,
    })
}
