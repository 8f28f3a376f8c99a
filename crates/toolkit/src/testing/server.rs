//! The server of a sink: a thread with a runtime of its own.

use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderMap};
use http::{Request as HttpRequest, Response};
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use super::Behaviour;
use super::behaviour::{Answer, Form};
use super::store::{Request, Store};
use crate::layer::active;

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) runtime: Handle,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    store: Arc<Store>,
    behaviour: Mutex<Behaviour>,
}

impl Server {
    pub(super) fn start(store: &Arc<Store>, behaviour: Behaviour) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (listener, address) = listen(&runtime)?;
        let handle = runtime.handle().clone();
        let state = Arc::new(State { store: Arc::clone(store), behaviour: Mutex::new(behaviour) });
        let serving = serve(listener, Arc::clone(&state));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("throughline-sink".to_owned()).spawn(move || {
            // What the server itself does is no telemetry of the test.
            active::silence_thread();
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { address, runtime: handle, state, stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock() = behaviour;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of the server has been printed already.
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

/// Listens without waiting, so that it may be done inside another runtime.
fn listen(runtime: &Runtime) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let _inside = runtime.enter();
    Ok((TcpListener::from_std(listener)?, address))
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(talk(stream, Arc::clone(&state)));
    }
}

async fn talk(stream: TcpStream, state: Arc<State>) {
    let service = hyper::service::service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(request, &state).await) }
    });
    let connection = auto::Builder::new(TokioExecutor::new());
    // A client that goes away is none of the test's concern.
    drop(connection.serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(request: HttpRequest<Incoming>, state: &State) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let form = Form::of(&head.headers);
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let noted = Request { path: path.clone(), headers: head.headers.clone(), body_bytes: body.len() };
    let requests = state.store.note(noted);
    let behaviour = *state.behaviour.lock();
    match behaviour {
        Behaviour::Hangs => std::future::pending().await,
        Behaviour::Status(status) => return Answer::refused(form, status),
        Behaviour::RecoversAfter(n) if requests <= n => {
            return Answer::refused(form, if form == Form::Grpc { 14 } else { 503 });
        }
        Behaviour::DiesMidStream => return Answer::dying(form),
        _ => {}
    }
    let taken = payload(body, &head.headers, form).and_then(|body| state.store.take(&path, &body, form));
    match (taken, behaviour) {
        (Err(_), _) => Answer::refused(form, if form == Form::Grpc { 3 } else { 400 }),
        (Ok(()), Behaviour::Rejects(n)) => Answer::accepted(form, n),
        (Ok(()), Behaviour::Delays(time)) => {
            tokio::time::sleep(time).await;
            Answer::accepted(form, 0)
        }
        (Ok(()), _) => Answer::accepted(form, 0),
    }
}

/// The message in a body: out of its gRPC frame, decompressed.
fn payload(body: Bytes, headers: &HeaderMap, form: Form) -> Result<Bytes, String> {
    let (packed, encoding) = match form {
        Form::Grpc => match body.split_first_chunk::<5>() {
            Some(([0, ..], message)) => (body.slice_ref(message), None),
            Some((_, message)) => (body.slice_ref(message), headers.get("grpc-encoding")),
            None => return Err("no gRPC frame".to_owned()),
        },
        _ => (body, headers.get(CONTENT_ENCODING)),
    };
    let Some(encoding) = encoding else { return Ok(packed) };
    let mut plain = Vec::new();
    let unpacked = match encoding.as_bytes() {
        b"gzip" => flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut plain).map(drop),
        b"zstd" => zstd::stream::copy_decode(&packed[..], &mut plain),
        b"identity" => return Ok(packed),
        _ => return Err(format!("unknown encoding {encoding:?}")),
    };
    unpacked.map(|()| plain.into()).map_err(|fault| fault.to_string())
}
