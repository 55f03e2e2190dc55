//! Shell commands in a block of text: words as a shell would split them, with the here-document that a command reads.

use std::mem;

/// One simple command.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ShellCommand {
    /// The line of its first word, from 0.
    pub line: usize,
    /// Its words without quotes; variables stay as they are written.
    pub words: Vec<String>,
    /// The text that it reads from standard input.
    pub here_document: Option<String>,
}

/// The commands of `text`, which may be pipelines and lists.
pub fn commands(text: &str) -> Vec<ShellCommand> {
    let mut lexer = Lexer {
        rest: text.chars().collect(),
        ..Lexer::default()
    };
    lexer.rest.reverse();
    while let Some(char) = lexer.next() {
        lexer.take(char);
    }
    lexer.end_command();
    lexer.commands
}

#[derive(Default)]
struct Lexer {
    /// What is not read yet, the next character last.
    rest: Vec<char>,
    line: usize,
    /// The word being read; an empty one counts if it was quoted.
    word: Option<String>,
    /// The line at which it began.
    word_line: usize,
    command: ShellCommand,
    /// The here-documents that begin at the next line: how each ends, and the first command that may read it.
    pending: Vec<(String, usize)>,
    is_redirected: bool,
    commands: Vec<ShellCommand>,
}

impl Lexer {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.pop();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn peek(&self) -> Option<char> {
        self.rest.last().copied()
    }

    fn take(&mut self, char: char) {
        match char {
            '\'' => self.quoted('\''),
            '"' => self.quoted('"'),
            '\\' if self.peek() == Some('\n') => drop(self.next()),
            '\\' => {
                let escaped = self.next();
                self.push(escaped);
            }
            '#' if self.word.is_none() => {
                while self.peek().is_some_and(|next| next != '\n') {
                    self.next();
                }
            }
            '$' if self.peek() == Some('(') => {
                self.next();
                self.word = None;
                self.end_command();
            }
            '<' if self.peek() == Some('<') => self.here_document(),
            '<' | '>' => {
                self.end_word();
                self.is_redirected = true;
            }
            '\n' => {
                self.end_word();
                if self.pending.is_empty() {
                    self.end_command();
                } else {
                    self.read_here_documents();
                }
            }
            ';' | '|' | '&' | '(' | ')' => self.end_command(),
            char if char.is_whitespace() => self.end_word(),
            char => self.push(Some(char)),
        }
    }

    fn push(&mut self, char: Option<char>) {
        self.begin_word();
        self.word.get_or_insert_default().extend(char);
    }

    fn begin_word(&mut self) {
        if self.word.is_none() {
            self.word = Some(String::new());
            self.word_line = self.line;
        }
    }

    fn quoted(&mut self, quote: char) {
        self.begin_word();
        while let Some(char) = self.next().filter(|char| *char != quote) {
            let escapes = quote == '"' && char == '\\';
            let is_special = |next: char| ['"', '\\', '$', '`'].contains(&next);
            let char = if escapes && self.peek().is_some_and(is_special) {
                self.next()
            } else {
                Some(char)
            };
            self.push(char);
        }
    }

    /// `<<END`, `<<-END` or `<<'END'`.
    fn here_document(&mut self) {
        self.end_word();
        while self.peek().is_some_and(|next| "<- '\"".contains(next)) {
            self.next();
        }
        let mut end = String::new();
        while let Some(next) = self
            .peek()
            .filter(|next| next.is_alphanumeric() || *next == '_')
        {
            self.next();
            end.push(next);
        }
        while self.peek().is_some_and(|next| "'\"".contains(next)) {
            self.next();
        }
        self.pending.push((end, self.commands.len()));
    }

    fn read_here_documents(&mut self) {
        for (end, first) in mem::take(&mut self.pending) {
            let mut document = String::new();
            loop {
                let mut line = String::new();
                while let Some(char) = self.next().filter(|char| *char != '\n') {
                    line.push(char);
                }
                if line.trim() == end || self.rest.is_empty() {
                    break;
                }
                document += &(line + "\n");
            }
            // A pipeline passes it on: `cat <<END | curl`.
            for command in self.commands[first..].iter_mut().chain([&mut self.command]) {
                command.here_document = Some(document.clone());
            }
        }
        self.end_command();
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else {
            return;
        };
        // The file of a redirection is no argument.
        if !mem::take(&mut self.is_redirected) {
            if self.command.words.is_empty() {
                self.command.line = self.word_line;
            }
            self.command.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.is_redirected = false;
        let command = mem::take(&mut self.command);
        if !command.words.is_empty() {
            self.commands.push(command);
        }
    }
}
