//! Metrics of tokio runtimes.

use throughline_toolkit::testing::Sink;

const MAIN: [(&str, &str); 1] = [("tokio.runtime.name", "main")];

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_runtime_around_the_start_is_watched_by_itself() {
    let sink = Sink::start();
    let telemetry = sink.builder("measured").runtime_metrics(true).start().unwrap();
    sink.attach(&telemetry);
    let (stop, stopped) = tokio::sync::watch::channel(());
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let mut stopped = stopped.clone();
            tokio::spawn(async move { stopped.changed().await })
        })
        .collect();
    assert_eq!(sink.metric("tokio.workers").point(MAIN).value(), 3.0);
    assert!(sink.metric("tokio.alive_tasks").point(MAIN).value() >= 5.0);
    assert!(sink.metric("tokio.global_queue_depth").point(MAIN).value() >= 0.0);
    let worker = |index| [MAIN[0], ("tokio.worker.index", index)];
    let parked = sink.metric("tokio.worker.park_count");
    assert_eq!(parked.points().len(), 3);
    assert!(["0", "1", "2"].iter().map(|i| parked.point(worker(*i)).value()).sum::<f64>() > 0.0);
    assert_eq!(sink.metric("tokio.worker.busy_duration").unit(), "ms");
    drop(stop);
    for task in tasks {
        drop(task.await.unwrap());
    }
}

#[test]
fn other_runtimes_have_names_of_their_own_until_they_are_let_go() {
    let sink = Sink::start();
    let telemetry = sink.builder("measured").runtime_metrics(true).start().unwrap();
    sink.attach(&telemetry);
    let runtime = |n| tokio::runtime::Builder::new_multi_thread().worker_threads(n).build().unwrap();
    let (one, two) = (runtime(1), runtime(2));
    let watches = [("io", &one), ("query", &two)]
        .map(|(name, runtime)| telemetry.watch_runtime(name, runtime.handle()));
    let workers = |name: &str| sink.metric("tokio.workers").point([("tokio.runtime.name", name)]).value();
    assert_eq!((workers("io"), workers("query")), (1.0, 2.0));
    let [io, _query] = watches;
    drop(io);
    sink.metric_where("tokio.workers", |metric| metric.points().len() == 1);
    assert_eq!(workers("query"), 2.0);
}

#[tokio::test]
async fn they_can_be_turned_off() {
    let sink = Sink::start();
    let telemetry = sink.builder("measured").runtime_metrics(false).start().unwrap();
    sink.attach(&telemetry);
    telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
    assert_eq!(sink.metric("orders").points().len(), 1);
    assert!(sink.metrics().iter().all(|metric| !metric.name().starts_with("tokio.")));
}
