//! Where a server is, and the key that opens it.

use super::error::ServerError;
use std::fmt;
use std::net::IpAddr;

/// A secret that is sent to the server and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes the key as the environment has it.
    pub fn new(key: impl Into<String>) -> ApiKey {
        ApiKey(key.into())
    }

    /// The header's value.
    ///
    /// # Errors
    /// Characters that a header can't hold.
    pub(super) fn header(&self) -> Result<String, ServerError> {
        match self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(format!("Bearer {}", self.0)),
            false => Err(ServerError::BadKey),
        }
    }

    /// `text` without the key, should a server say it back.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "[key]") }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([hidden])")
    }
}

/// A server's base address: `http://localhost:8080/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    base: String,
    authority: usize,
}

impl Address {
    /// Reads an address; a model's name may follow after `#`: `http://localhost:11434/v1#llama3.2`.
    ///
    /// # Errors
    /// No `http` or `https` address, one with a password in it, or one with a query.
    pub fn read(text: &str) -> Result<(Address, Option<String>), ServerError> {
        let (base, model) = text.split_once('#').map_or((text, None), |(base, model)| (base, Some(model)));
        let base = base.trim_end_matches('/');
        let wrong = |why| Err(ServerError::Address { address: shown(base), why });
        let Some(rest) = ["http://", "https://"].iter().find_map(|scheme| base.strip_prefix(scheme)) else {
            return wrong("it must begin with `http://` or `https://`");
        };
        let host = rest.split('/').next().unwrap_or_default();
        if host.contains('@') {
            return wrong("it holds a user's name or password; a key belongs in the environment");
        }
        if host.is_empty() || !base.bytes().all(|byte| byte.is_ascii_graphic()) || base.contains(['?', '\\'])
        {
            return wrong("it is not a plain address");
        }
        let authority = base.len() - rest.len() + host.len();
        let model = model.filter(|model| !model.is_empty()).map(str::to_owned);
        Ok((Address { base: base.to_owned(), authority }, model))
    }

    /// The whole of it.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.base[..self.authority]
    }

    /// `path` below it.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// Is it this machine?
    pub fn is_loopback(&self) -> bool {
        let host = self.origin().split_once("://").map_or("", |(_, host)| host);
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Can others on the way read what is sent?
    pub fn is_open_to_others(&self) -> bool {
        self.base.starts_with("http://") && !self.is_loopback()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

/// An address as errors show it: without what may be a password.
fn shown(base: &str) -> String {
    let shown = match (base.split_once("://"), base.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://[hidden]@{host}"),
        _ => base.to_owned(),
    };
    crate::text::one_line(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_model() {
        let (address, model) = Address::read("http://localhost:11434/v1/#llama3.2").unwrap();
        assert_eq!((address.as_str(), model.as_deref()), ("http://localhost:11434/v1", Some("llama3.2")));
        assert_eq!(address.origin(), "http://localhost:11434");
        assert_eq!(address.join("models"), "http://localhost:11434/v1/models");
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for (text, here) in [
            ("http://localhost/v1", true),
            ("http://127.3.2.1:80/v1", true),
            ("http://[::1]:80/v1", true),
            ("http://localhost.example.org/v1", false),
            ("http://10.0.0.1/v1", false),
            ("https://[::2]/v1", false),
        ] {
            let (address, _) = Address::read(text).unwrap();
            assert_eq!(address.is_loopback(), here, "{text}");
            assert_eq!(address.is_open_to_others(), !here && text.starts_with("http:"), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_a_password() {
        for text in ["localhost:8080", "ftp://x/v1", "http://", "http://a b/v1", "http://a/v1?key=x"] {
            assert!(matches!(Address::read(text), Err(ServerError::Address { .. })), "{text}");
        }
        let error = Address::read("https://me:secret@host/v1").unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("[hidden]@host"), "{error}");
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = ApiKey::new("sk-canary");
        assert!(!format!("{key:?}").contains("canary"));
        assert_eq!(key.hidden_in("bad key sk-canary"), "bad key [key]");
        assert_eq!(ApiKey::new("a\nb").header(), Err(ServerError::BadKey));
    }
}
