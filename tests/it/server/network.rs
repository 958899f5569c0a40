//! The way to the server: who vouches for it, and proxies.

use super::stand_in::{Manner, StandIn};
use crate::support::Home;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

/// The tests' own authority; the certificate that it gave the tests' server for `localhost`, valid for 100 years, and
/// the key to it, which opens nothing else.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/server/tls");

/// Serves `server` with a certificate of the tests' authority; its address.
fn secure(server: &StandIn) -> String {
    let file = |name: &str| Path::new(FOLDER).join(name);
    let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    let plain = server.address.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A client that does not trust us goes away.
            let _ = pass_on(client, &plain, Arc::clone(&config));
        }
    });
    format!("https://localhost:{port}/v1")
}

/// Passes one request on, and its answer back.
fn pass_on(client: TcpStream, plain: &str, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let mut client = StreamOwned::new(ServerConnection::new(config).unwrap(), client);
    let mut request = Vec::new();
    let is_whole = |request: &[u8]| {
        let text = String::from_utf8_lossy(request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        body.len() >= length.unwrap_or(0)
    };
    while !is_whole(&request) {
        let mut piece = [0; 4096];
        match client.read(&mut piece)? {
            0 => return Ok(()),
            read => request.extend_from_slice(&piece[..read]),
        }
    }
    let mut server = TcpStream::connect(plain)?;
    server.write_all(&request)?;
    std::io::copy(&mut server, &mut client)?;
    client.conn.send_close_notify();
    client.flush()
}

fn doctor(address: &str, variables: &[(&str, &str)]) -> String {
    let home = Home::new();
    let mut command = home.coachup(&["doctor"]);
    command.env("COACHUP_SERVER", address).env("COACHUP_PYTHON", "no-such-python");
    command.envs(variables.iter().copied());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_companys_own_authority_counts_and_without_it_the_remedy_is_told() {
    let server = StandIn::start(Manner::default());
    let address = secure(&server);
    let text = doctor(&address, &[]);
    assert!(
        text.contains("bad   server") && text.contains("SSL_CERT_FILE") && !text.contains("start it"),
        "{text}"
    );
    assert_eq!(server.all(), 0, "nothing is sent to who is not trusted");
    let authority = Path::new(FOLDER).join("authority.pem");
    let text = doctor(&address, &[("SSL_CERT_FILE", authority.to_str().unwrap())]);
    assert!(text.contains("ok    server") && text.contains("several candidates at once"), "{text}");
    // `https://` where there is none.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}/v1", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in plain.incoming().flatten() {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let text = doctor(&address, &[]);
    assert!(text.contains("try `http://`"), "{text}");
}

#[test]
fn a_proxy_that_fails_is_named_and_that_of_another_scheme_is_not_asked() {
    let dead = [("HTTPS_PROXY", "http://me:secret@127.0.0.1:9")];
    let text = doctor("https://gateway.invalid/v1", &dead);
    assert!(text.contains("through the proxy 127.0.0.1:9") && text.contains("`NO_PROXY`"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let text = doctor("http://gateway.invalid/v1", &dead);
    assert!(!text.contains("proxy 127") && text.contains("no model server answers"), "{text}");
}
