//! An HTTPS server on this machine, with a certificate of its own making.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a request is answered with.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    after: Duration,
}

impl Reply {
    pub(crate) fn text(status: u16, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        Self { bytes: [head.as_bytes(), body.as_bytes()].concat(), after: Duration::ZERO }
    }

    /// The connection ends without an answer.
    pub(crate) fn close() -> Self {
        Self { bytes: Vec::new(), after: Duration::ZERO }
    }

    /// The same, after a while.
    pub(crate) fn after(after: Duration) -> Self {
        Self { after, ..Self::close() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let at = self.bytes.windows(2).position(|pair| pair == b"\r\n").expect("a head") + 2;
        self.bytes.splice(at..at, format!("{name}: {value}\r\n").into_bytes());
        self
    }
}

/// Answers by the number of the request, from 0, and its text.
type Answer = dyn Fn(usize, &str) -> Reply + Send + Sync;

pub(crate) struct Server {
    port: u16,
    certificate: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_together(1, answer)
    }

    /// Answers none before `count` have come.
    pub(crate) fn start_together(count: usize, answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a configuration");
        let listener = TcpListener::bind("localhost:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (config, answer, barrier): (_, Arc<Answer>, _) =
            (Arc::new(config), Arc::new(answer), Arc::new(Barrier::new(count)));
        let told = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, answer) = (Arc::clone(&config), Arc::clone(&answer));
                let (barrier, told) = (Arc::clone(&barrier), Arc::clone(&told));
                thread::spawn(move || serve(stream, config, &*answer, &barrier, &told));
            }
        });
        Self { port, certificate: made.cert.pem(), requests }
    }

    /// `localhost` and the port.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// What has to be trusted, in PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The texts of the requests that have come.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }

    /// A port that nobody listens at.
    pub(crate) fn port_of_nobody() -> u16 {
        TcpListener::bind("localhost:0").and_then(|listener| listener.local_addr()).expect("an address").port()
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    answer: &Answer,
    barrier: &Barrier,
    told: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut tls = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
    let request = read(&mut tls)?;
    let number = {
        let mut told = told.lock().ok()?;
        told.push(request.clone());
        told.len() - 1
    };
    barrier.wait();
    let reply = answer(number, &request);
    thread::sleep(reply.after);
    if reply.bytes.is_empty() {
        return None;
    }
    tls.write_all(&reply.bytes).ok()?;
    tls.conn.send_close_notify();
    tls.flush().ok()
}

/// A request's head and body.
fn read(stream: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase();
            let length =
                length.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
