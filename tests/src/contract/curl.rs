//! A curl command as curl 7.88 reads it: its URLs, and the request that it sends.

use anyhow::{Result, bail, ensure};

use super::shell::ShellCommand;

/// Short options that take a value.
const SHORT_WITH_VALUE: &str = "AbcCdDeEFHKmoPQrtTuUwxXyYz";

/// Long options that take a value; all others are switches.
const LONG_WITH_VALUE: &str = "abstract-unix-socket cacert capath cert cert-type ciphers config connect-timeout \
    connect-to cookie cookie-jar crlfile curves data data-ascii data-binary data-raw data-urlencode dns-servers \
    dump-header engine expect100-timeout form form-string header interface json keepalive-time key key-type \
    limit-rate local-port max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir pass \
    pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-header proxy-user range rate referer request \
    request-target resolve retry retry-delay retry-max-time socks4 socks5 socks5-hostname speed-limit speed-time \
    stderr time-cond tls-max tls13-ciphers trace trace-ascii unix-socket upload-file url url-query user user-agent \
    write-out";

/// What a curl command sends.
#[derive(Debug, Default)]
pub(super) struct Curl {
    pub(super) urls: Vec<String>,
    /// In lower case.
    pub(super) method: String,
    /// Names in lower case, with their values.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
}

/// A request's body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Body {
    /// None.
    #[default]
    Absent,
    /// This text.
    Text(String),
    /// The content of a file, of standard input or of a variable, which cannot be checked.
    Unknown(String),
}

impl Curl {
    /// Reads a command; none if it is not curl.
    pub(super) fn read(command: &ShellCommand) -> Option<Result<Self>> {
        let is_before = |word: &&String| {
            [
                "$", ">", "%", "time", "sudo", "exec", "env", "then", "do", "if", "!",
            ]
            .contains(&word.as_str())
                || word.split_once('=').is_some_and(|(name, _)| {
                    name.chars()
                        .all(|char| char.is_ascii_alphanumeric() || char == '_')
                })
        };
        let mut words = command.words.iter().skip_while(is_before);
        let is_curl = words
            .next()
            .is_some_and(|word| word == "curl" || word.ends_with("/curl"));
        is_curl.then(|| Self::from_options(words.cloned().collect(), command))
    }

    fn from_options(words: Vec<String>, command: &ShellCommand) -> Result<Self> {
        let mut curl = Self::default();
        let mut request = Request::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix("--") {
                ensure!(
                    !long.contains('='),
                    "curl 7.88 does not know --{long}: write the value as the next word"
                );
                let value = if LONG_WITH_VALUE.split(' ').any(|known| known == long) {
                    words.next()
                } else {
                    None
                };
                curl.apply(long, value, &mut request, command)?;
                continue;
            }
            let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) else {
                curl.urls.push(word);
                continue;
            };
            // Several switches in one word; the first that takes a value takes the rest.
            let with_value = short.find(|char| SHORT_WITH_VALUE.contains(char));
            let (switches, option) = short.split_at(with_value.unwrap_or(short.len()));
            for switch in switches.chars() {
                curl.apply(&switch.to_string(), None, &mut request, command)?;
            }
            if let Some(letter) = option.chars().next() {
                let rest = option[letter.len_utf8()..].to_owned();
                let value = if rest.is_empty() {
                    words.next()
                } else {
                    Some(rest)
                };
                curl.apply(&letter.to_string(), value, &mut request, command)?;
            }
        }
        curl.complete(request);
        Ok(curl)
    }

    fn apply(
        &mut self,
        option: &str,
        value: Option<String>,
        request: &mut Request,
        command: &ShellCommand,
    ) -> Result<()> {
        let Some(value) = value else {
            match option {
                "G" | "get" => request.form = Form::Get,
                "I" | "head" => request.form = Form::Head,
                _ if LONG_WITH_VALUE.split(' ').any(|known| known == option) => {
                    bail!("--{option} needs a value")
                }
                _ => {}
            }
            return Ok(());
        };
        match option {
            "X" | "request" => request.method = Some(value.to_lowercase()),
            "H" | "header" => self.add_header(&value),
            "oauth2-bearer" => self.add_header(&format!("Authorization: Bearer {value}")),
            "url" => self.urls.push(value),
            "d" | "data" | "data-ascii" | "data-binary" => request.add(&value, true, "&", command),
            "data-raw" => request.add(&value, false, "&", command),
            "json" => {
                if request.form == Form::Plain {
                    request.form = Form::Json;
                }
                request.add(&value, true, "", command);
            }
            "data-urlencode" | "F" | "form" | "form-string" => request.body = Body::Text(value),
            "T" | "upload-file" => {
                request.form = Form::Put;
                request.add(&format!("@{value}"), true, "", command);
            }
            _ => {}
        }
        Ok(())
    }

    fn add_header(&mut self, header: &str) {
        let (name, value) = header.split_once(':').unwrap_or((header, ""));
        let header = (name.trim().to_lowercase(), value.trim().to_owned());
        self.headers.push(header);
    }

    /// The method, and the headers that curl adds by itself.
    fn complete(&mut self, request: Request) {
        let has_body = request.body != Body::Absent && request.form != Form::Get;
        let default = match request.form {
            Form::Head => "head",
            Form::Put => "put",
            _ if has_body => "post",
            _ => "get",
        };
        self.method = request.method.unwrap_or_else(|| default.to_owned());
        let content_type = if request.form == Form::Json {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        if has_body && self.header("content-type").is_none() && request.form != Form::Put {
            self.add_header(&format!("Content-Type: {content_type}"));
        }
        self.body = if has_body { request.body } else { Body::Absent };
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(header, _)| header == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// What the options say of the request.
#[derive(Default)]
struct Request {
    method: Option<String>,
    body: Body,
    form: Form,
}

/// What the options make of the request beside its body.
#[derive(Default, PartialEq, Eq)]
enum Form {
    #[default]
    Plain,
    /// `--json`: its content type is JSON.
    Json,
    /// `--get`: the data go into the query.
    Get,
    /// `--head`.
    Head,
    /// `--upload-file`.
    Put,
}

impl Request {
    /// Adds data; where `reads_files`, a value that begins with `@` names a file.
    fn add(&mut self, value: &str, reads_files: bool, separator: &str, command: &ShellCommand) {
        let file = value.strip_prefix('@').filter(|_| reads_files);
        let here = command.here_document.clone().filter(|_| file == Some("-"));
        let text = here.or_else(|| file.is_none().then(|| value.to_owned()));
        self.body = match (std::mem::take(&mut self.body), text) {
            (Body::Absent, Some(text)) => Body::Text(text),
            (Body::Text(earlier), Some(text)) => Body::Text(earlier + separator + &text),
            (Body::Unknown(what), _) => Body::Unknown(what),
            (_, None) if file == Some("-") => Body::Unknown("standard input".to_owned()),
            (_, None) => Body::Unknown(format!("the file {}", file.unwrap_or_default())),
        };
        let is_variable = |text: &str| text.starts_with('$') || text.starts_with('<');
        if let Body::Text(text) = &self.body
            && is_variable(text)
        {
            self.body = Body::Unknown(text.clone());
        }
    }
}
