//! Trees of expressions as JavaRosa writes them → as the engine outlines them.
//!
//! `{binop-expr:+,{num:1.0},{path-expr:rel,{{step:child,a}}}}` → `(1 + child::a)`

/// `None` for what is no such tree.
pub(crate) fn outline(tree: &str) -> Option<String> {
    let mut reader = Reader { rest: tree };
    let node = reader.node()?;
    reader.rest.is_empty().then(|| node.shown())
}

enum Tree {
    /// Written as it is: a number, a text, a path.
    Plain(String),
    Negated(Box<Tree>),
    Operation(String, Box<Tree>, Box<Tree>),
}

impl Tree {
    fn shown(&self) -> String {
        match self {
            Tree::Plain(text) => text.clone(),
            // The engine keeps whether the number of signs is even.
            Tree::Negated(inner) => match inner.shown() {
                text if text.starts_with("--") => text.replacen("--", "-", 1),
                text => format!("-{text}"),
            },
            Tree::Operation(operator, left, right) => {
                // `and`, `or` and `|` are one list, however they nest.
                if matches!(operator.as_str(), "and" | "or" | "|") {
                    let mut parts = Vec::new();
                    self.gather(operator, &mut parts);
                    return format!("({})", parts.join(&format!(" {operator} ")));
                }
                format!("({} {operator} {})", left.shown(), right.shown())
            }
        }
    }

    fn gather(&self, operator: &str, parts: &mut Vec<String>) {
        match self {
            Tree::Operation(own, left, right) if own == operator => {
                left.gather(operator, parts);
                right.gather(operator, parts);
            }
            other => parts.push(other.shown()),
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Everything before one of these characters.
    fn until(&mut self, ends: &[char]) -> Option<&'t str> {
        let (text, rest) = self.rest.split_at_checked(self.rest.find(ends)?)?;
        self.rest = rest;
        Some(text)
    }

    fn node(&mut self) -> Option<Tree> {
        self.take("{")?;
        let kind = self.until(&[':'])?;
        self.take(":")?;
        let tree = match kind {
            "num" => {
                let number: f64 = self.until(&['}'])?.parse().ok()?;
                Tree::Plain(number.to_string())
            }
            "str" => {
                self.take("'")?;
                let (text, rest) = self.rest.split_at_checked(self.rest.find("'}")?)?;
                self.rest = rest;
                self.take("'")?;
                let quote = if text.contains('\'') { '"' } else { '\'' };
                Tree::Plain(format!("{quote}{text}{quote}"))
            }
            "var" => Tree::Plain(format!("${}", self.until(&['}'])?)),
            "unop-expr" => {
                self.take("num-neg,")?;
                Tree::Negated(Box::new(self.node()?))
            }
            "binop-expr" => {
                let operator = match self.until(&[','])? {
                    "==" => "=",
                    "/" => "div",
                    "%" => "mod",
                    "union" => "|",
                    other => other,
                };
                self.take(",")?;
                let left = self.node()?;
                self.take(",")?;
                Tree::Operation(operator.to_owned(), Box::new(left), Box::new(self.node()?))
            }
            "func-expr" => {
                let name = self.until(&[','])?;
                self.take(",")?;
                Tree::Plain(format!("{name}({})", self.nodes()?.join(", ")))
            }
            "filt-expr" => {
                let start = self.node()?.shown();
                self.take(",")?;
                let predicates: String = self.nodes()?.iter().map(|one| format!("[{one}]")).collect();
                Tree::Plain(format!("({start}){predicates}"))
            }
            "path-expr" => self.path()?,
            _ => return None,
        };
        self.take("}")?;
        Some(tree)
    }

    /// `{first,second}`
    fn nodes(&mut self) -> Option<Vec<String>> {
        self.take("{")?;
        let mut nodes = Vec::new();
        while !self.rest.starts_with('}') {
            nodes.push(self.node()?.shown());
            self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
        }
        self.take("}")?;
        Some(nodes)
    }

    fn path(&mut self) -> Option<Tree> {
        let mut path = String::new();
        let mut separator = "/";
        if self.rest.starts_with('{') {
            path = self.node()?.shown();
        } else if self.until(&[','])? == "rel" {
            separator = "";
        }
        self.take(",{")?;
        if self.rest.starts_with('}') && separator == "/" && path.is_empty() {
            path.push('/');
        }
        while !self.rest.starts_with('}') {
            path.push_str(separator);
            separator = "/";
            path.push_str(&self.step()?);
            self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
        }
        self.take("}")?;
        Some(Tree::Plain(path))
    }

    /// `{step:child,name,{predicates}}`
    fn step(&mut self) -> Option<String> {
        self.take("{step:")?;
        let axis = self.until(&[','])?;
        self.take(",")?;
        let test = self.until(&[',', '}'])?.replace("proc-instr(", "processing-instruction(");
        let mut step = format!("{axis}::{test}");
        if self.take(",").is_some() {
            for predicate in self.nodes()? {
                step.push_str(&format!("[{predicate}]"));
            }
        }
        self.take("}")?;
        Some(step)
    }
}
