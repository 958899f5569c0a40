//! The proxies of the environment, as other programs take them: one for each scheme, and hosts that need none.

use super::address::{Address, host_and_port};
use super::error::ServerError;
use std::net::IpAddr;
use ureq::Proxy;
use ureq::http::Uri;

/// What the environment says about proxies. Unlike the client's own reading of it, one for `https://` is none for
/// `http://`, and hosts that need none may be networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http://`: `HTTP_PROXY`, or `ALL_PROXY`.
    pub http: Option<String>,
    /// For `https://`: `HTTPS_PROXY`, or `ALL_PROXY`.
    pub https: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks that are reached without one, with commas or spaces between.
    pub none: Option<String>,
}

impl Proxies {
    /// The proxy on the way to a server; none for this machine.
    ///
    /// # Errors
    /// Its address is none.
    pub(super) fn to(&self, address: &Address) -> Result<Option<Proxy>, ServerError> {
        let secure = address.as_str().starts_with("https:");
        let uri: Option<Uri> = address.as_str().parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let named = if secure { &self.https } else { &self.http };
        let needs_none =
            address.is_loopback() || self.none.as_deref().is_some_and(|none| is_among(host, none));
        let Some(named) = named.as_deref().filter(|named| !named.trim().is_empty() && !needs_none) else {
            return Ok(None);
        };
        let proxy = Proxy::new(named.trim()).map_err(|_| "its address is none");
        let understood = proxy.and_then(|proxy| {
            proxy.uri().authority().map(host_and_port).transpose()?;
            Ok(proxy)
        });
        understood.map(Some).map_err(|why: &str| ServerError::Proxy {
            server: address.as_str().to_owned(),
            proxy: "of the environment".to_owned(),
            why: why.to_owned(),
        })
    }
}

/// Is `host` in a list of hosts, domains and networks?
fn is_among(host: &str, list: &str) -> bool {
    let host = bare(host);
    let ip: Option<IpAddr> = host.parse().ok();
    list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty()).any(|entry| {
        let name = bare(entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry));
        let name = name.trim_start_matches('.');
        match ip {
            _ if entry == "*" => true,
            Some(ip) => is_in(ip, entry) || name.parse() == Ok(ip),
            None => {
                host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                    && !name.is_empty()
            }
        }
    })
}

/// A host without brackets, a closing dot and capitals.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

/// Is `ip` in the network `10.0.0.0/8`?
fn is_in(ip: IpAddr, network: &str) -> bool {
    let Some((first, length)) = network.split_once('/') else { return false };
    let (Ok(first), Ok(length)) = (bare(first).parse(), length.parse::<u32>()) else { return false };
    match (ip, first) {
        (IpAddr::V4(ip), IpAddr::V4(first)) => {
            let differ = ip.to_bits() ^ first.to_bits();
            length <= u32::BITS && differ.leading_zeros() >= length
        }
        (IpAddr::V6(ip), IpAddr::V6(first)) => {
            let differ = ip.to_bits() ^ first.to_bits();
            length <= u128::BITS && differ.leading_zeros() >= length
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(none: &str) -> Proxies {
        Proxies {
            http: Some("http://plain.example:3128".to_owned()),
            https: Some("http://me:secret@secure.example".to_owned()),
            none: Some(none.to_owned()),
        }
    }

    fn host(proxies: &Proxies, address: &str) -> Option<String> {
        let (address, _) = Address::read(address).unwrap();
        proxies.to(&address).unwrap().map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn each_scheme_has_a_proxy_of_its_own_and_this_machine_has_none() {
        let both = proxies("");
        assert_eq!(host(&both, "http://gateway.example/v1").as_deref(), Some("plain.example"));
        assert_eq!(host(&both, "https://gateway.example/v1").as_deref(), Some("secure.example"));
        assert_eq!(host(&both, "http://localhost:8080/v1"), None);
        assert_eq!(host(&both, "https://[::1]/v1"), None);
        let secure = Proxies { http: None, ..both };
        assert_eq!(host(&secure, "http://gateway.example/v1"), None);
    }

    #[test]
    fn hosts_domains_and_networks_are_reached_without_one() {
        for (none, address, reached) in [
            ("gateway.example", "http://Gateway.example/v1", true),
            ("example", "http://gateway.example/v1", true),
            (".example.org, .example.", "http://gateway.example/v1", true),
            ("*.example", "http://gateway.example/v1", true),
            ("other.example  gateway.example", "http://gateway.example:8080/v1", true),
            ("way.example", "http://gateway.example/v1", false),
            ("*", "http://gateway.example/v1", true),
            ("10.0.0.0/8", "http://10.1.2.3/v1", true),
            ("192.168.0.0/16, 10.1.2.0/23", "http://10.1.3.255/v1", true),
            ("10.1.2.0/23", "http://10.1.4.0/v1", false),
            ("10.0.0.0/33,0.0.0.0/x, /8", "http://10.1.2.3/v1", false),
            ("0.0.0.0/0", "http://10.1.2.3/v1", true),
            ("10.1.2.3", "http://10.1.2.3:8080/v1", true),
            ("2.3", "http://10.1.2.3/v1", false),
            ("fd00::/8", "http://[fd12::1]/v1", true),
            ("[fd12::1]", "http://[fd12::1]:8080/v1", true),
            ("fd00::/8", "http://[fe12::1]/v1", false),
            (",., ", "http://gateway.example/v1", false),
        ] {
            assert_eq!(host(&proxies(none), address).is_none(), reached, "`{none}` for {address}");
        }
    }

    #[test]
    fn a_proxy_that_is_none_is_an_error_that_does_not_show_its_password() {
        let (address, _) = Address::read("https://gateway.example/v1").unwrap();
        for proxy in ["gopher://me:secret@host", "http://me:secret@host:99999", "me:secret@127.1:80"] {
            let wrong = Proxies { https: Some(proxy.to_owned()), ..Proxies::default() };
            let error = wrong.to(&address).unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
        }
    }
}
