//! What can go wrong with a model server, and what the person can do about it.

/// Why a server gave no reply. Never holds the key; what the server said is shortened and safe to print.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// The address is none.
    #[error("the server address `{address}` can't be used: {why}; one looks like `http://localhost:8080/v1`")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A server is asked for, and none is set.
    #[error(
        "no model server is set; give its address, as in `--model http://localhost:8080/v1`, or set `url` under \
         `[server]` in `settings.toml`"
    )]
    NoServer,
    /// The key can't be sent.
    #[error("the server's key holds characters that can't be sent; look at the variable it comes from")]
    BadKey,
    /// No connection.
    #[error(
        "no model server answers at {server} ({why}); start it, or give another address with `--model \
         http://HOST:PORT/v1`"
    )]
    Unreachable {
        /// Address.
        server: String,
        /// The system's words.
        why: String,
    },
    /// No connection through a proxy.
    #[error(
        "{server} can't be reached through the proxy {proxy} ({why}); look at `HTTPS_PROXY`, `HTTP_PROXY` or \
         `ALL_PROXY`, or name the server's host in `NO_PROXY`"
    )]
    Proxy {
        /// Address.
        server: String,
        /// The proxy's host and port.
        proxy: String,
        /// The system's words, or the proxy's.
        why: String,
    },
    /// No secure connection.
    #[error("no secure connection to the model server at {server} ({why}); {remedy}")]
    Tls {
        /// Address.
        server: String,
        /// What the TLS client has against it.
        why: String,
        /// What to do.
        remedy: &'static str,
    },
    /// It took the request, and then nothing came.
    #[error(
        "the server at {server} sent nothing for {seconds} s {stage}; it may be overloaded: try again, or give it \
         a smaller model"
    )]
    Slow {
        /// Address.
        server: String,
        /// The time-out, in seconds.
        seconds: u64,
        /// "before its reply", "in the middle of its reply".
        stage: &'static str,
    },
    /// 401 or 403.
    #[error("the server at {server} {what} ({status}); {remedy}")]
    Key {
        /// Address.
        server: String,
        /// "wants a key" or "does not accept the key".
        what: &'static str,
        /// HTTP status.
        status: u16,
        /// Where the key comes from.
        remedy: &'static str,
    },
    /// No model of this name.
    #[error("the server at {server} has no model `{model}`; {hint}")]
    Model {
        /// Address.
        server: String,
        /// As asked.
        model: String,
        /// The nearest, or all.
        hint: String,
    },
    /// No model was named, and there is not just one.
    #[error("the server at {server} has {found}; name one with `--model {server}#NAME`{list}")]
    NoModel {
        /// Address.
        server: String,
        /// "several models", "no model that it tells of".
        found: &'static str,
        /// ": `a`, `b`", or nothing.
        list: String,
    },
    /// No model was named, and there is no list of them.
    #[error(
        "there is no list of models at {server}/models ({why}); does the address end in `/v1`? If it is right, name \
         the model: `--model {server}#NAME`"
    )]
    NoList {
        /// Address.
        server: String,
        /// What came instead.
        why: String,
    },
    /// 429 or 5xx, again and again.
    #[error(
        "the server at {server} is busy or failing ({status}, {tries} {}{said}); try again {when}",
        if *tries == 1 { "try" } else { "tries" }
    )]
    Busy {
        /// Address.
        server: String,
        /// HTTP status.
        status: u16,
        /// How often it was asked.
        tries: u32,
        /// "; it says: …", or nothing.
        said: String,
        /// "in a while", or when it says.
        when: String,
    },
    /// It sends elsewhere.
    #[error(
        "the server at {server} points to another address, `{to}`; nothing was sent there. If it is right, give \
         that address"
    )]
    Moved {
        /// Address.
        server: String,
        /// Where to.
        to: String,
    },
    /// Any other refusal.
    #[error("the server at {server} refused the request ({status}): {said}")]
    Refused {
        /// Address.
        server: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        said: String,
    },
    /// The stream ended early.
    #[error("the reply of the server at {server} broke off in the middle; try again")]
    Cut {
        /// Address.
        server: String,
    },
    /// Not what such a server answers.
    #[error(
        "the server at {server} answered something that is no reply of a model ({what}); is it an \
         OpenAI-compatible server, and does its address end in `/v1`?"
    )]
    Garbled {
        /// Address.
        server: String,
        /// What, and where.
        what: String,
    },
    /// The caller said stop.
    #[error("stopped")]
    Stopped,
}
