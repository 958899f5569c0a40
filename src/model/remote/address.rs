//! Where a server is, and the key that opens it.

use super::error::ServerError;
use std::fmt;
use std::net::IpAddr;
use ureq::http::Uri;
use ureq::http::uri::Authority;

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

/// A server's base address: `http://localhost:8080/v1`. It is written anew from what was understood of it, so that
/// who is told and who is connected to are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    base: String,
    authority: usize,
    loopback: bool,
}

impl Address {
    /// Reads an address; a model's name may follow after `#`: `http://localhost:11434/v1#llama3.2`.
    ///
    /// # Errors
    /// Anything of it that is not understood, so that it could lead elsewhere than it says: no `http` or `https`, a
    /// password or a query in it, a port or a host that is none.
    pub fn read(text: &str) -> Result<(Address, Option<String>), ServerError> {
        let (base, model) = text.split_once('#').map_or((text, None), |(base, model)| (base, Some(model)));
        let address =
            Address::parsed(base).map_err(|why| ServerError::Address { address: shown(base), why })?;
        Ok((address, model.filter(|model| !model.is_empty()).map(str::to_owned)))
    }

    fn parsed(base: &str) -> Result<Address, &'static str> {
        let scheme = base.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let (scheme, usual) = match scheme.as_deref() {
            Some("http") => ("http", 80),
            Some("https") => ("https", 443),
            _ => return Err("it must begin with `http://` or `https://`"),
        };
        const PLAIN: &str = "it is not a plain address";
        if !base.bytes().all(|byte| byte.is_ascii_graphic()) || base.contains('\\') {
            return Err(PLAIN);
        }
        let uri: Uri = base.parse().map_err(|_| PLAIN)?;
        let authority = uri.authority().ok_or(PLAIN)?;
        if authority.as_str().contains('@') {
            return Err("it holds a user's name or password; a key belongs in the environment");
        }
        if uri.query().is_some() {
            return Err(PLAIN);
        }
        let (host, port) = host_and_port(authority)?;
        let mut base = format!("{scheme}://{host}");
        if let Some(port) = port.filter(|port| *port != usual) {
            base.push_str(&format!(":{port}"));
        }
        let authority = base.len();
        base.push_str(uri.path().trim_end_matches('/'));
        Ok(Address { base, authority, loopback: host.is_loopback() })
    }

    /// The whole of it.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Scheme, host and port; the port is left out where it is the usual one.
    pub fn origin(&self) -> &str {
        &self.base[..self.authority]
    }

    /// `path` below it.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// Is it this machine?
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Can others on the way read what is sent?
    pub fn is_open_to_others(&self) -> bool {
        self.base.starts_with("http://") && !self.is_loopback()
    }
}

/// The host, and the port where one is named: the client would take one that is none for the usual one.
///
/// # Errors
/// What is not understood of them.
pub(super) fn host_and_port(authority: &Authority) -> Result<(Host, Option<u16>), &'static str> {
    let text = authority.as_str().rsplit('@').next().unwrap_or_default();
    let host = Host::read(authority.host())
        .ok_or("its host must be a name, or an IP address in full (IPv6 in brackets)")?;
    let port = match text.get(authority.host().len()..) {
        None | Some("") => None,
        Some(port) => {
            let digits =
                port.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let port = digits.and_then(|digits| digits.parse().ok()).filter(|&port: &u16| port > 0);
            Some(port.ok_or("its port must be a number from 1 to 65535")?)
        }
    };
    Ok((host, port))
}

/// Where an address leads.
pub(super) enum Host {
    Ip(IpAddr),
    Name(String),
}

impl Host {
    /// None for what the system's resolver may take for something else: `127.1` and `0x7f000001` are both 127.0.0.1
    /// to it.
    fn read(text: &str) -> Option<Host> {
        if let Some(v6) = text.strip_prefix('[') {
            return Some(Host::Ip(IpAddr::V6(v6.strip_suffix(']')?.parse().ok()?)));
        }
        if let Ok(v4) = text.parse() {
            return Some(Host::Ip(IpAddr::V4(v4)));
        }
        let name = text.to_ascii_lowercase();
        let labels: Vec<&str> = name.strip_suffix('.').unwrap_or(&name).split('.').collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let number = |label: &str| match label.strip_prefix("0x") {
            Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
            None => label.bytes().all(|byte| byte.is_ascii_digit()),
        };
        let sound = labels.iter().all(|label| (1..=63).contains(&label.len()) && label.chars().all(plain));
        (sound && name.len() <= 253 && !labels.last().is_some_and(|last| number(last)))
            .then_some(Host::Name(name))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Host::Ip(ip) => ip.to_canonical().is_loopback(),
            Host::Name(name) => name.strip_suffix('.').unwrap_or(name) == "localhost",
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Ip(ip) => ip.fmt(f),
            Host::Name(name) => f.write_str(name),
        }
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
            ("http://[::ffff:127.0.0.1]/v1", true),
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
        for text in
            ["localhost:8080", "ftp://x/v1", "http://", "http:///v1", "http://a b/v1", "http://a/v1?key=x"]
        {
            assert!(matches!(Address::read(text), Err(ServerError::Address { .. })), "{text}");
        }
        let error = Address::read("https://me:secret@host/v1").unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("[hidden]@host"), "{error}");
    }

    #[test]
    fn an_address_that_is_not_wholly_understood_is_refused() {
        for port in ["99999", "0", "", "-1", "+80", "80x", "8080:80", "00000000000000000080000"] {
            let error = Address::read(&format!("http://127.0.0.1:{port}/v1")).unwrap_err().to_string();
            assert!(
                error.contains("a number from 1 to 65535") || error.contains("not a plain"),
                "{port}: {error}"
            );
        }
        for host in [
            "127.1",
            "0x7f000001",
            "2130706433",
            "127.0.0.01",
            "1.2.3.4.5",
            "[::1",
            "[fe80::1%25eth0]",
            "a..b",
            "%6c",
            "-:",
        ] {
            assert!(Address::read(&format!("http://{host}/v1")).is_err(), "{host}");
        }
    }

    #[test]
    fn what_is_told_is_what_is_connected_to() {
        for (text, base, host, port) in [
            ("HTTP://LocalHost:080/v1/", "http://localhost/v1", "localhost", None),
            ("https://gateway.example:443", "https://gateway.example", "gateway.example", None),
            ("http://[0:0::1]:8080/v1", "http://[::1]:8080/v1", "[::1]", Some(8080)),
            (
                "http://[::ffff:127.0.0.1]:1/v1",
                "http://[::ffff:127.0.0.1]:1/v1",
                "[::ffff:127.0.0.1]",
                Some(1),
            ),
            ("https://my_gateway.:65535/a//b", "https://my_gateway.:65535/a//b", "my_gateway.", Some(65535)),
        ] {
            let (address, _) = Address::read(text).unwrap();
            assert_eq!(address.to_string(), base);
            let uri: Uri = address.join("models").parse().unwrap();
            assert_eq!((uri.host(), uri.port_u16()), (Some(host), port), "{text}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = ApiKey::new("sk-canary");
        assert!(!format!("{key:?}").contains("canary"));
        assert_eq!(key.hidden_in("bad key sk-canary"), "bad key [key]");
        assert_eq!(ApiKey::new("a\nb").header(), Err(ServerError::BadKey));
    }
}
